import { inspect } from 'node:util'
import { DrizzleQueryError } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { createLogger, type Logger, type LogLevel, logLevels } from '../src/log.ts'

function createSink(level: LogLevel = 'info') {
  const lines: string[] = []
  const logger = createLogger({ level, destination: { write: (line: string) => void lines.push(line) } })
  return {
    logger,
    text: () => lines.join(''),
    last: (): Record<string, unknown> & { err: Record<string, unknown> } => JSON.parse(lines.at(-1) ?? '{}'),
  }
}

function logError(error: unknown) {
  const sink = createSink()
  sink.logger.error({ err: error }, 'it failed')
  return { err: sink.last().err, text: sink.text() }
}

describe('a line', () => {
  test('has a level by name, an ISO time and the message, and no process or machine', () => {
    const sink = createSink()
    sink.logger.info({ port: 4000 }, 'listening')
    const { time, ...rest } = sink.last()
    expect(rest).toEqual({ level: 'info', port: 4000, msg: 'listening' })
    expect(new Date(String(time)).toISOString()).toBe(time)
  })

  test('of a request carries its id', () => {
    const sink = createSink()
    sink.logger.child({ requestId: 'req_1' }).warn('slow')
    expect(sink.last()).toMatchObject({ level: 'warn', requestId: 'req_1', msg: 'slow' })
  })

  test('below the level is not written, and silent writes none', () => {
    const info = createSink('info')
    info.logger.debug('no')
    expect(info.text()).toBe('')
    const silent = createSink('silent')
    for (const level of logLevels) silent.logger[level]('no')
    expect(silent.text()).toBe('')
  })

  test('keeps what is no secret', () => {
    const sink = createSink()
    const at = new Date(0)
    sink.logger.info(
      { at, count: 3n, list: [1, 'two', null], ok: true, keyId: 'k1', token: null, nothing: undefined },
      'hi %s',
      'you',
    )
    expect(sink.last()).toMatchObject({ at: '1970-01-01T00:00:00.000Z', count: '3', list: [1, 'two', null], ok: true })
    expect(sink.last()).toMatchObject({ keyId: 'k1', token: null, msg: 'hi you' })
  })
})

