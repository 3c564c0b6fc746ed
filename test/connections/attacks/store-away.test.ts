/** A database that goes away while the vendor gives a new token: the token is saved once it is back, and used. */
import postgres from 'postgres'
import { expect, inject, test } from 'vitest'
import { inspect, openVendorHouse, read, readRows } from './vendor-house.ts'

test('a token that was given while the store was away is saved when it is back, and the vendor asked once', async () => {
  await using house = await openVendorHouse()
  const { vendor, gateway } = house
  const id = await house.connect()
  const [{ name = '' } = {}] = await readRows(gateway, 'select current_database() as name')
  const admin = postgres(inject('postgresUrl'), { max: 1, onnotice: () => {} })
  try {
    vendor.behaviour.delayMs = 500
    const waiting = gateway.run(read, { id })
    await expect.poll(() => vendor.requests.length).toBe(1)
    await admin.unsafe(`alter database ${name} with allow_connections false`)
    await admin.unsafe(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`)
    const given = vendor.tokens.refresh
    // The vendor has answered, and the gateway has nowhere to put it.
    await expect.poll(() => vendor.tokens.refresh).not.toBe(given)
    await new Promise(resolve => setTimeout(resolve, 1_500))
    await admin.unsafe(`alter database ${name} with allow_connections true`)
    await waiting
  } finally {
    await admin.end()
  }
  vendor.behaviour.delayMs = 0
  await expect.poll(async () => (await gateway.run(read, { id })).data?.passthrough?.status).toBe(200)
  expect(vendor.requests).toHaveLength(1)
  const { connection } = await gateway.ask(inspect, { id })
  expect(connection.status).toBe('ACTIVE')
  expect(Date.parse(connection.tokenExpiresAt)).toBeGreaterThan(Date.now())
  expect(gateway.log()).not.toContain(vendor.tokens.refresh)
})
