/** Registered operations as clients send them: Apollo's persisted queries, and Relay's documents by their ids. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashDocument } from '../../src/access/registered-operations.ts'
import { createLinkedAccounts, documents, type LinkedAccounts } from '../support/linked-accounts.ts'
import { compileRelay, type RelayProject } from '../support/relay.ts'
import { loadSdk } from '../support/vendor-sdk.ts'

interface Link {
  concat(next: unknown): unknown
}

interface Client {
  query(options: { query: unknown; variables?: object }): Promise<{
    readonly data: { readonly passthrough?: { readonly status: number } }
  }>
}

type Fetch = (url: string, init: { readonly body: string }) => Promise<Response>

interface Apollo {
  readonly ApolloClient: new (options: { link: unknown; cache: Cache }) => Client
  readonly HttpLink: new (options: { uri: string; headers: object; fetch: Fetch }) => unknown
  readonly InMemoryCache: new () => Cache
  gql(document: string): unknown
}

interface Cache {
  transformDocument(document: unknown): unknown
}

const { ApolloClient, HttpLink, InMemoryCache, gql } = loadSdk<Apollo>('@apollo/client')
const { PersistedQueryLink } = loadSdk<{
  PersistedQueryLink: new (options: { sha256: (text: string) => string }) => Link
}>('@apollo/client/link/persisted-queries')
const { print } = loadSdk<{ print(document: unknown): string }>('graphql')

let accounts: LinkedAccounts
let project: RelayProject
let id: string
let partner: { readonly authorization: string }

beforeAll(async () => {
  accounts = await createLinkedAccounts()
  project = await compileRelay()
  id = accounts.ids[0] ?? ''
  const { createAccessKey } = await accounts.gateway.ask(
    'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }',
    { input: { name: 'partner', scopes: ['PASSTHROUGH_READ', 'CONNECTIONS_READ'], registeredOnly: true } },
  )
  partner = { authorization: `Bearer ${createAccessKey.secret}` }
  // Its cache asks for a `__typename` more: what is registered is what is sent.
  const apollo = print(new InMemoryCache().transformDocument(gql(documents.call)))
  const relay = Object.values(project.persisted)
  const operations = [apollo, ...relay].map((document, index) => ({ name: `Operation ${index}`, document }))
  await accounts.gateway.ask(
    'mutation($operations: [NewOperationInput!]!) { registerOperations(input: { operations: $operations }) { operations { id } } }',
    { operations },
  )
})
afterAll(async () => {
  await project[Symbol.asyncDispose]()
  await accounts[Symbol.asyncDispose]()
})

/** Apollo Client with persisted queries, and whether each of its requests brought a document. */
function openApollo(headers: object) {
  const sent: boolean[] = []
  const http = new HttpLink({
    uri: accounts.url,
    headers,
    fetch: (url, init) => {
      sent.push('query' in JSON.parse(init.body))
      return fetch(url, init)
    },
  })
  const link = new PersistedQueryLink({ sha256: hashDocument }).concat(http)
  return { client: new ApolloClient({ link, cache: new InMemoryCache() }), sent }
}

test('Apollo’s persisted query is found by its hash, and the document never travels', async () => {
  const { client, sent } = openApollo(partner)
  const { data } = await client.query({ query: gql(documents.call), variables: { id, path: '/contacts' } })
  expect(data.passthrough?.status).toBe(200)
  expect(sent).toEqual([false])
})

test('one that is not registered is sent again with its document, for a key that may run any', async () => {
  const { client, sent } = openApollo(accounts.headers)
  const query = gql('query Other($id: ID!) { passthrough(connectionId: $id, path: "/other") { status } }')
  expect((await client.query({ query, variables: { id } })).data.passthrough?.status).toBe(200)
  expect(sent).toEqual([false, true])
})

test('and is refused for a key of registered operations, with and without its document', async () => {
  const { client, sent } = openApollo(partner)
  const before = accounts.vendor.seen.length
  const query = gql('query Other($id: ID!) { passthrough(connectionId: $id, path: "/other") { status } }')
  await expect(client.query({ query, variables: { id } })).rejects.toMatchObject({
    errors: [{ extensions: { code: 'FORBIDDEN' } }],
  })
  expect(sent).toEqual([false, true])
  expect(accounts.vendor.seen.length).toBe(before)
})

test('Relay’s compiler makes the ids that the gateway knows its documents by', async () => {
  const ids = Object.keys(project.persisted)
  expect(ids).toEqual(Object.values(project.persisted).map(hashDocument))
  const { params } = project.artifact<{ params: { id: string } }>('accountsCallQuery')
  const response = await fetch(accounts.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...partner },
    body: JSON.stringify({ documentId: `sha256:${params.id}`, variables: { id, path: '/contacts' } }),
  })
  expect(await response.json()).toMatchObject({ data: { passthrough: { status: 200, ok: true } } })
})
