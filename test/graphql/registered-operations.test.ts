/** Registered operations from end to end: registered once, run by hash on both ways, all that a partner’s key may run. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashDocument } from '../../src/access/registered-operations.ts'
import { type Entrances, openEntrances, type Way } from '../server/graphql-exchange.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

const read = `query Read($id: ID!) { passthrough(connectionId: $id, path: "/read") { status body } }`
const write = `mutation Write($id: ID!) {
  passthrough(connectionId: $id, method: POST, path: "/write", body: { a: 1 }) { status }
}`

let upstream: Upstream
let gateway: TestGateway
let entrances: Entrances
let id: string
let partner: string

beforeAll(async () => {
  upstream = await createUpstream()
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
  entrances = await openEntrances(gateway)
  await register({ name: 'Read', document: read }, { name: 'Write', document: write })
  partner = await createKey({ scopes: ['PASSTHROUGH_READ', 'PASSTHROUGH_WRITE'], registeredOnly: true })
})
afterAll(async () => {
  await entrances[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const registering = `mutation($operations: [NewOperationInput!]!) {
  registerOperations(input: { operations: $operations }) { operations { id name sha256 document } }
}`
const deleting = 'mutation($id: ID!) { deleteRegisteredOperation(input: { id: $id }) { deletedRegisteredOperationId } }'
const listing = '{ registeredOperations { nodes { id name sha256 } } }'

async function register(...operations: object[]) {
  return (await gateway.ask(registering, { operations })).registerOperations.operations
}

async function createKey(input: object): Promise<string> {
  const query = 'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }'
  return (await gateway.ask(query, { input: { name: 'partner', ...input } })).createAccessKey.secret
}

async function send(way: Way, key: string, body: object) {
  const response = await fetch(`http://127.0.0.1:${entrances[way]}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
  return await response.json()
}

describe.each<Way>(['short', 'yoga'])('on the way "%s"', way => {
  const variables = () => ({ id })

  test('a partner runs what is registered, by hash and by text, reads and writes', async () => {
    const before = upstream.seen.length
    const persistedQuery = { version: 1, sha256Hash: hashDocument(read) }
    const answers = [
      await send(way, partner, { extensions: { persistedQuery }, variables: variables() }),
      await send(way, partner, { documentId: `sha256:${hashDocument(write)}`, variables: variables() }),
      await send(way, partner, { query: read, variables: variables() }),
    ]
    expect(answers.map(({ data }) => data.passthrough.status)).toEqual([200, 200, 200])
    expect(upstream.seen.slice(before).map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /read',
      'POST /write',
      'GET /read',
    ])
  })

  test('and nothing else', async () => {
    const before = upstream.seen.length
    for (const query of [
      read.replace('/read', '/else'),
      '{ __schema { queryType { name } } }',
      listing,
      '{ nothing }',
    ]) {
      const { data, errors } = await send(way, partner, { query, variables: variables() })
      expect(data ?? null).toBeNull()
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', origin: 'GATEWAY' } }])
    }
    expect(upstream.seen.length).toBe(before)
  })

  test('another workspace knows nothing of it', async () => {
    const stranger = await gateway.createWorkspace()
    const { errors } = await send(way, stranger, { documentId: hashDocument(read), variables: variables() })
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT', details: [{ field: 'documentId' }] } }])
  })
})

test('a partner’s key opens no other road to the vendor', async () => {
  const before = upstream.seen.length
  const response = await fetch(new URL(`passthrough/${id}/read`, gateway.url), {
    headers: { authorization: `Bearer ${partner}` },
  })
  expect(response.status).toBe(403)
  expect(await response.json()).toMatchObject({ code: 'FORBIDDEN', detail: expect.stringContaining('registered') })
  expect(upstream.seen.length).toBe(before)
})

test('nor does a session that it mints', async () => {
  const document = 'mutation Mint { createSession(input: { endUserId: "u" }) { token } }'
  const [{ id: registered }] = await register({ name: 'Mint', document })
  const minter = await createKey({ scopes: ['PASSTHROUGH_READ', 'SESSIONS_CREATE'], registeredOnly: true })
  const minted = await send('short', minter, { documentId: hashDocument(document) })
  const session: string = minted.data.createSession.token
  expect((await send('short', session, { query: read, variables: { id } })).data.passthrough.status).toBe(200)
  for (const query of [read.replace('/read', '/else'), '{ viewer { name } }']) {
    const { errors } = await send('short', session, { query, variables: { id } })
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  }
  const raw = await fetch(new URL(`passthrough/${id}/read`, gateway.url), {
    headers: { authorization: `Bearer ${session}` },
  })
  expect(raw.status).toBe(403)
  await gateway.ask(deleting, { id: registered })
})

test('registering again changes nothing', async () => {
  const again = await register({ name: 'Write', document: write }, { name: 'Read', document: read })
  const { registeredOperations } = await gateway.ask(listing)
  expect(registeredOperations.nodes.map(({ name }: { name: string }) => name)).toEqual(['Write', 'Read'])
  expect(again).toMatchObject(registeredOperations.nodes)
  expect(again[1]).toMatchObject({ name: 'Read', sha256: hashDocument(read), document: read })
})

test('what the schema cannot run is not registered, and no value of it is repeated', async () => {
  const operations = [
    { name: 'Fine', document: '{ viewer { name } }' },
    { name: 'Unknown', document: '{ nothing }' },
    { name: 'Syntax', document: '{ viewer(a: "hunter2") { ' },
    { name: 'Two', document: 'query A { __typename } query B { __typename }' },
    { name: 'None', document: 'fragment F on Query { __typename }' },
    { name: 'Value', document: '{ calls(first: "hunter2") { nodes { id } } }' },
  ]
  const { errors, text } = await gateway.run(registering, { operations })
  expect(errors?.[0]?.extensions).toMatchObject({
    code: 'INVALID_INPUT',
    details: [1, 2, 3, 4, 5].map(index => ({ field: `operations[${index}].document` })),
  })
  expect(text).toContain('operations[1].document is wrong: Cannot query field \\"nothing\\" on type \\"Query\\".')
  expect(text).toContain('operations[3].document is wrong: It takes one operation; got 2.')
  expect(text).not.toContain('hunter2')
  expect((await gateway.ask(listing)).registeredOperations.nodes).toHaveLength(2)
})

test('an operation is a node of its own workspace, for keys that may write keys', async () => {
  const [operation] = await register({ name: 'Node', document: '{ viewer { name } }' })
  const node = `{ node(id: "${operation.id}") { id ... on RegisteredOperation { name } } }`
  expect((await gateway.ask(node)).node).toEqual({ id: operation.id, name: 'Node' })
  expect((await gateway.ask(node, {}, await gateway.createWorkspace())).node).toBeNull()
  const reader = await createKey({ scopes: ['PASSTHROUGH_READ', 'CONNECTIONS_READ', 'CALLS_READ'] })
  for (const query of [
    node,
    listing,
    `mutation { deleteRegisteredOperation(input: { id: "${operation.id}" }) { deletedRegisteredOperationId } }`,
  ]) {
    const { errors } = await gateway.run(query, {}, reader)
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  }
  const refused = await gateway.run(registering, { operations: [{ name: 'X', document: '{ __typename }' }] }, reader)
  expect(refused.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  expect(await gateway.ask(deleting, { id: operation.id }, adminKey)).toEqual({
    deleteRegisteredOperation: { deletedRegisteredOperationId: operation.id },
  })
})

test('what is deleted runs no more, by hash or by text, although it ran before', async () => {
  const document = `query Gone($id: ID!) { passthrough(connectionId: $id, path: "/gone") { status } }`
  await register({ name: 'Gone', document })
  const run = (body: object) => send('short', partner, { ...body, variables: { id } })
  expect((await run({ query: document })).data.passthrough.status).toBe(200)
  await gateway.ask(deleting, { id: hashDocument(document) })
  const byText = await run({ query: document })
  const byHash = await run({ documentId: hashDocument(document) })
  expect([byText, byHash].map(({ errors }) => errors[0].extensions.code)).toEqual(['FORBIDDEN', 'INVALID_INPUT'])
  expect(upstream.seen.filter(({ url }) => url === '/gone')).toHaveLength(1)
  const { errors } = await gateway.run(deleting, { id: hashDocument(document) })
  expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT', details: [{ field: 'id' }] } }])
})
