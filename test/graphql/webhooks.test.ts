/** Webhooks from end to end: what happens to a connection arrives at the workspace's own server, signed, and nowhere else. */
import { sql } from 'drizzle-orm'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { webhookEndpoints } from '../../src/store/tables.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

const acme = {
  slug: 'acme',
  name: 'Acme',
  baseUrl: 'https://api.acme.example',
  auth: [{ scheme: 'apiKey', inject: { headers: { 'x-api-key': '{apiKey}' } } }],
}

const create = `mutation($input: CreateWebhookEndpointInput!) {
  createWebhookEndpoint(input: $input) { secret webhookEndpoint { id url description eventTypes isEnabled failingSince } }
}`
const list = '{ webhookEndpoints { nodes { id url } } webhookDeliveries { nodes { id eventType status } } }'
const deliveriesOf = `query($filter: WebhookDeliveryFilter) { webhookDeliveries(filter: $filter) { nodes {
  id endpointId endpoint { id } eventId eventType payload status attempts lastStatus lastError nextAttemptAt deliveredAt
} } }`

describe('webhooks', () => {
  let gateway: TestGateway
  let receiver: Upstream
  let status = 204

  beforeAll(async () => {
    receiver = await createUpstream((_request, response) => response.writeHead(status).end())
    gateway = await createGateway({ allow: [receiver.host] })
    await gateway.createIntegration(acme)
  })
  afterEach(() => gateway.database.db.delete(webhookEndpoints))
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await receiver[Symbol.asyncDispose]()
  })

  const createEndpoint = async (input: object = {}) => {
    const { createWebhookEndpoint } = await gateway.ask(create, { input: { url: `${receiver.url}/hook`, ...input } })
    return { id: createWebhookEndpoint.webhookEndpoint.id as string, ...createWebhookEndpoint }
  }
  const deleteEndpoint = (id: string) =>
    gateway.ask('mutation($id: ID!) { deleteWebhookEndpoint(input: {id: $id}) { deletedWebhookEndpointId } }', { id })
  const createConnection = (endUserId: string) =>
    gateway.createConnection({
      integration: 'acme',
      endUserId,
      credential: { apiKey: { key: 'canary-credential' } },
    })
  const deliveries = async (filter: object) => (await gateway.ask(deliveriesOf, { filter })).webhookDeliveries.nodes

  test('tell of a new connection at once, in a form that others verify', async () => {
    const { secret, webhookEndpoint } = await createEndpoint({ description: 'CRM', eventTypes: ['CONNECTION_CREATED'] })
    expect(webhookEndpoint).toMatchObject({
      url: `${receiver.url}/hook`,
      description: 'CRM',
      eventTypes: ['CONNECTION_CREATED'],
      isEnabled: true,
      failingSince: null,
    })
    const id = await createConnection('ada')
    await expect.poll(() => receiver.seen.length).toBe(1)
    const [seen] = receiver.seen
    const headers = seen?.headers as Record<string, string>
    expect(new Webhook(secret).verify(seen?.text ?? '', headers)).toMatchObject({
      type: 'connection.created',
      data: { id, integration: 'acme', endUserId: 'ada', status: 'ACTIVE' },
    })
    expect(headers['webhook-id']).toMatch(/^evt_/)
    await expect.poll(() => deliveries({ status: 'DELIVERED' })).toHaveLength(1)
    const [delivery] = await deliveries({ endpointId: webhookEndpoint.id })
    expect(delivery).toMatchObject({
      endpoint: { id: webhookEndpoint.id },
      eventId: headers['webhook-id'],
      eventType: 'connection.created',
      payload: seen?.text,
      attempts: 1,
      lastStatus: 204,
      lastError: null,
      nextAttemptAt: null,
    })
    await deleteEndpoint(webhookEndpoint.id)
    expect(await deliveries({})).toEqual([])
  })

  test('keep their secrets: sealed in the store, in no log, in no later answer', async () => {
    const { id, secret } = await createEndpoint()
    const rotate =
      'mutation($id: ID!) { rotateWebhookSecret(input: {id: $id}) { secret previousSecretUntil webhookEndpoint { id } } }'
    const { rotateWebhookSecret } = await gateway.ask(rotate, { id })
    expect(Date.parse(rotateWebhookSecret.previousSecretUntil)).toBeGreaterThan(Date.now() + 23 * 3_600_000)
    const before = receiver.seen.length
    await gateway.ask(
      'mutation($id: ID!) { sendTestEvent(input: {id: $id}) { webhookDelivery { eventType status } } }',
      { id },
    )
    await expect.poll(() => receiver.seen.length).toBe(before + 1)
    const seen = receiver.seen.at(-1)
    for (const each of [secret, rotateWebhookSecret.secret]) {
      const headers = seen?.headers as Record<string, string>
      expect(new Webhook(each).verify(seen?.text ?? '', headers)).toMatchObject({ type: 'webhook.test' })
      const stored = await gateway.database.db.execute(
        sql`select encode(sealed_secret, 'escape') as text, url, description from webhook_endpoints`,
      )
      const key = each.slice('whsec_'.length)
      for (const text of [JSON.stringify(stored), gateway.log(), (await gateway.run(list)).text]) {
        expect(text).not.toContain(key)
        expect(text).not.toContain('canary-credential')
      }
    }
  })

  test('of what failed can be sent again, and name their endpoint and themselves', async () => {
    status = 500
    const { id } = await createEndpoint()
    await createConnection('grace')
    await expect
      .poll(() => deliveries({ endpointId: id, status: 'PENDING' }))
      .toMatchObject([
        { attempts: 1, lastStatus: 500, lastError: 'The endpoint answered 500.', nextAttemptAt: expect.any(String) },
      ])
    const update =
      'mutation($input: UpdateWebhookEndpointInput!) { updateWebhookEndpoint(input: $input) { webhookEndpoint { isEnabled disabledReason failingSince } } }'
    const off = await gateway.ask(update, { input: { id, isEnabled: false } })
    expect(off.updateWebhookEndpoint.webhookEndpoint).toMatchObject({
      isEnabled: false,
      disabledReason: 'Switched off by the workspace.',
      failingSince: expect.any(String),
    })
    await gateway.database.db.execute(sql`update webhook_deliveries set status = 'FAILED'`)
    await gateway.ask(update, { input: { id, isEnabled: true } })
    status = 204
    const [failed] = await deliveries({ endpointId: id, status: 'FAILED' })
    const resend = 'mutation($id: ID!) { resendWebhookDelivery(input: {id: $id}) { webhookDelivery { id attempts } } }'
    expect((await gateway.ask(resend, { id: failed.id })).resendWebhookDelivery.webhookDelivery).toEqual({
      id: failed.id,
      attempts: 0,
    })
    await expect.poll(() => deliveries({ endpointId: id, status: 'DELIVERED' })).toMatchObject([{ id: failed.id }])
    const node = 'query($id: ID!) { node(id: $id) { __typename id } }'
    expect((await gateway.ask(node, { id })).node).toEqual({ __typename: 'WebhookEndpoint', id })
    expect((await gateway.ask(node, { id: failed.id })).node).toEqual({ __typename: 'WebhookDelivery', id: failed.id })
    const foreign = await gateway.createWorkspace()
    expect((await gateway.ask(node, { id }, foreign)).node).toBeNull()
    expect((await gateway.ask(node, { id: failed.id }, foreign)).node).toBeNull()
    expect((await gateway.ask(list, {}, foreign)).webhookEndpoints.nodes).toEqual([])
  })

  test.each([
    ['https://127.0.0.1/'],
    ['https://169.254.169.254/latest/'],
    ['http://hooks.example/'],
    ['https://a:b@hooks.example/'],
  ])('go to no such place as %s', async url => {
    const { errors } = await gateway.run(create, { input: { url } })
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT', details: [{ field: 'url' }] } }])
  })

  test.each([
    ['webhooks:write alone', ['WEBHOOKS_WRITE']],
    ['connections:read alone', ['CONNECTIONS_READ']],
    ['all the others', ['CONNECTIONS_READ', 'CONNECTIONS_WRITE', 'CALLS_READ', 'INTEGRATIONS_WRITE', 'KEYS_WRITE']],
  ])('are refused to a key with %s', async (_name, scopes) => {
    const { id } = await createEndpoint()
    const mint = 'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }'
    const key = (await gateway.ask(mint, { input: { name: 'narrow', scopes } })).createAccessKey.secret
    const mutations = ['deleteWebhookEndpoint', 'rotateWebhookSecret', 'sendTestEvent', 'updateWebhookEndpoint'].map(
      name => [`mutation($id: ID!) { ${name}(input: {id: $id}) { __typename } }`, { id }] as const,
    )
    for (const [query, variables] of [
      [create, { input: { url: `${receiver.url}/` } }],
      [list, {}],
      ...mutations,
    ] as const) {
      const { errors } = await gateway.run(query, variables, key)
      expect(errors?.map(error => error.extensions.code)).toContain('FORBIDDEN')
    }
    const resend = 'mutation($id: ID!) { resendWebhookDelivery(input: {id: $id}) { __typename } }'
    expect((await gateway.run(resend, { id: 'whd_x' }, key)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    expect((await gateway.ask(list)).webhookEndpoints.nodes).toEqual([{ id, url: `${receiver.url}/hook` }])
  })

  test('say so when there is no such endpoint or delivery', async () => {
    for (const name of ['deleteWebhookEndpoint', 'rotateWebhookSecret', 'sendTestEvent', 'resendWebhookDelivery']) {
      const query = `mutation($id: ID!) { ${name}(input: {id: $id}) { __typename } }`
      for (const id of ['whe_nonsense', 'whe_01kawv9sx6fs38mwqrnqs20npd', 'conn_01kawv9sx6fs38mwqrnqs20npd', '']) {
        const { errors } = await gateway.run(query, { id })
        expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT', details: [{ field: 'id' }] } }])
      }
    }
  })
})
