/** Apollo Client: queries by POST and GET, its cache, its way to page, its errors, and subscriptions by event streams. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openEventStream } from '../support/event-stream.ts'
import { createLinkedAccounts, documents, type LinkedAccounts, vendorToken } from '../support/linked-accounts.ts'
import { loadSdk } from '../support/vendor-sdk.ts'

type Variables = Record<string, unknown>

interface Result {
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes and assert on what they read.
  readonly data: any
  readonly error?: { readonly errors: readonly { readonly extensions: { readonly code: string } }[] }
}

interface Watched {
  subscribe(observer: (result: Result) => void): { unsubscribe(): void }
  fetchMore(options: { variables: Variables }): Promise<Result>
  getCurrentResult(): Result
}

interface Operation {
  readonly query: unknown
  readonly variables: Variables
  readonly operationType: string
}

interface Observer {
  next(result: object): void
  complete(): void
}

interface Client {
  subscribe(options: { query: unknown }): { subscribe(next: (result: Result) => void): { unsubscribe(): void } }
  query(options: { query: unknown; variables?: Variables; errorPolicy?: 'all'; fetchPolicy?: string }): Promise<Result>
  mutate(options: { mutation: unknown; variables?: Variables }): Promise<Result>
  watchQuery(options: { query: unknown; variables?: Variables }): Watched
  stop(): void
}

interface Apollo {
  readonly ApolloClient: new (options: { link: unknown; cache: unknown }) => Client
  readonly ApolloLink: (new (
    request: (operation: Operation) => unknown,
  ) => unknown) & {
    split(test: (operation: Operation) => boolean, left: unknown, right: unknown): unknown
  }
  readonly HttpLink: new (options: { uri: string; headers: object; useGETForQueries?: boolean }) => unknown
  readonly InMemoryCache: new (options?: object) => { extract(): Record<string, Record<string, unknown>> }
  readonly CombinedGraphQLErrors: new () => Error
  gql(document: string): unknown
}

const { ApolloClient, ApolloLink, HttpLink, InMemoryCache, CombinedGraphQLErrors, gql } =
  loadSdk<Apollo>('@apollo/client')
const { relayStylePagination } = loadSdk<{ relayStylePagination(keys?: string[]): object }>('@apollo/client/utilities')
const { Observable } = loadSdk<{ Observable: new (open: (observer: Observer) => () => void) => unknown }>('rxjs')
const { print } = loadSdk<{ print(document: unknown): string }>('graphql')

const patiently = { timeout: 20_000 }

let accounts: LinkedAccounts
let id: string

beforeAll(async () => {
  accounts = await createLinkedAccounts()
  id = accounts.ids[0] ?? ''
})
afterAll(() => accounts[Symbol.asyncDispose]())

function open(options: { useGETForQueries?: boolean; typePolicies?: object } = {}) {
  const { url: uri, headers } = accounts
  const cache = new InMemoryCache({ typePolicies: options.typePolicies })
  const link = new HttpLink({ uri, headers, useGETForQueries: options.useGETForQueries })
  return { client: new ApolloClient({ link, cache }), cache }
}

test.each([false, true])('a passthrough is a query (useGETForQueries: %s)', async useGETForQueries => {
  const { client } = open({ useGETForQueries })
  const { data } = await client.query({ query: gql(documents.call), variables: { id, path: '/contacts' } })
  expect(data.passthrough).toEqual({
    __typename: 'PassthroughResult',
    status: 200,
    ok: true,
    body: { method: 'GET', url: '/contacts?limit=2', sent: null },
    urls: ['/contacts?limit=2'],
  })
})

test('what was asked once is answered from the cache, and another account is another answer', async () => {
  const { client } = open()
  const ask = (account: string | undefined) =>
    client.query({ query: gql(documents.call), variables: { id: account, path: '/cached' } })
  const before = accounts.vendor.seen.length
  const answers = [await ask(id), await ask(id), await ask(accounts.ids[1])]
  expect(answers.map(({ data }) => data.passthrough.status)).toEqual([200, 200, 200])
  expect(accounts.vendor.seen.length - before).toBe(2)
})

test('a write is a mutation, whose body arrives', async () => {
  const { client } = open()
  const body = { text: 'Ünïcode', nested: [{ deep: null }] }
  const { data } = await client.mutate({ mutation: gql(documents.write), variables: { id, body } })
  expect(data.passthrough).toMatchObject({ status: 201, body: { method: 'POST', url: '/notes', sent: body } })
})

test('connections are one list in its cache, page after page', async () => {
  const typePolicies = { Query: { fields: { connections: relayStylePagination(['orderBy']) } } }
  const { client, cache } = open({ typePolicies })
  const watched = client.watchQuery({ query: gql(documents.page), variables: { first: 2 } })
  const subscription = watched.subscribe(() => {})
  const list = () => watched.getCurrentResult().data?.connections
  await expect.poll(() => list()?.edges.length, patiently).toBe(2)
  for (let info = list().pageInfo, pages = 1; info.hasNextPage && pages < 5; pages += 1) {
    const more = await watched.fetchMore({ variables: { first: 2, after: info.endCursor } })
    info = more.data.connections.pageInfo
  }
  await expect.poll(() => list().edges.length, patiently).toBe(5)
  subscription.unsubscribe()
  const users = list().edges.map(({ node }: { node: { endUserId: string } }) => node.endUserId)
  expect(users).toEqual(['user-1', 'user-2', 'user-3', 'user-4', 'user-5'])
  const cached = Object.keys(cache.extract()).filter(key => key.startsWith('Connection:'))
  expect(cached.sort()).toEqual(accounts.ids.map(each => `Connection:${each}`).sort())
})

test('a mutation’s answer changes what a query shows: one id, one thing', async () => {
  const { client, cache } = open()
  const changed = accounts.ids[2] ?? ''
  const query = { query: gql(documents.one), variables: { id: changed } }
  expect((await client.query(query)).data.connection.metadata).toEqual({})
  await client.mutate({ mutation: gql(documents.change), variables: { id: changed } })
  expect(cache.extract()[`Connection:${changed}`]).toMatchObject({ status: 'ACTIVE', metadata: { plan: 'pro' } })
  expect((await client.query(query)).data.connection.metadata).toEqual({ plan: 'pro' })
})

test('a vendor’s 404 is a result', async () => {
  const query = `query Missing($id: ID!) { passthrough(connectionId: $id, path: "/missing") { status ok body } }`
  const { data } = await open().client.query({ query: gql(query), variables: { id } })
  expect(data.passthrough).toMatchObject({ status: 404, ok: false, body: { error: 'no such thing' } })
})

test('a refusal of the gateway is an error of its kind, with its code; what worked beside it stays', async () => {
  const { client } = open()
  const query = { query: gql(documents.beside), variables: { id } }
  const failure = await client.query(query).catch(error => error)
  expect(failure).toBeInstanceOf(CombinedGraphQLErrors)
  expect(failure.errors).toMatchObject([
    { path: ['fails'], extensions: { code: 'CONNECTION_NOT_FOUND', origin: 'GATEWAY', requestId: expect.any(String) } },
  ])
  const partial = await client.query({ ...query, errorPolicy: 'all', fetchPolicy: 'network-only' })
  expect(partial.data).toMatchObject({ works: { status: 200 }, fails: null })
  expect(partial.error?.errors[0]?.extensions.code).toBe('CONNECTION_NOT_FOUND')
})

test('what the schema does not know, and a key that is none, are errors of its kind as well', async () => {
  const { client } = open()
  const codeOf = async (query: string, from = client) => {
    const failure = await from.query({ query: gql(query) }).catch(error => error)
    expect(failure).toBeInstanceOf(CombinedGraphQLErrors)
    return failure.errors[0].extensions.code
  }
  expect(await codeOf('{ nothing }')).toBe('INVALID_INPUT')
  const link = new HttpLink({ uri: accounts.url, headers: { authorization: 'Bearer nonsense' } })
  const stranger = new ApolloClient({ link, cache: new InMemoryCache() })
  expect(await codeOf('{ viewer { name } }', stranger)).toBe('UNAUTHENTICATED')
})

/** Its HttpLink reads no event streams; this link is all that it takes. */
test('a subscription is an event stream, behind a link of one’s own', async () => {
  const events = new ApolloLink(({ query, variables }) => {
    return new Observable(observer => openEventStream(accounts, { query: print(query), variables }, observer))
  })
  const http = new HttpLink({ uri: accounts.url, headers: accounts.headers })
  const link = ApolloLink.split(({ operationType }) => operationType === 'subscription', events, http)
  const cache = new InMemoryCache()
  const client = new ApolloClient({ link, cache })
  const heard: Result[] = []
  const subscription = client.subscribe({ query: gql(documents.events) }).subscribe(result => heard.push(result))
  await expect
    .poll(async () => {
      await accounts.change(id)
      return heard.length
    }, patiently)
    .toBeGreaterThan(0)
  subscription.unsubscribe()
  expect(heard[0]?.data.connectionEvents).toMatchObject({ type: 'CONNECTION_UPDATED', connection: { id } })
  expect(cache.extract()[`Connection:${id}`]).toMatchObject({ metadata: { plan: 'pro' } })
})

test('nothing it keeps holds a credential', async () => {
  const { client, cache } = open()
  await client.query({ query: gql(documents.call), variables: { id, path: '/contacts' } })
  await client.query({ query: gql(documents.page), variables: { first: 5 } })
  expect(Object.keys(cache.extract()).length).toBeGreaterThan(5)
  expect(JSON.stringify(cache.extract())).not.toContain(vendorToken)
})
