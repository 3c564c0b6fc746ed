/** Nothing without a key, nothing beyond its scopes, nothing of another workspace. */
import { isObjectType } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AccessKeys } from '../../src/access/keys.ts'
import { schema } from '../../src/graphql/schema.ts'
import { newId } from '../../src/store/ids.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let id: string
/** The admin key of another workspace on the same gateway. */
let stranger: string

beforeAll(async () => {
  upstream = await createUpstream()
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  id = await gateway.createConnection({ integration: 'own', endUserId: 'u', credential: { bearer: { token: 't' } } })
  await gateway.ask(`{ passthrough(connectionId: "${id}", path: "/x") { status } }`)
  await gateway.app.flush()
  stranger = await gateway.createWorkspace()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const createKey = async (...scopes: string[]) => {
  const query = 'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret accessKey { id } } }'
  return (await gateway.ask(query, { input: { name: 'k', scopes } })).createAccessKey as {
    secret: string
    accessKey: { id: string }
  }
}

/** An operation for every root field, with arguments that pass validation. */
const samples: Readonly<Record<string, string>> = {
  'Query.viewer': '{ viewer { name } }',
  'Query.node': '{ node(id: "conn_00000000000000000000000000") { id } }',
  'Query.integration': '{ integration(slug: "github") { id } }',
  'Query.integrations': '{ integrations { nodes { id } } }',
  'Query.connection': '{ connection(id: "conn_00000000000000000000000000") { id } }',
  'Query.connections': '{ connections { nodes { id } } }',
  'Query.passthrough': '{ passthrough(integration: "own", endUserId: "u", path: "/x") { status } }',
  'Query.explain': '{ explain(integration: "own", endUserId: "u", path: "/x") { url } }',
  'Query.calls': '{ calls { nodes { id } } }',
  'Query.call': '{ call(id: "call_00000000000000000000000000") { id } }',
  'Query.callStats': '{ callStats { total { calls } } }',
  'Mutation.replayCall': 'mutation { replayCall(input: {id: "call_00000000000000000000000000"}) { status } }',
  'Mutation.configureCallLog': 'mutation { configureCallLog(input: {retentionDays: 7}) { workspace { id } } }',
  'Query.accessKeys': '{ accessKeys { nodes { id } } }',
  'Query.registeredOperations': '{ registeredOperations { nodes { id } } }',
  'Mutation.registerOperations':
    'mutation { registerOperations(input: {operations: [{name: "A", document: "{ __typename }"}]}) { operations { id } } }',
  'Mutation.deleteRegisteredOperation':
    'mutation { deleteRegisteredOperation(input: {id: "op_00000000000000000000000000"}) { deletedRegisteredOperationId } }',
  'Mutation.passthrough':
    'mutation { passthrough(integration: "own", endUserId: "u", method: POST, path: "/x") { status } }',
  'Mutation.createIntegration': 'mutation { createIntegration(input: {definition: {}}) { integration { id } } }',
  'Mutation.configureIntegration': 'mutation { configureIntegration(input: {slug: "github"}) { integration { id } } }',
  'Query.sessions': '{ sessions { nodes { id } } }',
  'Mutation.revokeSessions': 'mutation { revokeSessions(input: {endUserId: "nobody"}) { revokedCount } }',
  'Mutation.updateAccessKey':
    'mutation { updateAccessKey(input: {id: "key_00000000000000000000000000"}) { accessKey { id } } }',
  'Mutation.updateIntegration': 'mutation { updateIntegration(input: {definition: {}}) { integration { id } } }',
  'Mutation.deleteIntegration': 'mutation { deleteIntegration(input: {slug: "other"}) { deletedIntegrationId } }',
  'Mutation.createConnection':
    'mutation { createConnection(input: {integration: "own", endUserId: "u", credential: {bearer: {token: "t"}}}) { connection { id } } }',
  'Mutation.updateConnection':
    'mutation { updateConnection(input: {id: "conn_00000000000000000000000000"}) { connection { id } } }',
  'Mutation.disableConnection':
    'mutation { disableConnection(input: {id: "conn_00000000000000000000000000"}) { connection { id } } }',
  'Mutation.enableConnection':
    'mutation { enableConnection(input: {id: "conn_00000000000000000000000000"}) { connection { id } } }',
  'Mutation.deleteConnection':
    'mutation { deleteConnection(input: {id: "conn_00000000000000000000000000"}) { deletedConnectionId } }',
  'Mutation.refreshConnection':
    'mutation { refreshConnection(input: {id: "conn_00000000000000000000000000"}) { connection { id } } }',
  'Mutation.verifyConnection':
    'mutation { verifyConnection(input: {id: "conn_00000000000000000000000000"}) { outcome } }',
  'Mutation.createConnectSession': 'mutation { createConnectSession(input: {endUserId: "u"}) { url } }',
  'Mutation.configureConnectPage': 'mutation { configureConnectPage(input: {name: "Acme"}) { connectPage { name } } }',
  'Mutation.createSession': 'mutation { createSession(input: {endUserId: "u"}) { token } }',
  'Mutation.revokeSession':
    'mutation { revokeSession(input: {id: "ses_00000000000000000000000000"}) { revokedSessionId } }',
  'Mutation.rotateSessionSigningKey': 'mutation { rotateSessionSigningKey(input: {}) { signingKeyId } }',
  'Mutation.rotateAccessKey': 'mutation { rotateAccessKey(input: {id: "key_00000000000000000000000000"}) { secret } }',
  'Query.auditEvents': '{ auditEvents { nodes { id } } }',
  'Query.workspaces': '{ workspaces { nodes { id } } }',
  'Query.webhookEndpoints': '{ webhookEndpoints { nodes { id } } }',
  'Query.webhookDeliveries': '{ webhookDeliveries { nodes { id } } }',
  'Mutation.createWorkspace': 'mutation { createWorkspace(input: {name: "w"}) { workspace { id } } }',
  'Mutation.createWebhookEndpoint': 'mutation { createWebhookEndpoint(input: {url: "https://a.example"}) { secret } }',
  'Mutation.updateWebhookEndpoint':
    'mutation { updateWebhookEndpoint(input: {id: "whe_00000000000000000000000000"}) { webhookEndpoint { id } } }',
  'Mutation.deleteWebhookEndpoint':
    'mutation { deleteWebhookEndpoint(input: {id: "whe_00000000000000000000000000"}) { deletedWebhookEndpointId } }',
  'Mutation.rotateWebhookSecret':
    'mutation { rotateWebhookSecret(input: {id: "whe_00000000000000000000000000"}) { secret } }',
  'Mutation.sendTestEvent':
    'mutation { sendTestEvent(input: {id: "whe_00000000000000000000000000"}) { webhookDelivery { id } } }',
  'Mutation.resendWebhookDelivery':
    'mutation { resendWebhookDelivery(input: {id: "whd_00000000000000000000000000"}) { webhookDelivery { id } } }',
  'Query.encryptionKeys': '{ encryptionKeys { id } }',
  'Query.encryptionKeyRotation': '{ encryptionKeyRotation { isRunning } }',
  'Mutation.rotateEncryptionKeys': 'mutation { rotateEncryptionKeys { isRunning } }',
  'Mutation.createAccessKey': 'mutation { createAccessKey(input: {name: "k", scopes: [ADMIN]}) { secret } }',
  'Mutation.deleteAccessKey':
    'mutation { deleteAccessKey(input: {id: "key_00000000000000000000000000"}) { deletedAccessKeyId } }',
  'Mutation.importOpenApi':
    'mutation { importOpenApi(input: {integration: "slack", source: {document: {}}}) { openApiImport { taken } } }',
  'Mutation.deleteOpenApiImport':
    'mutation { deleteOpenApiImport(input: {integration: "slack", name: "x"}) { deletedName } }',
  'Mutation.executeAction':
    'mutation { executeAction(integration: "slack", endUserId: "x", action: "conversations.list") { status } }',
  'Query.connectionCounts': '{ connectionCounts { count } }',
  'Query.integrationFacets': '{ integrationFacets { totalCount } }',
}

test('there is a sample for every root field', () => {
  const fields = ['Query', 'Mutation'].flatMap(name => {
    const type = schema.getType(name)
    return isObjectType(type) ? Object.keys(type.getFields()).map(field => `${name}.${field}`) : []
  })
  expect(Object.keys(samples).sort()).toEqual(fields.sort())
})

describe('without a valid key', () => {
  /** At once: who sends wrong keys has to wait longer each time. */
  let refusals: Map<string, Awaited<ReturnType<TestGateway['run']>>[]>

  beforeAll(async () => {
    const asked = Object.entries(samples).map(async ([field, query]) => {
      const answers = await Promise.all([gateway.run(query, {}, null), gateway.run(query, {}, 'pgk_no_such_key')])
      return [field, answers] as const
    })
    refusals = new Map(await Promise.all(asked))
  })

  test.each(Object.keys(samples))('%s is UNAUTHENTICATED', field => {
    const [anonymous, wrong] = refusals.get(field) ?? []
    expect(anonymous?.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED', origin: 'GATEWAY' } }])
    expect(Object.values(anonymous?.data ?? {}).every(value => value === null)).toBe(true)
    expect(wrong?.errors).toMatchObject([
      { message: 'The access key is unknown, expired or deleted.', extensions: { code: 'UNAUTHENTICATED' } },
    ])
  })
})

describe('a key without the scope', () => {
  // An action asks for the scope of its method, once it is found.
  const open = ['viewer', 'integration', 'integrations', 'integrationFacets', 'passthrough', 'explain']
    .map(name => `Query.${name}`)
    .concat('Mutation.executeAction')
  test.each(Object.entries(samples).filter(([field]) => !open.includes(field)))(
    'cannot do %s',
    async (_field, query) => {
      const { secret } = await createKey('PASSTHROUGH_READ')
      const answer = await gateway.run(query, {}, secret)
      expect(answer.errors).toMatchObject([
        {
          message: expect.stringMatching(/^This needs the scope [a-z:]+; the access key "k" has: passthrough:read\.$/),
          extensions: { code: 'FORBIDDEN' },
        },
      ])
    },
  )

  test('can do what it has the scope for', async () => {
    const { secret } = await createKey('PASSTHROUGH_READ')
    expect((await gateway.ask(samples['Query.passthrough'] ?? '', {}, secret)).passthrough.status).toBe(200)
    expect((await gateway.ask(samples['Query.viewer'] ?? '', {}, secret)).viewer.name).toBe('k')
  })

  test('cannot mint a wider one', async () => {
    const { secret } = await createKey('KEYS_WRITE', 'CALLS_READ')
    const mint = (scope: string) =>
      gateway.run(`mutation { createAccessKey(input: {name: "w", scopes: [${scope}]}) { secret } }`, {}, secret)
    expect((await mint('ADMIN')).errors).toMatchObject([
      { message: 'A key cannot mint a wider one: "k" lacks admin.', extensions: { code: 'FORBIDDEN' } },
    ])
    expect((await mint('CALLS_READ')).data.createAccessKey.secret).toMatch(/^pgk_/)
  })
})

describe('a key', () => {
  test('that was deleted opens nothing', async () => {
    const { secret, accessKey } = await createKey('ADMIN')
    await gateway.ask(`mutation { deleteAccessKey(input: {id: "${accessKey.id}"}) { deletedAccessKeyId } }`)
    expect((await gateway.run('{ viewer { name } }', {}, secret)).errors).toMatchObject([
      { extensions: { code: 'UNAUTHENTICATED' } },
    ])
  })

  test('that has expired opens nothing', async () => {
    const past = { workspaceId: 'ws_1', id: 'key_1', scopes: ['admin'], expiresAt: new Date(Date.now() - 1) }
    const keys = new AccessKeys({ findByHash: async () => past } as never, async () => false)
    await expect(keys.authenticate('x'.repeat(40))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('is shown with its secret once, and as a hint from then on', async () => {
    const { secret } = await createKey('CALLS_READ')
    const list = await gateway.run('{ accessKeys(first: 100) { nodes { name hint scopes } } }')
    expect(list.text).not.toContain(secret)
    expect(list.data.accessKeys.nodes[0]).toEqual({ name: 'k', hint: `${secret.slice(0, 8)}…`, scopes: ['CALLS_READ'] })
  })

  test.each([
    ['name: "", scopes: [ADMIN]', 'name', 'name takes 1 to 200 characters; got 0.'],
    ['name: "x", scopes: []', 'scopes', 'scopes takes at least one scope; got none.'],
    [
      'name: "x", scopes: [ADMIN], expiresAt: "2020-01-01T00:00:00Z"',
      'expiresAt',
      'expiresAt takes a time in the future; got 2020-01-01T00:00:00.000Z.',
    ],
  ])('is refused with {%s}', async (input, field, message) => {
    const answer = await gateway.run(`mutation { createAccessKey(input: {${input}}) { secret } }`)
    expect(answer.errors).toMatchObject([
      { message, extensions: { code: 'INVALID_INPUT', details: [{ field, message }] } },
    ])
  })
})

describe('another workspace', () => {
  test('lists nothing of this one', async () => {
    const query =
      '{ connections { nodes { id } } calls { nodes { id } } accessKeys { nodes { name } } integration(slug: "own") { id } }'
    const data = await gateway.ask(query, {}, stranger)
    expect(data).toEqual({
      connections: { nodes: [] },
      calls: { nodes: [] },
      accessKeys: { nodes: [{ name: 'admin' }] },
      integration: null,
    })
  })

  test('gets for our ids the very answer it gets for ids that do not exist', async () => {
    const sent = upstream.seen.length
    const withId = (own: string) => [
      `{ connection(id: "${own}") { id } }`,
      `{ node(id: "${own}") { id } }`,
      `{ passthrough(connectionId: "${own}", path: "/x") { status } }`,
      `mutation { passthrough(connectionId: "${own}", method: POST, path: "/x") { status } }`,
      `mutation { deleteConnection(input: {id: "${own}"}) { deletedConnectionId } }`,
      `mutation { updateConnection(input: {id: "${own}", metadata: {a: 1}}) { connection { id } } }`,
      `mutation { disableConnection(input: {id: "${own}"}) { connection { id } } }`,
    ]
    const nowhere = withId(newId('conn'))
    for (const [index, query] of withId(id).entries()) {
      const ours = await gateway.run(query, {}, stranger)
      const none = await gateway.run(nowhere[index] ?? '', {}, stranger)
      const comparable = (answer: typeof ours) => [
        answer.status,
        answer.data,
        answer.errors?.map(error => [error.message, error.extensions.code]),
      ]
      expect(comparable(ours)).toEqual(comparable(none))
    }
    expect(upstream.seen).toHaveLength(sent)
    expect((await gateway.ask(`{ connection(id: "${id}") { status metadata } }`)).connection).toEqual({
      status: 'ACTIVE',
      metadata: {},
    })
  })

  test('finds no connection by our end user', async () => {
    const answer = await gateway.run(
      '{ passthrough(integration: "github", endUserId: "u", path: "/x") { status } }',
      {},
      stranger,
    )
    expect(answer.errors).toMatchObject([{ extensions: { code: 'CONNECTION_NOT_FOUND' } }])
  })
})
