import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { createLimits, type LimitSubject, type Limits } from '../../src/limits/limits.ts'
import { createMemoryStore } from '../../src/limits/store.ts'

let limits: Limits

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-03-01T12:00:00Z') })
  limits = createLimits({ store: createMemoryStore() })
})
afterEach(() => {
  vi.useRealTimers()
})

const subject = (changes: Partial<LimitSubject> = {}): LimitSubject => ({
  workspaceId: 'ws_1',
  integration: 'acme',
  connectionId: 'conn_1',
  endUserId: 'u1',
  callerId: 'key_1',
  limits: {},
  ...changes,
})
const until = (ms: number) => ({ deadlineMs: Date.now() + ms })
const reader = (headers: Record<string, string>) => (name: string) => headers[name]
const answer = (status: number, headers: Record<string, string>) => ({ status, header: reader(headers) })
const left = (remaining: number, resetSeconds = 10) =>
  answer(200, { 'x-ratelimit-remaining': String(remaining), 'x-ratelimit-reset': String(resetSeconds) })

/** Lets the call out, or says why not. */
async function enter(of: LimitSubject, ms: number): Promise<string> {
  try {
    await limits.enter(of, until(ms))
    return 'out'
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return `${error.code} ${error.retryAfterMs}`
  }
}

describe('the vendor’s budget', () => {
  test('is unknown at first: calls go at once', () => {
    expect(limits.enter(subject(), until(1000))).toBeUndefined()
  })

  test('is shown as the last answer told it', async () => {
    limits.enter(subject(), until(1000))
    limits.leave(
      subject(),
      answer(200, { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '19', 'x-ratelimit-reset': '7' }),
    )
    expect(await limits.budgetOf('ws_1', 'conn_1')).toEqual({
      limit: 20,
      remaining: 19,
      resetsAt: new Date(Date.now() + 7000),
    })
    expect(await limits.budgetOf('ws_2', 'conn_1')).toBeUndefined()
    limits.forget('ws_1', 'conn_1')
    expect(await limits.budgetOf('ws_1', 'conn_1')).toBeUndefined()
  })

  test('that is spent is waited for within the deadline, and refused beyond it', async () => {
    limits.enter(subject(), until(1000))
    limits.leave(subject(), left(0))
    expect(await enter(subject(), 5000)).toMatch(/^RATE_LIMITED (?:10\d{3})$/)
    const waiting = enter(subject(), 20_000)
    await vi.advanceTimersByTimeAsync(9000)
    let isOut = false
    void waiting.then(() => (isOut = true))
    await vi.advanceTimersByTimeAsync(500)
    expect(isOut).toBe(false)
    await vi.advanceTimersByTimeAsync(1700)
    expect(await waiting).toBe('out')
  })

  test('of another connection or workspace is another', () => {
    limits.enter(subject(), until(1000))
    limits.leave(subject(), left(0))
    expect(limits.enter(subject({ connectionId: 'conn_2' }), until(1000))).toBeUndefined()
    expect(limits.enter(subject({ workspaceId: 'ws_2' }), until(1000))).toBeUndefined()
  })

  test('of three lets three of a thousand out, the others after its reset', async () => {
    limits.enter(subject(), until(1000))
    limits.leave(
      subject(),
      answer(200, { 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '10' }),
    )
    const outcomes: string[] = []
    const calls = Array.from({ length: 100 }, () => enter(subject(), 4000).then(outcome => outcomes.push(outcome)))
    await vi.advanceTimersByTimeAsync(1000)
    expect(outcomes).toEqual(['out', 'out', 'out'])
    for (let call = 0; call < 3; call++) limits.leave(subject(), left(0, 9))
    await vi.advanceTimersByTimeAsync(4000)
    await Promise.all(calls)
    expect(outcomes.filter(outcome => outcome === 'out').length).toBe(3)
    expect(outcomes.every(outcome => outcome === 'out' || outcome.startsWith('RATE_LIMITED'))).toBe(true)
  })

  test('one left does not block calls that come one after the other', async () => {
    for (let call = 0; call < 5; call++) {
      expect(await enter(subject(), 100)).toBe('out')
      limits.leave(subject(), left(1))
    }
  })

  test('a call that fails without an answer gives its place back', async () => {
    limits.enter(subject(), until(1000))
    limits.leave(subject(), left(1))
    expect(await enter(subject(), 100)).toBe('out')
    limits.leave(subject(), undefined)
    expect(await enter(subject(), 100)).toBe('out')
  })

  test('answers that overtake each other do not raise it within one window', async () => {
    const at = String(Date.now() / 1000 + 30)
    const said = (remaining: number) =>
      answer(200, { 'x-ratelimit-remaining': String(remaining), 'x-ratelimit-reset': at })
    limits.leave(subject(), said(4))
    limits.leave(subject(), said(5))
    expect((await limits.budgetOf('ws_1', 'conn_1'))?.remaining).toBe(4)
  })

  test('429 with a time to wait is a spent one; without it is none', async () => {
    limits.leave(subject(), answer(429, { 'retry-after': '30' }))
    expect(await enter(subject(), 5000)).toMatch(/^RATE_LIMITED (?:29|30)\d{3}$/)
    limits.forget('ws_1', 'conn_1')
    limits.leave(subject(), answer(429, {}))
    expect(await enter(subject(), 5000)).toBe('out')
  })

  test('a window that ends a year from now stops nobody for longer than an hour', async () => {
    limits.leave(subject(), answer(429, { 'retry-after': String(300 * 86_400) }))
    const refusal = await enter(subject(), 5000)
    expect(Number(refusal.split(' ')[1])).toBeLessThanOrEqual(3_600_000)
  })
})

