/** Counts of connections: what each caller may count, in its own workspace and of what it sees. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
let stranger = ''
const ids: Record<string, string> = {}

const accounts = [
  ['slack', 'ann'],
  ['slack', 'bob'],
  ['stripe', 'ann'],
  ['stripe', 'ann'],
  ['stripe', 'bob'],
] as const

beforeAll(async () => {
  gateway = await createGateway()
  for (const [index, [integration, endUserId]] of accounts.entries()) {
    ids[`${integration} ${endUserId} ${index}`] = await gateway.createConnection(account(integration, endUserId))
  }
  await gateway.ask(`mutation { disableConnection(input: {id: "${ids['stripe bob 4']}"}) { connection { id } } }`)
  stranger = await gateway.createWorkspace()
  const create = 'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }'
  await gateway.ask(create, { input: account('github', 'ann') }, stranger)
})
afterAll(() => gateway[Symbol.asyncDispose]())

function account(integration: string, endUserId: string) {
  return { integration, endUserId, credential: { bearer: { token: 't' } }, verify: false, metadata: { of: endUserId } }
}

async function count(args: string, key: string = adminKey) {
  const query = `{ connectionCounts${args} { integration { slug name } integrationSlug status count } }`
  return (await gateway.ask(query, {}, key)).connectionCounts
}

const counted = (slug: string, status: string | null, number: number) => ({
  integration: { slug, name: slug === 'slack' ? 'Slack' : 'Stripe' },
  integrationSlug: slug,
  status,
  count: number,
})
const ungrouped = { integration: null, integrationSlug: null }

async function createSession(input: object): Promise<string> {
  const query = 'mutation($input: CreateSessionInput!) { createSession(input: $input) { token } }'
  return (await gateway.ask(query, { input })).createSession.token
}

async function createKey(input: object): Promise<string> {
  const query = 'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }'
  return (await gateway.ask(query, { input: { name: 'narrow', scopes: ['CONNECTIONS_READ'], ...input } }))
    .createAccessKey.secret
}

describe('connectionCounts', () => {
  test('counts all, or by integration, by status, by both', async () => {
    expect(await count('')).toEqual([{ ...ungrouped, status: null, count: 5 }])
    expect(await count('(groupBy: [])')).toEqual([{ ...ungrouped, status: null, count: 5 }])
    expect(await count('(groupBy: [STATUS])')).toEqual([
      { ...ungrouped, status: 'ACTIVE', count: 4 },
      { ...ungrouped, status: 'DISABLED', count: 1 },
    ])
    expect(await count('(groupBy: INTEGRATION)')).toEqual([counted('stripe', null, 3), counted('slack', null, 2)])
    expect(await count('(groupBy: [STATUS, INTEGRATION, STATUS])')).toEqual([
      counted('slack', 'ACTIVE', 2),
      counted('stripe', 'ACTIVE', 2),
      counted('stripe', 'DISABLED', 1),
    ])
  })

  test('counts what a filter leaves', async () => {
    expect(await count('(filter: {integration: "stripe"}, groupBy: STATUS)')).toEqual([
      { ...ungrouped, status: 'ACTIVE', count: 2 },
      { ...ungrouped, status: 'DISABLED', count: 1 },
    ])
    expect(await count('(filter: {status: DISABLED}, groupBy: INTEGRATION)')).toEqual([counted('stripe', null, 1)])
    expect(await count('(filter: {endUserId: "bob"}, groupBy: [INTEGRATION, STATUS])')).toEqual([
      counted('slack', 'ACTIVE', 1),
      counted('stripe', 'DISABLED', 1),
    ])
    expect(await count('(filter: {endUserId: "nobody"}, groupBy: INTEGRATION)')).toEqual([])
    expect(await count('(filter: {integration: "github"})')).toEqual([{ ...ungrouped, status: null, count: 0 }])
  })

  test('of another workspace are its own', async () => {
    const all = await count('(groupBy: [INTEGRATION, STATUS])', stranger)
    expect(all).toMatchObject([{ integrationSlug: 'github', status: 'ACTIVE', count: 1 }])
    for (const filter of ['integration: "stripe"', 'endUserId: "bob"', 'status: DISABLED']) {
      expect(await count(`(filter: {${filter}})`, stranger)).toEqual([{ ...ungrouped, status: null, count: 0 }])
    }
  })

  test('of a session are its end user’s, whatever it asks for', async () => {
    const token = await createSession({ endUserId: 'ann' })
    expect(await count('(groupBy: [INTEGRATION, STATUS])', token)).toEqual([
      counted('stripe', 'ACTIVE', 2),
      counted('slack', 'ACTIVE', 1),
    ])
    expect(await count('(filter: {endUserId: "bob"})', token)).toEqual([{ ...ungrouped, status: null, count: 0 }])
    const narrow = await createSession({ endUserId: 'ann', integrations: ['slack'] })
    expect(await count('(groupBy: INTEGRATION)', narrow)).toEqual([counted('slack', null, 1)])
    const one = await createSession({ endUserId: 'ann', connections: [ids['stripe ann 2']] })
    expect(await count('(groupBy: INTEGRATION)', one)).toEqual([counted('stripe', null, 1)])
  })

  test.each([
    '{ connectionCounts { count } }',
    '{ integration(slug: "slack") { connectionCount } }',
    '{ integration(slug: "slack") { connectionCounts { count } } }',
    '{ connections { totalCount } }',
  ])('need the scope connections:read: %s', async query => {
    const key = await createKey({ scopes: ['PASSTHROUGH_READ'] })
    const { errors } = await gateway.run(query, {}, key)
    expect(errors?.map(({ message, extensions }) => [extensions.code, message])).toEqual([
      ['FORBIDDEN', 'This needs the scope connections:read; the access key "narrow" has: passthrough:read.'],
    ])
  })
})

describe('an integration', () => {
  const query = `query($filter: IntegrationFilter) {
    integrations(filter: $filter) { nodes { slug connectionCount connectionCounts { status count } } } }`
  const nodes = async (key: string) =>
    (
      await gateway.ask(query, { filter: { search: 'st', authSchemes: ['BEARER'], categories: ['payments'] } }, key)
    ).integrations.nodes.filter((node: { slug: string }) => node.slug === 'stripe')

  test('tells its connections by status', async () => {
    expect(await nodes(adminKey)).toEqual([
      {
        slug: 'stripe',
        connectionCount: 3,
        connectionCounts: [
          { status: 'ACTIVE', count: 2 },
          { status: 'DISABLED', count: 1 },
        ],
      },
    ])
    expect(await nodes(stranger)).toEqual([{ slug: 'stripe', connectionCount: 0, connectionCounts: [] }])
    expect(await nodes(await createSession({ endUserId: 'ann' }))).toEqual([
      { slug: 'stripe', connectionCount: 2, connectionCounts: [{ status: 'ACTIVE', count: 2 }] },
    ])
  })

  test('is counted with its whole page in one statement', async () => {
    const { connectionCounts } = gateway.app.services
    let statements = 0
    const original = connectionCounts.group
    connectionCounts.group = (...args) => {
      statements += 1
      return original(...args)
    }
    try {
      await gateway.ask('{ integrations(first: 100) { nodes { connectionCount connectionCounts { count } } } }')
    } finally {
      connectionCounts.group = original
    }
    expect(statements).toBe(1)
  })
})

describe('totalCount of connections', () => {
  const total = async (args: string, key: string = adminKey) =>
    (await gateway.ask(`{ connections${args} { totalCount nodes { id } } }`, {}, key)).connections.totalCount

  test('counts all pages where counts or one end user’s connections tell it', async () => {
    expect(await total('(first: 1)')).toBe(5)
    expect(await total('(first: 1, filter: {integration: "stripe"})')).toBe(3)
    expect(await total('(first: 1, filter: {status: ACTIVE, integration: "stripe"})')).toBe(2)
    expect(await total('(first: 1, filter: {endUserId: "ann"})')).toBe(3)
    expect(await total('(first: 1, filter: {endUserId: "ann", search: "an", metadata: {of: "ann"}})')).toBe(3)
  })

  test('is null where only reading them would tell', async () => {
    expect(await total('(filter: {search: "ann"})')).toBeNull()
    expect(await total('(filter: {metadata: {of: "ann"}})')).toBeNull()
  })

  test('is of what the caller sees', async () => {
    const token = await createSession({ endUserId: 'ann' })
    expect(await total('', token)).toBe(3)
    expect(await total('(filter: {search: "ann"})', token)).toBe(3)
    expect(await total('(filter: {endUserId: "bob"})', token)).toBe(0)
    expect(await total('', stranger)).toBe(1)
    expect(await total('(filter: {integration: "stripe"})', stranger)).toBe(0)
  })
})
