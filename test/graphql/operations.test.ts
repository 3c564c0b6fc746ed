/** Every example operation in schema/operations runs as it stands, against the sandbox. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'

const folder = join(import.meta.dirname, '../../schema/operations')
const files = readdirSync(folder).sort()

/** What the operations that have variables are run with. */
const variables: Readonly<Record<string, object>> = {
  'fan-out.graphql': { integration: 'sandbox' },
  'create-contact.graphql': { contact: { firstName: 'Ada', lastName: 'Lovelace', email: 'ada@lovelace.example' } },
  'path-parameters.graphql': { id: 'con_0002' },
  'connection-life.graphql': { token: 'pat-1' },
  'list-connections.graphql': { endUserId: 'demo' },
  'call-log.graphql': { since: '2026-01-01T00:00:00Z' },
}

/** What the answer of each must hold: that it ran without errors is not enough. */
const expected: Readonly<Record<string, object>> = {
  'access-key.graphql': {
    createAccessKey: { accessKey: { scopes: ['PASSTHROUGH_READ', 'CONNECTIONS_READ', 'CALLS_READ'] } },
  },
  'binary-answer.graphql': { passthrough: { contentType: 'image/png', attempts: 1 } },
  'browse-integrations.graphql': { integrations: { edges: expect.arrayContaining([expect.anything()]) } },
  'call-log.graphql': { calls: { nodes: expect.any(Array) } },
  'configure-integration.graphql': { configureIntegration: { integration: { hosts: [], configured: true } } },
  'connection-life.graphql': { createConnection: { connection: { status: 'ACTIVE', metadata: { plan: 'pro' } } } },
  'create-contact.graphql': { passthrough: { status: 201, ok: true, body: { email: 'ada@lovelace.example' } } },
  'create-integration.graphql': { createIntegration: { integration: { slug: 'acme-crm', configured: true } } },
  'fan-out.graphql': { connections: { nodes: [{ endUserId: 'demo', passthrough: { status: 200 } }] } },
  'first-passthrough.graphql': {
    passthrough: { status: 200, emails: expect.arrayContaining([expect.stringMatching(/@/)]) },
  },
  'form-body.graphql': { passthrough: { json: ['name=Ada+Lovelace&tags%5B%5D=math&tags%5B%5D=poetry'] } },
  'list-connections.graphql': { connections: { nodes: [{ integration: { slug: 'sandbox' }, status: 'ACTIVE' }] } },
  'many-reads.graphql': {
    me: { json: [expect.anything()] },
    deals: { body: expect.anything() },
    meAgain: { status: 200 },
  },
  'path-parameters.graphql': { passthrough: { status: 200, etag: expect.any(String), body: { id: 'con_0002' } } },
  'upload-file.graphql': { passthrough: { status: 200, json: [expect.any(Number)] } },
  'viewer.graphql': { viewer: { name: 'admin', scopes: ['ADMIN'], workspace: { name: 'default' } } },
}

let gateway: TestGateway
beforeAll(async () => {
  gateway = await createGateway({ env: { PASSGATE_SANDBOX: 'on' } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

test('there are at least ten, and each has an expectation', () => {
  expect(files.length).toBeGreaterThanOrEqual(10)
  expect(Object.keys(expected)).toEqual(files)
})

test.each(files)('%s', async file => {
  const data = await gateway.ask(readFileSync(join(folder, file), 'utf8'), variables[file])
  expect(data).toMatchObject(expected[file] ?? {})
})
