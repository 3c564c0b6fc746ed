/** The hosted connect page, step by step: an account becomes a connection, and nothing else does. */
import { describe, expect, test } from 'vitest'
import { createGateway } from '../support/gateway.ts'
import { createTokenVendor } from '../support/token-vendor.ts'
import { createVisitor } from '../support/visitor.ts'

const returnUrl = 'https://app.example/settings?tab=accounts'

async function open(more: object = {}) {
  const vendor = await createTokenVendor()
  const gateway = await createGateway({ allow: [vendor.host] })
  const verify = { path: '/me', account: { id: '$.account' } }
  await gateway.createIntegration(vendor.definition('vendor', { verify, ...more }))
  await gateway.ask(
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { slug } } }',
    { input: { slug: 'vendor', oauthClient: { clientId: 'client-1', clientSecret: 's' } } },
  )
  async function createSession(input: object = {}) {
    const query =
      'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url expiresAt id } }'
    const given = { endUserId: 'ann', integrations: ['vendor'], returnUrl, state: 'st-1', ...input }
    return (await gateway.ask(query, { input: given })).createConnectSession
  }
  async function connections() {
    const query =
      '{ connections(first: 9) { nodes { id endUserId status metadata config account { id } verifiedAt } } }'
    return (await gateway.ask(query)).connections.nodes
  }
  return {
    vendor,
    gateway,
    createSession,
    connections,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await vendor[Symbol.asyncDispose]()
    },
  }
}

const consent = { integration: 'vendor', scheme: 'oauth2' }

describe('with the vendor’s consent', () => {
  test('an account becomes a connection of the end user, and the browser goes back with its id and the state', async () => {
    await using house = await open()
    const { url } = await house.createSession({ metadata: { plan: 'pro' } })
    const visitor = createVisitor()
    const left = await visitor.submit(await visitor.visit(url), consent)
    expect(left.status).toBe(303)
    expect(left.location).toMatch(`${house.vendor.url}/authorize?`)
    const back = await visitor.follow(left, 'https://app.example/')
    const [connection] = await house.connections()
    expect(connection).toMatchObject({
      endUserId: 'ann',
      status: 'ACTIVE',
      metadata: { plan: 'pro' },
      account: { id: 'acc-1' },
    })
    expect(connection.verifiedAt).not.toBeNull()
    expect(back.location).toBe(`${returnUrl}&state=st-1&connection_id=${connection.id}`)
    const [asked] = house.vendor.authorizations
    expect(Object.fromEntries(asked ?? [])).toMatchObject({
      response_type: 'code',
      client_id: 'client-1',
      code_challenge_method: 'S256',
      redirect_uri: new URL('oauth/callback', house.gateway.url).href,
    })
    const answer = await house.gateway.ask(
      'query($id: ID!) { passthrough(connectionId: $id, path: "/x") { status } }',
      {
        id: connection.id,
      },
    )
    expect(answer.passthrough.status).toBe(200)
  })

  test('a link works once', async () => {
    await using house = await open()
    const { url } = await house.createSession()
    const visitor = createVisitor()
    const page = await visitor.visit(url)
    await visitor.follow(await visitor.submit(page, consent), 'https://app.example/')
    expect((await visitor.visit(url)).status).toBe(410)
    expect((await visitor.submit(page, consent)).status).toBe(410)
    expect(await house.connections()).toHaveLength(1)
  })

  test('two flights of one link end in one connection', async () => {
    await using house = await open()
    const { url } = await house.createSession()
    const visitor = createVisitor()
    const page = await visitor.visit(url)
    const flights = [await visitor.submit(page, consent), await visitor.submit(page, consent)]
    await Promise.all(flights.map(flight => visitor.follow(flight, 'https://app.example/')))
    expect(await house.connections()).toHaveLength(1)
  })

  test('what the vendor tells becomes config, inside the pins only', async () => {
    const more = {
      baseUrl: 'https://{shop}.shops.example',
      hosts: ['*.shops.example'],
      config: { shop: { title: 'Shop', pattern: '[a-z]+', example: 'big' } },
      verify: undefined,
    }
    const captures = { shop: { redirect: 'shop' } }
    await using house = await open()
    const { vendor, gateway } = house
    const auth = [
      { scheme: 'oauth2', authorizationUrl: `${vendor.url}/authorize`, tokenUrl: `${vendor.url}/token`, captures },
    ]
    const { verify: _, ...definition } = { ...vendor.definition('shop', more), auth } as Record<string, unknown>
    await gateway.createIntegration(definition)
    await gateway.ask(
      'mutation { configureIntegration(input: {slug: "shop", oauthClient: {clientId: "c", clientSecret: "s"}}) { integration { slug } } }',
    )
    const run = async (shop: string) => {
      vendor.behaviour.brings = { redirect: { shop } }
      const { url } = await house.createSession({ integrations: ['shop'] })
      const visitor = createVisitor()
      const page = await visitor.visit(url)
      expect(page.html).not.toContain('config.shop')
      return await visitor.follow(
        await visitor.submit(page, { ...consent, integration: 'shop' }),
        'https://app.example/',
      )
    }
    expect((await run('evil.example/#')).status).toBe(400)
    expect(await house.connections()).toEqual([])
    await run('mine')
    expect((await house.connections())[0].config).toEqual({ shop: 'mine' })
  })
})

