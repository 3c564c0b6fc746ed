/** The audit trail from end to end: every mutation that changes something leaves an event, and no event holds a secret. */
import { sql } from 'drizzle-orm'
import { isObjectType } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditActions } from '../../src/access/audit.ts'
import { schema } from '../../src/graphql/schema.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { createVisitor } from '../support/visitor.ts'

/** What changes nothing that an admin would look for here: calls have their own record. */
const exempt = ['passthrough', 'executeAction', 'replayCall', 'sendTestEvent', 'resendWebhookDelivery']
/** Told by others than the mutations of this file. */
const elsewhere = ['registeredOperation.created', 'registeredOperation.deleted']

const eventFields = 'id action targetId details requestId address createdAt actor { kind id name }'

let upstream: Upstream
let gateway: TestGateway
/** Every secret that was given or shown. */
const secrets: string[] = []
/** The mutations that were run. */
const done = new Set<string>()

interface Told {
  readonly id: string
  readonly action: string
  readonly targetId: string | null
  readonly details: Record<string, unknown>
  readonly requestId: string | null
  readonly address: string | null
  readonly createdAt: string
  readonly actor: { readonly kind: string; readonly id: string; readonly name: string }
}

async function trail(filter: object = {}, key?: string): Promise<Told[]> {
  const query = `query($filter: AuditEventFilter) { auditEvents(first: 100, filter: $filter) { nodes { ${eventFields} } } }`
  return (await gateway.ask(query, { filter }, key)).auditEvents.nodes
}

/** Runs one mutation and returns its payload with the events that it left. */
async function change(field: string, input: object, selection: string) {
  const [last] = await trail()
  const type = `${field.charAt(0).toUpperCase()}${field.slice(1)}Input`
  const data = await gateway.ask(`mutation($input: ${type}!) { ${field}(input: $input) { ${selection} } }`, { input })
  done.add(field)
  const now = await trail()
  const made = now.slice(0, last === undefined ? now.length : now.findIndex(({ id }) => id === last.id))
  return { payload: data[field], made: made.map(({ action, targetId, details }) => ({ action, targetId, details })) }
}

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    if (!request.url.startsWith('/token')) return sendJson(response, { ok: true })
    sendJson(response, { access_token: 'canary-access', token_type: 'bearer', expires_in: 3600 })
  })
  gateway = await createGateway({ allow: [upstream.host] })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

