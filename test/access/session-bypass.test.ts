/** A session for one end user with the rule `GET /contacts*` can do exactly that, whatever is tried. */
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const redirects: Readonly<Record<string, string>> = {
  '/v2/contacts/away': '/v2/deals',
  '/v2/contacts/out': '/admin',
  '/v2/contacts/on': '/v2/contacts/1',
}

const stack = new AsyncDisposableStack()
let upstream: Upstream
let other: Upstream
let gateway: TestGateway
let token: string
const ids: Record<string, string> = {}

beforeAll(async () => {
  upstream = stack.use(
    await createUpstream((seen, response) => {
      const location = redirects[seen.url]
      if (location === undefined) sendJson(response, { url: seen.url, method: seen.method })
      else response.writeHead(302, { location }).end()
    }),
  )
  other = stack.use(await createUpstream())
  gateway = stack.use(await createGateway({ allow: [upstream.host, other.host] }))
  const auth = [{ scheme: 'bearer' }]
  const hosts = [upstream.host, other.host]
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: `${upstream.url}/v2`, hosts, auth })
  await gateway.createIntegration({ slug: 'beta', name: 'Beta', baseUrl: upstream.url, auth })
  const connect = (integration: string, endUserId: string) =>
    gateway.createConnection({ integration, endUserId, credential: { bearer: { token: `canary-${endUserId}` } } })
  ids.own = await connect('acme', 'ann')
  ids.foreign = await connect('acme', 'bob')
  ids.elsewhere = await connect('beta', 'ann')
  token = await createSession({
    endUserId: 'ann',
    integrations: ['acme'],
    rules: [{ effect: 'ALLOW', name: 'contacts only', methods: ['GET'], paths: ['/contacts*'] }],
  })
})

afterAll(() => stack.disposeAsync())

async function createSession(input: object): Promise<string> {
  const query = 'mutation($i: CreateSessionInput!) { createSession(input: $i) { token } }'
  return (await gateway.ask(query, { i: input })).createSession.token
}

const read = `query($id: ID, $integration: String, $endUserId: String, $method: HttpMethod! = GET, $path: String!, $query: JSONObject, $headers: JSONObject, $options: PassthroughOptions) {
  passthrough(connectionId: $id, integration: $integration, endUserId: $endUserId, method: $method, path: $path, query: $query, headers: $headers, options: $options) { status body }
}`
const write = read
  .replace('query($id', 'mutation($id')
  .replace('$query: JSONObject,', '$query: JSONObject, $body: JSON,')
  .replace('query: $query,', 'query: $query, body: $body,')

function countSeen(): number {
  return upstream.seen.length + other.seen.length
}

describe('what it is for works', () => {
  test.each([
    ['by the connection', { id: () => ids.own, path: '/contacts' }],
    ['by the integration alone', { integration: 'acme', path: 'contacts?limit=1' }],
    [
      'with parameters in the path',
      { integration: 'acme', path: '/contacts/{id}', options: { pathParams: { id: '7' } } },
    ],
    ['by an absolute URL below the base URL', { integration: 'acme', path: () => `${upstream.url}/v2/contacts` }],
  ])('%s', async (_, given) => {
    const variables = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, typeof value === 'function' ? value() : value]),
    )
    expect((await gateway.ask(read, variables, token)).passthrough.status).toBe(200)
  })

  test('on the raw route, and along a redirect that stays inside', async () => {
    const response = await fetch(new URL(`passthrough/${ids.own}/contacts/1`, gateway.url), {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(await response.json()).toEqual({ url: '/v2/contacts/1', method: 'GET' })
    const along = await gateway.ask(read, { integration: 'acme', path: '/contacts/on' }, token)
    expect(along.passthrough).toMatchObject({ status: 200, body: { url: '/v2/contacts/1' } })
  })

  test('and the viewer shows how narrow it is', async () => {
    const { viewer } = await gateway.ask('{ viewer { kind endUserId scopes rules { name } } }', {}, token)
    expect(viewer).toMatchObject({ kind: 'SESSION', endUserId: 'ann', rules: [{ name: 'contacts only' }] })
  })
})

type Code = 'POLICY_DENIED' | 'INVALID_INPUT' | 'CONNECTION_NOT_FOUND' | 'DESTINATION_NOT_ALLOWED' | 'FORBIDDEN'

