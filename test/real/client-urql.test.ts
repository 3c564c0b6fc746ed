/** urql: queries by POST and GET, its document cache, pages, its errors, and subscriptions by event streams. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLinkedAccounts, documents, type LinkedAccounts } from '../support/linked-accounts.ts'
import { loadSdk } from '../support/vendor-sdk.ts'

interface Failure {
  readonly message: string
  readonly networkError?: Error
  readonly graphQLErrors: readonly {
    readonly path?: readonly unknown[]
    readonly extensions: { readonly code: string }
  }[]
}

interface Result {
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes and assert on what they read.
  readonly data: any
  readonly error?: Failure
}

type Send = (document: unknown, variables: object) => { toPromise(): Promise<Result> }

type Subscribe = (
  document: unknown,
  variables: object,
) => { subscribe(next: (result: Result) => void): { unsubscribe(): void } }

interface Urql {
  readonly Client: new (options: object) => { readonly query: Send; readonly mutation: Send; subscription: Subscribe }
  readonly CombinedError: new () => Error
  readonly cacheExchange: unknown
  readonly fetchExchange: unknown
  gql(document: string): unknown
}

const { Client, CombinedError, cacheExchange, fetchExchange, gql } = loadSdk<Urql>('@urql/core')

const patiently = { timeout: 20_000 }

let accounts: LinkedAccounts
let id: string

beforeAll(async () => {
  accounts = await createLinkedAccounts()
  id = accounts.ids[0] ?? ''
})
afterAll(() => accounts[Symbol.asyncDispose]())

const open = (options: object = {}) =>
  new Client({
    url: accounts.url,
    exchanges: [cacheExchange, fetchExchange],
    fetchOptions: { headers: accounts.headers },
    preferGetMethod: false,
    ...options,
  })

test.each([false, 'force'])('a passthrough is a query (preferGetMethod: %s)', async preferGetMethod => {
  const { data, error } = await open({ preferGetMethod })
    .query(gql(documents.call), { id, path: '/contacts' })
    .toPromise()
  expect(error).toBeUndefined()
  expect(data.passthrough).toMatchObject({
    status: 200,
    ok: true,
    body: { method: 'GET', url: '/contacts?limit=2', sent: null },
    urls: ['/contacts?limit=2'],
  })
})

test('a write is a mutation, and empties the cache of what it may have changed', async () => {
  const client = open()
  const read = () => client.query(gql(documents.call), { id, path: '/notes' }).toPromise()
  const before = accounts.vendor.seen.length
  await read()
  await read()
  const body = { text: 'Ünïcode', nested: [{ deep: null }] }
  const { data } = await client.mutation(gql(documents.write), { id, body }).toPromise()
  expect(data.passthrough).toMatchObject({ status: 201, body: { method: 'POST', url: '/notes', sent: body } })
  await read()
  const methods = accounts.vendor.seen.slice(before).map(({ method }) => method)
  expect(methods).toEqual(['GET', 'POST', 'GET'])
})

test('connections come page after page', async () => {
  const client = open()
  const users: string[] = []
  for (let after: string | null = null, pages = 0; pages < 5; pages += 1) {
    const result: Result = await client.query(gql(documents.page), { first: 2, after }).toPromise()
    const { edges, pageInfo } = result.data.connections
    users.push(...edges.map(({ node }: { node: { endUserId: string } }) => node.endUserId))
    expect(pageInfo.hasPreviousPage).toBe(after !== null)
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  expect(users).toEqual(['user-1', 'user-2', 'user-3', 'user-4', 'user-5'])
})

test('a refusal of the gateway is an error of its kind, with its code; what worked beside it stays', async () => {
  const { data, error } = await open().query(gql(documents.beside), { id }).toPromise()
  expect(data).toMatchObject({ works: { status: 200 }, fails: null })
  expect(error).toBeInstanceOf(CombinedError)
  expect(error?.graphQLErrors).toMatchObject([
    { path: ['fails'], extensions: { code: 'CONNECTION_NOT_FOUND', origin: 'GATEWAY', requestId: expect.any(String) } },
  ])
})

test.each([
  ['what the schema does not know', {}, 'INVALID_INPUT', '{ nothing }'],
  [
    'a key that is none',
    { fetchOptions: { headers: { authorization: 'Bearer nonsense' } } },
    'UNAUTHENTICATED',
    '{ viewer { name } }',
  ],
])('%s is an error of GraphQL, not of the network', async (_, options, code, document) => {
  const { data, error } = await open(options).query(gql(document), {}).toPromise()
  expect(data ?? null).toBeNull()
  expect(error?.networkError).toBeUndefined()
  expect(error?.graphQLErrors).toMatchObject([{ extensions: { code } }])
})

test('a subscription is an event stream, which it reads by itself', async () => {
  const heard: Result[] = []
  const client = open({ fetchSubscriptions: true })
  const { unsubscribe } = client.subscription(gql(documents.events), {}).subscribe(result => heard.push(result))
  await expect
    .poll(async () => {
      await accounts.change(id)
      return heard.length
    }, patiently)
    .toBeGreaterThan(0)
  unsubscribe()
  expect(heard[0]?.error).toBeUndefined()
  expect(heard[0]?.data.connectionEvents).toMatchObject({
    type: 'CONNECTION_UPDATED',
    connection: { id, metadata: { plan: 'pro' } },
  })
})