describe('without consent, or with somebody else’s', () => {
  test('a denial is told, and the link still works', async () => {
    await using house = await open()
    const { url } = await house.createSession()
    const visitor = createVisitor()
    const page = await visitor.visit(url)
    house.vendor.behaviour.deniesConsent = true
    const denied = await visitor.follow(await visitor.submit(page, consent))
    expect(denied.status).toBeGreaterThanOrEqual(400)
    expect(denied.html).toContain(new URL(url).pathname.split('/').at(-1))
    expect(await house.connections()).toEqual([])
    house.vendor.behaviour.deniesConsent = false
    await visitor.follow(await visitor.submit(page, consent), 'https://app.example/')
    expect(await house.connections()).toHaveLength(1)
  })

  test('a state works once, in the browser that left, and as it was given', async () => {
    await using house = await open()
    const { url } = await house.createSession()
    const visitor = createVisitor()
    const page = await visitor.visit(url)
    const leave = async () => {
      const consented = await visitor.visit((await visitor.submit(page, consent)).location ?? '')
      return new URL(consented.location ?? '')
    }
    const tampered = await leave()
    tampered.searchParams.set('state', `${tampered.searchParams.get('state')}x`)
    expect((await visitor.visit(tampered.href)).status).toBe(400)
    const twice = await leave()
    twice.searchParams.append('state', 'another')
    expect((await visitor.visit(twice.href)).status).toBe(400)
    const stolen = await leave()
    expect((await createVisitor().visit(stolen.href)).status).toBe(400)
    expect((await visitor.visit(stolen.href)).status).toBe(400)
    expect(house.vendor.requests).toHaveLength(0)
    expect(await house.connections()).toEqual([])
    const good = await leave()
    expect((await visitor.visit(good.href)).status).toBe(303)
    expect((await visitor.visit(good.href)).status).toBe(400)
    expect(await house.connections()).toHaveLength(1)
  })

  test('another issuer than the entry’s is refused (RFC 9207)', async () => {
    const issuer = 'https://id.example'
    await using house = await open()
    const { vendor, gateway } = house
    const definition = vendor.definition('issued')
    const [entry] = (definition as { auth: object[] }).auth
    await gateway.createIntegration({ ...definition, auth: [{ ...entry, issuer }] })
    await gateway.ask(
      'mutation { configureIntegration(input: {slug: "issued", oauthClient: {clientId: "c", clientSecret: "s"}}) { integration { slug } } }',
    )
    const run = async (iss: string) => {
      vendor.behaviour.brings = { redirect: { iss } }
      const { url } = await house.createSession({ integrations: ['issued'] })
      const visitor = createVisitor()
      const left = await visitor.submit(await visitor.visit(url), { ...consent, integration: 'issued' })
      return (await visitor.follow(left, 'https://app.example/')).status
    }
    expect(await run('https://evil.example')).toBe(400)
    expect(vendor.requests).toHaveLength(0)
    expect(await run(issuer)).toBe(303)
  })
})

describe('a repair', () => {
  async function connectFirst(house: Awaited<ReturnType<typeof open>>): Promise<string> {
    const { url } = await house.createSession()
    const visitor = createVisitor()
    await visitor.follow(await visitor.submit(await visitor.visit(url), consent), 'https://app.example/')
    return (await house.connections())[0].id
  }

  test('keeps the id, and refuses another account unless that is allowed', async () => {
    await using house = await open()
    const connectionId = await connectFirst(house)
    house.vendor.behaviour.account = 'acc-2'
    const repair = async (input: object) => {
      const { url } = await house.createSession({ connectionId, ...input })
      const visitor = createVisitor()
      return await visitor.follow(await visitor.submit(await visitor.visit(url), consent), 'https://app.example/')
    }
    expect((await repair({})).status).toBeGreaterThanOrEqual(400)
    expect(await house.connections()).toMatchObject([{ id: connectionId, account: { id: 'acc-1' } }])
    expect((await repair({ allowOtherAccount: true })).status).toBe(303)
    expect(await house.connections()).toMatchObject([{ id: connectionId, account: { id: 'acc-2' } }])
  })

  test('begins at the connectUrl of the error, and ends with a connection that works', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const connectionId = await connectFirst(house)
    vendor.expire()
    vendor.tokens.refresh = 'gone'
    const call = 'query($id: ID!) { passthrough(connectionId: $id, path: "/x") { status } }'
    const { errors } = await gateway.run(call, { id: connectionId })
    expect(errors?.[0]?.extensions.code).toBe('CONNECTION_NEEDS_REAUTH')
    const visitor = createVisitor()
    const page = await visitor.visit(String(errors?.[0]?.extensions.connectUrl))
    expect(page.status).toBe(200)
    const done = await visitor.follow(await visitor.submit(page, consent))
    expect(done.status).toBe(200)
    expect(await house.connections()).toMatchObject([{ id: connectionId, status: 'ACTIVE' }])
    expect((await gateway.ask(call, { id: connectionId })).passthrough.status).toBe(200)
    expect((await visitor.visit(page.url)).status).toBe(410)
  })

  test('is for the end user’s own connection in the workspace', async () => {
    await using house = await open()
    const connectionId = await connectFirst(house)
    const query = 'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url } }'
    const own = await house.gateway.run(query, { input: { endUserId: 'bob', connectionId } })
    expect(own.errors?.[0]?.extensions.code).toBe('INVALID_INPUT')
    const foreign = await house.gateway.createWorkspace()
    const other = await house.gateway.run(query, { input: { endUserId: 'ann', connectionId } }, foreign)
    expect(other.errors?.[0]?.extensions.code).toBe('CONNECTION_NOT_FOUND')
  })
})

