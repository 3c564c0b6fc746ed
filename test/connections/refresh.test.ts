/** Refresh: a token that ended is renewed once, whoever asks, and nothing that works is broken by it. */
import { describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createTokenVendor, type TokenVendor } from '../support/token-vendor.ts'

const read =
  'query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status attempts attemptLog { status reason } } }'
const post =
  'mutation($id: ID!) { passthrough(connectionId: $id, method: POST, path: "/x", body: {a: 1}) { status attempts body } }'
const inspect =
  'query($id: ID!) { connection(id: $id) { status statusReason statusChangedAt tokenExpiresAt connectUrl } }'
const refresh = 'mutation($id: ID!) { refreshConnection(input: { id: $id }) { connection { status tokenExpiresAt } } }'

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()
const anHourAgo = () => new Date(Date.now() - 3_600_000).toISOString()

async function open(more: object = {}) {
  const vendor = await createTokenVendor()
  const gateway = await createGateway({ allow: [vendor.host] })
  await gateway.createIntegration(vendor.definition('vendor', more))
  const oauthClient = { clientId: 'client-1', clientSecret: 'canary-client-secret' }
  await gateway.ask(
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { configured } } }',
    { input: { slug: 'vendor', oauthClient } },
  )
  return {
    vendor,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await vendor[Symbol.asyncDispose]()
    },
  }
}

function connect(gateway: TestGateway, { tokens }: TokenVendor, expiresAt: string | undefined, withRefresh = true) {
  const refreshToken = withRefresh ? { refreshToken: tokens.refresh } : {}
  const credential = { oauth2: { accessToken: tokens.access, ...refreshToken, expiresAt } }
  return gateway.createConnection({ integration: 'vendor', endUserId: 'ann', credential })
}

describe('a token that ended', () => {
  test('is renewed before the call, once for all who wait', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, anHourAgo())
    const answers = await Promise.all(Array.from({ length: 50 }, () => gateway.ask(read, { id })))
    for (const { passthrough } of answers) expect(passthrough).toMatchObject({ status: 200, attempts: 1 })
    expect(vendor.requests).toHaveLength(1)
    expect(vendor.requests[0]?.get('grant_type')).toBe('refresh_token')
    const { connection } = await gateway.ask(inspect, { id })
    expect(Date.parse(connection.tokenExpiresAt)).toBeGreaterThan(Date.now() + 3_000_000)
  })

  test('that the vendor refuses is renewed once, and the call is sent again with its body', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, inAnHour())
    vendor.expire()
    expect((await gateway.ask(post, { id })).passthrough).toEqual({
      status: 200,
      attempts: 2,
      body: { ok: true, account: 'acc-1', echoed: '{"a":1}' },
    })
    expect(vendor.calls.map(({ status }) => status)).toEqual([401, 200])
    expect(vendor.requests).toHaveLength(1)
    await gateway.app.flush()
    const { calls } = await gateway.ask('{ calls(first: 1) { nodes { attempts attemptLog { status reason } } } }')
    expect(calls.nodes[0]?.attemptLog[0]).toEqual({ status: 401, reason: 'status 401, sent again with a new token' })
  })

  test('is renewed on the raw route too', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, inAnHour())
    vendor.expire()
    const response = await fetch(new URL(`passthrough/${id}/me`, gateway.url), {
      headers: { authorization: `Bearer ${adminKey}` },
    })
    expect(response.status).toBe(200)
    expect(vendor.requests).toHaveLength(1)
  })

  test('keeps its refresh token when the vendor gives no other', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    vendor.behaviour.keepsRefreshToken = true
    const id = await connect(gateway, vendor, anHourAgo())
    expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
    expect((await gateway.ask(refresh, { id })).refreshConnection.connection.status).toBe('ACTIVE')
    expect(new Set(vendor.requests.map(form => form.get('refresh_token'))).size).toBe(1)
  })

  test('without a refresh token is the vendor’s to judge; its 401 ends the connection', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, anHourAgo(), false)
    expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
    vendor.expire()
    const { errors } = await gateway.run(read, { id })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CONNECTION_NEEDS_REAUTH', connectUrl: expect.any(String) })
  })

  test('whose end is unknown, without a refresh token: the 401 is the answer', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, undefined, false)
    vendor.expire()
    expect((await gateway.ask(read, { id })).passthrough).toMatchObject({ status: 401, attempts: 1 })
    expect((await gateway.ask(inspect, { id })).connection.status).toBe('ACTIVE')
  })
})

describe('a vendor that refuses every token', () => {
  test('is not asked for a new one each time', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, inAnHour())
    vendor.behaviour.refusesAll = true
    for (let round = 0; round < 5; round += 1) {
      expect((await gateway.ask(read, { id })).passthrough.status).toBe(401)
    }
    expect(vendor.requests).toHaveLength(1)
  })
})

