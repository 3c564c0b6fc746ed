/** Two gateways on one database whose clocks are five minutes apart: they share tokens, and neither undoes the other's. */
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { envOf, type PassgateProcess, startPassgate } from '../../start/process.ts'
import { createTestPlace } from '../../support/database.ts'
import { createTokenVendor, type TokenVendor } from '../../support/token-vendor.ts'
import { read } from './vendor-house.ts'

const stack = new AsyncDisposableStack()
const gateways: PassgateProcess[] = []
let vendor: TokenVendor
let count = 0

beforeAll(async () => {
  vendor = stack.use(await createTokenVendor())
  const place = stack.use(await createTestPlace('postgres'))
  const more = { PASSGATE_EGRESS_ALLOW: vendor.host, PASSGATE_SANDBOX: 'off' }
  const command = [process.execPath, '--import', join(import.meta.dirname, 'shifted-clock.ts')]
  for (const shiftMs of [0, 300_000]) {
    const dataDir = join(place.dataDir, `of-${shiftMs}`)
    const env = envOf({ ...place, dataDir }, { ...more, CLOCK_SHIFT_MS: String(shiftMs) })
    const gateway = stack.use(startPassgate(env, command))
    await gateway.listening()
    gateways.push(gateway)
  }
  const [first] = gateways
  const define = 'mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { slug } } }'
  await first?.ask(define, { d: vendor.definition('vendor') })
  await first?.ask(
    'mutation { configureIntegration(input: {slug: "vendor", oauthClient: {clientId: "c", clientSecret: "s"}}) { integration { slug } } }',
  )
})
afterAll(() => stack.disposeAsync())
beforeEach(() => {
  vendor.requests.length = 0
  vendor.behaviour.expiresIn = 3600
})

async function connect(endsInMs: number): Promise<string> {
  const expiresAt = new Date(Date.now() + endsInMs).toISOString()
  const oauth2 = { accessToken: vendor.tokens.access, refreshToken: vendor.tokens.refresh, expiresAt }
  const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'
  count += 1
  const input = { integration: 'vendor', endUserId: `user-${count}`, credential: { oauth2 } }
  return (await gateways[0]?.ask(create, { i: input }))?.data.createConnection.connection.id
}

async function callAll(id: string, times: number): Promise<unknown[]> {
  const calls = gateways.flatMap(gateway => Array.from({ length: times }, () => gateway.ask(read, { id })))
  return (await Promise.all(calls)).map(({ data, errors }) => data?.passthrough?.status ?? errors)
}

test('their clocks differ', async () => {
  const id = await connect(240_000)
  const [behind, ahead] = gateways
  await behind?.ask(read, { id })
  expect(vendor.requests).toHaveLength(0)
  await ahead?.ask(read, { id })
  // For this one the token is over by a minute.
  expect(vendor.requests).toHaveLength(1)
})

test('a token that is over for both is renewed once', async () => {
  const id = await connect(-3_600_000)
  expect(await callAll(id, 20)).toEqual(Array(40).fill(200))
  expect(vendor.requests).toHaveLength(1)
})

test.each([120, 1800])('tokens of %i seconds are not renewed in turns', async expiresIn => {
  vendor.behaviour.expiresIn = expiresIn
  const id = await connect(-3_600_000)
  for (let round = 0; round < 15; round += 1) {
    expect(await callAll(id, 2)).toEqual(Array(4).fill(200))
  }
  // Once by either: for the one that is ahead the other's short token is over as soon as it is there.
  expect(vendor.requests.length).toBeLessThanOrEqual(2)
})