describe('the trail', () => {
  test('tells of integrations', async () => {
    const definition = (slug: string, auth: object) => ({ slug, name: slug, baseUrl: upstream.url, auth: [auth] })
    const own = await change(
      'createIntegration',
      { definition: definition('own', { scheme: 'bearer' }) },
      'integration { id }',
    )
    expect(own.made).toEqual([
      { action: 'integration.defined', targetId: own.payload.integration.id, details: { slug: 'own' } },
    ])
    const anew = { definition: { ...definition('own', { scheme: 'basic' }), name: 'Own' } }
    expect((await change('updateIntegration', anew, 'integration { id }')).made).toEqual([
      { action: 'integration.redefined', targetId: own.payload.integration.id, details: { slug: 'own' } },
    ])
    expect((await change('deleteIntegration', { slug: 'own' }, 'deletedIntegrationId')).made).toEqual([
      { action: 'integration.deleted', targetId: own.payload.integration.id, details: { slug: 'own' } },
    ])
    await change('createIntegration', { definition: definition('own', { scheme: 'bearer' }) }, 'integration { id }')
    const machine = { scheme: 'clientCredentials', tokenUrl: `${upstream.url}/token` }
    await change('createIntegration', { definition: definition('machine', machine) }, 'integration { id }')
    const oauthClient = { clientId: 'id', clientSecret: 'canary-client-secret' }
    const github = await change(
      'configureIntegration',
      { slug: 'github', oauthClient, scopes: ['a'] },
      'integration { id }',
    )
    expect(github.made).toEqual([
      {
        action: 'integration.configured',
        targetId: github.payload.integration.id,
        details: { slug: 'github', changed: ['oauthClient', 'scopes'] },
      },
    ])
  })

  test('tells of imported documents', async () => {
    const document = { openapi: '3.1.0', info: { title: 'Own' }, paths: { '/a': { get: {}, trace: {} } } }
    const input = { integration: 'own', name: 'doc', source: { document } }
    const imported = await change('importOpenApi', input, 'integration { id }')
    const targetId = imported.payload.integration.id
    const facts = { slug: 'own', name: 'doc' }
    expect(imported.made).toEqual([
      { action: 'openApi.imported', targetId, details: { ...facts, taken: 1, skipped: 1 } },
    ])
    const deleted = await change('deleteOpenApiImport', { integration: 'own', name: 'doc' }, 'deletedName')
    expect(deleted.made).toEqual([{ action: 'openApi.deleted', targetId, details: facts }])
  })

  test('tells of connections, from the first to the last', async () => {
    const credential = { clientCredentials: { clientId: 'canary-client', clientSecret: 'canary-machine' } }
    const input = { integration: 'machine', endUserId: 'ann', credential, metadata: { note: 'private' } }
    const created = await change('createConnection', input, 'connection { id }')
    const { id } = created.payload.connection
    const facts = { integration: 'machine', endUserId: 'ann', authScheme: 'clientCredentials' }
    const told = (action: string, more: object = {}) => [{ action, targetId: id, details: { ...facts, ...more } }]
    expect(created.made).toEqual(told('connection.created'))
    const quota = { requests: 5, perSeconds: 1 }
    const updated = await change('updateConnection', { id, metadata: { note: 'more' }, quota }, 'connection { id }')
    expect(updated.made).toEqual(told('connection.updated', { changed: ['metadata', 'quota'] }))
    const refreshed = await change('refreshConnection', { id }, 'connection { id }')
    expect(refreshed.made).toEqual(told('connection.refreshed'))
    const verified = await change('verifyConnection', { id }, 'outcome')
    expect(verified.made).toEqual(told('connection.verified', { outcome: null }))
    const disabled = await change('disableConnection', { id }, 'connection { id }')
    expect(disabled.made).toEqual(told('connection.disabled'))
    const enabled = await change('enableConnection', { id }, 'connection { id }')
    expect(enabled.made).toEqual(told('connection.enabled'))
    const deleted = await change('deleteConnection', { id }, 'deletedConnectionId')
    const steps = ['STOP DONE', expect.stringMatching(/^REVOKE (?:DONE|SKIPPED)$/), 'ERASE DONE']
    expect(deleted.made).toEqual([{ action: 'connection.deleted', targetId: id, details: { steps } }])
    const whole = await trail({ targetId: id })
    expect(whole.map(({ action }) => action.replace('connection.', ''))).toEqual(
      ['created', 'updated', 'refreshed', 'verified', 'disabled', 'enabled', 'deleted'].reverse(),
    )
  })

  test('tells of access keys and sessions', async () => {
    const created = await change(
      'createAccessKey',
      { name: 'partner', scopes: ['CALLS_READ', 'SESSIONS_CREATE'] },
      'secret accessKey { id }',
    )
    const { secret, accessKey } = created.payload
    const targetId = accessKey.id
    const details = { name: 'partner', scopes: ['calls:read', 'sessions:create'], connectionId: null }
    expect(created.made).toEqual([{ action: 'accessKey.created', targetId, details }])
    const minted = await change(
      'createSession',
      { endUserId: 'ann', scopes: ['PASSTHROUGH_READ'] },
      'id token expiresAt',
    )
    const { id: sessionId, token, expiresAt } = minted.payload
    const given = { endUserId: 'ann', scopes: ['passthrough:read'], expiresAt }
    expect(minted.made).toEqual([{ action: 'session.created', targetId: sessionId, details: given }])
    const revoked = await change('revokeSession', { id: sessionId }, 'revokedSessionId')
    expect(revoked.made).toEqual([{ action: 'session.revoked', targetId: sessionId, details: {} }])
    const all = await change('revokeSessions', { endUserId: 'ann' }, 'revokedCount')
    expect(all.made).toEqual([
      { action: 'sessions.revoked', targetId: 'ann', details: { endUserId: 'ann', revokedCount: 0 } },
    ])
    const updated = await change('updateAccessKey', { id: targetId, maxConcurrency: 5 }, 'accessKey { id }')
    expect(updated.made).toEqual([
      { action: 'accessKey.updated', targetId, details: { name: 'partner', changed: ['maxConcurrency'] } },
    ])
    const rotated = await change('rotateAccessKey', { id: targetId, overlapSeconds: 60 }, 'secret')
    expect(rotated.made).toEqual([
      { action: 'accessKey.rotated', targetId, details: { name: 'partner', overlapSeconds: 60 } },
    ])
    const deleted = await change('deleteAccessKey', { id: targetId }, 'deletedAccessKeyId')
    expect(deleted.made).toEqual([{ action: 'accessKey.deleted', targetId, details: { name: 'partner' } }])
    const signing = await change('rotateSessionSigningKey', { revokeOld: true }, 'signingKeyId')
    const { signingKeyId } = signing.payload
    const ended = { action: 'sessionSigningKey.rotated', targetId: null, details: { signingKeyId, revokeOld: true } }
    expect(signing.made).toEqual([ended])
    secrets.push(secret, rotated.payload.secret, token)
  })

  test('tells of webhooks, connect pages, encryption keys and workspaces', async () => {
    const url = `${upstream.url}/hook?token=canary-hook`
    const created = await change('createWebhookEndpoint', { url }, 'secret webhookEndpoint { id }')
    const { id } = created.payload.webhookEndpoint
    expect(created.made).toEqual([{ action: 'webhookEndpoint.created', targetId: id, details: {} }])
    const updated = await change('updateWebhookEndpoint', { id, description: 'x' }, 'webhookEndpoint { id }')
    const changed = { action: 'webhookEndpoint.updated', targetId: id, details: { changed: ['description'] } }
    expect(updated.made).toEqual([changed])
    const rotated = await change('rotateWebhookSecret', { id }, 'secret')
    expect(rotated.made).toEqual([{ action: 'webhookEndpoint.secretRotated', targetId: id, details: {} }])
    const deleted = await change('deleteWebhookEndpoint', { id }, 'deletedWebhookEndpointId')
    expect(deleted.made).toEqual([{ action: 'webhookEndpoint.deleted', targetId: id, details: {} }])
    const page = await change('configureConnectPage', { name: 'Acme' }, 'connectPage { name }')
    const workspaceId = gateway.app.workspace.id
    const configured = { action: 'connectPage.configured', targetId: workspaceId, details: { changed: ['name'] } }
    expect(page.made).toEqual([configured])
    const log = await change('configureCallLog', { retentionDays: 60 }, 'workspace { id }')
    const kept = { action: 'callLog.configured', targetId: workspaceId, details: { changed: ['retentionDays'] } }
    expect(log.made).toEqual([kept])
    const made = await change('createWorkspace', { name: 'Initech' }, 'secret workspace { id }')
    const details = { name: 'Initech' }
    expect(made.made).toEqual([{ action: 'workspace.created', targetId: made.payload.workspace.id, details }])
    await gateway.ask('mutation { rotateEncryptionKeys { isRunning } }')
    done.add('rotateEncryptionKeys')
    expect((await trail())[0]).toMatchObject({ action: 'encryptionKeys.rotated', targetId: null, details: {} })
    secrets.push(created.payload.secret, rotated.payload.secret, made.payload.secret)
  })

  test('tells what an end user did on a connect page', async () => {
    const input = { endUserId: 'bob', integrations: ['own'] }
    const link = await change('createConnectSession', input, 'id url')
    const { id, url } = link.payload
    expect(link.made).toEqual([
      { action: 'connectSession.created', targetId: id, details: { ...input, connectionId: null } },
    ])
    const visitor = createVisitor()
    const page = await visitor.submit(await visitor.visit(url), { 'credential.token': 'canary-typed' })
    expect([page.status, page.html]).toEqual([200, expect.stringContaining('connected')])
    const [created, completed] = await trail({ actorId: 'bob' })
    const connectionId = completed?.details.connectionId
    const by = {
      address: '127.0.0.1',
      requestId: expect.stringMatching(/^req_/),
      actor: { kind: 'END_USER', id: 'bob', name: 'bob' },
    }
    expect(completed).toMatchObject({
      ...by,
      action: 'connectSession.completed',
      targetId: id,
      details: { connectionId },
    })
    const facts = { integration: 'own', endUserId: 'bob', authScheme: 'bearer' }
    expect(created).toMatchObject({ ...by, action: 'connection.created', targetId: connectionId, details: facts })
    const repair = await change('createConnectSession', { endUserId: 'bob', connectionId }, 'url')
    await visitor.submit(await visitor.visit(repair.payload.url), { 'credential.token': 'canary-repaired' })
    const [repaired] = await trail({ targetId: connectionId })
    expect(repaired).toMatchObject({ action: 'connection.updated', details: { ...facts, changed: ['credential'] } })
    secrets.push(...[url, repair.payload.url].map(link => new URL(link).pathname.split('/').at(-1) ?? ''))
  })

  test('has an event for every mutation but those that change nothing here', () => {
    const type = schema.getMutationType()
    const fields = isObjectType(type) ? Object.keys(type.getFields()) : []
    const registered = /registeredOperation|registerOperations/i
    expect(fields.filter(field => !registered.test(field) && !done.has(field)).sort()).toEqual(exempt.toSorted())
  })

  test('has used every action there is', async () => {
    const rows = await gateway.database.db.execute(sql`select distinct action from audit_events`)
    const used = (rows as unknown as { action: string }[]).map(({ action }) => action)
    expect([...new Set([...used, ...elsewhere])].sort()).toEqual([...auditActions].sort())
  })

  test('holds no secret, in the store or in an answer', async () => {
    const rows = JSON.stringify(await gateway.database.db.execute(sql`select t::text as row from audit_events t`))
    const { text } = await gateway.run(`{ auditEvents(first: 100) { nodes { ${eventFields} } } }`)
    expect(secrets.length).toBeGreaterThan(7)
    for (const told of [rows, text]) {
      expect(told.length).toBeGreaterThan(4000)
      expect(told).not.toMatch(/canary|private/)
      expect([adminKey, ...secrets].filter(secret => told.includes(secret))).toEqual([])
    }
  })
})

