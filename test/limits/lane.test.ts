/** What was taken for a call that left meanwhile is given back, and nobody waits in vain. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { GiveBack, Spent } from '../../src/limits/allowance.ts'
import { Lane } from '../../src/limits/lane.ts'

let lane: Lane
/** What there is to take. */
let places: number
/** Tries that have no outcome yet; undefined when each has its outcome at once. */
let tries: (() => void)[] | undefined
let isCommon: boolean

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
  lane = new Lane(Date.now)
  places = 1
  tries = undefined
  isCommon = false
})
afterEach(() => {
  vi.useRealTimers()
})

async function take(): Promise<GiveBack | Spent> {
  if (tries !== undefined) await new Promise<void>(resolve => tries?.push(resolve))
  if (places === 0) return { limit: 'The limit', waitMs: 500, isCommon }
  places -= 1
  return () => {
    places += 1
  }
}

const enter = (ms: number, signal?: AbortSignal, line = 'conn_1') =>
  lane.enter({ line, endUserId: `owner of ${line}`, take }, { deadlineMs: Date.now() + ms, signal })

test.each(['connection', 'whole integration'])(
  'a place of the %s that comes when its call has left is given back',
  async of => {
    isCommon = of === 'whole integration'
    places = 0
    const leaving = new AbortController()
    const gone = expect(enter(60_000, leaving.signal)).rejects.toThrow('left')
    const late = expect(enter(700)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    await vi.advanceTimersByTimeAsync(10)
    tries = []
    await vi.advanceTimersByTimeAsync(600)
    leaving.abort(new Error('left'))
    await gone
    await vi.advanceTimersByTimeAsync(200)
    await late
    places = 1
    for (const end of tries.splice(0)) end()
    tries = undefined
    await vi.advanceTimersByTimeAsync(10)
    expect(places).toBe(1)
    expect(typeof (await enter(1000))).toBe('function')
    expect(lane.isIdle).toBe(true)
  },
)

test('one connection that waits delays no other', async () => {
  places = 0
  const waiting = enter(60_000)
  await vi.advanceTimersByTimeAsync(10)
  places = 1
  expect(typeof (await enter(60_000, undefined, 'conn_2'))).toBe('function')
  places = 1
  await vi.advanceTimersByTimeAsync(500)
  expect(typeof (await waiting)).toBe('function')
})

test('who comes later does not pass those who wait for the same connection', async () => {
  places = 0
  const order: string[] = []
  const first = enter(60_000).then(() => order.push('first'))
  await vi.advanceTimersByTimeAsync(10)
  places = 2
  const second = enter(60_000).then(() => order.push('second'))
  await vi.advanceTimersByTimeAsync(1000)
  await Promise.all([first, second])
  expect(order).toEqual(['first', 'second'])
})

test('while a limit of all is spent, end users get their turns one after the other', async () => {
  isCommon = true
  places = 0
  const order: string[] = []
  const start = (line: string) => enter(600_000, undefined, line).then(() => order.push(line))
  const calls = [start('a'), start('a'), start('a'), start('b'), start('b'), start('c')]
  for (let turn = 0; turn < 6; turn++) {
    // Several tries find nothing before there is one place again.
    await vi.advanceTimersByTimeAsync(1700)
    places = 1
    await vi.advanceTimersByTimeAsync(1000)
  }
  await Promise.all(calls)
  expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'a'])
})

test('a try that fails is told to the call it was for; the next one gets its own', async () => {
  places = 0
  let isBroken = false
  const brittle = async () => {
    if (isBroken) throw new Error('broken')
    return await take()
  }
  const entrant = { line: 'conn_1', endUserId: 'u1', take: brittle }
  const failing = expect(lane.enter(entrant, { deadlineMs: Date.now() + 60_000 })).rejects.toThrow('broken')
  await vi.advanceTimersByTimeAsync(10)
  const next = enter(60_000)
  isBroken = true
  places = 1
  await vi.advanceTimersByTimeAsync(1000)
  await failing
  expect(typeof (await next)).toBe('function')
})

test('a call whose time is up, or that has left already, does not wait', async () => {
  places = 0
  await expect(enter(400)).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 500 })
  await expect(enter(60_000, AbortSignal.abort(new Error('left')))).rejects.toThrow('left')
  expect([lane.isIdle, vi.getTimerCount()]).toEqual([true, 0])
})

test('a call whose time ends behind others is told what they wait for', async () => {
  isCommon = true
  places = 0
  const first = expect(enter(5000)).rejects.toThrow('The limit is spent')
  await vi.advanceTimersByTimeAsync(400)
  const behind = expect(enter(200, undefined, 'conn_2')).rejects.toThrow('The limit is spent')
  await vi.advanceTimersByTimeAsync(6000)
  await Promise.all([first, behind])
})

test('a call that came while nothing was known yet is told what was found since', async () => {
  isCommon = true
  places = 0
  const first = expect(enter(5000)).rejects.toThrow('The limit is spent')
  tries = []
  await vi.advanceTimersByTimeAsync(10)
  const behind = expect(enter(200, undefined, 'conn_2')).rejects.toThrow('The limit is spent')
  for (const end of tries.splice(0)) end()
  tries = undefined
  await vi.advanceTimersByTimeAsync(6000)
  await Promise.all([first, behind])
})

test('a call to whom nobody could say anything is told that others wait', async () => {
  places = 0
  const first = enter(60_000)
  tries = []
  await vi.advanceTimersByTimeAsync(10)
  const behind = expect(enter(200, undefined, 'conn_2')).rejects.toMatchObject({
    code: 'OVERLOADED',
    retryAfterMs: 1000,
  })
  await vi.advanceTimersByTimeAsync(200)
  await behind
  places = 1
  for (const end of tries.splice(0)) end()
  expect(typeof (await first)).toBe('function')
})

test.each([1, 0])(
  'closed, it sends everybody away, sets no timer, and keeps nothing of a try that finds %i',
  async found => {
    places = 0
    const stopping = new Error('stopping')
    const calls = [enter(60_000), enter(60_000), enter(60_000, undefined, 'conn_2')].map(call =>
      expect(call).rejects.toBe(stopping),
    )
    await vi.advanceTimersByTimeAsync(10)
    tries = []
    await vi.advanceTimersByTimeAsync(600)
    lane.close(stopping)
    await Promise.all(calls)
    places = found
    for (const end of tries.splice(0)) end()
    await vi.advanceTimersByTimeAsync(10)
    expect([places, vi.getTimerCount(), lane.isIdle]).toEqual([found, 0, true])
  },
)
