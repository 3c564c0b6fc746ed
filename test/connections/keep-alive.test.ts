/** Tokens that would die of disuse are renewed, each on its own: what is wrong with one connection costs no other its token. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { toUuid } from '../../src/store/ids.ts'
import { openVendorHouse, type VendorHouse } from './attacks/vendor-house.ts'

let house: VendorHouse
beforeEach(async () => {
  house = await openVendorHouse()
})
afterEach(() => house[Symbol.asyncDispose]())

test.each([
  ['lost its scheme', "set scheme = 'basic'"],
  ['lost its integration', "set integration = 'gone'"],
])('a connection that %s holds up nobody', async (_what, change) => {
  const { db } = house.gateway.database
  const broken = await house.connect()
  await house.connect()
  await db.execute(`update connections ${change} where id = '${toUuid('conn', broken)}'`)
  // First in the batch.
  await db.execute("update token_refreshes set due_at = now() - interval '1 hour'")
  await db.execute(
    `update token_refreshes set due_at = now() - interval '2 hours' where connection_id = '${toUuid('conn', broken)}'`,
  )
  const before = house.vendor.requests.length
  expect(await house.gateway.app.services.connections.keepAlive(10)).toBe(2)
  expect(house.vendor.requests).toHaveLength(before + 1)
})