describe('no other read is possible by GraphQL', () => {
  test.each<[string, object, Code]>([
    ['another path', { path: '/deals' }, 'POLICY_DENIED'],
    ['the base itself', { path: '' }, 'POLICY_DENIED'],
    ['a slash', { path: '/' }, 'POLICY_DENIED'],
    ['a longer name', { path: '/xcontacts' }, 'POLICY_DENIED'],
    ['upper case', { path: '/CONTACTS' }, 'POLICY_DENIED'],
    ['an encoded letter', { path: '/%63ontacts' }, 'POLICY_DENIED'],
    ['a doubly encoded letter', { path: '/%2563ontacts' }, 'POLICY_DENIED'],
    ['dot segments', { path: '/contacts/../deals' }, 'INVALID_INPUT'],
    ['encoded dot segments', { path: '/contacts/%2e%2e/deals' }, 'INVALID_INPUT'],
    ['doubly encoded dot segments', { path: '/contacts/%252e%252e/deals' }, 'INVALID_INPUT'],
    ['dots with an encoded slash', { path: '/contacts/..%2Fdeals' }, 'INVALID_INPUT'],
    ['dots with parameters', { path: '/contacts/..;/deals' }, 'INVALID_INPUT'],
    ['a backslash', { path: '/contacts\\..\\deals' }, 'INVALID_INPUT'],
    ['an encoded backslash', { path: '/contacts%5C..%5Cdeals' }, 'INVALID_INPUT'],
    ['a doubled slash in front', { path: '//deals' }, 'INVALID_INPUT'],
    ['an encoded slash in front', { path: '/%2Fdeals' }, 'POLICY_DENIED'],
    ['an overlong slash', { path: '/contacts/..%c0%afdeals' }, 'INVALID_INPUT'],
    ['a control character', { path: '/contacts\n/deals' }, 'INVALID_INPUT'],
    ['a fragment', { path: '/contacts#/../deals' }, 'INVALID_INPUT'],
    ['a parameter that is a path', { path: '/{x}', options: { pathParams: { x: '../deals' } } }, 'INVALID_INPUT'],
    ['a parameter that is the name', { path: '/{x}', options: { pathParams: { x: 'deals' } } }, 'POLICY_DENIED'],
    ['HEAD', { method: 'HEAD', path: '/contacts' }, 'POLICY_DENIED'],
    ['OPTIONS', { method: 'OPTIONS', path: '/contacts' }, 'POLICY_DENIED'],
    ['POST in a query', { method: 'POST', path: '/contacts' }, 'INVALID_INPUT'],
    ['an override header', { path: '/contacts', headers: { 'X-HTTP-Method-Override': 'DELETE' } }, 'POLICY_DENIED'],
    ['another override header', { path: '/contacts', headers: { 'x-method-override': 'PUT' } }, 'POLICY_DENIED'],
    ['a third override header', { path: '/contacts', headers: { 'X-HTTP-Method': 'DELETE' } }, 'POLICY_DENIED'],
    ['an override parameter', { path: '/contacts', query: { _method: 'DELETE' } }, 'POLICY_DENIED'],
    ['an override parameter in the path', { path: '/contacts?_method=delete' }, 'POLICY_DENIED'],
    [
      'another path by an override of nothing',
      { path: '/deals', headers: { 'x-original-url': '/contacts' } },
      'POLICY_DENIED',
    ],
    ['the connection of another end user', { id: 'foreign', path: '/contacts' }, 'CONNECTION_NOT_FOUND'],
    ['another end user by name', { integration: 'acme', endUserId: 'bob', path: '/contacts' }, 'CONNECTION_NOT_FOUND'],
    ['another integration', { integration: 'beta', path: '/contacts' }, 'CONNECTION_NOT_FOUND'],
    ['a connection at another integration', { id: 'elsewhere', path: '/contacts' }, 'CONNECTION_NOT_FOUND'],
    ['an id that is none', { id: 'none', path: '/contacts' }, 'CONNECTION_NOT_FOUND'],
  ])('%s', async (_, given, code) => {
    const before = countSeen()
    const { id, ...rest } = given as { id?: string }
    const none = 'conn_00000000000000000000000000'
    const place = id === undefined ? ('integration' in rest ? {} : { integration: 'acme' }) : { id: ids[id] ?? none }
    const { errors, text } = await gateway.run(read, { ...place, ...rest }, token)
    expect([errors?.[0]?.extensions.code, errors?.length]).toEqual([code, 1])
    expect(text).not.toContain('canary')
    expect(countSeen()).toBe(before)
  })

  test('the same path below another base, on another pinned host, or at the root of the host', async () => {
    const before = countSeen()
    const tries = [
      { path: `${other.url}/v2/contacts` },
      { path: `${upstream.url}/contacts` },
      { path: `${upstream.url}/v2x/contacts` },
      { path: `${upstream.url}//v2/contacts` },
      { path: '/contacts', options: { baseUrl: `${other.url}/v2` } },
      { path: '/contacts', options: { baseUrl: `${upstream.url}/admin` } },
      { path: '/contacts', options: { baseUrl: upstream.url } },
    ]
    for (const given of tries) {
      const { errors } = await gateway.run(read, { integration: 'acme', ...given }, token)
      expect([given, errors?.[0]?.extensions.code]).toEqual([given, 'POLICY_DENIED'])
    }
    expect(countSeen()).toBe(before)
  })

  test('a redirect of the vendor to another place ends the call, and is not followed', async () => {
    for (const path of ['/contacts/away', '/contacts/out']) {
      const before = countSeen()
      const { data, errors } = await gateway.run(read, { integration: 'acme', path }, token)
      expect(data).toEqual({ passthrough: null })
      expect(errors?.[0]).toMatchObject({
        message:
          'The vendor redirects the call, and is not followed. No rule of the session allows this request; it allows "contacts only".',
        extensions: { code: 'POLICY_DENIED' },
      })
      expect(countSeen()).toBe(before + 1)
    }
    expect(await sendRaw('GET', ids.own ?? '', '/contacts/away', {})).toBe(302)
  })

  test('explain says what stands in the way, and calls nobody', async () => {
    const before = countSeen()
    const query = '{ explain(integration: "acme", path: "/deals") { allowed refusal { code message } } }'
    expect((await gateway.ask(query, {}, token)).explain).toEqual({
      allowed: false,
      refusal: {
        code: 'POLICY_DENIED',
        message: 'No rule of the session allows this request; it allows "contacts only".',
      },
    })
    expect(countSeen()).toBe(before)
  })
})