describe('a form for a key', () => {
  test('tells what is wrong beside the field, verifies, and never shows the key again', async () => {
    await using house = await open()
    const { vendor, gateway } = house
    const definition = {
      ...vendor.definition('keyed'),
      verify: { path: '/me', account: { id: '$.account' } },
      auth: [{ scheme: 'apiKey', inject: { headers: { 'x-token': '{apiKey}' } } }],
    }
    await gateway.createIntegration(definition)
    const { url } = await house.createSession({ integrations: ['keyed'] })
    const visitor = createVisitor()
    const page = await visitor.visit(url)
    const key = { integration: 'keyed', scheme: 'apiKey' }
    const empty = await visitor.submit(page, { ...key, 'credential.key': '' })
    expect(empty.status).toBe(422)
    const wrong = await visitor.submit(page, { ...key, 'credential.key': 'canary-wrong-key' })
    expect(wrong.status).toBe(422)
    expect(wrong.html).toContain('refuses the credential (status 401)')
    expect(wrong.html).not.toContain('canary-wrong-key')
    const right = await visitor.submit(page, { ...key, 'credential.key': vendor.tokens.access })
    expect(right.status).toBe(303)
    expect(await house.connections()).toMatchObject([{ account: { id: 'acc-1' }, status: 'ACTIVE' }])
    expect(gateway.log()).not.toContain(vendor.tokens.access)
  })
})

test('an account in whose facts the vendor repeats the key is not kept with them', async () => {
  await using house = await open()
  const { vendor, gateway } = house
  vendor.behaviour.account = `account of ${vendor.tokens.access}`
  await gateway.createIntegration({
    ...vendor.definition('keyed'),
    verify: { path: '/me', account: { id: '$.account' } },
    auth: [{ scheme: 'apiKey', inject: { headers: { 'x-token': '{apiKey}' } } }],
  })
  const credential = { apiKey: { key: vendor.tokens.access } }
  const id = await gateway.createConnection({ integration: 'keyed', endUserId: 'ann', credential })
  const verify = 'mutation($id: ID!) { verifyConnection(input: {id: $id}) { outcome connection { account { id } } } }'
  const { verifyConnection } = await gateway.ask(verify, { id })
  expect(verifyConnection).toEqual({ outcome: 'OK', connection: { account: { id: null } } })
})

describe('createConnectSession', () => {
  test.each([
    [{ expiresInSeconds: 1801 }, 'expiresInSeconds'],
    [{ expiresInSeconds: 0 }, 'expiresInSeconds'],
    [{ returnUrl: 'javascript:alert(1)' }, 'returnUrl'],
    [{ returnUrl: '/relative' }, 'returnUrl'],
    [{ returnUrl: 'https://me:pw@app.example/' }, 'returnUrl'],
    [{ endUserId: '' }, 'endUserId'],
    [{ integrations: [] }, 'integrations'],
  ])('refuses %o', async (input, field) => {
    await using house = await open()
    const query = 'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url } }'
    const { errors } = await house.gateway.run(query, { input: { endUserId: 'ann', ...input } })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field }] })
  })

  test('names an integration that is not there', async () => {
    await using house = await open()
    const query = 'mutation { createConnectSession(input: {endUserId: "a", integrations: ["nope"]}) { url } }'
    expect((await house.gateway.run(query)).errors?.[0]?.extensions.code).toBe('INTEGRATION_NOT_FOUND')
  })

  test('makes a link that ends', async () => {
    await using house = await open()
    const { url, expiresAt } = await house.createSession({ expiresInSeconds: 1 })
    expect(Date.parse(expiresAt)).toBeLessThan(Date.now() + 1500)
    await new Promise(resolve => setTimeout(resolve, 1100))
    expect((await createVisitor().visit(url)).status).toBe(410)
    expect((await createVisitor().visit(`${url}x`)).status).toBe(404)
  })
})
