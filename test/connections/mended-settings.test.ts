/** A refresh that the workspace's settings forbid is told at once, and tried at once when they are mended. */
import { expect, test } from 'vitest'
import { connections } from '../../src/store/tables.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createTokenVendor, type TokenVendor } from '../support/token-vendor.ts'

const read = 'query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status } }'
const refresh = 'mutation($id: ID!) { refreshConnection(input: { id: $id }) { connection { status } } }'
const configure =
  'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { configured } } }'
const good = { clientId: 'client-1', clientSecret: 'canary-client-secret' }
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()
const anHourAgo = () => new Date(Date.now() - 3_600_000).toISOString()

async function open(definition: (vendor: TokenVendor) => object = () => ({})) {
  await using parts = new AsyncDisposableStack()
  const vendor = parts.use(await createTokenVendor())
  const gateway = parts.use(await createGateway({ allow: [vendor.host] }))
  await gateway.createIntegration(vendor.definition('vendor', definition(vendor)))
  const owned = parts.move()
  return { vendor, gateway, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function connect(gateway: TestGateway, { tokens }: TokenVendor, expiresAt: string, config?: object) {
  const credential = { oauth2: { accessToken: tokens.access, refreshToken: tokens.refresh, expiresAt } }
  return gateway.createConnection({ integration: 'vendor', endUserId: 'ann', credential, config })
}

function set(gateway: TestGateway, settings: object) {
  return gateway.ask(configure, { input: { slug: 'vendor', ...settings } })
}

const refuseClient = { status: 401, body: '{"error":"invalid_client"}' }

test.each([
  ['whose end is past', anHourAgo],
  ['that the vendor refuses', inAnHour],
])(
  'without an OAuth client every call with a token %s says so, and the first one after it is there succeeds',
  async (_, expiresAt) => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, expiresAt())
    vendor.expire()
    for (let round = 0; round < 3; round += 1) {
      const { errors } = await gateway.run(read, { id })
      expect(errors?.[0]?.extensions.code).toBe('INTEGRATION_NOT_CONFIGURED')
      expect(errors?.[0]?.message).toBe(
        'The workspace has no OAuth client for this integration; set oauthClient with configureIntegration.',
      )
    }
    expect(vendor.requests).toEqual([])
    await set(gateway, { oauthClient: good })
    expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
  },
)

test('without an OAuth client a token that is due, and still works, is used to its end', async () => {
  await using house = await open()
  const { vendor, gateway } = house
  const id = await connect(gateway, vendor, inAnHour())
  await gateway.database.db.update(connections).set({ tokenRenewAt: new Date(0) })
  for (let round = 0; round < 2; round += 1) {
    expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
  }
})

test('a client that the vendor refuses is REFRESH_FAILED at once for all who come, with the time of the pause; another is tried at once', async () => {
  await using house = await open()
  const { vendor, gateway } = house
  await set(gateway, { oauthClient: { clientId: 'client-1', clientSecret: 'canary-wrong' } })
  const id = await connect(gateway, vendor, anHourAgo())
  vendor.behaviour.failWith = refuseClient
  await gateway.run(read, { id })
  const asked = vendor.requests.length
  for (let round = 0; round < 3; round += 1) {
    const { errors } = await gateway.run(
      'query($id: ID!) { passthrough(connectionId: $id, path: "/me", options: { timeoutMs: 60000 }) { status } }',
      { id },
    )
    expect(errors?.[0]?.extensions.code).toBe('REFRESH_FAILED')
    expect(errors?.[0]?.message).toContain("The service refuses the workspace's OAuth client, not the end user")
    const retryAfterMs = Number(errors?.[0]?.extensions.retryAfterMs)
    expect(retryAfterMs).toBeGreaterThan(0)
    expect(retryAfterMs).toBeLessThanOrEqual(15_000)
  }
  expect(vendor.requests).toHaveLength(asked)
  vendor.behaviour.failWith = undefined
  await set(gateway, { oauthClient: good })
  expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
})

test('a token endpoint that is mended is asked at once', async () => {
  await using house = await open()
  const { vendor, gateway } = house
  await set(gateway, { oauthClient: good, tokenUrl: `${vendor.url}/token/wrong` })
  const id = await connect(gateway, vendor, anHourAgo())
  vendor.behaviour.failWith = { status: 400, body: '{"error":"unsupported_grant_type"}' }
  expect((await gateway.run(read, { id })).errors?.[0]?.extensions.code).toBe('REFRESH_FAILED')
  vendor.behaviour.failWith = undefined
  await set(gateway, { tokenUrl: `${vendor.url}/token` })
  expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
})

test('a config value that is mended is tried at once', async () => {
  await using house = await open(({ url }) => ({
    config: { tenant: { title: 'Tenant', example: 'acme' } },
    auth: [{ scheme: 'oauth2', authorizationUrl: `${url}/authorize`, tokenUrl: `${url}/token/{tenant}` }],
  }))
  const { vendor, gateway } = house
  await set(gateway, { oauthClient: good })
  const id = await connect(gateway, vendor, anHourAgo(), { tenant: 'other' })
  vendor.behaviour.failWith = { status: 400, body: '{"error":"invalid_request"}' }
  expect((await gateway.run(read, { id })).errors?.[0]?.extensions.code).toBe('REFRESH_FAILED')
  vendor.behaviour.failWith = undefined
  await gateway.ask(
    'mutation($input: UpdateConnectionInput!) { updateConnection(input: $input) { connection { id } } }',
    { input: { id, config: { tenant: 'acme' } } },
  )
  expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
})

test('what the vendor refuses for now is still waited for, whatever was changed meanwhile', async () => {
  await using house = await open()
  const { vendor, gateway } = house
  await set(gateway, { oauthClient: good })
  const id = await connect(gateway, vendor, anHourAgo())
  vendor.behaviour.failWith = { status: 503, body: '{}', headers: { 'retry-after': '120' } }
  await gateway.run(read, { id })
  await set(gateway, { scopes: ['more'] })
  expect((await gateway.run(refresh, { id })).errors?.[0]?.extensions.code).toBe('REFRESH_FAILED')
  const asked = vendor.requests.length
  expect((await gateway.run(read, { id })).errors?.[0]?.extensions.code).toBe('REFRESH_FAILED')
  expect(vendor.requests).toHaveLength(asked)
})
