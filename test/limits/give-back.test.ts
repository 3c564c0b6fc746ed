/** A call that does not go out uses up nothing of any limit. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { takeAll } from '../../src/limits/allowance.ts'
import { createLimits, type LimitSubject, type Limits, type Turn } from '../../src/limits/limits.ts'
import { createMemoryStore } from '../../src/limits/store.ts'

const quota = { requests: 3, perSeconds: 60 }
const one = { requests: 1, perSeconds: 60 }
let limits: Limits

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-03-01T12:00:00Z') })
  limits = createLimits({ store: createMemoryStore() })
})
afterEach(() => {
  vi.useRealTimers()
})

const subject = (connectionId: string, limits: LimitSubject['limits']): LimitSubject => ({
  workspaceId: 'ws_1',
  integration: 'acme',
  connectionId,
  endUserId: `owner of ${connectionId}`,
  callerId: 'key_1',
  limits,
})

/** A turn, or the limit that is spent. */
async function enter(of: LimitSubject, ms = 1000): Promise<Turn | string> {
  try {
    return await limits.enter(of, { deadlineMs: Date.now() + ms })
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return error.message.replace(/ is spent.*/, '')
  }
}

async function goOut(of: LimitSubject, ms?: number): Promise<Turn> {
  const turn = await enter(of, ms)
  if (typeof turn === 'string') throw new Error(turn)
  return turn
}

/** How many more go out now. */
async function countRoom(of: LimitSubject): Promise<number> {
  let count = 0
  while (typeof (await enter(of)) !== 'string') count++
  return count
}

describe('refused at its connection’s limit', () => {
  test.each(['integration', 'caller'] as const)('it has taken nothing from the %s', async shared => {
    const greedy = subject('greedy', { [shared]: quota, connection: one })
    await goOut(greedy)
    for (let call = 0; call < 10; call++) expect(await enter(greedy)).toBe('The limit of this connection')
    expect(await countRoom(subject('modest', { [shared]: quota }))).toBe(2)
  })

  test('by the vendor, it has taken nothing from any', async () => {
    const limited = subject('greedy', { integration: quota, caller: quota, connection: quota })
    const turn = await goOut(limited)
    turn.end({ status: 429, header: name => (name === 'retry-after' ? '30' : undefined) })
    for (let call = 0; call < 10; call++) expect(await enter(limited)).toBe('The vendor’s limit for this connection')
    expect(await countRoom(subject('modest', { integration: quota, caller: quota }))).toBe(2)
    await vi.advanceTimersByTimeAsync(30_200)
    expect(await countRoom(subject('greedy', { connection: quota }))).toBe(2)
  })
})

test('refused at the integration’s limit, it has taken nothing from its connection and its key', async () => {
  expect(await countRoom(subject('other', { integration: one }))).toBe(1)
  const limited = subject('conn_1', { integration: one, connection: quota, caller: quota })
  for (let call = 0; call < 10; call++) expect(await enter(limited)).toBe('The limit of the integration acme')
  expect(await countRoom(subject('conn_1', { connection: quota, caller: quota }))).toBe(3)
})

test('a call that waits and leaves has taken nothing', async () => {
  const blocked = subject('conn_1', { integration: quota, connection: one, caller: quota })
  await goOut(blocked)
  const leaving = new AbortController()
  const waiting = Promise.resolve(limits.enter(blocked, { deadlineMs: Date.now() + 61_000, signal: leaving.signal }))
  const gone = expect(waiting).rejects.toThrow('left')
  await vi.advanceTimersByTimeAsync(5000)
  leaving.abort(new Error('left'))
  await gone
  expect(await countRoom(subject('conn_2', { integration: quota, caller: quota }))).toBe(2)
})

test('a turn that is withdrawn has taken nothing', async () => {
  const limited = subject('conn_1', { integration: quota, connection: quota, caller: quota })
  for (let call = 0; call < 20; call++) (await goOut(limited)).withdraw()
  expect(await countRoom(limited)).toBe(3)
})

test('what is withdrawn makes room, however many were refused before', async () => {
  const limited = subject('conn_1', { caller: quota })
  const turns = [await goOut(limited), await goOut(limited), await goOut(limited)]
  for (let call = 0; call < 10; call++) expect(await enter(limited)).toBe('The limit of this access key')
  turns[0]?.withdraw()
  expect(await countRoom(limited)).toBe(1)
})

test('withdrawn after the window has ended, it makes no room in the next one', async () => {
  const limited = subject('conn_1', { caller: one })
  const turn = await goOut(limited)
  await vi.advanceTimersByTimeAsync(60_500)
  expect(await countRoom(limited)).toBe(1)
  turn.withdraw()
  expect(await countRoom(limited)).toBe(0)
})

test('a place of the vendor’s budget that is withdrawn is free again', async () => {
  const plain = subject('conn_1', {})
  const said = new Map([
    ['x-ratelimit-remaining', '1'],
    ['x-ratelimit-reset', '30'],
  ])
  ;(await goOut(plain)).end({ status: 200, header: name => said.get(name) })
  for (let call = 0; call < 5; call++) (await goOut(plain, 30)).withdraw()
  await goOut(plain, 30)
  expect(await enter(plain, 30)).toBe('The vendor’s limit for this connection')
})

test('when taking fails midway, what was taken before is given back', async () => {
  let places = 3
  const take = () => {
    places -= 1
    return () => {
      places += 1
    }
  }
  const fail = () => Promise.reject(new Error('away'))
  await expect(takeAll([take, take, fail])).rejects.toThrow('away')
  expect(places).toBe(3)
})
