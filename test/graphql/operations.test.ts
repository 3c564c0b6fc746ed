/** Every example operation in schema/operations runs as it stands, against the sandbox, on both ways to the schema. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sandboxApiKey } from '../../src/sandbox/sandbox.ts'
import { type Entrances, openEntrances, type Way } from '../server/graphql-exchange.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'

const folder = join(import.meta.dirname, '../../schema/operations')
const files = readdirSync(folder).sort()

/** What the operations that have variables are run with. */
const variables: Readonly<Record<string, object>> = {
  'fan-out.graphql': { integration: 'sandbox' },
  'create-contact.graphql': { contact: { firstName: 'Ada', lastName: 'Lovelace', email: 'ada@lovelace.example' } },
  'path-parameters.graphql': { id: 'con_0002' },
  'connection-life.graphql': { key: sandboxApiKey },
  'import-openapi.graphql': {
    document: {
      openapi: '3.1.0',
      info: { title: 'Companies', version: '1' },
      paths: {
        '/v1/companies': {
          get: {
            operationId: 'listCompanies',
            parameters: [{ name: 'page', in: 'query', schema: { type: 'integer', minimum: 1 } }],
          },
          trace: {},
        },
      },
    },
  },
  'idempotent-write.graphql': { contact: { firstName: 'Ada', lastName: 'L', email: 'a@l.example' }, key: 'write-1' },
  'list-connections.graphql': { endUserId: 'demo' },
  'call-log.graphql': { since: '2026-01-01T00:00:00Z' },
}

