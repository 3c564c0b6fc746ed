/** The OAuth flows of the emulated vendors through their built-in entries, from the hosted page to the deletion. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey } from '../support/gateway.ts'
import { findLeaks } from '../support/recorder.ts'
import type { Recorded } from '../support/upstream.ts'
import { createVisitor } from '../support/visitor.ts'
import { type OAuthRoad, openOAuthRoad } from './emulate-oauth-road.ts'
import { client, type OAuthVendor, people, vendors } from './emulate-oauth-vendors.ts'

const stack = new AsyncDisposableStack()
let road: OAuthRoad

beforeAll(async () => {
  road = stack.use(await openOAuthRoad())
})

afterAll(() => stack.disposeAsync())

const shown = 'id status authScheme endUserId account { id name email url } verifiedAt tokenExpiresAt'

async function inspect(id: string) {
  return (await road.gateway.ask(`query($id: ID!) { connection(id: $id) { ${shown} } }`, { id })).connection
}

async function askWho(vendor: OAuthVendor, connectionId: string) {
  const { passthrough } = await road.gateway.ask(
    `mutation($connectionId: ID!, $method: HttpMethod!, $path: String!, $body: JSON) {
      passthrough(connectionId: $connectionId, method: $method, path: $path, body: $body) { status body }
    }`,
    { connectionId, ...vendor.whoAmI },
  )
  return passthrough
}

function refresh(id: string) {
  const query = `mutation($id: ID!) { refreshConnection(input: {id: $id}) { connection { ${shown} } } }`
  return road.gateway.run(query, { id })
}

/** A connection with tokens that came another way. */
function bring(vendor: OAuthVendor, oauth2: object): Promise<string> {
  const credential = { oauth2 }
  return road.gateway.createConnection({ integration: vendor.slug, endUserId: 'ada', credential, verify: false })
}

/** Everything that reaches the vendor from here on. */
function watch(vendor: OAuthVendor) {
  const { seen } = road.vendorOf(vendor)
  const from = seen.length
  const since = () => seen.slice(from)
  return {
    since,
    authorization: () => since().find(({ url }) => url.startsWith(`${vendor.authorizePath}?`)),
    tokenRequests: () => since().filter(({ url }) => url === vendor.tokenPath),
  }
}

const formOf = ({ text }: Recorded): Record<string, string> => Object.fromEntries(new URLSearchParams(text))
const bearers = (seen: readonly Recorded[]) =>
  new Set(seen.flatMap(({ headers }) => /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? []))
const named = (list: readonly OAuthVendor[]) => list.map(vendor => [vendor.slug, vendor] as const)
const by = (...refreshes: OAuthVendor['refresh'][]) =>
  named(vendors.filter(({ refresh }) => refreshes.includes(refresh)))

