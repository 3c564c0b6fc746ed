/** How often a revocation is tried, how long each time is waited, and how many wait at once. */
import { describe, expect, test } from 'vitest'
import { TokenError } from '../../src/auth/tokens/token-endpoint.ts'
import { Revocations } from '../../src/connections/revocations.ts'
import { GatewayError } from '../../src/errors.ts'

const away = (retryAfterMs?: number) => new TokenError('unavailable', { message: 'away', status: 503, retryAfterMs })
const row = { workspaceId: 'ws', id: 'conn', integration: 'acme', scheme: 'oauth2', config: {} }
const credential = { scheme: 'oauth2', accessToken: 'canary-access' } as const

/** Whose vendor fails as it is told, in this order, and then no more. */
function open(failures: readonly unknown[], pausesMs: readonly number[] = [1, 2, 3]) {
  const left = [...failures]
  const told: unknown[] = []
  const waited: number[] = []
  let tries = 0
  const revocation = async () => {
    tries += 1
    const failure = left.shift()
    if (failure !== undefined) throw failure
  }
  const revocations = new Revocations({
    plan: async () => revocation,
    onFailed: (_row, error) => told.push(error),
    pausesMs,
    wait: async ms => waited.push(ms),
  })
  return { revocations, revocation, told, waited, tries: () => tries }
}

describe('what fails for the moment', () => {
  test('is tried until it is done', async () => {
    const { revocations, revocation, told, tries } = open([away(), new GatewayError('UPSTREAM_TIMEOUT', 'slow')])
    await new Promise<void>(resolve => revocations.tryAgain(row, revocation, away(), async () => resolve()))
    expect([tries(), told]).toEqual([3, []])
  })

  test('is given up after so many tries, and told', async () => {
    const last = away()
    const { revocations, revocation, told, tries } = open([away(), away(), last])
    revocations.tryAgain(row, revocation, away())
    await expect.poll(() => told).toEqual([last])
    expect(tries()).toBe(3)
  })

  test('is given up at once when the vendor says no', async () => {
    const no = new TokenError('misconfigured', { message: 'no', status: 400 })
    const { revocations, revocation, told, tries } = open([away(), no])
    revocations.tryAgain(row, revocation, away())
    await expect.poll(() => told).toEqual([no])
    expect(tries()).toBe(2)
  })

  test('waits longer each time, and as long as the vendor asks for, within bounds', async () => {
    const { revocations, revocation, waited } = open([away(), away(700), away(3_600_000)], [1, 2, 3, 4])
    await new Promise<void>(resolve => revocations.tryAgain(row, revocation, away(), async () => resolve()))
    expect(waited).toEqual([1, 2, 700, 300_000])
  })

  test('is told when too many wait already, and when the process ends', async () => {
    const told: unknown[] = []
    const revocation = async () => {
      throw new TypeError('nobody is asked')
    }
    const plan = async () => revocation
    const revocations = new Revocations({ plan, onFailed: (_row, error) => told.push(error) })
    const failure = away()
    for (let at = 0; at < 1_000; at += 1) revocations.tryAgain(row, revocation, away())
    expect(told).toEqual([])
    revocations.tryAgain(row, revocation, failure)
    expect(told).toEqual([failure])
    await revocations[Symbol.asyncDispose]()
    expect(told).toHaveLength(1_001)
    expect(told.every(error => error instanceof TokenError)).toBe(true)
  })

  test('of the first try does not reject, and more follow', async () => {
    const { revocations, told, tries } = open([away()])
    await revocations.revoke(row, credential)
    await expect.poll(tries).toBe(2)
    expect(told).toEqual([])
  })
})

test('what does not is told at once', async () => {
  const { revocations, revocation, told, tries } = open([])
  const failures = [new TokenError('misconfigured', { message: 'no', status: 401 }), new TypeError('ours')]
  for (const failure of failures) revocations.tryAgain(row, revocation, failure)
  expect([told, tries()]).toEqual([failures, 0])
})

describe('when the process ends', () => {
  const stopped = new GatewayError('UPSTREAM_TIMEOUT', 'The gateway stopped before the vendor had answered.')

  test('a request under way is given up after a while, and told', async () => {
    const told: unknown[] = []
    const asked = Promise.withResolvers<void>()
    const revocation = () => {
      asked.resolve()
      return new Promise<void>(() => {})
    }
    const onFailed = (_row: unknown, error: unknown) => told.push(error)
    const revocations = new Revocations({ plan: async () => revocation, onFailed, pausesMs: [1], lastMs: 5 })
    revocations.tryAgain(row, revocation, away())
    await asked.promise
    const first = revocations.revoke(row, credential)
    await revocations[Symbol.asyncDispose]()
    await first
    expect(told).toEqual([stopped, stopped])
  })

  test('a request under way that is done in time is done', async () => {
    const told: unknown[] = []
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    const revocation = () => {
      asked.resolve()
      return answer.promise
    }
    const onFailed = (_row: unknown, error: unknown) => told.push(error)
    const revocations = new Revocations({ plan: async () => revocation, onFailed, pausesMs: [1] })
    let isNoted = false
    revocations.tryAgain(row, revocation, away(), async () => {
      isNoted = true
    })
    await asked.promise
    const ended = revocations[Symbol.asyncDispose]()
    answer.resolve()
    await ended
    expect([isNoted, told]).toEqual([true, []])
  })

  test('nothing is begun: neither a first try nor one more after a request that failed', async () => {
    const told: unknown[] = []
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    let tries = 0
    const revocation = () => {
      tries += 1
      asked.resolve()
      return answer.promise
    }
    const onFailed = (_row: unknown, error: unknown) => told.push(error)
    const wait = async () => {}
    const revocations = new Revocations({ plan: async () => revocation, onFailed, pausesMs: [1, 1], wait })
    revocations.tryAgain(row, revocation, away())
    await asked.promise
    const ended = revocations[Symbol.asyncDispose]()
    await revocations.revoke(row, credential)
    const failure = away()
    answer.reject(failure)
    await ended
    expect([tries, told]).toEqual([1, [stopped, failure]])
  })
})