describe('a quota', () => {
  const quota = { requests: 2, perSeconds: 10 }

  test.each(['integration', 'connection'] as const)(
    'of the %s is waited for, and refused beyond the deadline',
    async of => {
      const limited = subject({ limits: { [of]: quota } })
      expect([await enter(limited, 100), await enter(limited, 100)]).toEqual(['out', 'out'])
      expect(await enter(limited, 100)).toMatch(/^RATE_LIMITED \d+$/)
      const waiting = enter(limited, 15_000)
      await vi.advanceTimersByTimeAsync(12_000)
      expect(await waiting).toBe('out')
    },
  )

  test('of an access key is refused at once', async () => {
    const limited = subject({ limits: { caller: quota } })
    expect([await enter(limited, 60_000), await enter(limited, 60_000)]).toEqual(['out', 'out'])
    expect(await enter(limited, 60_000)).toMatch(/^RATE_LIMITED \d+$/)
    expect(await enter({ ...limited, callerId: 'key_2' }, 60_000)).toBe('out')
  })

  test('of an integration counts all its connections in one workspace, and no other workspace', async () => {
    const limited = { limits: { integration: quota } }
    expect(await enter(subject({ ...limited, connectionId: 'conn_a' }), 100)).toBe('out')
    expect(await enter(subject({ ...limited, connectionId: 'conn_b' }), 100)).toBe('out')
    expect(await enter(subject({ ...limited, connectionId: 'conn_c' }), 100)).toMatch(/^RATE_LIMITED/)
    expect(await enter(subject({ ...limited, workspaceId: 'ws_2' }), 100)).toBe('out')
  })

  test('is shared fairly: one end user with many waiting delays another’s first call by one', async () => {
    const limited = (endUserId: string) =>
      subject({ endUserId, limits: { integration: { requests: 1, perSeconds: 1 } } })
    const order: string[] = []
    await enter(limited('greedy'), 100)
    const greedy = Array.from({ length: 20 }, () => enter(limited('greedy'), 60_000).then(() => order.push('greedy')))
    const modest = enter(limited('modest'), 60_000).then(() => order.push('modest'))
    await vi.advanceTimersByTimeAsync(30_000)
    await Promise.all([...greedy, modest])
    expect(order.indexOf('modest')).toBeLessThanOrEqual(1)
  })
})

test('who leaves while waiting takes no turn', async () => {
  limits.leave(subject(), left(0, 5))
  const leaving = new AbortController()
  const gone = Promise.resolve(limits.enter(subject(), { ...until(60_000), signal: leaving.signal }))
  const rejected = expect(gone).rejects.toThrow('left')
  await vi.advanceTimersByTimeAsync(100)
  leaving.abort(new Error('left'))
  await rejected
  const next = enter(subject(), 60_000)
  await vi.advanceTimersByTimeAsync(7000)
  expect(await next).toBe('out')
})

test('more than a thousand that wait are OVERLOADED', async () => {
  limits.leave(subject(), left(0, 5))
  const calls = Array.from({ length: 1005 }, () => enter(subject(), 60_000))
  await vi.advanceTimersByTimeAsync(60_000)
  const outcomes = await Promise.all(calls)
  expect(outcomes.filter(outcome => outcome.startsWith('OVERLOADED')).length).toBe(5)
})