describe.each(named(vendors))('%s', (_, vendor) => {
  test('makes a connection of each end user who consents, and each answers as its own user', async () => {
    const watched = watch(vendor)
    const [ada = '', grace = ''] = await Promise.all(people.map(person => road.connect(vendor, person)))
    for (const [person, id] of [['ada', ada] as const, ['grace', grace] as const]) {
      const connection = await inspect(id)
      expect(connection).toMatchObject({ id, status: 'ACTIVE', authScheme: 'OAUTH2', endUserId: person })
      expect(connection.account).toEqual(vendor.account(person))
      expect(connection.verifiedAt === null).toBe(vendor.account(person) === null)
      expect(connection.tokenExpiresAt === null).toBe(vendor.refresh === 'none')
      expect(await askWho(vendor, id)).toMatchObject({ status: 200, body: vendor.says(person) })
    }
    expect(bearers(watched.since()).size).toBe(2)
    expect(findLeaks(watched.since(), [adminKey])).toEqual([])
  })

  test('answers otherwise to a token that it did not give', async () => {
    const { body } = await askWho(vendor, await bring(vendor, { accessToken: 'nobody-knows-it' }))
    for (const person of people) expect(body).not.toMatchObject(vendor.says(person))
  })

  test('is asked for consent and for the token as its entry says', async () => {
    const watched = watch(vendor)
    await road.connect(vendor, 'ada')
    const asked = new URL(watched.authorization()?.url ?? '', 'http://vendor.example').searchParams
    const [request, ...more] = watched.tokenRequests()
    if (request === undefined) throw new Error('no token was asked for')
    const { redirectUri } = road
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code',
      client_id: client.clientId,
      redirect_uri: redirectUri,
      scope: vendor.asksScope,
      ...vendor.asks,
    })
    const form = formOf(request)
    expect(form).toMatchObject({ grant_type: 'authorization_code', redirect_uri: redirectUri })
    expect(more).toEqual([])
    const challenge = createHash('sha256')
      .update(form.code_verifier ?? '')
      .digest('base64url')
    expect(asked.get('code_challenge')).toBe(vendor.isPkce ? challenge : null)
    expect('code_verifier' in form).toBe(vendor.isPkce)
    expect(form.client_secret).toBe(vendor.clientIn === 'body' ? client.clientSecret : undefined)
    const basic = `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64')}`
    expect(request.headers.authorization).toBe(vendor.clientIn === 'header' ? basic : undefined)
  })

  test('makes no connection of a code that it did not give', async () => {
    const { visitor, callback } = await road.consent(vendor, 'ada')
    const before = await countConnections(vendor)
    callback.searchParams.set('code', 'canary-code')
    const page = await visitor.visit(callback.href)
    expect(page.status).toBe(400)
    expect(page.location).toBeUndefined()
    expect(page.html + road.gateway.log()).not.toContain('canary-code')
    expect(await countConnections(vendor)).toBe(before)
  })

  test('keeps to itself what was exchanged', async () => {
    const watched = watch(vendor)
    const { visitor, callback } = await road.consent(vendor, 'ada')
    const { html, location = '' } = await visitor.visit(callback.href)
    await refresh(new URL(location).searchParams.get('connection_id') ?? '')
    const forms = watched.tokenRequests().map(formOf)
    const told = forms.flatMap(form => [form.code, form.code_verifier, form.refresh_token, form.client_secret])
    const secrets = [client.clientSecret, ...bearers(watched.since()), ...told.filter(text => text !== undefined)]
    expect(secrets).toContain(callback.searchParams.get('code'))
    const left = html + location + road.gateway.log()
    expect(secrets.filter(secret => left.includes(secret))).toEqual([])
  })

  test('is called no more through a deleted connection, and each step is told', async () => {
    const id = await road.connect(vendor, 'ada')
    const watched = watch(vendor)
    const erase = 'mutation($id: ID!) { deleteConnection(input: {id: $id}) { steps { step outcome message } } }'
    // The vendor's real address must not see these tokens, and configureIntegration takes no other one.
    const noWay = 'The integration names no way to revoke a token.'
    expect((await road.gateway.ask(erase, { id })).deleteConnection.steps).toEqual([
      { step: 'STOP', outcome: 'DONE', message: null },
      { step: 'REVOKE', outcome: 'SKIPPED', message: noWay },
      { step: 'ERASE', outcome: 'DONE', message: null },
    ])
    const call = 'mutation($id: ID!) { passthrough(connectionId: $id, method: GET, path: "/") { status } }'
    const { errors } = await road.gateway.run(call, { id })
    expect(errors?.[0]?.extensions.code).toBe('CONNECTION_NOT_FOUND')
    expect(watched.since()).toEqual([])
  })
})

