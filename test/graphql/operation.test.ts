/** What the calls of one operation share: equal reads, a budget, and a caller who may leave. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let id: string
const closed: string[] = []

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    if (request.url.startsWith('/hang')) return void response.on('close', () => closed.push(request.url))
    if (request.url.startsWith('/large')) return void response.end(Buffer.alloc(9 * 1024 * 1024))
    sendJson(response, { method: request.method, url: request.url, key: request.headers['x-api-key'] })
  })
  gateway = await createGateway({ allow: [upstream.host] })
  const auth = [{ scheme: 'apiKey', inject: { headers: { 'x-api-key': '{apiKey}' } } }]
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: upstream.url, auth })
  id = await gateway.createConnection({
    integration: 'acme',
    endUserId: 'u1',
    credential: { apiKey: { key: 'key-u1' } },
  })
  await gateway.createConnection({ integration: 'acme', endUserId: 'u2', credential: { apiKey: { key: 'key-u2' } } })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const sentTo = (url: string) => upstream.seen.filter(request => request.url === url)

test('equal reads are sent once, different ones each', async () => {
  const selector = 'integration: "acme", endUserId: "u1"'
  const data = await gateway.ask(`{
    a: passthrough(connectionId: "${id}", path: "/equal") { json(path: "$.url") }
    b: passthrough(${selector}, path: "equal") { status }
    header: passthrough(${selector}, path: "/equal", headers: { accept: "text/plain" }) { status }
    other: passthrough(integration: "acme", endUserId: "u2", path: "/equal") { json(path: "$.key") }
  }`)
  expect(data.other.json).toEqual(['key-u2'])
  expect(sentTo('/equal').map(request => [request.headers['x-api-key'], request.headers.accept])).toEqual(
    expect.arrayContaining([
      ['key-u1', '*/*'],
      ['key-u1', 'text/plain'],
      ['key-u2', '*/*'],
    ]),
  )
  expect(sentTo('/equal')).toHaveLength(3)
})

test('equal writes are sent each, in order, and a read after a write is sent anew', async () => {
  const write = `passthrough(connectionId: "${id}", method: POST, path: "/write") { connection { passthrough(path: "/after") { status } } }`
  await gateway.ask(`mutation { a: ${write} b: ${write} }`)
  const urls = upstream.seen.map(request => request.url).filter(url => url === '/write' || url === '/after')
  expect(urls).toEqual(['/write', '/after', '/write', '/after'])
})

test('a failing alias leaves its siblings', async () => {
  const answer = await gateway.run(`{
    good: passthrough(connectionId: "${id}", path: "/ok") { status }
    bad: passthrough(connectionId: "conn_00000000000000000000000000", path: "/ok") { status }
  }`)
  expect(answer.status).toBe(200)
  expect(answer.data).toEqual({ good: { status: 200 }, bad: null })
  expect(answer.errors).toMatchObject([
    {
      path: ['bad'],
      message: 'The workspace has no connection with this id.',
      extensions: { code: 'CONNECTION_NOT_FOUND' },
    },
  ])
})

test('one request for each connection of a list', async () => {
  const data = await gateway.ask(
    '{ connections(filter: {integration: "acme"}, orderBy: {field: END_USER_ID}) { nodes { endUserId passthrough(path: "/me") { json(path: "$.key") } } } }',
  )
  expect(data.connections.nodes).toEqual([
    { endUserId: 'u1', passthrough: { json: ['key-u1'] } },
    { endUserId: 'u2', passthrough: { json: ['key-u2'] } },
  ])
})

test('a write through a connection of a query is refused, and the sentence names the mutation', async () => {
  const sent = upstream.seen.length
  const answer = await gateway.run(
    '{ connections(first: 1) { nodes { passthrough(method: DELETE, path: "/me") { status } } } }',
  )
  expect(answer.errors?.[0]).toMatchObject({
    message: 'A query takes the methods GET, HEAD and OPTIONS; got DELETE. Use `mutation { passthrough }` for it.',
    extensions: { code: 'INVALID_INPUT', details: [{ field: 'method' }] },
  })
  expect(upstream.seen).toHaveLength(sent)
})

test('no more than 200 calls: none is sent when there would be more', async () => {
  const aliases = Array.from(
    { length: 201 },
    (_, index) => `a${index}: passthrough(connectionId: "${id}", path: "/n/${index}") { status }`,
  )
  const answer = await gateway.run(`{ ${aliases.join('\n')} }`)
  expect(answer.errors).toHaveLength(1)
  expect(answer.errors?.[0]).toMatchObject({
    message: 'This operation could make 201 upstream calls; one makes at most 200. Send several operations.',
    extensions: { code: 'BUDGET_EXCEEDED' },
  })
  const sentOfThem = () => upstream.seen.filter(request => request.url.startsWith('/n/'))
  expect(sentOfThem()).toEqual([])
  await gateway.ask(`{ ${aliases.slice(1).join('\n')} }`)
  expect(sentOfThem()).toHaveLength(200)
})

test('no more than 64 MiB of answers', async () => {
  const aliases = Array.from(
    { length: 12 },
    (_, index) => `a${index}: passthrough(connectionId: "${id}", path: "/large/${index}") { sizeBytes }`,
  )
  const answer = await gateway.run(`{ ${aliases.join('\n')} }`)
  expect(answer.errors?.length).toBeGreaterThanOrEqual(5)
  expect(new Set(answer.errors?.map(error => error.extensions.code))).toEqual(new Set(['BUDGET_EXCEEDED']))
})

test('a caller who leaves cancels the upstream call', async () => {
  const leave = new AbortController()
  const asked = fetch(new URL('graphql', gateway.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({ query: `{ passthrough(connectionId: "${id}", path: "/hang") { status } }` }),
    signal: leave.signal,
  }).catch(error => error.name)
  await expect.poll(() => sentTo('/hang')).toHaveLength(1)
  leave.abort()
  expect(await asked).toBe('AbortError')
  await expect.poll(() => closed).toEqual(['/hang'])
})