describe('no write is possible', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])('%s in a mutation', async method => {
    const before = countSeen()
    const path = method === 'GET' ? '/deals' : '/contacts'
    const { errors } = await gateway.run(write, { integration: 'acme', method, path, body: {} }, token)
    expect(errors?.[0]?.extensions.code).toBe('POLICY_DENIED')
    expect(countSeen()).toBe(before)
  })

  test.each([
    'mutation { deleteConnection(input: {id: "ID"}) { deletedConnectionId } }',
    'mutation { updateConnection(input: {id: "ID", rules: []}) { connection { id } } }',
    'mutation { disableConnection(input: {id: "ID"}) { connection { id } } }',
    'mutation { refreshConnection(input: {id: "ID"}) { connection { id } } }',
    'mutation { createConnection(input: {integration: "acme", endUserId: "ann", credential: {bearer: {token: "t"}}}) { connection { id } } }',
    'mutation { createConnectSession(input: {endUserId: "ann"}) { url } }',
    'mutation { createSession(input: {endUserId: "ann"}) { token } }',
    'mutation { createAccessKey(input: {name: "k", scopes: [PASSTHROUGH_READ]}) { secret } }',
    'mutation { configureIntegration(input: {slug: "acme", rules: []}) { integration { slug } } }',
    '{ accessKeys(first: 1) { nodes { id } } }',
    '{ calls(first: 1) { nodes { id } } }',
  ])('%s', async query => {
    const { errors } = await gateway.run(query.replace('ID', ids.own ?? ''), {}, token)
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })
})