describe('a refusal of the refresh', () => {
  test('ends the connection with reason, time and a way out; nothing more is sent', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, anHourAgo())
    vendor.tokens.refresh = 'another'
    const { errors } = await gateway.run(read, { id })
    const connectUrl = expect.stringMatching(/\/connect\/r-/)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CONNECTION_NEEDS_REAUTH', connectUrl })
    const { connection } = await gateway.ask(inspect, { id })
    expect(connection).toMatchObject({ status: 'NEEDS_REAUTH', connectUrl })
    expect(connection.statusReason).toBe('The token endpoint answered 400: invalid_grant: no such token')
    expect(Date.parse(connection.statusChangedAt)).toBeGreaterThan(Date.now() - 60_000)
    const again = await gateway.run(read, { id })
    expect(again.errors?.[0]?.extensions.code).toBe('CONNECTION_NEEDS_REAUTH')
    expect(vendor.requests).toHaveLength(1)
    expect(vendor.calls).toHaveLength(0)
  })
})

describe('a vendor that is away', () => {
  test('never ends a connection: calls wait for it, and none fails', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, anHourAgo())
    vendor.behaviour.failWith = { status: 500, body: 'oops' }
    setTimeout(() => {
      vendor.behaviour.failWith = undefined
    }, 1_500)
    const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.ask(read, { id })))
    for (const { passthrough } of answers) expect(passthrough.status).toBe(200)
    expect(vendor.requests.length).toBeLessThan(8)
    expect((await gateway.ask(inspect, { id })).connection).toMatchObject({ status: 'ACTIVE', statusReason: null })
  })

  test('is REFRESH_FAILED with a time to come back when the call cannot wait', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, anHourAgo())
    vendor.behaviour.failWith = { status: 503, body: '{}', headers: { 'retry-after': '120' } }
    const { errors } = await gateway.run(read, { id })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'REFRESH_FAILED' })
    expect(Number(errors?.[0]?.extensions.retryAfterMs)).toBeGreaterThan(100_000)
    expect((await gateway.ask(inspect, { id })).connection.status).toBe('ACTIVE')
    // Nobody asks again before that time.
    await gateway.run(read, { id })
    expect(vendor.requests).toHaveLength(1)
  })

  test('costs nothing while the token still works', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    vendor.behaviour.expiresIn = 2
    const id = await connect(gateway, vendor, anHourAgo())
    expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
    vendor.behaviour.failWith = { status: 500, body: '' }
    // Within the margin before its end.
    await new Promise(resolve => setTimeout(resolve, 1_700))
    expect((await gateway.ask(read, { id })).passthrough.status).toBe(200)
  })

  test.each([
    ['an HTML page', { status: 200, body: '<html>maintenance</html>' }],
    ['a 400 without a reason', { status: 400, body: '' }],
    ['a 429', { status: 429, body: '{"error":"invalid_grant"}' }],
  ])('and says so with %s: the connection lives', async (_, failWith) => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, anHourAgo())
    vendor.behaviour.failWith = failWith
    const { errors } = await gateway.run(refresh, { id })
    expect(errors?.[0]?.extensions.code).toBe('REFRESH_FAILED')
    expect((await gateway.ask(inspect, { id })).connection.status).toBe('ACTIVE')
  })
})

describe('settings that the vendor refuses', () => {
  test('are REFRESH_FAILED at once, and the connection lives', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, anHourAgo())
    vendor.behaviour.failWith = { status: 401, body: '{"error":"invalid_client"}' }
    const { errors } = await gateway.run(read, { id })
    expect(errors?.[0]?.extensions.code).toBe('REFRESH_FAILED')
    expect((await gateway.ask(inspect, { id })).connection.status).toBe('ACTIVE')
    expect(vendor.requests.length).toBe(2)
  })
})

describe('refreshConnection', () => {
  test('gives a new token now, also right after a failure', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, inAnHour())
    vendor.behaviour.failWith = { status: 500, body: '' }
    expect((await gateway.run(refresh, { id })).errors?.[0]?.extensions.code).toBe('REFRESH_FAILED')
    vendor.behaviour.failWith = undefined
    const { refreshConnection } = await gateway.ask(refresh, { id })
    expect(refreshConnection.connection.status).toBe('ACTIVE')
    expect((await gateway.ask(read, { id })).passthrough).toMatchObject({ status: 200, attempts: 1 })
  })

  test('refuses a credential that leads to no new token', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const id = await connect(gateway, vendor, inAnHour(), false)
    const { errors } = await gateway.run(refresh, { id })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'id' }] })
    expect(vendor.requests).toHaveLength(0)
  })
})

test('no token and no client secret is in a log line or an answer', async () => {
  await using house = await open()
  const { vendor, gateway } = house
  const id = await connect(gateway, vendor, anHourAgo())
  const first = vendor.tokens.refresh
  await gateway.ask(read, { id })
  vendor.behaviour.failWith = {
    status: 400,
    body: JSON.stringify({ error: 'invalid_grant', error_description: vendor.tokens.refresh }),
  }
  const { text } = await gateway.run(refresh, { id })
  const { text: shown } = await gateway.run(inspect, { id })
  for (const secret of [first, vendor.tokens.refresh, vendor.tokens.access, 'canary-client-secret']) {
    expect(gateway.log()).not.toContain(secret)
    expect(text + shown).not.toContain(secret)
  }
})