/** What the answer of each must hold: that it ran without errors is not enough. */
const expected: Readonly<Record<string, object>> = {
  'access-key.graphql': {
    createAccessKey: { accessKey: { scopes: ['PASSTHROUGH_READ', 'CONNECTIONS_READ', 'CALLS_READ'] } },
  },
  'audit-trail.graphql': { auditEvents: { nodes: expect.any(Array) } },
  'binary-answer.graphql': { passthrough: { contentType: 'image/png', attempts: 1 } },
  'broken-connections.graphql': { connections: { nodes: [] } },
  'browse-actions.graphql': {
    integration: {
      actions: { nodes: [{ name: 'create_contact' }, { name: 'get_contact' }, { name: 'list_contacts' }] },
      action: { inputSchema: { required: ['firstName', 'lastName', 'email'] } },
    },
  },
  'browse-integrations.graphql': { integrations: { edges: expect.arrayContaining([expect.anything()]) } },
  'call-log.graphql': { calls: { nodes: expect.any(Array), pageInfo: { hasNextPage: false } } },
  'call-stats.graphql': {
    byHour: { total: { calls: expect.any(Number) }, buckets: expect.any(Array) },
    busiest: { buckets: expect.any(Array) },
  },
  'configure-integration.graphql': { configureIntegration: { integration: { hosts: [], configured: true } } },
  'connect-session.graphql': { createConnectSession: { url: expect.stringMatching(/\/connect\/[\w-]{43}$/) } },
  'connection-life.graphql': {
    createConnection: {
      connection: {
        status: 'ACTIVE',
        authScheme: 'API_KEY',
        account: { id: expect.any(String) },
        metadata: { plan: 'pro' },
      },
    },
  },
  'count-connections.graphql': {
    total: [{ count: expect.any(Number) }],
    byIntegration: expect.arrayContaining([
      { integration: { name: 'Sandbox', logo: null }, status: 'ACTIVE', count: expect.any(Number) },
    ]),
    broken: { totalCount: 0, nodes: [] },
  },
  'create-contact.graphql': { passthrough: { status: 201, ok: true, body: { email: 'ada@lovelace.example' } } },
  'create-integration.graphql': { createIntegration: { integration: { slug: 'acme-crm', configured: true } } },
  'execute-action.graphql': {
    executeAction: {
      status: 'SUCCESS',
      httpStatus: 201,
      data: { firstName: 'Mary', email: 'mary@somerville.example' },
    },
  },
  'explain.graphql': {
    explain: { allowed: true, refusal: null, bodyFormat: 'JSON', retry: { retries: 2, repeatable: false } },
  },
  'fan-out.graphql': {
    connections: {
      nodes: [
        { endUserId: 'customer-7', passthrough: { status: 200 } },
        { endUserId: 'demo', passthrough: { status: 200 } },
      ],
    },
  },
  'first-passthrough.graphql': {
    passthrough: { status: 200, emails: expect.arrayContaining([expect.stringMatching(/@/)]) },
  },
  'form-body.graphql': { passthrough: { json: ['name=Ada+Lovelace&tags%5B%5D=math&tags%5B%5D=poetry'] } },
  'idempotent-write.graphql': { first: { status: 201, attempts: 1 }, again: { status: 201, attempts: 0 } },
  'import-openapi.graphql': {
    importOpenApi: {
      openApiImport: {
        title: 'Companies',
        taken: 1,
        skippedTotal: 1,
        skipped: [{ method: 'TRACE', path: '/v1/companies', reason: 'the method TRACE is not sent' }],
        warnings: [],
      },
    },
    executeAction: { status: 'SUCCESS', data: expect.anything() },
  },
  'integration-facets.graphql': {
    integrations: { totalCount: 1, nodes: [{ slug: 'sandbox', connectionCounts: [{ status: 'ACTIVE' }], logo: null }] },
    integrationFacets: {
      totalCount: 1,
      connected: 1,
      categories: [{ category: 'sandbox', title: 'Sandbox', count: 1 }],
    },
  },
  'keep-calls.graphql': {
    configureCallLog: { workspace: { callRetention: { days: 90, maxCalls: null } } },
    configureIntegration: { integration: { callBodies: { redact: ['$.email', 'x-internal'] } } },
  },
  'list-connections.graphql': { connections: { nodes: [{ integration: { slug: 'sandbox' }, status: 'ACTIVE' }] } },
  'many-reads.graphql': {
    me: { json: [expect.anything()] },
    deals: { body: expect.anything() },
    meAgain: { status: 200 },
  },
  'path-parameters.graphql': { passthrough: { status: 200, etag: expect.any(String), body: { id: 'con_0002' } } },
  'provenance.graphql': {
    passthrough: { status: 200, cache: 'MISS', attempts: 1, downloadUrl: expect.stringMatching(/\/downloads\//) },
  },
  'register-operations.graphql': {
    registerOperations: { operations: [{ name: 'Contacts', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }] },
  },
  'session.graphql': { createSession: { token: expect.stringMatching(/^eyJ/) } },
  'upload-file.graphql': { passthrough: { status: 200, json: [expect.any(Number)] } },
  'viewer.graphql': { viewer: { name: 'admin', scopes: ['ADMIN'], workspace: { name: 'default' } } },
  'webhook-endpoint.graphql': {
    createWebhookEndpoint: {
      webhookEndpoint: { eventTypes: ['CONNECTION_NEEDS_REAUTH', 'CONNECTION_RECOVERED'] },
      secret: expect.stringMatching(/^whsec_/),
    },
  },
}

const ways: readonly Way[] = ['short', 'yoga']

/** Each way has a gateway of its own: some operations make what there can be one of. */
const opened = new Map<Way, { readonly gateway: TestGateway; readonly entrances: Entrances }>()
beforeAll(async () => {
  for (const way of ways) {
    const gateway = await createGateway({ env: { PASSGATE_SANDBOX: 'on' } })
    opened.set(way, { gateway, entrances: await openEntrances(gateway) })
  }
})
afterAll(async () => {
  for (const { gateway, entrances } of opened.values()) {
    await entrances[Symbol.asyncDispose]()
    await gateway[Symbol.asyncDispose]()
  }
})

async function ask(way: Way, query: string, values: object | undefined): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${opened.get(way)?.entrances[way]}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({ query, variables: values }),
  })
  const { data, errors } = await response.json()
  expect(errors).toBeUndefined()
  return data
}

test('there are at least ten, and each has an expectation', () => {
  expect(files.length).toBeGreaterThanOrEqual(10)
  expect(Object.keys(expected)).toEqual(files)
})

describe.each(ways)('on the way "%s"', way => {
  test.each(files)('%s', async file => {
    const data = await ask(way, readFileSync(join(folder, file), 'utf8'), variables[file])
    expect(data).toMatchObject(expected[file] ?? {})
  })
})
