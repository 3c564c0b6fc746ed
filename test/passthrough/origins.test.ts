import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { Origins, type Slot } from '../../src/passthrough/origins.ts'
import { createCore, createRawUpstream, failureOf } from '../support/passthrough-core.ts'

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const request = (changes: object = {}) => ({
  workspaceId: 'ws_1',
  origin: 'https://a.example',
  group: 'conn_1',
  signal: () => new AbortController().signal,
  ...changes,
})

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

describe('slots', () => {
  test('are bounded per workspace and origin; others are not delayed', async () => {
    const origins = new Origins({ maxPerOrigin: 2 })
    const slots = [origins.take(request()), origins.take(request())] as Slot[]
    const waiting = origins.take(request())
    expect(waiting).toBeInstanceOf(Promise)
    expect(origins.take(request({ origin: 'https://b.example' }))).not.toBeInstanceOf(Promise)
    expect(origins.take(request({ workspaceId: 'ws_2' }))).not.toBeInstanceOf(Promise)
    slots[0]?.release()
    expect(await waiting).toMatchObject({ release: expect.any(Function) })
  })

  test('go to connections in turn', async () => {
    const origins = new Origins({ maxPerOrigin: 1 })
    const first = origins.take(request()) as Slot
    const order: string[] = []
    const wait = (group: string) =>
      (origins.take(request({ group })) as Promise<Slot>).then(slot => {
        order.push(group)
        slot.release()
      })
    const all = [...Array.from({ length: 5 }, () => wait('greedy')), wait('modest')]
    first.release()
    await Promise.all(all)
    expect(order.slice(0, 2)).toEqual(['greedy', 'modest'])
  })

  test('a full queue and a full gateway are OVERLOADED', () => {
    const origins = new Origins({ maxPerOrigin: 1, maxWaiting: 1, maxTotal: 4 })
    origins.take(request())
    origins.take(request())
    expect(codeOf(() => origins.take(request()))).toBe('OVERLOADED')
    origins.take(request({ origin: 'https://b.example' }))
    // Half of all is one workspace’s part.
    expect(codeOf(() => origins.take(request({ origin: 'https://c.example' })))).toBe('OVERLOADED')
    expect(codeOf(() => origins.take(request({ workspaceId: 'ws_2' })))).toBe('none')
  })

  test('who leaves the queue takes no slot', async () => {
    const origins = new Origins({ maxPerOrigin: 1 })
    const first = origins.take(request()) as Slot
    const leaving = new AbortController()
    const gone = origins.take(request({ signal: () => leaving.signal })) as Promise<Slot>
    const next = origins.take(request()) as Promise<Slot>
    leaving.abort(new Error('left'))
    await expect(gone).rejects.toThrow('left')
    first.release()
    expect(await next).toBeDefined()
  })
})

describe('the breaker', () => {
  function open(now: () => number) {
    const origins = new Origins({ breakAfter: 3, firstPauseMs: 1000, maxPauseMs: 4000 }, now)
    const fail = () => {
      const slot = origins.take(request()) as Slot
      slot.unreachable(refused)
      slot.release()
    }
    return { origins, fail }
  }

  test('opens after failures to connect in a row, and lets one at a time find out', () => {
    let now = 0
    const { origins, fail } = open(() => now)
    fail()
    fail()
    expect(codeOf(fail)).toBe('none')
    expect(codeOf(fail)).toBe('UPSTREAM_UNREACHABLE')
    now = 1000
    const probe = origins.take(request()) as Slot
    expect(codeOf(() => origins.take(request()))).toBe('UPSTREAM_UNREACHABLE')
    probe.unreachable(refused)
    probe.release()
    // Twice the pause after each probe in vain.
    now = 2500
    expect(codeOf(fail)).toBe('UPSTREAM_UNREACHABLE')
    now = 3000
    const second = origins.take(request()) as Slot
    second.reached()
    second.release()
    expect(codeOf(() => origins.take(request()))).toBe('none')
  })

  test('does not count what fails after a connection, nor refusals of our own', () => {
    const { origins, fail } = open(() => 0)
    for (const error of [new GatewayError('DESTINATION_NOT_ALLOWED', 'x'), new TypeError('ours')]) {
      for (let round = 0; round < 5; round++) {
        const slot = origins.take(request()) as Slot
        slot.unreachable(error)
        slot.release()
      }
    }
    expect(codeOf(fail)).toBe('none')
  })

  test('of one origin leaves others alone', () => {
    const { origins, fail } = open(() => 0)
    for (let round = 0; round < 3; round++) fail()
    expect(codeOf(() => origins.take(request({ origin: 'https://b.example' })))).toBe('none')
  })

  test('in the stack: an origin that is away is refused at once, and heard when it is back', async () => {
    const upstream = await createRawUpstream()
    await upstream[Symbol.asyncDispose]()
    await using core = createCore({
      url: upstream.url,
      originLimits: { breakAfter: 2, firstPauseMs: 20_000 },
    })
    for (let call = 0; call < 2; call++) await failureOf(core.send({}))
    const { error, outcome } = await failureOf(core.send({}))
    expect([error.code, outcome.executed, (error.retryAfterMs ?? 0) > 10_000]).toEqual([
      'UPSTREAM_UNREACHABLE',
      false,
      true,
    ])
  })
})

test('a slow vendor fills its own queue and no other’s', async () => {
  await using slow = await createRawUpstream()
  await using quick = await createRawUpstream(socket => socket.end('HTTP/1.1 204 No Content\r\n\r\n'))
  await using core = createCore({
    url: slow.url,
    allow: '127.0.0.1/32',
    originLimits: { maxPerOrigin: 2, maxWaiting: 2 },
  })
  const hanging = Array.from({ length: 4 }, () => failureOf(core.send({ options: { timeoutMs: 700 } })))
  await new Promise(resolve => setTimeout(resolve, 50))
  expect((await failureOf(core.send({}))).error.code).toBe('OVERLOADED')
  const url = new URL(quick.url)
  const { response } = await core.send({}, {}, { baseUrl: url, hosts: [url.host] })
  expect(response.status).toBe(204)
  expect((await Promise.all(hanging)).map(({ error }) => error.code)).toEqual(Array(4).fill('UPSTREAM_TIMEOUT'))
})
