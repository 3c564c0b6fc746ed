/** Two replicas count together through a real Redis, and each for itself while it is away. */
import { expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import type { LearnedAnswer } from '../../src/limits/account.ts'
import { createLimits, type LimitSubject, type Limits } from '../../src/limits/limits.ts'
import { createRedisStore } from '../../src/limits/redis-store.ts'
import { startRedis } from '../support/redis.ts'

const subject = (limits: LimitSubject['limits'] = {}, connectionId = 'conn_1'): LimitSubject => ({
  workspaceId: 'ws_1',
  integration: 'acme',
  connectionId,
  endUserId: 'u',
  callerId: 'key_1',
  limits,
})

const soon = () => ({ deadlineMs: Date.now() + 50 })
const refusal = answer(429, { 'retry-after': '60' })

function answer(status: number, headers: Record<string, string>): LearnedAnswer {
  return { status, header: name => headers[name] }
}

async function enter(limits: Limits, of: LimitSubject): Promise<string> {
  try {
    await limits.enter(of, soon())
    return 'out'
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return error.code
  }
}

async function openReplica(url: string, errors: unknown[] = []): Promise<Limits> {
  const store = createRedisStore(url, { onError: error => errors.push(error) })
  const limits = createLimits({ store })
  // Ready when what it keeps can be read again.
  await expect
    .poll(async () => {
      store.share('probe', { budget: { limit: 1, remaining: 1, resetsAt: null }, heldForMs: 0 }, 60_000)
      return (await store.news('probe')).budget
    })
    .toBeDefined()
  return limits
}

test.each(['integration', 'connection', 'caller'] as const)('a quota of the %s counts on both', async of => {
  await using redis = await startRedis()
  await using one = await openReplica(redis.url)
  await using two = await openReplica(redis.url)
  const limited = subject({ [of]: { requests: 4, perSeconds: 60 } })
  const outcomes: string[] = []
  for (let call = 0; call < 6; call++) outcomes.push(await enter(call % 2 === 0 ? one : two, limited))
  expect(outcomes).toEqual(['out', 'out', 'out', 'out', 'RATE_LIMITED', 'RATE_LIMITED'])
})

test('what a vendor refused one replica stops the other', async () => {
  await using redis = await startRedis()
  await using one = await openReplica(redis.url)
  await using two = await openReplica(redis.url)
  expect([await enter(one, subject()), await enter(two, subject())]).toEqual(['out', 'out'])
  ;(await one.enter(subject(), soon())).end(refusal)
  await expect.poll(() => two.budgetOf('ws_1', 'conn_1')).toMatchObject({ remaining: 0 })
  expect([await enter(two, subject()), await enter(two, subject({}, 'conn_2'))]).toEqual(['RATE_LIMITED', 'out'])
})

test('nothing that is said later shortens what a vendor refused: neither by the same replica nor by another', async () => {
  await using redis = await startRedis()
  await using one = await openReplica(redis.url)
  await using two = await openReplica(redis.url)
  await using three = await openReplica(redis.url)
  const late = [await one.enter(subject(), soon()), await two.enter(subject(), soon())]
  ;(await one.enter(subject(), soon())).end(refusal)
  await expect.poll(() => two.budgetOf('ws_1', 'conn_1')).toMatchObject({ remaining: 0 })
  late[0]?.end(answer(200, { 'ratelimit-limit': '10', 'ratelimit-remaining': '5', 'ratelimit-reset': '30' }))
  late[1]?.end(answer(429, { 'retry-after': '1' }))
  // Both are in the store once a third can read the limit of the one; the other was sent before it.
  await expect.poll(() => three.budgetOf('ws_1', 'conn_1')).toMatchObject({ limit: 10, remaining: 0 })
  expect([await enter(one, subject()), await enter(two, subject()), await enter(three, subject())]).toEqual([
    'RATE_LIMITED',
    'RATE_LIMITED',
    'RATE_LIMITED',
  ])
  const resetsAt = (await three.budgetOf('ws_1', 'conn_1'))?.resetsAt?.getTime() ?? 0
  expect(resetsAt - Date.now()).toBeGreaterThan(30_000)
  three.forget('ws_1', 'conn_1')
  await using four = await openReplica(redis.url)
  await expect.poll(() => four.budgetOf('ws_1', 'conn_1')).toBeUndefined()
})

test('what a refused call had taken from one replica’s count is there for the other', async () => {
  await using redis = await startRedis()
  await using one = await openReplica(redis.url)
  await using two = await openReplica(redis.url)
  const integration = { requests: 3, perSeconds: 60 }
  const greedy = subject({ integration, connection: { requests: 1, perSeconds: 60 } }, 'greedy')
  const outcomes: string[] = []
  for (let call = 0; call < 5; call++) outcomes.push(await enter(one, greedy))
  expect(outcomes).toEqual(['out', 'RATE_LIMITED', 'RATE_LIMITED', 'RATE_LIMITED', 'RATE_LIMITED'])
  const other = subject({ integration }, 'other')
  ;(await two.enter(other, soon())).withdraw()
  // What was given back may still be on its way.
  await expect.poll(() => enter(two, other)).toBe('out')
  await expect.poll(() => enter(two, other)).toBe('out')
  expect(await enter(two, other)).toBe('RATE_LIMITED')
})

test('without it calls go on, each replica counts for itself, and the operator is told once', async () => {
  const errors: unknown[] = []
  await using redis = await startRedis()
  await using limits = await openReplica(redis.url, errors)
  const limited = subject({ caller: { requests: 2, perSeconds: 60 } })
  expect(await enter(limits, limited)).toBe('out')
  await redis.kill()
  const outcomes: string[] = []
  for (let call = 0; call < 5; call++) outcomes.push(await enter(limits, limited))
  expect(outcomes.filter(outcome => outcome === 'out').length).toBeGreaterThanOrEqual(1)
  expect(outcomes.at(-1)).toBe('RATE_LIMITED')
  expect(await enter(limits, subject())).toBe('out')
  await expect.poll(() => errors.length).toBe(1)
})

test('no secret of its address is in what it says', async () => {
  const errors: unknown[] = []
  await using store = createRedisStore('redis://:hunter2@127.0.0.1:1/0', { onError: error => errors.push(error) })
  expect(await store.news('x')).toEqual({ budget: undefined, heldForMs: 0 })
  await expect.poll(() => errors.length).toBe(1)
  expect(JSON.stringify(errors, Object.getOwnPropertyNames(errors[0]))).not.toContain('hunter2')
})
