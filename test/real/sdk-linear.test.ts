/** Linear’s GraphQL client on the raw route: its key goes bare in `Authorization`, and so does Linear’s. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmulators } from '../support/emulate.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createRecorder } from '../support/recorder.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { createCallKey, loadSdk, rawUrl, runAs } from '../support/vendor-sdk.ts'

interface Labels {
  readonly nodes: { readonly name: string }[]
  readonly pageInfo: { readonly hasNextPage: boolean }
  fetchNext(): Promise<Labels>
}

interface LinearApi {
  readonly viewer: Promise<{ name: string; email: string }>
  issueLabels(request: object): Promise<Labels>
  readonly client: { rawRequest(query: string, variables?: object): Promise<{ data: unknown }> }
}

type LinearOptions = { apiUrl: string } & ({ apiKey: string } | { accessToken: string })

const { LinearClient } = loadSdk<{ LinearClient: new (options: LinearOptions) => LinearApi }>('@linear/sdk')

const scopes = ['read', 'write', 'issues:create']
/** To a token it does not know the emulator answers as its first user. */
const seed = {
  linear: {
    users: [
      { email: 'nobody@example.com', name: 'Nobody' },
      { email: 'ada@example.com', name: 'Ada' },
      { email: 'grace@example.com', name: 'Grace' },
    ],
    teams: [{ key: 'ENG', name: 'Engineering' }],
    tokens: [
      { token: 'lin_api_ada', user: 'ada@example.com', scopes },
      { token: 'lin_api_grace', user: 'grace@example.com', scopes },
    ],
  },
}

const stack = new AsyncDisposableStack()
let linear: Upstream
let gateway: TestGateway
let key: string
let ada: string
let grace: string

beforeAll(async () => {
  const emulators = stack.use(await startEmulators(seed))
  linear = stack.use(await createRecorder(emulators.linear.url))
  gateway = stack.use(await createGateway({ allow: [linear.host] }))
  await pointLinearAt(gateway, linear.url)
  const connect = (endUserId: string, token: string) =>
    gateway.createConnection({ integration: 'linear', endUserId, credential: { apiKey: { key: token } } })
  ada = await connect('ada', 'lin_api_ada')
  grace = await connect('grace', 'lin_api_grace')
  key = await createCallKey(gateway)
})

afterAll(async () => {
  await stack.disposeAsync()
})

const client = (connectionId: string, token: { apiKey: string } | { accessToken: string } = { apiKey: key }) =>
  new LinearClient({ apiUrl: `${rawUrl(gateway, connectionId)}/graphql`, ...token })

const as = <Result>(connectionId: string, run: () => Promise<Result>) => {
  const account = { authorization: connectionId === ada ? 'lin_api_ada' : 'lin_api_grace' }
  return runAs({ gateway, vendor: linear, connectionId, account, key }, run)
}

test.each([
  ['bare', () => ({ apiKey: key })],
  ['as a bearer', () => ({ accessToken: key })],
])('two connections are two users to the same client, with the key %s', async (_, token) => {
  const whoIs = async (id: string) => (await as(id, () => client(id, token()).viewer)).result.email
  expect([await whoIs(ada), await whoIs(grace)]).toEqual(['ada@example.com', 'grace@example.com'])
})

test('an issue is created in the name of the connection’s user', async () => {
  const { result } = await as(grace, async () => {
    const { client: graphql } = client(grace)
    const found = await graphql.rawRequest('{ teams { nodes { id key } } }')
    const { teams } = found.data as { teams: { nodes: { id: string; key: string }[] } }
    const teamId = teams.nodes.find(node => node.key === 'ENG')?.id
    const query = `mutation($input: IssueCreateInput!) {
      issueCreate(input: $input) { success issue { title creator { name } } }
    }`
    return (await graphql.rawRequest(query, { input: { teamId, title: 'Ünïcode' } })).data
  })
  expect(result).toEqual({ issueCreate: { success: true, issue: { title: 'Ünïcode', creator: { name: 'Grace' } } } })
})

/** The emulator's schema lacks what this client's own models select. */
test('labels are read page by page, as the client’s own models', async () => {
  await using pages = await createUpstream((request, response) => {
    const at = Number(JSON.parse(request.text).variables.after ?? 0)
    const nodes = [{ id: `label-${at}`, name: `Label ${at}`, createdAt: '2026-01-02T03:04:05.678Z' }]
    const pageInfo = {
      hasNextPage: at < 3,
      hasPreviousPage: at > 0,
      endCursor: String(at + 1),
      startCursor: String(at),
    }
    sendJson(response, { data: { issueLabels: { nodes, pageInfo } } })
  })
  await using paged = await createGateway({ allow: [pages.host] })
  await pointLinearAt(paged, pages.url)
  const credential = { apiKey: { key: 'lin_api_paged' } }
  const connectionId = await paged.createConnection({ integration: 'linear', endUserId: 'ada', credential })
  const own = await createCallKey(paged)
  const account = { authorization: 'lin_api_paged' }
  const linked = { gateway: paged, vendor: pages, connectionId, account, key: own }
  const { result, seen } = await runAs(linked, async () => {
    const api = new LinearClient({ apiUrl: `${rawUrl(paged, connectionId)}/graphql`, apiKey: own })
    const labels = await api.issueLabels({ first: 1 })
    while (labels.pageInfo.hasNextPage) await labels.fetchNext()
    return labels.nodes.map(({ name }) => name)
  })
  expect(result).toEqual(['Label 0', 'Label 1', 'Label 2', 'Label 3'])
  expect(seen).toHaveLength(4)
})

test('an error in the vendor’s GraphQL is an error of the client’s own kind', async () => {
  await as(ada, async () => {
    const failure = client(ada).client.rawRequest('{ nothing }')
    await expect(failure).rejects.toMatchObject({
      status: 400,
      errors: [{ message: 'Cannot query field "nothing" on type "Query".' }],
    })
  })
})

function pointLinearAt(target: TestGateway, baseUrl: string): Promise<unknown> {
  const configure =
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }'
  return target.ask(configure, { input: { slug: 'linear', baseUrl } })
}