describe('secret fields', () => {
  const names = [
    ...[
      'authorization',
      'Authorization',
      'proxy-authorization',
      'x-api-key',
      'X-API-Key',
      'apiKey',
      'api_key',
      'key',
      'cookie',
    ],
    ...[
      'set-cookie',
      'password',
      'secret',
      'clientSecret',
      'client_secret',
      'token',
      'accessToken',
      'refresh_token',
      'id_token',
    ],
    ...[
      'credential',
      'credentials',
      'adminKey',
      'encryptionKeys',
      'privateKey',
      'signature',
      'assertion',
      'databaseUrl',
      'params',
    ],
  ]

  test.each(names)('%s is blanked at every depth, in lists, in children and in message arguments', name => {
    const sink = createSink()
    const planted = { [name]: 'canary-1', a: { b: [{ c: { [name]: ['canary-2'] } }] } }
    sink.logger.info(planted, 'x %o %j', planted, { [name]: { deep: 'canary-3' } })
    sink.logger.child(planted).child({ inner: planted }).info('child')
    sink.logger.setBindings(planted)
    sink.logger.info('bound')
    sink.logger.info({ headers: [[name, 'canary-4']], raw: ['accept', '*/*', name, 'canary-5'] })
    sink.logger.info({ headers: [{ name, value: 'canary-6' }] })
    expect(sink.text()).not.toContain('canary')
    expect(sink.text().match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(8)
  })

  test('inside an object with a class are not even looked for: it is named, never opened', () => {
    class Holder {
      readonly inner = 'canary'
    }
    const sink = createSink()
    sink.logger.info({ holder: new Holder(), map: new Map([['a', 'canary']]), headers: new Headers({ a: 'canary' }) })
    sink.logger.info({ bytes: Buffer.from('canary'), url: new URL('https://u:canary@a.example/p?q=canary#canary') })
    expect(sink.text()).not.toContain('canary')
    expect(sink.text()).not.toContain(Buffer.from('canary').toJSON().data.join(','))
    expect(sink.last()).toMatchObject({ bytes: '[6 bytes]', url: 'https://a.example/p' })
  })

  test('the caller keeps its own object as it was', () => {
    const sink = createSink()
    const mine = { token: 'canary', nested: { password: 'canary' } }
    sink.logger.info(mine)
    expect(mine).toEqual({ token: 'canary', nested: { password: 'canary' } })
  })

  test('circular, deep and long values end', () => {
    const sink = createSink()
    const loop: Record<string, unknown> = { name: 'loop' }
    loop.self = loop
    sink.logger.info({ loop, long: Array.from({ length: 500 }, (_, index) => index) })
    expect(sink.text()).toContain('[too deep]')
    expect(sink.last().long).toHaveLength(101)
  })
})

describe('text that looks like a credential', () => {
  const planted: [string, (logger: Logger) => void][] = [
    ['a bearer in a message', logger => logger.info('sent Authorization: Bearer canary-token-1')],
    ['a bearer that a format puts together', logger => logger.info('Bearer %s', 'canary-token-1')],
    ['basic in a field', logger => logger.info({ line: 'Basic Y2FuYXJ5OmNhbmFyeQ==canary' })],
    ['the password of a URL', logger => logger.info('connect postgres://me:canary@db:5432/x')],
    ['a key in a query', logger => logger.info({ url: 'https://a.example/x?a=1&api_key=canary&b=2' })],
    ['an access key', logger => logger.info(`pgk_canary${'x'.repeat(47)}`)],
    ['a JSON Web Token', logger => logger.info(`eyJhbGciOi.eyJjanary.canary`)],
  ]

  test.each(planted)('%s', (_, log) => {
    const sink = createSink()
    log(sink.logger)
    expect(sink.text()).not.toContain('canary')
    expect(sink.text()).toContain('[redacted]')
    expect(() => sink.last()).not.toThrow()
  })
})

describe('an error', () => {
  test('is printed with type, message, code, stack and its chain of causes', () => {
    const root = Object.assign(new TypeError('socket closed'), { code: 'ECONNRESET' })
    const { err } = logError(new RangeError('call failed', { cause: new Error('between', { cause: root }) }))
    expect(err).toMatchObject({
      type: 'RangeError',
      message: 'call failed',
      stack: expect.stringMatching(/^RangeError: call failed\n\s+at .*log\.test/),
      cause: {
        type: 'Error',
        message: 'between',
        cause: { type: 'TypeError', message: 'socket closed', code: 'ECONNRESET' },
      },
    })
  })

  test('as the first argument goes to err, and its message is the line’s', () => {
    const sink = createSink()
    sink.logger.error(new Error('plain'))
    expect(sink.last()).toMatchObject({ msg: 'plain', err: { type: 'Error', message: 'plain' } })
    sink.logger.error(new Error('plain'), 'while doing %s', 'this')
    expect(sink.last()).toMatchObject({ msg: 'while doing this', err: { message: 'plain' } })
  })

  test('loses every other property, at every level of its chain', () => {
    const planted = {
      headers: { a: 'canary' },
      body: 'canary',
      query: 'canary',
      parameters: ['canary'],
      detail: 'canary',
      input: 'canary',
    }
    const inner = Object.assign(new Error('inner'), planted)
    const several = new AggregateError([Object.assign(new Error('one'), planted), inner], 'several')
    const { err, text } = logError(Object.assign(new Error('outer', { cause: several }), planted))
    expect(text).not.toContain('canary')
    expect(Object.keys(err)).toEqual(['type', 'message', 'stack', 'cause'])
    expect(err).toMatchObject({ cause: { type: 'AggregateError', errors: [{ message: 'one' }, { message: 'inner' }] } })
  })

  test('hides the parameters that Drizzle puts into its message', () => {
    const error = new DrizzleQueryError(
      'insert into "x" values ($1)',
      ['canary\n    at canary', 'canary'],
      new Error('duplicate'),
    )
    const { err, text } = logError(error)
    expect(text).not.toContain('canary')
    expect(err.message).toBe('Failed query: insert into "x" values ($1)\nparams: [redacted]')
    expect(err.stack).toMatch(/\n\s+at .*log\.test/)
  })

  test('hides the text that was no JSON and the value that was no header', () => {
    for (const run of [
      () => JSON.parse('canary'),
      () => JSON.parse('{"a": canary of some length that is cut by the engine}'),
      () => new Headers({ a: 'canary\nx' }),
      () => new URL('canary'),
    ]) {
      const sink = createSink()
      try {
        run()
      } catch (error) {
        sink.logger.error(error)
      }
      expect(sink.text()).not.toContain('canary')
      expect(sink.last()).toMatchObject({ level: 'error', err: { stack: expect.stringContaining('at ') } })
    }
  })

  test('in any field, in a child and as a cause that is no error is reduced too', () => {
    const sink = createSink()
    const error = Object.assign(new Error('kept'), { body: 'canary' })
    sink.logger
      .child({ reason: error })
      .warn({ nested: [error], odd: new Error('odd', { cause: { token: 'canary', a: 1 } }) })
    expect(sink.text()).not.toContain('canary')
    expect(sink.last()).toMatchObject({
      reason: { message: 'kept' },
      nested: [{ message: 'kept' }],
      odd: { cause: { token: '[redacted]', a: 1 } },
    })
    expect(inspect(error)).toContain('canary')
  })

  test('with endless causes ends', () => {
    const loop = new Error('loop')
    loop.cause = loop
    expect(logError(loop).text).toContain('[more causes]')
  })
})