describe.each(by('kept', 'rotated'))('%s', (_, vendor) => {
  test('refreshes again and again, and answers as the same user to each new token', async () => {
    const id = await road.connect(vendor, 'grace')
    const watched = watch(vendor)
    await askWho(vendor, id)
    for (const round of [1, 2]) {
      const { data, errors } = await refresh(id)
      expect(errors).toBeUndefined()
      expect(data.refreshConnection.connection).toMatchObject({ id, status: 'ACTIVE' })
      expect(await askWho(vendor, id)).toMatchObject({ status: 200, body: vendor.says('grace') })
      expect(bearers(watched.since()).size).toBe(round + 1)
    }
    const forms = watched.tokenRequests().map(formOf)
    expect(forms.map(({ grant_type }) => grant_type)).toEqual(['refresh_token', 'refresh_token'])
    const [first = '', second] = forms.map(({ refresh_token }) => refresh_token)
    expect(second === first).toBe(vendor.refresh === 'kept')
    const again = await road.askForToken(vendor, { grant_type: 'refresh_token', refresh_token: first })
    if (vendor.refresh === 'kept') expect(again.status).toBe(200)
    else expect(again).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  test('is asked once for a token that ended, by however many calls', async () => {
    const id = await bring(vendor, { ...(await road.takeTokens(vendor, 'ada')), expiresAt: '2026-01-01T00:00:00Z' })
    const watched = watch(vendor)
    const answers = await Promise.all(Array.from({ length: 5 }, () => askWho(vendor, id)))
    for (const answer of answers) expect(answer).toMatchObject({ status: 200, body: vendor.says('ada') })
    expect(watched.tokenRequests()).toHaveLength(1)
  })
})

describe.each(by('rotated'))('%s', (_, vendor) => {
  test('refuses a spent token: the connection needs its end user, who repairs it', async () => {
    const tokens = await road.takeTokens(vendor, 'ada')
    const id = await bring(vendor, tokens)
    const spent = await road.askForToken(vendor, { grant_type: 'refresh_token', refresh_token: tokens.refreshToken })
    expect(spent.status).toBe(200)
    const { errors } = await refresh(id)
    expect(errors?.[0]?.extensions.code).toBe('CONNECTION_NEEDS_REAUTH')
    expect(await inspect(id)).toMatchObject({ status: 'NEEDS_REAUTH' })
    const visitor = createVisitor()
    const callback = await road.consentAt(visitor, String(errors?.[0]?.extensions.connectUrl), vendor, 'ada')
    expect((await visitor.visit(callback.href)).status).toBe(200)
    expect(await inspect(id)).toMatchObject({ id, status: 'ACTIVE' })
    expect(await askWho(vendor, id)).toMatchObject({ status: 200, body: vendor.says('ada') })
  })
})

describe.each(by('none'))('%s', (_, vendor) => {
  test('gives nothing to refresh with, and is not asked', async () => {
    const id = await road.connect(vendor, 'grace')
    const watched = watch(vendor)
    const { errors } = await refresh(id)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'id' }] })
    expect(watched.since()).toEqual([])
    expect(await inspect(id)).toMatchObject({ status: 'ACTIVE', tokenExpiresAt: null })
    expect(await askWho(vendor, id)).toMatchObject({ status: 200, body: vendor.says('grace') })
  })
})

describe.each(named(vendors.filter(({ tellsPeopleApart }) => tellsPeopleApart)))('%s', (_, vendor) => {
  test('does not make one user’s connection another’s', async () => {
    const id = await road.connect(vendor, 'ada')
    const { visitor, callback } = await road.consent(vendor, 'grace', { endUserId: 'ada', connectionId: id })
    const page = await visitor.visit(callback.href)
    expect(page.status).toBe(409)
    expect(page.location).toBeUndefined()
    expect((await inspect(id)).account).toEqual(vendor.account('ada'))
    expect(await askWho(vendor, id)).toMatchObject({ status: 200, body: vendor.says('ada') })
  })
})

test('microsoft-graph takes the client itself, with the scopes of clients and not those of end users', async () => {
  const vendor = vendors.find(({ slug }) => slug === 'microsoft-graph')
  if (vendor === undefined) throw new TypeError('there is no microsoft-graph')
  const watched = watch(vendor)
  const credential = { clientCredentials: client }
  const config = { tenant: 'contoso.example' }
  const connection = { integration: vendor.slug, endUserId: 'the-app', credential, config, verify: false }
  const answer = await askWho(vendor, await road.gateway.createConnection(connection))
  const [request] = watched.tokenRequests()
  if (request === undefined) throw new Error('no token was asked for')
  expect(formOf(request)).toMatchObject({
    grant_type: 'client_credentials',
    scope: 'https://graph.microsoft.com/.default',
    client_secret: client.clientSecret,
  })
  // The token is a client's, who is no user; one that the emulator does not know would be nobody's, with 200.
  expect(answer).toMatchObject({ status: 404, body: { error: { message: 'User not found.' } } })
})

async function countConnections({ slug }: OAuthVendor): Promise<number> {
  const query = 'query($slug: String!) { connections(first: 100, filter: {integration: $slug}) { nodes { id } } }'
  return (await road.gateway.ask(query, { slug })).connections.nodes.length
}