describe('no shape of an operation helps', () => {
  test('aliases, fragments, nested connections and nodes show and reach its own only', async () => {
    const before = countSeen()
    const query = `query Many($own: ID!, $foreign: ID!) {
      a: passthrough(connectionId: $own, path: "/deals") { status }
      b: passthrough(connectionId: $foreign, path: "/contacts") { status }
      ...More
      node(id: $foreign) { id }
      connection(id: $foreign) { endUserId }
      connections(first: 50) { nodes { endUserId integration { slug } passthrough(path: "/deals") { status } } }
      theirs: connections(first: 50, filter: {endUserId: "bob"}) { nodes { id } }
    }
    fragment More on Query { c: passthrough(integration: "acme", path: "/admin") { status } }`
    const { data, errors } = await gateway.run(query, { own: ids.own, foreign: ids.foreign }, token)
    expect(data).toEqual({
      a: null,
      b: null,
      c: null,
      node: null,
      connection: null,
      connections: { nodes: [{ endUserId: 'ann', integration: { slug: 'acme' }, passthrough: null }] },
      theirs: { nodes: [] },
    })
    expect(errors?.map(({ extensions }) => extensions.code).sort()).toEqual([
      'CONNECTION_NOT_FOUND',
      'POLICY_DENIED',
      'POLICY_DENIED',
      'POLICY_DENIED',
    ])
    expect(countSeen()).toBe(before)
  })

  test('a batch is refused', async () => {
    const before = countSeen()
    const response = await fetch(new URL('graphql', gateway.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify([{ query: '{ passthrough(integration: "acme", path: "/contacts") { status } }' }]),
    })
    expect(response.status).toBe(400)
    expect(countSeen()).toBe(before)
  })
})

describe('no spelling helps on the raw route', () => {
  test.each<[string, string, Record<string, string>, number]>([
    ['GET', '/deals', {}, 403],
    ['GET', '', {}, 403],
    ['GET', '/', {}, 403],
    // One slash in front is no part of the path, as the README says: `//contacts` is what is allowed.
    ['GET', '//deals', {}, 403],
    ['GET', '///contacts', {}, 403],
    ['GET', '/%63ontacts', {}, 403],
    ['GET', '/%2563ontacts', {}, 403],
    ['GET', '/contacts/..%2Fdeals', {}, 400],
    ['GET', '/contacts/%2e%2e/deals', {}, 400],
    ['GET', '/contacts/..;/deals', {}, 400],
    ['GET', '/;x=1/contacts', {}, 403],
    // One encoded segment is decoded once, as the README says: what counts is the path that goes out.
    ['GET', '/%2Fdeals', {}, 403],
    ['GET', '/%252Fcontacts', {}, 403],
    ['GET', 'contacts%2F..%2Fdeals', {}, 400],
    ['GET', 'deals%3Fx%3D1%2F', {}, 403],
    ['POST', '/contacts', {}, 403],
    ['PUT', '/contacts', {}, 403],
    ['PATCH', '/contacts', {}, 403],
    ['DELETE', '/contacts', {}, 403],
    ['HEAD', '/contacts', {}, 403],
    ['QUERY', '/contacts', {}, 403],
    ['PROPFIND', '/contacts', {}, 403],
    ['GET', '/contacts', { 'x-http-method-override': 'DELETE' }, 403],
    ['GET', '/contacts?_method=PUT', {}, 403],
    ['GET', '/contacts?__domain=OTHER', {}, 403],
    ['GET', '/contacts?__domain=ADMIN', {}, 403],
  ])('%s %s %o: %i', async (method, path, headers, status) => {
    const before = countSeen()
    const target = path
      .replace('OTHER', encodeURIComponent(`${other.url}/v2`))
      .replace('ADMIN', encodeURIComponent(`${upstream.url}/admin`))
    expect(await sendRaw(method, ids.own ?? '', target, headers)).toBe(status)
    expect(countSeen()).toBe(before)
  })

  test('nor does the id of another’s connection', async () => {
    const before = countSeen()
    expect(await sendRaw('GET', ids.foreign ?? '', '/contacts', {})).toBe(404)
    expect(await sendRaw('GET', ids.elsewhere ?? '', '/contacts', {})).toBe(404)
    expect(countSeen()).toBe(before)
  })
})

/** By hand: `fetch` would tidy the path up. @returns the status */
async function sendRaw(method: string, id: string, path: string, headers: Record<string, string>): Promise<number> {
  const { port } = new URL(gateway.url)
  const target = `/passthrough/${id}${path === '' || path.startsWith('/') ? path : `/${path}`}`
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const sent = request(
    { host: '127.0.0.1', port, method, path: target, headers: { authorization: `Bearer ${token}`, ...headers } },
    response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    },
  )
  sent.on('error', reject)
  sent.end()
  return await promise
}
