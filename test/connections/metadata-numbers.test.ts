/** Metadata comes back as it was given: a number that would be rounded on the way is refused by name. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway
let upstream: Upstream
let id: string

beforeAll(async () => {
  upstream = stack.use(await createUpstream((_, response) => sendJson(response, { ok: true })))
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  const verify = { path: '/me' }
  await gateway.createIntegration({
    slug: 'own',
    name: 'Own',
    baseUrl: upstream.url,
    auth: [{ scheme: 'bearer' }],
    verify,
  })
  id = await gateway.createConnection({
    integration: 'own',
    endUserId: 'ann',
    credential: { bearer: { token: 't' } },
    metadata: { id: 9007199254740991, text: '9007199254740993', price: 1.5, big: 1e300 },
  })
})
afterAll(() => stack.disposeAsync())

const create = (metadata: string) =>
  `mutation { createConnection(input: {integration: "own", endUserId: "bob", credential: {bearer: {token: "t"}}, metadata: ${metadata}}) { connection { id } } }`
const update = (metadata: string) =>
  `mutation { updateConnection(input: {id: "${id}", metadata: ${metadata}}) { connection { id } } }`
const link = (metadata: string) =>
  `mutation { createConnectSession(input: {endUserId: "bob", integrations: ["own"], metadata: ${metadata}}) { url } }`
const find = (metadata: string) => `{ connections(first: 1, filter: {metadata: ${metadata}}) { nodes { id } } }`

test('what a double holds comes back as it was, and is found', async () => {
  const { connections } = await gateway.ask('{ connections(first: 9) { nodes { metadata } } }')
  expect(connections.nodes).toEqual([
    { metadata: { id: 9007199254740991, text: '9007199254740993', price: 1.5, big: 1e300 } },
  ])
  expect((await gateway.ask(find('{id: 9007199254740991}'))).connections.nodes).toEqual([{ id }])
  expect((await gateway.ask(find('{text: "9007199254740993"}'))).connections.nodes).toEqual([{ id }])
})

describe.each([
  ['{id: 9007199254740993}', 'id', '9007199254740993'],
  ['{deep: [{id: 0.12345678901234567890}]}', 'deep.0.id', '0.12345678901234567890'],
  ['{id: 1e999}', 'id', '1e999'],
])('%s', (metadata, path, number) => {
  test.each([
    ['createConnection', create, 'metadata'],
    ['updateConnection', update, 'metadata'],
    ['createConnectSession', link, 'metadata'],
    ['a filter', find, 'filter.metadata'],
  ])('is refused in %s', async (_, write, root) => {
    const asked = upstream.seen.length
    const { errors } = await gateway.run(write(metadata))
    const field = `${root}.${path}`
    const message = `${field} got ${number}; it takes numbers that a double (IEEE 754) keeps to the last digit; write this one as text.`
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field, message }] })
    expect(errors?.[0]?.message).toBe(message)
    expect(upstream.seen).toHaveLength(asked)
  })
})

test('is refused in variables, too', async () => {
  const query = 'query($m: JSONObject) { connections(first: 1, filter: {metadata: $m}) { nodes { id } } }'
  const response = await fetch(new URL('graphql', gateway.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer admin_${'k'.repeat(40)}` },
    body: `{"query":${JSON.stringify(query)},"variables":{"m":{"id":9007199254740993}}}`,
  })
  expect(JSON.parse(await response.text()).errors[0].extensions.details[0].field).toBe('filter.metadata.id')
})