describe('an event', () => {
  test('says who, when and from where, is found by its id, and is written before the answer', async () => {
    const response = await fetch(new URL('graphql', gateway.url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${adminKey}`,
        'x-request-id': 'my-request-1',
        'x-forwarded-for': '203.0.113.9',
      },
      body: JSON.stringify({
        query: 'mutation { configureConnectPage(input: {name: "New"}) { connectPage { name } } }',
      }),
    })
    expect((await response.json()).errors).toBeUndefined()
    const rows = await gateway.database.db.execute(sql`select 1 from audit_events where request_id = 'my-request-1'`)
    expect(rows).toHaveLength(1)
    const [event] = await trail({ action: 'connectPage.configured' })
    const { viewer } = await gateway.ask('{ viewer { accessKeyId name } }')
    expect(event).toMatchObject({
      requestId: 'my-request-1',
      address: '127.0.0.1',
      actor: { kind: 'KEY', id: viewer.accessKeyId, name: 'admin' },
    })
    expect(Math.abs(Date.parse(event?.createdAt ?? '') - Date.now())).toBeLessThan(60_000)
    const { node } = await gateway.ask(`{ node(id: "${event?.id}") { ... on AuditEvent { ${eventFields} } } }`)
    expect(node).toEqual(event)
  })

  test('is there for what was done only', async () => {
    const before = await trail()
    const wrong = [
      'mutation { deleteConnection(input: {id: "conn_00000000000000000000000000"}) { deletedConnectionId } }',
      'mutation { configureConnectPage(input: {name: ""}) { connectPage { name } } }',
      'mutation { createAccessKey(input: {name: "x", scopes: []}) { secret } }',
      'mutation { createWorkspace(input: {name: "Initech"}) { secret } }',
    ]
    for (const query of wrong) expect((await gateway.run(query)).errors).toHaveLength(1)
    expect(await trail()).toEqual(before)
  })

  test('that cannot be written fails nothing, and the operator is told', async () => {
    const { db } = gateway.database
    await db.execute(sql`alter table audit_events rename to audit_events_away`)
    try {
      const { data, errors } = await gateway.run(
        'mutation { configureConnectPage(input: {name: "B"}) { connectPage { name } } }',
      )
      expect([data.configureConnectPage.connectPage.name, errors]).toEqual(['B', undefined])
    } finally {
      await db.execute(sql`alter table audit_events_away rename to audit_events`)
    }
    const lines = gateway
      .log()
      .split('\n')
      .filter(line => line.includes('not in the audit trail'))
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { level: 'error', action: 'connectPage.configured', workspaceId: gateway.app.workspace.id },
    ])
  })

  test('is for admins: another key, another workspace and a session see none', async () => {
    const [event] = await trail()
    const query = `{ auditEvents { nodes { id } } }`
    const byId = `{ node(id: "${event?.id}") { id } }`
    const scopes = '[PASSTHROUGH_READ, CONNECTIONS_READ, CALLS_READ, KEYS_WRITE, SESSIONS_CREATE]'
    const { createAccessKey } = await gateway.ask(
      `mutation { createAccessKey(input: {name: "k", scopes: ${scopes}}) { secret } }`,
    )
    const { createSession } = await gateway.ask('mutation { createSession(input: {endUserId: "ann"}) { token } }')
    for (const key of [createAccessKey.secret, createSession.token]) {
      for (const asked of [query, byId]) {
        expect((await gateway.run(asked, {}, key)).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
      }
    }
    const stranger = await gateway.createWorkspace()
    expect(await trail({}, stranger)).toEqual([])
    expect((await gateway.ask(byId, {}, stranger)).node).toBeNull()
  })
})
