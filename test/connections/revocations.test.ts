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
  const revocations = new Revocations({
    ask: async () => {
      tries += 1
      const failure = left.shift()
      if (failure !== undefined) throw failure
      return undefined
    },
    onFailed: (_row, error) => told.push(error),
    pausesMs,
    wait: async ms => waited.push(ms),
  })
  return { revocations, told, waited, tries: () => tries }
}

describe('what fails for the moment', () => {
  test('is tried until it is done', async () => {
    const { revocations, told, tries } = open([away(), new GatewayError('UPSTREAM_TIMEOUT', 'slow')])
    await new Promise<void>(resolve => revocations.tryAgain(row, credential, away(), async () => resolve()))
    expect([tries(), told]).toEqual([3, []])
  })

  test('is given up after so many tries, and told', async () => {
    const last = away()
    const { revocations, told, tries } = open([away(), away(), last])
    revocations.tryAgain(row, credential, away())
    await expect.poll(() => told).toEqual([last])
    expect(tries()).toBe(3)
  })

  test('is given up at once when the vendor says no', async () => {
    const no = new TokenError('misconfigured', { message: 'no', status: 400 })
    const { revocations, told, tries } = open([away(), no])
    revocations.tryAgain(row, credential, away())
    await expect.poll(() => told).toEqual([no])
    expect(tries()).toBe(2)
  })

  test('waits longer each time, and as long as the vendor asks for, within bounds', async () => {
    const { revocations, waited } = open([away(), away(700), away(3_600_000)], [1, 2, 3, 4])
    await new Promise<void>(resolve => revocations.tryAgain(row, credential, away(), async () => resolve()))
    expect(waited).toEqual([1, 2, 700, 300_000])
  })

  test('is told when too many wait already, and when the process ends', async () => {
    const told: unknown[] = []
    const ask = async () => {
      throw new TypeError('nobody is asked')
    }
    const revocations = new Revocations({ ask, onFailed: (_row, error) => told.push(error) })
    const failure = away()
    for (let at = 0; at < 1_000; at += 1) revocations.tryAgain(row, credential, away())
    expect(told).toEqual([])
    revocations.tryAgain(row, credential, failure)
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
  const { revocations, told, tries } = open([])
  const failures = [new TokenError('misconfigured', { message: 'no', status: 401 }), new TypeError('ours')]
  for (const failure of failures) revocations.tryAgain(row, credential, failure)
  expect([told, tries()]).toEqual([failures, 0])
})
