import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { backoffMs } from '../../src/passthrough/retry-policy.ts'
import { type Core, createCore, createRawUpstream, failureOf, type RawUpstream } from '../support/passthrough-core.ts'

/** What the vendor answers, in turn; the last one stays. */
let script: { status: number; headers?: Record<string, string>; body?: string }[] = []
let asked: { method: string; body: string; at: number }[] = []
let vendor: Server
let core: Core

beforeAll(async () => {
  vendor = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked.push({ method: request.method ?? '', body, at: performance.now() })
    const {
      status,
      headers = {},
      body: text = '{}',
    } = script[Math.min(asked.length, script.length) - 1] ?? {
      status: 200,
    }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(text)
  })
  await new Promise<void>(resolve => vendor.listen(0, '127.0.0.1', resolve))
  core = createCore({ url: `http://127.0.0.1:${(vendor.address() as AddressInfo).port}` })
  // Full jitter: 0 makes every pause what the vendor asked for, and no longer.
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterAll(async () => {
  vi.restoreAllMocks()
  await core[Symbol.asyncDispose]()
  vendor.closeAllConnections()
  vendor.close()
})
beforeEach(() => {
  asked = []
})

const read = (options: object = {}, changes = {}) =>
  core.send({ mode: 'READ', options: { retries: 2, ...options } }, {}, changes)
const write = (options: object = {}, changes = {}) =>
  core.send({ mode: 'WRITE', method: 'POST', body: { a: 1 }, options: { retries: 2, ...options } }, {}, changes)

describe('a read', () => {
  test.each([408, 425, 429, 500, 502, 503, 504])('is sent again after %d', async status => {
    script = [{ status }, { status: 200, body: '{"ok":true}' }]
    const { response, outcome } = await read()
    expect([response.status, response.text(), outcome.attempts]).toEqual([200, '{"ok":true}', 2])
    expect(outcome.attemptLog).toMatchObject([
      { status, reason: `status ${status}` },
      { status: 200, reason: null },
    ])
  })

  test.each([200, 204, 301, 400, 401, 403, 404, 409, 422, 501])('is sent once when the answer is %d', async status => {
    script = [{ status }, { status: 200 }]
    expect((await read()).outcome.attempts).toBe(1)
  })

  test('ends with the vendor’s own answer when all attempts failed alike', async () => {
    script = [
      { status: 503, body: '{"n":1}' },
      { status: 503, body: '{"n":2}' },
      { status: 503, body: '{"n":3}' },
    ]
    const { response, outcome } = await read()
    expect([response.status, response.text(), outcome.attempts]).toEqual([503, '{"n":3}', 3])
  })

  test('with retries: 0 is sent once', async () => {
    script = [{ status: 503 }]
    expect((await read({ retries: 0 })).outcome.attempts).toBe(1)
  })

  test('of a mutation is sent once, unless retries are asked for', async () => {
    script = [{ status: 503 }, { status: 200 }]
    const plan = await core.plan({ mode: 'WRITE', method: 'GET' })
    expect(plan.retry.isRepeatable).toBe(true)
    const input = { mode: 'WRITE', method: 'GET', options: {} } as const
    const unasked = await core.plan({ ...input, options: { retries: undefined as unknown as number } })
    expect(unasked.retry).toEqual({ max: 2, isRepeatable: false })
  })
})

describe('a write', () => {
  test('is never sent again after an answer', async () => {
    script = [{ status: 503 }, { status: 200 }]
    const { response, outcome } = await write()
    expect([response.status, outcome.attempts, asked.length]).toEqual([503, 1, 1])
  })

  test('with an idempotency key is, with the same body and the vendor’s own header', async () => {
    script = [{ status: 503 }, { status: 201 }]
    const { response, outcome } = await write({ idempotencyKey: 'k-1' }, { idempotencyHeader: 'idempotency-key' })
    expect([response.status, outcome.attempts]).toEqual([201, 2])
    expect(asked.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}'])
  })
})

describe('what was never sent', () => {
  test('is sent again, a write too, and every attempt is told', async () => {
    const closed = await createRawUpstream()
    await closed[Symbol.asyncDispose]()
    await using away = createCore({ url: closed.url })
    const failure = await failureOf(away.send({ method: 'POST', body: {}, options: { retries: 2 } }))
    expect([failure.error.code, failure.outcome.attempts, failure.outcome.bytesSent]).toEqual([
      'UPSTREAM_UNREACHABLE',
      3,
      0,
    ])
    expect(failure.outcome.attemptLog.map(({ reason }) => reason)).toEqual([
      'ECONNREFUSED',
      'ECONNREFUSED',
      'UPSTREAM_UNREACHABLE',
    ])
  })
})

describe('what may have been read', () => {
  let raw: RawUpstream
  beforeAll(async () => {
    raw = await createRawUpstream(socket => socket.destroy())
  })
  afterAll(() => raw[Symbol.asyncDispose]())

  test('a read is sent again, a write is not', async () => {
    await using broken = createCore({ url: raw.url })
    const reading = await failureOf(broken.send({ mode: 'READ', options: { retries: 1 } }))
    expect(reading.outcome.attempts).toBe(2)
    const writing = await failureOf(broken.send({ method: 'POST', body: {}, options: { retries: 1 } }))
    expect(writing.outcome.attempts).toBe(1)
  })
})

