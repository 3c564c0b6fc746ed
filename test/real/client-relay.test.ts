/** Relay: its compiler takes our schema, and its store pages, refetches by `node`, and knows a thing by its id. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Listener, openEventStream } from '../support/event-stream.ts'
import { createLinkedAccounts, type LinkedAccounts } from '../support/linked-accounts.ts'
import { compileRelay, type RelayProject } from '../support/relay.ts'
import { loadSdk } from '../support/vendor-sdk.ts'

type Variables = Record<string, unknown>

interface Request {
  readonly params: { readonly id: string }
}

interface Operation {
  readonly fragment: unknown
}

interface Snapshot {
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes and assert on what they read.
  readonly data: any
}

interface Environment {
  lookup(selector: unknown): Snapshot
  retain(operation: Operation): { dispose(): void }
}

interface Pagination {
  readonly connectionPathInFragmentData: readonly string[]
  readonly paginationRequest: Request
}

interface Runtime {
  readonly Environment: new (options: { network: unknown; store: unknown }) => Environment
  readonly Network: {
    create(
      fetch: (request: Request['params'], variables: Variables) => Promise<unknown>,
      subscribe: (request: Request['params'], variables: Variables) => unknown,
    ): unknown
  }
  readonly Observable: { create(open: (sink: Listener) => () => void): unknown }
  readonly RecordSource: new () => unknown
  readonly Store: new (source: unknown) => unknown
  fetchQuery(
    environment: Environment,
    request: Request,
    variables: Variables,
  ): { toPromise(): Promise<Snapshot['data']> }
  commitMutation(environment: Environment, config: object): unknown
  requestSubscription(environment: Environment, config: object): { dispose(): void }
  createOperationDescriptor(request: Request, variables: Variables): Operation
  getSingularSelector(fragment: unknown, reference: unknown): unknown
  getPaginationMetadata(fragment: unknown, name: string): Pagination
  getRefetchMetadata(fragment: unknown, name: string): { readonly refetchableRequest: Request }
}

const relay = loadSdk<Runtime>('relay-runtime')

const patiently = { timeout: 20_000 }

let accounts: LinkedAccounts
let project: RelayProject
let id: string

beforeAll(async () => {
  accounts = await createLinkedAccounts()
  project = await compileRelay()
  id = accounts.ids[0] ?? ''
})
afterAll(async () => {
  await project[Symbol.asyncDispose]()
  await accounts[Symbol.asyncDispose]()
})

/** The artifacts name each document by its hash; this network sends its text. */
function open() {
  function listen({ id: hash }: Request['params'], variables: Variables) {
    const query = project.persisted[hash] ?? ''
    return relay.Observable.create(sink => openEventStream(accounts, { query, variables }, sink))
  }
  const sent: { id: string; variables: Variables }[] = []
  const network = relay.Network.create(async ({ id: hash }, variables) => {
    sent.push({ id: hash, variables })
    const response = await fetch(accounts.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...accounts.headers },
      body: JSON.stringify({ query: project.persisted[hash], variables }),
    })
    return await response.json()
  }, listen)
  const environment = new relay.Environment({ network, store: new relay.Store(new relay.RecordSource()) })
  const request = (name: string) => project.artifact<Request>(name)
  return {
    environment,
    sent,
    query: (name: string, variables: Variables) => relay.fetchQuery(environment, request(name), variables).toPromise(),
    mutate(name: string, variables: Variables) {
      return new Promise<Snapshot['data']>((resolve, reject) => {
        const mutation = request(name)
        relay.commitMutation(environment, { mutation, variables, onCompleted: resolve, onError: reject })
      })
    },
    /** What a component with this fragment would see. */
    read(fragment: string, reference: unknown) {
      const selector = relay.getSingularSelector(project.artifact(fragment), reference)
      return environment.lookup(selector).data
    },
  }
}

test('the compiler takes the schema and every document', () => {
  expect(project.report).toContain('compiled documents')
  expect(
    Object.values(project.persisted).filter(text => /^(?:query|mutation|subscription) accounts/.test(text)),
  ).toHaveLength(8)
  const refetch = Object.values(project.persisted).find(text => text.startsWith('query accountsConnectionRefetchQuery'))
  expect(refetch).toContain('node(id: $id)')
})

