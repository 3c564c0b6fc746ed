/** Idempotency keys while time passes: leases are renewed, the expired go, and a store that is away takes no answer back. */
import { afterEach, expect, test, vi } from 'vitest'
import {
  hashRequest,
  IdempotencyKeys,
  type IdempotencyOptions,
  type Once,
  type StoredAnswer,
} from '../../src/calls/idempotency.ts'
import type { Claim, IdempotencyPlace, IdempotencyStore } from '../../src/store/idempotency.ts'
import { newId } from '../../src/store/ids.ts'

const sealed = {
  seal: (_: unknown, text: string) => Buffer.from(text),
  open: (_: unknown, kept: Buffer) => `${kept}`,
}
const answer: StoredAnswer = { status: 201, headers: [], bytes: Buffer.from('made') }
const place = { workspaceId: newId('ws'), connectionId: newId('conn'), key: 'k', requestHash: hashRequest(['x']) }
const once: Once<StoredAnswer> = {
  ...place,
  deadlineMs: Number.POSITIVE_INFINITY,
  send: async () => answer,
  keep: result => result,
  replay: stored => stored,
}
const unanswered = { status: null, sealedAnswer: null, leasedUntil: new Date(0), expiresAt: new Date(0) }

function open(changes: Partial<IdempotencyStore> = {}, wait?: IdempotencyOptions['wait']) {
  const store = {
    claim: async (claim: Claim) => ({ ...place, ...unanswered, owner: claim.owner }),
    get: async () => undefined,
    renew: vi.fn(async () => true),
    finish: vi.fn(async () => true),
    release: vi.fn(async () => {}),
    deleteExpired: vi.fn(async () => 0),
    ...changes,
  }
  const onFailure = vi.fn()
  return { store, onFailure, keys: new IdempotencyKeys({ store, seal: sealed, onFailure, ...(wait && { wait }) }) }
}
afterEach(() => {
  vi.useRealTimers()
})

test('the lease is renewed every 20 seconds while it runs, though one renewal fails, and no longer', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const renew = vi.fn(async (_place: IdempotencyPlace, _owner: string, _leaseMs: number) => true)
  renew.mockRejectedValueOnce(new Error('the store is away'))
  const { keys } = open({ renew })
  const begun = Promise.withResolvers<void>()
  const { promise, resolve } = Promise.withResolvers<StoredAnswer>()
  const send = () => {
    begun.resolve()
    return promise
  }
  const running = keys.run({ ...once, send })
  await begun.promise
  vi.advanceTimersByTime(19_999)
  expect(renew).toHaveBeenCalledTimes(0)
  vi.advanceTimersByTime(40_001)
  expect(renew.mock.calls.map(([at, , leaseMs]) => [at.key, leaseMs])).toEqual(Array(3).fill(['k', 60_000]))
  resolve(answer)
  await running
  expect(vi.getTimerCount()).toBe(0)
})

test('an answer that the store cannot keep is given all the same, and the failure is told', async () => {
  const away = new Error('the store is away')
  const { keys, store, onFailure } = open({ finish: () => Promise.reject(away), release: () => Promise.reject(away) })
  expect(await keys.run(once)).toBe(answer)
  const failed = new Error('no answer')
  await expect(keys.run({ ...once, send: () => Promise.reject(failed) })).rejects.toBe(failed)
  expect(onFailure.mock.calls).toEqual([[away], [away]])
  expect(store.renew).not.toHaveBeenCalled()
})

test('expired ones are deleted once a minute at most, and nobody waits for it', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const { keys, store } = open({ deleteExpired: vi.fn(() => new Promise<number>(() => {})) })
  for (const [afterMs, times] of [
    [0, 1],
    [59_999, 1],
    [1, 2],
    [30_000, 2],
  ] as const) {
    vi.advanceTimersByTime(afterMs)
    expect(await keys.run(once)).toBe(answer)
    expect(store.deleteExpired).toHaveBeenCalledTimes(times)
  }
})

test('between two slices others get their turn', async () => {
  let isTurn = false
  setImmediate(() => {
    isTurn = true
  })
  // A store in this process answers at once.
  const deleteExpired = vi.fn(async (limit: number) => (isTurn || deleteExpired.mock.calls.length === 1000 ? 0 : limit))
  await open({ deleteExpired }).keys.run(once)
  await vi.waitFor(() => expect(isTurn).toBe(true))
  expect(deleteExpired.mock.calls.length).toBeLessThan(1000)
})

test('who waits asks after 100 ms, then more and more seldom, and a last time at its deadline', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const waits: number[] = []
  const wait = async (ms: number) => {
    waits.push(ms)
    vi.setSystemTime(Date.now() + ms)
  }
  const claim = vi.fn(async () => ({ ...place, ...unanswered, owner: 'another' }))
  const waiting = open({ claim }, wait).keys.run({ ...once, deadlineMs: Date.now() + 3_800 })
  await expect(waiting).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', retryAfterMs: 1000 })
  expect(waits).toEqual([100, 150, 200, 250, 300, 350, 400, 450, 500, 500, 500, 100])
  expect(claim).toHaveBeenCalledTimes(waits.length + 1)
})

test('who leaves while it waits is let go at once', async () => {
  const begun = Promise.withResolvers<void>()
  // This wait ends with the caller's leaving or not at all.
  const wait = (_ms: number, signal: AbortSignal | undefined) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('aborted')))
      begun.resolve()
    })
  const caller = new AbortController()
  const claim = async () => ({ ...place, ...unanswered, owner: 'another' })
  const waiting = open({ claim }, wait).keys.run({ ...once, signal: caller.signal })
  const left = new Error('the caller left')
  await begun.promise
  caller.abort(left)
  await expect(waiting).rejects.toBe(left)
})
