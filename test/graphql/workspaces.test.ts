/** Workspaces: made by the operator alone, each with one key; a new one sees nothing of another by any road. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

const create =
  'mutation($name: String!) { createWorkspace(input: {name: $name}) { secret accessKeyId workspace { id name createdAt } } }'
const list = '{ workspaces { nodes { id name } } }'

let upstream: Upstream
let gateway: TestGateway
/** The admin key of a workspace that was made through the API. */
let tenant: string
let tenantId: string

beforeAll(async () => {
  upstream = await createUpstream()
  gateway = await createGateway({ allow: [upstream.host] })
  const { createWorkspace } = await gateway.ask(create, { name: ' Initech ' })
  tenant = createWorkspace.secret
  tenantId = createWorkspace.workspace.id
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

describe('the operator', () => {
  test('makes a workspace with an admin key whose secret is shown once', async () => {
    const made = (await gateway.ask(create, { name: 'Umbrella' })).createWorkspace
    expect(made).toEqual({
      secret: expect.stringMatching(/^pgk_/),
      accessKeyId: expect.stringMatching(/^key_/),
      workspace: { id: expect.stringMatching(/^ws_/), name: 'Umbrella', createdAt: expect.any(String) },
    })
    const viewer = await gateway.ask('{ viewer { accessKeyId scopes workspace { id name } } }', {}, made.secret)
    expect(viewer.viewer).toEqual({
      accessKeyId: made.accessKeyId,
      scopes: ['ADMIN'],
      workspace: { id: made.workspace.id, name: 'Umbrella' },
    })
    const keys = await gateway.run('{ accessKeys { nodes { id name hint } } }', {}, made.secret)
    expect(keys.data.accessKeys.nodes).toEqual([
      { id: made.accessKeyId, name: 'admin', hint: `${made.secret.slice(0, 8)}…` },
    ])
    expect(gateway.log()).not.toContain(made.secret)
  })

  test('lists all of them, newest first, a page at a time', async () => {
    await gateway.ask(create, { name: 'Hooli' })
    const names = (await gateway.ask(list)).workspaces.nodes.map(({ name }: { name: string }) => name)
    expect(names[0]).toBe('Hooli')
    expect(names.slice(-2)).toEqual(['Initech', 'default'])
    const page =
      'query($after: String) { workspaces(first: 1, after: $after) { nodes { name } pageInfo { endCursor hasNextPage } } }'
    const walked = []
    let after: string | null = null
    do {
      const { workspaces } = await gateway.ask(page, { after })
      walked.push(workspaces.nodes[0].name)
      after = workspaces.pageInfo.hasNextPage ? workspaces.pageInfo.endCursor : null
    } while (after !== null)
    expect(walked).toEqual(names)
  })

  test.each([
    ['', 'name takes 1 to 100 characters without control characters; got "".'],
    ['a\u0007b', 'name takes 1 to 100 characters without control characters; got "a\\u0007b".'],
    ['Initech', 'There is a workspace "Initech" already.'],
    ['default', 'There is a workspace "default" already.'],
  ])('makes none that is called %j', async (name, message) => {
    const before = (await gateway.ask(list)).workspaces.nodes
    const answer = await gateway.run(create, { name })
    expect(answer.errors).toMatchObject([
      { message, extensions: { code: 'INVALID_INPUT', details: [{ field: 'name', message }] } },
    ])
    expect((await gateway.ask(list)).workspaces.nodes).toEqual(before)
  })

  test('makes one of a name, however many ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => gateway.run(create, { name: 'Race' })))
    const [made, ...others] = answers.filter(({ errors }) => errors === undefined)
    expect(others).toEqual([])
    expect(await gateway.ask('{ viewer { name } }', {}, made?.data.createWorkspace.secret)).toEqual({
      viewer: { name: 'admin' },
    })
  })
})

describe('everyone else', () => {
  test('is FORBIDDEN: an admin of another workspace, and a key of the operator’s without admin', async () => {
    const all = '[PASSTHROUGH_READ, CONNECTIONS_WRITE, INTEGRATIONS_WRITE, KEYS_WRITE, SESSIONS_CREATE]'
    const { createAccessKey } = await gateway.ask(
      `mutation { createAccessKey(input: {name: "k", scopes: ${all}}) { secret } }`,
    )
    const before = (await gateway.ask(list)).workspaces.nodes.length
    for (const query of [list, 'mutation { createWorkspace(input: {name: "Mine"}) { secret } }']) {
      expect((await gateway.run(query, {}, tenant)).errors).toMatchObject([
        {
          message:
            'Workspaces are the operator’s to make and to list: this needs an admin key of the default workspace.',
          extensions: { code: 'FORBIDDEN' },
        },
      ])
      expect((await gateway.run(query, {}, createAccessKey.secret)).errors).toMatchObject([
        { extensions: { code: 'FORBIDDEN' } },
      ])
    }
    expect((await gateway.ask(list)).workspaces.nodes).toHaveLength(before)
  })
})

describe('a new workspace', () => {
  /** One of everything that has an id, in the operator's workspace. */
  async function furnish(): Promise<Record<string, string>> {
    await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
    const conn = await gateway.createConnection({
      integration: 'own',
      endUserId: 'ann',
      credential: { bearer: { token: 't' } },
    })
    await gateway.ask(`{ passthrough(connectionId: "${conn}", path: "/x") { status } }`)
    await gateway.app.flush()
    await gateway.ask(`mutation { createWebhookEndpoint(input: {url: "${upstream.url}/hook"}) { secret } }`)
    const found = await gateway.ask(`{
      integration(slug: "own") { id } calls { nodes { id } } accessKeys { nodes { id } } auditEvents { nodes { id } }
      webhookEndpoints { nodes { id } }
    }`)
    return {
      conn,
      int: found.integration.id,
      call: found.calls.nodes[0].id,
      key: found.accessKeys.nodes[0].id,
      aud: found.auditEvents.nodes[0].id,
      whe: found.webhookEndpoints.nodes[0].id,
    }
  }

  test('lists nothing of another, and finds nothing of it by id', async () => {
    const ids = await furnish()
    const data = await gateway.ask(
      `{ connections { nodes { id } } calls { nodes { id } } webhookEndpoints { nodes { id } } integration(slug: "own") { id }
        webhookDeliveries { nodes { id } } auditEvents { nodes { id } } accessKeys { nodes { name } }
        integrations(filter: {search: "own", connected: true}) { nodes { slug } } viewer { workspace { id name } } }`,
      {},
      tenant,
    )
    const none = { nodes: [] }
    expect(data).toEqual({
      connections: none,
      calls: none,
      webhookEndpoints: none,
      webhookDeliveries: none,
      auditEvents: none,
      integrations: none,
      integration: null,
      accessKeys: { nodes: [{ name: 'admin' }] },
      viewer: { workspace: { id: tenantId, name: 'Initech' } },
    })
    for (const id of Object.values(ids)) {
      expect(await gateway.ask(`{ node(id: "${id}") { id } }`, {}, tenant)).toEqual({ node: null })
      expect(await gateway.ask(`{ node(id: "${id}") { id } }`)).toEqual({ node: { id } })
    }
  })

  test('has ends users and slugs of its own under the same names', async () => {
    const definition = { slug: 'own', name: 'Mine', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] }
    const ask = (query: string, variables?: object) => gateway.ask(query, variables, tenant)
    await ask('mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { id } } }', {
      d: definition,
    })
    await ask(
      'mutation { createConnection(input: {integration: "own", endUserId: "ann", credential: {bearer: {token: "theirs"}}}) { connection { id } } }',
    )
    const { passthrough } = await ask('{ passthrough(integration: "own", endUserId: "ann", path: "/x") { body } }')
    expect(passthrough.body.headers.authorization).toBe('Bearer theirs')
    const { connections } = await ask('{ connections { nodes { endUserId integration { name } } } }')
    expect(connections.nodes).toEqual([{ endUserId: 'ann', integration: { name: 'Mine' } }])
    const { auditEvents } = await ask('{ auditEvents { nodes { action } } }')
    expect(auditEvents.nodes.map(({ action }: { action: string }) => action)).toEqual([
      'connection.created',
      'integration.defined',
    ])
  })
})