test('a passthrough is a query', async () => {
  const { passthrough } = await open().query('accountsCallQuery', { id, path: '/contacts' })
  expect(passthrough).toEqual({ status: 200, ok: true, body: { method: 'GET', url: '/contacts', sent: null } })
})

test('a write is a mutation, whose body arrives', async () => {
  const body = { text: 'Ünïcode', nested: [{ deep: null }] }
  const { passthrough } = await open().mutate('accountsWriteMutation', { id, body })
  expect(passthrough).toEqual({ status: 201, body: { method: 'POST', url: '/notes', sent: body } })
})

test('a connection of its store grows page by page, until there is no more', async () => {
  const { environment, query, read, sent } = open()
  await query('accountsListQuery', { count: 2 })
  const operation = relay.createOperationDescriptor(project.artifact<Request>('accountsListQuery'), { count: 2 })
  const retained = environment.retain(operation)
  const list = () => read('accounts_connections', environment.lookup(operation.fragment).data).connections
  const metadata = relay.getPaginationMetadata(project.artifact('accounts_connections'), 'usePaginationFragment')
  expect(metadata.connectionPathInFragmentData).toEqual(['connections'])
  for (let pages = 1; list().pageInfo.hasNextPage && pages < 5; pages += 1) {
    const variables = { count: 2, cursor: list().pageInfo.endCursor }
    await relay.fetchQuery(environment, metadata.paginationRequest, variables).toPromise()
  }
  const nodes: object[] = list().edges.map(({ node }: { node: object }) => node)
  expect(nodes.map(node => read('accounts_connection', node).endUserId)).toEqual([
    'user-1',
    'user-2',
    'user-3',
    'user-4',
    'user-5',
  ])
  expect(sent.map(({ variables }) => variables.count)).toEqual([2, 2, 2])
  retained.dispose()
})

test('one thing is fetched again by its id alone, and a mutation changes it wherever it is shown', async () => {
  const { environment, query, mutate, read } = open()
  const changed = accounts.ids[3] ?? ''
  const { refetchableRequest } = relay.getRefetchMetadata(
    project.artifact('accounts_connection'),
    'useRefetchableFragment',
  )
  await relay.fetchQuery(environment, refetchableRequest, { id: changed }).toPromise()
  const operation = relay.createOperationDescriptor(refetchableRequest, { id: changed })
  const shown = () => read('accounts_connection', environment.lookup(operation.fragment).data.node)
  expect(shown()).toMatchObject({ endUserId: 'user-4', status: 'ACTIVE', integration: { slug: 'acme' } })
  await mutate('accountsChangeMutation', { input: { id: changed, metadata: { plan: 'pro' } } })
  expect(shown().metadata).toEqual({ plan: 'pro' })
  await query('accountsListQuery', { count: 5 })
  expect(shown().metadata).toEqual({ plan: 'pro' })
})

test('a refusal stays in its own field, where the component asked for it', async () => {
  const answer = await open().query('accountsBesideQuery', { id })
  expect(answer).toMatchObject({ works: { status: 200 }, fails: { ok: false } })
  expect(answer.fails.errors).toMatchObject([{ extensions: { code: 'CONNECTION_NOT_FOUND', origin: 'GATEWAY' } }])
})

test('an event of a subscription changes what is shown', async () => {
  const { environment, query } = open()
  await query('accountsListQuery', { count: 5 })
  const heard: Snapshot['data'][] = []
  const subscription = project.artifact<Request>('accountsEventsSubscription')
  const onNext = (event: Snapshot['data']) => heard.push(event)
  const listening = relay.requestSubscription(environment, { subscription, variables: {}, onNext })
  await expect
    .poll(async () => {
      await accounts.change(id)
      return heard.length
    }, patiently)
    .toBeGreaterThan(0)
  listening.dispose()
  expect(heard[0].connectionEvents).toEqual({
    type: 'CONNECTION_UPDATED',
    connection: { id, metadata: { plan: 'pro' } },
  })
})

test('an operation that fails as a whole is an error, with the gateway’s words', async () => {
  const failure = open().mutate('accountsChangeMutation', { input: { id: 'conn_00000000000000000000000000' } })
  await expect(failure).rejects.toMatchObject({
    source: { errors: [{ extensions: { code: 'CONNECTION_NOT_FOUND' } }] },
  })
})