describe('how long it waits', () => {
  test('Retry-After is heeded', async () => {
    script = [{ status: 429, headers: { 'retry-after': '1' } }, { status: 200 }]
    const { outcome } = await read()
    expect(outcome.attempts).toBe(2)
    expect((asked[1]?.at ?? 0) - (asked[0]?.at ?? 0)).toBeGreaterThanOrEqual(990)
    expect(outcome.timing.queuedMs).toBeGreaterThanOrEqual(900)
  })

  test('a wait beyond the deadline or beyond reason is not begun: the answer is the vendor’s', async () => {
    await using other = createCore({ url: `http://127.0.0.1:${(vendor.address() as AddressInfo).port}` })
    for (const after of ['40', '86400', new Date(Date.now() + 3_600_000).toUTCString()]) {
      asked = []
      script = [{ status: 503, headers: { 'retry-after': after } }, { status: 200 }]
      const { response, outcome } = await other.send({ mode: 'READ', options: { retries: 2, timeoutMs: 30_000 } })
      expect([after, response.status, outcome.attempts]).toEqual([after, 503, 1])
    }
  })

  test('a reset time on a 500 is no reason to wait for it', async () => {
    await using other = createCore({ url: `http://127.0.0.1:${(vendor.address() as AddressInfo).port}` })
    const midnight = String(Math.floor(Date.now() / 1000) + 40_000)
    script = [
      { status: 500, headers: { 'x-ratelimit-reset': midnight, 'x-ratelimit-remaining': '17' } },
      { status: 200 },
    ]
    const retry = { at: 'x-ratelimit-reset', remaining: 'x-ratelimit-remaining' }
    const { outcome } = await other.send({ mode: 'READ', options: { retries: 2 } }, {}, { retry })
    expect(outcome.attempts).toBe(2)
  })

  test('is full jitter under a ceiling that doubles', () => {
    vi.mocked(Math.random).mockReturnValue(0.999)
    expect([1, 2, 3, 20].map(attempts => backoffMs(attempts, undefined))).toEqual([250, 500, 999, 7992])
    vi.mocked(Math.random).mockReturnValue(0)
    expect([1, 2, 20].map(attempts => backoffMs(attempts, undefined))).toEqual([0, 0, 0])
    expect([backoffMs(1, 5000), backoffMs(1, 60_001)]).toEqual([5000, undefined])
  })
})

describe('the entry’s own hints', () => {
  test('a status of its list', async () => {
    script = [{ status: 420 }, { status: 200 }]
    expect((await read({}, { retry: { statuses: [420] } })).outcome.attempts).toBe(2)
  })

  test('a 403 whose remaining header says 0, but no other 403', async () => {
    await using other = createCore({ url: `http://127.0.0.1:${(vendor.address() as AddressInfo).port}` })
    const retry = { remaining: 'x-left', after: 'x-wait' }
    script = [{ status: 403, headers: { 'x-left': '0', 'x-wait': '0' } }, { status: 200 }]
    const send = () => other.send({ mode: 'READ', options: { retries: 2 } }, {}, { retry })
    expect((await send()).outcome.attempts).toBe(2)
    asked = []
    script = [{ status: 403, headers: { 'x-left': '7' } }, { status: 200 }]
    expect((await send()).outcome.attempts).toBe(1)
  })

  test('a pattern in the body, whatever the status', async () => {
    script = [
      { status: 200, body: '{"ok":false,"error":"ratelimited"}' },
      { status: 200, body: '{"ok":true}' },
    ]
    const { response, outcome } = await read({}, { retry: { bodyPattern: '"error":"ratelimited"' } })
    expect([response.text(), outcome.attempts]).toEqual(['{"ok":true}', 2])
    expect(outcome.attemptLog[0]?.reason).toBe('status 200, a limit is spent')
  })

  test('an answer that is held back for the pattern arrives whole', async () => {
    const long = JSON.stringify({ text: 'x'.repeat(200_000) })
    script = [{ status: 200, body: long }]
    const { response, outcome } = await read({}, { retry: { bodyPattern: 'ratelimited' } })
    expect([response.text() === long, outcome.attempts]).toEqual([true, 1])
  })
})

test('the deadline of the call ends a pause', async () => {
  script = [{ status: 503, headers: { 'retry-after': '1' } }]
  const { response } = await read({ timeoutMs: 1500, retries: 5 })
  expect([response.status, asked.length]).toEqual([503, 2])
})

test('a caller who leaves during a pause is heard: nothing more is sent', async () => {
  script = [{ status: 503, headers: { 'retry-after': '1' } }]
  const leaving = new AbortController()
  const call = core.send({ mode: 'READ', options: { retries: 2 } }, { signal: leaving.signal })
  await vi.waitFor(() => expect(asked.length).toBe(1))
  await new Promise(resolve => setTimeout(resolve, 100))
  leaving.abort()
  const failure = await failureOf(call)
  expect([failure.error.code, failure.outcome.attempts]).toEqual(['UPSTREAM_TIMEOUT', 1])
  await new Promise(resolve => setTimeout(resolve, 1200))
  expect(asked.length).toBe(1)
})
