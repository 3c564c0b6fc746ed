/** Vendors that say nonsense about the life of a token: no loop at the token endpoint, and no connection is lost by it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { inspect, openVendorHouse, read, type VendorHouse } from './vendor-house.ts'

let house: VendorHouse
beforeAll(async () => {
  house = await openVendorHouse()
})
afterAll(() => house[Symbol.asyncDispose]())
beforeEach(() => {
  const { vendor } = house
  vendor.requests.length = 0
  vendor.behaviour.refusesAll = false
  vendor.behaviour.failWith = undefined
})

/** The token endpoint gives the token that there is, with these words about its life. */
function always(life: object): void {
  const { vendor } = house
  const body = JSON.stringify({ access_token: vendor.tokens.access, token_type: 'Bearer', ...life })
  vendor.behaviour.failWith = { status: 200, body: body.replaceAll('"@', '').replaceAll('@"', '') }
}

const lives: readonly object[] = [
  { expires_in: 0 },
  { expires_in: -1 },
  { expires_in: 1 },
  { expires_in: 1e12 },
  { expires_in: 0.001 },
  { expires_in: 1e-9 },
  { expires_in: '0' },
  { expires_in: '-5' },
  { expires_in: '0.001' },
  { expires_in: '1e12' },
  { expires_in: '3600 seconds' },
  { expires_in: '' },
  { expires_in: null },
  { expires_in: true },
  { expires_in: [3600] },
  { expires_in: '@1e999@' },
  { expires_in: '@-1e999@' },
  { expires_in: '@9007199254740993@' },
  { expires_at: 0 },
  { expires_at: '2001-01-01T00:00:00Z' },
  { expires_at: '+275760-09-13T00:00:00Z' },
  { expires_in: 0, expires_at: 1 },
]

describe.each(lives.map(life => [JSON.stringify(life), life] as const))('%s', (_, life) => {
  test('is asked for once by one call, which works', async () => {
    const id = await house.connect()
    always(life)
    expect((await house.gateway.ask(read, { id })).passthrough.status).toBe(200)
    expect(house.vendor.requests).toHaveLength(1)
    const { connection } = await house.gateway.ask(inspect, { id })
    expect(connection.status).toBe('ACTIVE')
    const endsAt = connection.tokenExpiresAt === null ? 0 : Date.parse(connection.tokenExpiresAt)
    expect(endsAt).toBeLessThan(Date.now() + 100 * 366 * 86_400_000)
  })
})

describe.each([
  {},
  { expires_in: 0 },
  { expires_in: 0.001 },
  { expires_in: 1 },
  { expires_at: '2001-01-01T00:00:00Z' },
])('the same token for ever, with %o', life => {
  test.each([true, false])('makes no loop while calls go on (refused: %s)', async refusesAll => {
    const id = await house.connect()
    always(life)
    house.vendor.behaviour.refusesAll = refusesAll
    const sinceMs = performance.now()
    let calls = 0
    while (calls < 24 || performance.now() < sinceMs + 1_200) {
      const answers = await Promise.all([1, 2, 3, 4].map(() => house.gateway.ask(read, { id })))
      for (const { passthrough } of answers) expect(passthrough.status).toBe(refusesAll ? 401 : 200)
      calls += answers.length
      await sleep(5)
    }
    // One at the start and whenever half a second of use is over; one for the first 401, the next two seconds later.
    const tookMs = performance.now() - sinceMs
    expect(house.vendor.requests.length).toBeLessThanOrEqual(2 + Math.floor(tookMs / 500) + Math.floor(tookMs / 2_000))
    expect((await house.gateway.ask(inspect, { id })).connection.status).toBe('ACTIVE')
  })
})
