/** A passthrough API’s public SDK on the raw route (system C): its server URL and its token are changed, and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { createCallKey, loadSdk, runAs } from '../support/vendor-sdk.ts'

interface PassthroughRequest {
  readonly connectionId: string
  readonly path: string
  readonly query?: object
  readonly requestBody?: unknown
}

type Send = (
  request: PassthroughRequest,
  options?: { fetchOptions?: RequestInit },
) => Promise<{ headers: Record<string, string[]>; result?: unknown } | undefined>

const verbs = [
  ['listPassthroughs', 'GET'],
  ['createPassthroughJson', 'POST'],
  ['createPassthroughRaw', 'POST'],
  ['updatePassthroughJson', 'PUT'],
  ['updatePassthroughRaw', 'PUT'],
  ['patchPassthroughJson', 'PATCH'],
  ['patchPassthroughRaw', 'PATCH'],
  ['removePassthrough', 'DELETE'],
] as const

type Verb = (typeof verbs)[number][0]

interface UnifiedClient {
  readonly passthrough: Readonly<Record<Verb, Send>>
}

interface UnifiedOptions {
  readonly serverURL: string
  readonly security: { readonly jwt: string }
}

const { UnifiedTo } = loadSdk<{ UnifiedTo: new (options: UnifiedOptions) => UnifiedClient }>(
  '@unified-api/typescript-sdk',
)

const stack = new AsyncDisposableStack()
let platform: Upstream
let elsewhere: Upstream
let gateway: TestGateway
let key: string
const connections: Record<string, string> = {}

beforeAll(async () => {
  platform = stack.use(
    await createUpstream(({ method, url, headers, text }, response) => {
      if (url.startsWith('/api/missing')) return sendJson(response, { error: 'no such thing' }, 404)
      if (url === '/api/empty') return response.writeHead(204, { 'x-trace': 't-1' }).end()
      if (url === '/api/report.csv')
        return response.writeHead(200, { 'content-type': 'text/csv' }).end('a,b\r\n1,"é"\r\n')
      response.setHeader('x-trace', ['one', 'two'])
      sendJson(response, { method, url, who: headers.authorization, body: text })
    }),
  )
  elsewhere = stack.use(await createUpstream())
  gateway = stack.use(await createGateway({ allow: [platform.host, elsewhere.host] }))
  const hosts = [platform.host, elsewhere.host]
  const auth = [{ scheme: 'bearer' }]
  await gateway.createIntegration({ slug: 'platform', name: 'Platform', baseUrl: `${platform.url}/api`, hosts, auth })
  for (const name of ['one', 'two']) {
    const credential = { bearer: { token: `platform-${name}` } }
    connections[name] = await gateway.createConnection({ integration: 'platform', endUserId: name, credential })
  }
  key = await createCallKey(gateway)
})

afterAll(async () => {
  await stack.disposeAsync()
})

const sdk = (jwt = key) => new UnifiedTo({ serverURL: gateway.url.replace(/\/$/, ''), security: { jwt } }).passthrough

/** Sends with connection `one` and says what the SDK returned and what arrived. */
async function send(verb: Verb, request: Omit<PassthroughRequest, 'connectionId'>, name = 'one', init?: RequestInit) {
  const connectionId = connections[name] ?? ''
  const account = { authorization: `Bearer platform-${name}` }
  const { result, seen } = await runAs({ gateway, vendor: platform, connectionId, account, key }, () =>
    sdk()[verb]({ connectionId, ...request }, init && { fetchOptions: init }),
  )
  expect(seen).toHaveLength(1)
  return { answer: result, arrived: seen[0] }
}

