/** A gateway with five accounts of end users at one vendor, for the GraphQL clients that frontends are written with. */
import { createGateway, type TestGateway } from './gateway.ts'
import { createUpstream, sendJson, type Upstream } from './upstream.ts'

export interface LinkedAccounts extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly vendor: Upstream
  /** What a client is given: where to send operations, and the header that proves them. */
  readonly url: string
  readonly headers: { readonly authorization: string }
  /** Of the end users `user-1` to `user-5`. */
  readonly ids: readonly string[]
  /** Makes an event of a connection: for whoever listens to them. */
  change(id: string): Promise<void>
}

/** The vendor's own credential, which no client may ever see. */
export const vendorToken = 'vendor-token-canary'

export async function createLinkedAccounts(): Promise<LinkedAccounts> {
  await using parts = new AsyncDisposableStack()
  const vendor = parts.use(
    await createUpstream((request, response) => {
      const { method, url, headers, text } = request
      if (headers.authorization !== `Bearer ${vendorToken}`) return sendJson(response, { error: 'who are you' }, 401)
      if (url === '/missing') return sendJson(response, { error: 'no such thing' }, 404)
      sendJson(response, { method, url, sent: text === '' ? null : JSON.parse(text) }, method === 'POST' ? 201 : 200)
    }),
  )
  const gateway = parts.use(await createGateway({ allow: [vendor.host] }))
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, auth: [{ scheme: 'bearer' }] })
  const ids: string[] = []
  for (const number of [1, 2, 3, 4, 5]) {
    const credential = { bearer: { token: vendorToken } }
    ids.push(await gateway.createConnection({ integration: 'acme', endUserId: `user-${number}`, credential }))
  }
  const scopes = ['PASSTHROUGH_READ', 'PASSTHROUGH_WRITE', 'CONNECTIONS_READ', 'CONNECTIONS_WRITE']
  const { createAccessKey } = await gateway.ask(
    'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }',
    { input: { name: 'frontend', scopes } },
  )
  const owned = parts.move()
  return {
    gateway,
    vendor,
    url: new URL('graphql', gateway.url).href,
    headers: { authorization: `Bearer ${createAccessKey.secret}` },
    ids,
    async change(id) {
      await gateway.ask(documents.change, { id })
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The operations of the tests, as one would write them in a frontend. */
export const documents = {
  call: `query Call($id: ID!, $path: String!) {
    passthrough(connectionId: $id, path: $path, query: { limit: 2 }) { status ok body urls: json(path: "$.url") }
  }`,
  write: `mutation Write($id: ID!, $body: JSON) {
    passthrough(connectionId: $id, method: POST, path: "/notes", body: $body) { status body }
  }`,
  page: `query Page($first: Int!, $after: String) {
    connections(first: $first, after: $after, orderBy: { field: END_USER_ID, direction: ASC }) {
      edges { cursor node { id endUserId } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }`,
  beside: `query Beside($id: ID!) {
    works: passthrough(connectionId: $id, path: "/works") { status }
    fails: passthrough(connectionId: "conn_00000000000000000000000000", path: "/fails") { status }
  }`,
  one: 'query One($id: ID!) { connection(id: $id) { id status metadata } }',
  change: `mutation Change($id: ID!) {
    updateConnection(input: { id: $id, metadata: { plan: "pro" } }) { connection { id metadata } }
  }`,
  events: `subscription Events {
    connectionEvents(types: [CONNECTION_UPDATED]) { type connection { id metadata } }
  }`,
}
