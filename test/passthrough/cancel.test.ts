/** A caller who leaves, a budget that ends, a gateway that stops: the upstream call ends with them, and settles once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { createCore, createRawUpstream, failureOf } from '../support/passthrough-core.ts'
import { createUpstream } from '../support/upstream.ts'

const unhandled: unknown[] = []
process.on('unhandledRejection', error => unhandled.push(error))
afterAll(() => expect(unhandled).toEqual([]))

const left = ['UPSTREAM_TIMEOUT', 'The caller left before the upstream had answered.']

test.each([
  ['before the headers', ''],
  ['inside the body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'],
])('a caller who leaves %s closes the connection upstream', async (_, answer) => {
  await using upstream = await createRawUpstream(socket => void socket.write(answer))
  await using core = createCore({ url: upstream.url })
  const caller = new AbortController()
  const call = failureOf(core.send({}, { signal: caller.signal }))
  await expect.poll(() => upstream.received()).toContain('GET / HTTP/1.1')
  await sleep(20)
  caller.abort()
  const failure = await call
  expect([failure.error.code, failure.message]).toEqual(left)
  expect(failure.outcome).toMatchObject({ executed: true, attempts: 1 })
  await expect.poll(() => upstream.accepted.every(socket => socket.destroyed)).toBe(true)
})

test('a caller who had left already is not called for', async () => {
  await using upstream = await createRawUpstream()
  await using core = createCore({ url: upstream.url })
  const failure = await failureOf(core.send({ method: 'POST', body: 'x' }, { signal: AbortSignal.abort() }))
  expect([failure.error.code, failure.message]).toEqual(left)
  expect(failure.outcome).toMatchObject({ executed: false, attempts: 0, bytesSent: 0 })
  expect(upstream.accepted).toHaveLength(0)
})

test('a caller who leaves while the name is looked up sends nothing later', async () => {
  await using upstream = await createRawUpstream()
  const answers: (() => void)[] = []
  await using core = createCore({
    url: `http://api.test.example:${upstream.port}`,
    lookup: (_host, _options, callback) =>
      void answers.push(() => callback(null, [{ address: '127.0.0.1', family: 4 }])),
  })
  const caller = new AbortController()
  const call = failureOf(core.send({ method: 'POST', body: 'secret' }, { signal: caller.signal }))
  await expect.poll(() => answers.length).toBe(1)
  caller.abort()
  expect((await call).error.code).toBe('UPSTREAM_TIMEOUT')
  for (const answer of answers) answer()
  await sleep(100)
  expect(upstream.received()).toBe('')
})

test('leaving after the answer changes nothing', async () => {
  await using upstream = await createUpstream()
  await using core = createCore({ url: upstream.url })
  const caller = new AbortController()
  const { response } = await core.send({}, { signal: caller.signal })
  caller.abort()
  expect(response.status).toBe(200)
  expect((await core.send({})).response.status).toBe(200)
})

test('a signal that serves many calls is left without listeners', async () => {
  await using upstream = await createUpstream()
  await using core = createCore({ url: upstream.url })
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1
    remove(...args)
  }
  await core.send({}, { signal })
  await failureOf(core.send({ options: { maxResponseBytes: 1 } }, { signal }))
  expect(listeners).toBe(0)
})

test('bytes are told as they come, and the one who counts them may end the call', async () => {
  await using upstream = await createUpstream((_, response) => response.end('x'.repeat(200_000)))
  await using core = createCore({ url: upstream.url })
  let counted = 0
  await core.send(
    {},
    {
      onBytes: count => {
        counted += count
      },
    },
  )
  expect(counted).toBe(200_000)
  const onBytes = () => {
    throw new GatewayError('BUDGET_EXCEEDED', 'Enough.')
  }
  const failure = await failureOf(core.send({}, { onBytes }))
  expect([failure.error.code, failure.message, failure.outcome.executed]).toEqual(['BUDGET_EXCEEDED', 'Enough.', true])
})

test('a mistake of ours is no failure of the upstream', async () => {
  await using upstream = await createUpstream()
  await using core = createCore({ url: upstream.url })
  const mistake = new TypeError('ours')
  const thrower = () => {
    throw mistake
  }
  await expect(core.send({}, { onBytes: thrower })).rejects.toBe(mistake)
  await expect(core.send({}, { inject: thrower })).rejects.toBe(mistake)
})

test('a disposed core ends its calls and takes no more', async () => {
  await using upstream = await createRawUpstream()
  const core = createCore({ url: upstream.url })
  const call = failureOf(core.send({}))
  await expect.poll(() => upstream.accepted.length).toBe(1)
  await core[Symbol.asyncDispose]()
  expect([(await call).error.code, (await failureOf(core.send({}))).error.code]).toEqual([
    'UPSTREAM_UNREACHABLE',
    'UPSTREAM_UNREACHABLE',
  ])
  await expect.poll(() => upstream.accepted.every(socket => socket.destroyed)).toBe(true)
  expect(process.getActiveResourcesInfo().filter(name => name === 'TLSWrap')).toEqual([])
})