describe.each(verbs)('%s', (verb, method) => {
  const hasBody = verb.endsWith('Json') || verb.endsWith('Raw')
  const body = verb.endsWith('Json') ? { name: 'Ünïcode', at: [1, { deep: null }] } : new TextEncoder().encode('raw ü')
  const requestBody = hasBody ? { requestBody: body } : {}

  test(`is a ${method} with the body as it was given`, async () => {
    const { answer, arrived } = await send(verb, { path: '/v2/customers', ...requestBody })
    const text = hasBody ? (verb.endsWith('Json') ? JSON.stringify(body) : 'raw ü') : ''
    expect(arrived).toMatchObject({ method, url: '/api/v2/customers', text })
    expect(answer?.result).toMatchObject({ method, url: '/api/v2/customers', who: 'Bearer platform-one', body: text })
    if (hasBody) {
      const type = verb.endsWith('Json') ? 'application/json' : 'text/plain'
      expect(arrived?.headers['content-type']).toBe(type)
    }
  })

  test('is the other account with the other connection', async () => {
    const { answer } = await send(verb, { path: 'v2/users', ...requestBody }, 'two')
    expect(answer?.result).toMatchObject({ url: '/api/v2/users', who: 'Bearer platform-two' })
  })

  test('takes a query in the path and apart', async () => {
    const { arrived } = await send(verb, { path: 'v2/users?x=1&y=a b', query: { limit: 2, q: 'a&b' }, ...requestBody })
    expect(arrived?.url).toBe('/api/v2/users?x=1&y=a%20b&limit=2&q=a%26b')
  })
})

test('a path of one segment arrives with its query apart', async () => {
  const { arrived } = await send('listPassthroughs', { path: 'users', query: { x: 1 } })
  expect(arrived?.url).toBe('/api/users?x=1')
})

test('custom headers reach the platform, but for one with the key', async () => {
  const headers = { 'x-api-version': '2023-06-01', 'x-forwarded-token': key }
  const { arrived } = await send('listPassthroughs', { path: '/v2/users' }, 'one', { headers })
  expect(arrived?.headers['x-api-version']).toBe('2023-06-01')
  expect(arrived?.headers).not.toHaveProperty('x-forwarded-token')
})

test('the answer’s headers are all there, repeated ones too', async () => {
  const { answer } = await send('listPassthroughs', { path: '/v2/users' })
  expect(answer?.headers['x-trace']?.join(', ')).toBe('one, two')
})

test('an answer without a body and one that is no JSON come as they are', async () => {
  const empty = await send('removePassthrough', { path: '/empty' })
  expect(empty.answer).toMatchObject({ headers: { 'x-trace': ['t-1'] } })
  const csv = await send('listPassthroughs', { path: '/report.csv' })
  expect(csv.answer?.result).toBe('a,b\r\n1,"é"\r\n')
})

test('__domain names another host of the integration, and no other', async () => {
  const connectionId = connections.two ?? ''
  const account = { authorization: 'Bearer platform-two' }
  const { seen } = await runAs({ gateway, vendor: elsewhere, connectionId, account, key }, () =>
    sdk().listPassthroughs({ connectionId, path: '/v2/x', query: { __domain: `${elsewhere.url}/other`, a: 1 } }),
  )
  expect(seen.map(({ url }) => url)).toEqual(['/other/v2/x?a=1'])
  const stranger = sdk().listPassthroughs({ connectionId, path: '/v2/x', query: { __domain: 'https://example.com' } })
  await expect(stranger).rejects.toMatchObject({ statusCode: 403 })
})

test('the platform’s 404 is an error of the SDK’s own kind, with the platform’s body', async () => {
  const connectionId = connections.one ?? ''
  const failure = sdk().listPassthroughs({ connectionId, path: '/missing/x' })
  await expect(failure).rejects.toMatchObject({ statusCode: 404, body: '{"error":"no such thing"}' })
})

test('an unknown key is refused, and nothing is sent', async () => {
  const before = platform.seen.length
  const connectionId = connections.one ?? ''
  const failure = sdk('pgk_wrong').listPassthroughs({ connectionId, path: '/v2/users' })
  await expect(failure).rejects.toMatchObject({ statusCode: 401 })
  expect(platform.seen.length).toBe(before)
})
