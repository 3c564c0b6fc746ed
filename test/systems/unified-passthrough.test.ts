/** System C: what users of a passthrough API (`ANY /passthrough/{connection_id}/{path}`) do, through GraphQL over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { readQuery, writeMutation } from '../support/passthrough.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
const ids: Record<string, string> = {}

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    const { pathname } = new URL(request.url, 'http://x')
    if (request.headers.authorization !== 'Bearer platform-token')
      return sendJson(response, { message: 'bad token' }, 401)
    if (pathname === '/teapot') {
      response.writeHead(418, [
        'X-Trace',
        'one',
        'X-Trace',
        'two',
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
        'Content-Type',
        'text/plain',
      ])
      return response.end('short and stout')
    }
    if (pathname === '/exact') return sendJson(response, '{ "id": 9007199254740993,\n "z": 1.0, "a": 1e2 }')
    if (pathname === '/api/conversations.create')
      return sendJson(response, { ok: true, channel: JSON.parse(request.text) })
    if (pathname.endsWith('/sobjects/Account/'))
      return sendJson(response, { id: '001D000000IqhSLIAZ', errors: [], success: true }, 201)
    const { method, url, headers, text } = request
    sendJson(response, { method, url, headers, body: text })
  })
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({
    slug: 'platform',
    name: 'Platform',
    baseUrl: upstream.url,
    auth: [{ scheme: 'bearer' }],
  })
  const settings = { hubspot: upstream.url, slack: `${upstream.url}/api`, salesforce: upstream.url }
  const configure =
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }'
  for (const [slug, baseUrl] of Object.entries(settings)) await gateway.ask(configure, { input: { slug, baseUrl } })
  for (const integration of ['platform', 'hubspot', 'slack', 'salesforce']) {
    ids[integration] = await gateway.createConnection({
      integration,
      endUserId: 'user-1',
      credential: { bearer: { token: 'platform-token' } },
    })
  }
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const lastSeen = () => upstream.seen.at(-1)

test.each([
  ['v2/users', '/v2/users'],
  ['/v2/customers', '/v2/customers'],
])('C1: the path %s is relative to the base URL', async (path, url) => {
  await gateway.ask(readQuery, { connectionId: ids.platform, path })
  expect(lastSeen()?.url).toBe(url)
})

describe('C2', () => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])('%s is sent as a mutation', async method => {
    const { passthrough } = await gateway.ask(writeMutation, { connectionId: ids.platform, method, path: '/things/1' })
    expect(passthrough.status).toBe(200)
    expect(lastSeen()).toMatchObject({ method, url: '/things/1' })
  })

  test('the query in the path and the query apart are merged without loss', async () => {
    const variables = { connectionId: ids.platform, path: '/v2/users?a=1&a=%2Fx&b', query: { a: 2, c: ['x', 'y z'] } }
    await gateway.ask(readQuery, variables)
    expect(lastSeen()?.url).toBe('/v2/users?a=1&a=%2Fx&b&a=2&c=x&c=y%20z')
  })

  test('headers and a JSON payload arrive as given, digits included', async () => {
    const document = `mutation { passthrough(connectionId: "${ids.platform}", method: POST, path: "/v2/users",
      headers: { accept: "application/vnd.api+json", x_custom: "v" }, body: { id: 9007199254740993, tags: ["a"], ok: true }) { status } }`
    await gateway.ask(document)
    expect(lastSeen()?.headers).toMatchObject({ accept: 'application/vnd.api+json', x_custom: 'v' })
    expect(lastSeen()?.text).toBe('{"id":9007199254740993,"tags":["a"],"ok":true}')
  })

  test('numbers in variables keep their digits too', async () => {
    const query = writeMutation
    const variables = `{"connectionId":"${ids.platform}","method":"POST","path":"/v2/users","body":{"id":9007199254740993}}`
    await fetch(new URL('graphql', gateway.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer admin_${'k'.repeat(40)}` },
      body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
    })
    expect(lastSeen()?.text).toBe('{"id":9007199254740993}')
  })
})

test('C3: the base URL of the API is overridden, inside the pinned hosts only', async () => {
  await gateway.ask(readQuery, { connectionId: ids.platform, path: 'x', options: { baseUrl: `${upstream.url}/other` } })
  expect(lastSeen()?.url).toBe('/other/x')
  const sent = upstream.seen.length
  const answer = await gateway.run(readQuery, {
    connectionId: ids.platform,
    path: 'x',
    options: { baseUrl: 'https://evil.example/' },
  })
  expect(answer.errors?.[0]?.extensions.code).toBe('DESTINATION_NOT_ALLOWED')
  expect(upstream.seen).toHaveLength(sent)
})

describe('C4', () => {
  test('status, repeated headers and a platform’s own error come back unchanged', async () => {
    const { passthrough } = await gateway.ask(readQuery, { connectionId: ids.platform, path: '/teapot' })
    expect(passthrough).toMatchObject({
      status: 418,
      ok: false,
      contentType: 'text/plain',
      text: 'short and stout',
      body: null,
    })
    const named = (name: string) => passthrough.headers.filter((header: { name: string }) => header.name === name)
    expect(named('X-Trace')).toEqual([
      { name: 'X-Trace', value: 'one' },
      { name: 'X-Trace', value: 'two' },
    ])
    expect(named('Set-Cookie')).toHaveLength(2)
  })

  test('JSON comes back to the letter', async () => {
    const answer = await gateway.run(readQuery, { connectionId: ids.platform, path: '/exact' })
    expect(answer.text).toContain('"body":{ "id": 9007199254740993,\n "z": 1.0, "a": 1e2 }')
    expect(answer.data.passthrough.text).toBe('{ "id": 9007199254740993,\n "z": 1.0, "a": 1e2 }')
  })
})

test('C6: the catalogue tells each integration’s base URL', async () => {
  const list = (filter: string) =>
    gateway.ask(`{ integrations(first: 100, filter: {${filter}}) { nodes { slug baseUrl authSchemes } } }`)
  const found = await Promise.all([list('search: "notion"'), list('search: "platform"')])
  const nodes = found.flatMap(({ integrations }) => integrations.nodes)
  const bySlug = new Map(nodes.map((node: { slug: string }) => [node.slug, node]))
  expect(bySlug.get('notion')).toMatchObject({
    baseUrl: 'https://api.notion.com',
    authSchemes: expect.arrayContaining(['BEARER']),
  })
  expect(bySlug.get('platform')).toEqual({ slug: 'platform', baseUrl: upstream.url, authSchemes: ['BEARER'] })
})

describe('C7', () => {
  test('HubSpot: GET /crm/v3/properties/{objectType}/batch/read', async () => {
    const options = { pathParams: { objectType: 'contacts' } }
    await gateway.ask(readQuery, {
      connectionId: ids.hubspot,
      path: '/crm/v3/properties/{objectType}/batch/read',
      options,
    })
    expect(lastSeen()?.url).toBe('/crm/v3/properties/contacts/batch/read')
  })

  test('Slack: POST /conversations.create', async () => {
    const body = { name: 'general-2', is_private: false }
    const { passthrough } = await gateway.ask(writeMutation, {
      connectionId: ids.slack,
      method: 'POST',
      path: '/conversations.create',
      body,
    })
    expect(lastSeen()?.url).toBe('/api/conversations.create')
    expect(passthrough.body).toEqual({ ok: true, channel: body })
  })

  test('Salesforce: POST services/data/v62.0/sobjects/Account/', async () => {
    const path = 'services/data/v62.0/sobjects/Account/'
    const { passthrough } = await gateway.ask(writeMutation, {
      connectionId: ids.salesforce,
      method: 'POST',
      path,
      body: { Name: 'Acme' },
    })
    expect(lastSeen()).toMatchObject({ url: `/${path}`, text: '{"Name":"Acme"}' })
    expect(passthrough).toMatchObject({ status: 201, body: { id: '001D000000IqhSLIAZ', errors: [], success: true } })
  })

  describe('Salesforce, whose instance URL differs per account', () => {
    const configure =
      'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { baseUrl } } }'
    const set = (settings: object) => gateway.ask(configure, { i: { slug: 'salesforce', ...settings } })
    const create = (instanceUrl: string, credential: object = { bearer: { token: 'platform-token' } }) =>
      gateway.run('mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id config } } }', {
        i: { integration: 'salesforce', endUserId: 'u', config: { instanceUrl }, credential, verify: false },
      })
    const call = async (id: string) =>
      (await gateway.run(readQuery, { connectionId: id, path: '/services/data' })).errors?.[0]?.extensions.code
    const oauth2 = { oauth2: { accessToken: 'platform-token' } }

    test('stays at Salesforce', async () => {
      expect((await set({ baseUrl: null })).configureIntegration.integration.baseUrl).toBe('{instanceUrl}')
      expect((await create('https://acme.my.salesforce.com')).data.createConnection.connection.config).toEqual({
        instanceUrl: 'https://acme.my.salesforce.com',
      })
      for (const url of ['https://acme.my.salesforce.com.evil.example', upstream.url]) {
        const refused = await create(url)
        expect(refused.errors?.[0]?.extensions).toMatchObject({
          code: 'INVALID_INPUT',
          details: [{ field: 'config.instanceUrl' }],
        })
      }
    })

    test('is any text, and needed by none, where the base URL is the admin’s own', async () => {
      await set({ baseUrl: upstream.url })
      for (const url of ['https://acme.my.salesforce.com', upstream.url]) {
        for (const credential of [undefined, oauth2]) {
          const { connection } = (await create(url, credential)).data.createConnection
          expect(connection.config).toEqual({ instanceUrl: url })
          expect(await call(connection.id)).toBeUndefined()
          expect(lastSeen()?.url).toBe('/services/data')
        }
      }
      await set({ baseUrl: null })
      const [kept] = (await gateway.ask('{ connections(first: 1) { nodes { id } } }')).connections.nodes
      const sent = upstream.seen.length
      expect(await call(kept.id)).toBe('INVALID_INPUT')
      expect(upstream.seen).toHaveLength(sent)
    })

    test('is at one of the hosts that an admin names, for calls and for tokens', async () => {
      await set({ baseUrl: null, hosts: [upstream.host, '*.sandbox.example'] })
      const made = await create(upstream.url, oauth2)
      expect(await call(made.data.createConnection.connection.id)).toBeUndefined()
      expect(lastSeen()?.url).toBe('/services/data')
      const minted = await create(upstream.url, { clientCredentials: { clientId: 'c', clientSecret: 'canary' } })
      expect(minted.errors?.[0]?.message).toContain('gave no token for it')
      expect(lastSeen()).toMatchObject({ method: 'POST', url: '/services/oauth2/token' })
      const sent = upstream.seen.length
      for (const url of ['https://acme.my.salesforce.com', 'http://127.0.0.1:1', `${upstream.url}.evil.example`]) {
        expect((await create(url)).errors?.[0]?.extensions).toMatchObject({
          code: 'INVALID_INPUT',
          details: [{ field: 'config.instanceUrl' }],
        })
      }
      expect(upstream.seen).toHaveLength(sent)
      const plain = await create('http://one.sandbox.example')
      expect(await call(plain.data.createConnection.connection.id)).toBe('DESTINATION_NOT_ALLOWED')
      await set({ hosts: null })
    })
  })
})
