import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { createLimits, type LimitSubject, type Limits, type Turn } from '../../src/limits/limits.ts'
import { createMemoryStore } from '../../src/limits/store.ts'

let limits: Limits
/** Calls that are out, oldest first. */
let out: Turn[]

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-03-01T12:00:00Z') })
  limits = createLimits({ store: createMemoryStore() })
  out = []
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
    out.push(await limits.enter(of, until(ms)))
    return 'out'
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return `${error.code} ${error.retryAfterMs}`
  }
}

/** A call of the default subject goes out and is answered. */
async function call(said: ReturnType<typeof answer>): Promise<void> {
  expect(await enter(subject(), 1000)).toBe('out')
  out.pop()?.end(said)
}

describe('the vendor’s budget', () => {
  test('of paths apart is the tightest of them where there is no other', async () => {
    for (const [vendorLimit, remaining] of [
      ['/a', 5],
      ['/b', 2],
      ['/c', 9],
    ] as const) {
      expect(await enter(subject({ vendorLimit }), 1000)).toBe('out')
      out.pop()?.end(left(remaining, 30))
    }
    expect(await limits.budgetOf('ws_1', 'conn_1')).toMatchObject({ remaining: 2 })
    await vi.advanceTimersByTimeAsync(31_000)
    expect(await limits.budgetOf('ws_1', 'conn_1')).toBeUndefined()
  })

  test('of a path that has to be waited for is not forgotten for the sake of others', async () => {
    expect(await enter(subject({ vendorLimit: '/held' }), 1000)).toBe('out')
    out.pop()?.end(left(0, 60))
    for (let at = 0; at < 600; at++) {
      expect(await enter(subject({ vendorLimit: `/${at}` }), 1000)).toBe('out')
      out.pop()?.end(undefined)
    }
    expect(await enter(subject({ vendorLimit: '/held' }), 1000)).toMatch(/^RATE_LIMITED/)
  })

  test('of a path apart does not hold up the others, and is waited for by itself', async () => {
    const search = subject({ vendorLimit: '/search' })
    expect(await enter(search, 1000)).toBe('out')
    out.pop()?.end(left(0, 30))
    expect(await enter(search, 1000)).toMatch(/^RATE_LIMITED 30\d{3}$/)
    await expect(limits.enter(search, until(1000))).rejects.toThrow(
      'The vendor’s limit for this connection and /search is spent',
    )
    const waiting = enter(search, 60_000)
    expect(await enter(subject(), 1000)).toBe('out')
    expect(await enter(subject({ vendorLimit: '/users' }), 1000)).toBe('out')
    await vi.advanceTimersByTimeAsync(31_000)
    expect(await waiting).toBe('out')
    out.shift()?.end(left(0, 60))
    expect(await enter(subject(), 1000)).toMatch(/^RATE_LIMITED/)
    expect(await enter(subject({ vendorLimit: '/users' }), 1000)).toBe('out')
    expect(await limits.budgetOf('ws_1', 'conn_1')).toMatchObject({ remaining: 0 })
    limits.forget('ws_1', 'conn_1')
    expect(await enter(subject(), 1000)).toBe('out')
  })

  test('is unknown at first: calls go at once', () => {
    expect(limits.enter(subject(), until(1000))).not.toBeInstanceOf(Promise)
  })

  test('is shown as the last answer told it', async () => {
    await call(answer(200, { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '19', 'x-ratelimit-reset': '7' }))
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
    await call(left(0))
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

  test('of another connection or workspace is another', async () => {
    await call(left(0))
    expect(limits.enter(subject({ connectionId: 'conn_2' }), until(1000))).not.toBeInstanceOf(Promise)
    expect(limits.enter(subject({ workspaceId: 'ws_2' }), until(1000))).not.toBeInstanceOf(Promise)
  })

  test('of three lets three of a thousand out, the others after its reset', async () => {
    await call(answer(200, { 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '10' }))
    const outcomes: string[] = []
    const calls = Array.from({ length: 1000 }, () => enter(subject(), 4000).then(outcome => outcomes.push(outcome)))
    await vi.advanceTimersByTimeAsync(1000)
    expect(outcomes).toEqual(['out', 'out', 'out'])
    for (const turn of out.splice(0)) turn.end(left(0, 9))
    await vi.advanceTimersByTimeAsync(4000)
    await Promise.all(calls)
    expect(outcomes.filter(outcome => outcome === 'out').length).toBe(3)
    expect(outcomes.every(outcome => outcome === 'out' || outcome.startsWith('RATE_LIMITED'))).toBe(true)
  })

  test('one left does not block calls that come one after the other', async () => {
    for (let call = 0; call < 5; call++) {
      expect(await enter(subject(), 100)).toBe('out')
      out.pop()?.end(left(1))
    }
  })

  test('a call that fails without an answer gives its place back', async () => {
    await call(left(1))
    expect(await enter(subject(), 100)).toBe('out')
    out.pop()?.end(undefined)
    expect(await enter(subject(), 100)).toBe('out')
  })

  test('429 with a time to wait is a spent one; without it is none', async () => {
    await call(answer(429, { 'retry-after': '30' }))
    expect(await enter(subject(), 5000)).toMatch(/^RATE_LIMITED (?:29|30)\d{3}$/)
    limits.forget('ws_1', 'conn_1')
    await call(answer(429, {}))
    expect(await enter(subject(), 5000)).toBe('out')
  })

  test('a window that ends a year from now stops nobody for longer than an hour', async () => {
    await call(answer(429, { 'retry-after': String(300 * 86_400) }))
    const refusal = await enter(subject(), 5000)
    expect(Number(refusal.split(' ')[1])).toBeLessThan(3_601_000)
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

  test('is shared fairly: one end user with many waiting delays another’s first call by two at most', async () => {
    const quota = { requests: 1, perSeconds: 1 }
    const of = (endUserId: string, connectionId = endUserId) =>
      subject({ endUserId, connectionId, limits: { integration: quota } })
    const order: string[] = []
    const start = (who: LimitSubject) => enter(who, 60_000).then(() => order.push(who.endUserId))
    await enter(of('greedy'), 100)
    // As many connections as calls, and as many calls on one connection.
    const greedy = Array.from({ length: 10 }, (_, at) => [start(of('greedy')), start(of('greedy', `greedy ${at}`))])
    const modest = start(of('modest'))
    await vi.advanceTimersByTimeAsync(40_000)
    await Promise.all([...greedy.flat(), modest])
    expect(order.length).toBe(21)
    expect(order.indexOf('modest')).toBeLessThanOrEqual(2)
  })
})

describe('a refusal names the limit that is spent, and when it comes back', () => {
  const quota = { requests: 1, perSeconds: 30 }
  test.each([
    ['caller', 'The limit of this access key is spent and comes back in 30 s; try again then.'],
    ['connection', 'The limit of this connection is spent and comes back in 30 s; try again then.'],
    ['integration', 'The limit of the integration acme is spent and comes back in 30 s; try again then.'],
  ])('the %s’s', async (of, message) => {
    const limited = subject({ limits: { [of]: quota } })
    expect(await enter(limited, 100)).toBe('out')
    await expect(limits.enter(limited, until(5000))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message,
      retryAfterMs: 30_000,
    })
  })

  test('the vendor’s', async () => {
    await call(answer(429, { 'retry-after': '29.5' }))
    await expect(limits.enter(subject(), until(5000))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: 'The vendor’s limit for this connection is spent and comes back in 30 s; try again then.',
    })
  })
})

test('no more than a thousand wait for one integration of a workspace, all its connections together', async () => {
  const hold = answer(429, { 'retry-after': '5' })
  for (const connectionId of ['conn_1', 'conn_2', 'conn_3']) {
    ;(await limits.enter(subject({ connectionId }), until(1000))).end(hold)
  }
  const waiting = Array.from({ length: 1005 }, (_, at) => {
    return enter(subject({ connectionId: `conn_${(at % 2) + 1}` }), 60_000)
  })
  const elsewhere = enter(subject({ workspaceId: 'ws_2' }), 60_000)
  const other = enter(subject({ connectionId: 'conn_3' }), 60_000)
  await vi.advanceTimersByTimeAsync(20_000)
  const outcomes = await Promise.all(waiting)
  expect(outcomes.filter(outcome => outcome === 'out').length).toBe(1000)
  expect(outcomes.slice(1000).every(outcome => outcome.startsWith('OVERLOADED'))).toBe(true)
  expect([await other, await elsewhere]).toEqual([expect.stringMatching(/^OVERLOADED/), 'out'])
})

test('at its end nobody is left waiting and no timer runs', async () => {
  await call(left(0, 5))
  const waiting = [enter(subject(), 60_000), enter(subject(), 60_000)]
  await vi.advanceTimersByTimeAsync(100)
  await limits[Symbol.asyncDispose]()
  expect(await Promise.all(waiting)).toEqual(['OVERLOADED 1000', 'OVERLOADED 1000'])
  expect(vi.getTimerCount()).toBe(0)
  expect(await enter(subject(), 60_000)).toBe('OVERLOADED 1000')
})
