/** System B: what users of actions (`POST /api/v2/integration-schema/{slug}/actions/{id}/execute`) do, through GraphQL. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { actionQuery, configureMutation, executeMutation } from '../support/actions.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway

const contact = {
  email: 'ada@lovelace.example',
  firstname: 'Ada',
  lastname: 'Lovelace',
  company: 'Analytical Engines',
  jobtitle: 'Programmer',
}
const channels = [
  { id: 'C1', name: 'general' },
  { id: 'C2', name: 'random' },
]

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://vendor')
    const { authorization } = request.headers
    if (authorization !== 'Bearer vendor-token' && request.headers['x-api-token'] !== 'vendor-token') {
      return sendJson(response, { message: 'who are you' }, 401)
    }
    switch (`${request.method} ${pathname}`) {
      case 'POST /crm/v3/objects/contacts': {
        const { properties } = JSON.parse(request.text)
        if (properties.email === 'taken@lovelace.example') return sendJson(response, { category: 'CONFLICT' }, 409)
        return sendJson(response, `{"id": 90071992547409931, "properties": ${JSON.stringify(properties)}}`, 201)
      }
      case 'POST /api/conversations.create':
        return sendJson(response, { ok: JSON.parse(request.text).name !== 'taken', error: 'name_taken' })
      case 'GET /api/conversations.list':
        return sendJson(response, { ok: true, channels: channels.slice(0, Number(searchParams.get('limit'))) })
      case 'POST /services/data/v62.0/sobjects/Account/':
        return sendJson(response, { id: '001D000000IqhSLIAZ', errors: [], success: true }, 201)
      case 'POST /api/v2/persons':
        return sendJson(response, { success: true, data: { id: 7, ...JSON.parse(request.text) } }, 201)
      default:
        return sendJson(response, { error: 'no such thing' }, 404)
    }
  })
  gateway = await createGateway({ allow: [upstream.host] })
  const places = { hubspot: '', slack: '/api', salesforce: '', pipedrive: '' }
  for (const [slug, path] of Object.entries(places)) {
    await gateway.ask(configureMutation, { input: { slug, baseUrl: upstream.url + path } })
    const credential =
      slug === 'pipedrive' ? { apiKey: { key: 'vendor-token' } } : { bearer: { token: 'vendor-token' } }
    await gateway.createConnection({ integration: slug, endUserId: 'customer-1', credential, verify: false })
  }
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const at = (integration: string) => ({ integration, endUserId: 'customer-1' })

async function execute(integration: string, action: string, input: object, key?: string) {
  return (await gateway.ask(executeMutation, { ...at(integration), action, input }, key)).executeAction
}

describe('B1: a session token of one end user, or an access key and a connection', () => {
  test('a session runs an action of its own end user, which it need not name', async () => {
    const { createSession } = await gateway.ask(
      'mutation { createSession(input: { endUserId: "customer-1", integrations: ["hubspot"] }) { token } }',
    )
    const variables = { integration: 'hubspot', action: 'create_contact', input: contact }
    const { executeAction } = await gateway.ask(executeMutation, variables, createSession.token)
    expect(executeAction).toMatchObject({ status: 'SUCCESS', httpStatus: 201, data: { properties: contact } })
    const elsewhere = await gateway.run(
      executeMutation,
      { integration: 'slack', action: 'conversations.list', input: {} },
      createSession.token,
    )
    expect(elsewhere.errors?.[0]?.extensions.code).toBe('CONNECTION_NOT_FOUND')
  })

  test('an access key runs it through a connection that it names by id', async () => {
    const { executeAction } = await gateway.ask(executeMutation, {
      ...at('hubspot'),
      action: 'create_contact',
      input: contact,
    })
    const connectionId = executeAction.result.connection.id
    const again = await gateway.ask(executeMutation, { connectionId, action: 'create_contact', input: contact })
    expect(again.executeAction.status).toBe('SUCCESS')
    expect(upstream.seen.at(-1)?.headers.authorization).toBe('Bearer vendor-token')
  })
})

test('B2: an action’s parameters are asked for before it is called', async () => {
  const { integration } = await gateway.ask(actionQuery, { integration: 'hubspot', name: 'create_contact' })
  expect(integration.action).toMatchObject({ id: 'hubspot:create_contact', method: 'POST', deprecated: false })
  expect(integration.action.inputSchema).toMatchObject({ type: 'object', required: ['email'] })
  expect(integration.action.parameters.slice(0, 2)).toEqual([
    {
      name: 'email',
      in: 'BODY',
      type: 'string',
      required: true,
      description: 'The address by which HubSpot tells contacts apart.',
      default: null,
      enum: null,
      example: 'ada@lovelace.example',
    },
    expect.objectContaining({ name: 'firstname', required: false }),
  ])
  const answer = await gateway.run(integration.action.example.graphql.replace('user-42', 'customer-1'))
  expect(answer.data.executeAction).toMatchObject({ status: 'SUCCESS', httpStatus: 201 })
})

test('B3: a flat body whose shape the schema decides; all that is wrong is told by field, and nothing is sent', async () => {
  const sent = upstream.seen.length
  const input = { email: 'nobody', firstname: 7, emial: 'x' }
  const answer = await gateway.run(executeMutation, { ...at('hubspot'), action: 'create_contact', input })
  expect(answer.data.executeAction).toBeNull()
  expect(answer.errors?.[0]?.extensions).toMatchObject({
    code: 'INVALID_INPUT',
    origin: 'GATEWAY',
    details: [
      { field: 'input.emial', message: expect.stringContaining('input.emial is unknown; input takes email,') },
      { field: 'input.email', message: 'input.email takes the format email; got "nobody".' },
      { field: 'input.firstname', message: 'input.firstname takes text; got 7.' },
    ],
  })
  expect(upstream.seen).toHaveLength(sent)
})

describe('B4: data, status and HTTP status', () => {
  test('are the vendor’s, with its exact digits', async () => {
    const variables = { ...at('hubspot'), action: 'create_contact', input: { email: contact.email } }
    const { text, data } = await gateway.run(executeMutation, variables)
    expect(text).toContain('"data":{"id": 90071992547409931, "properties": {"email":"ada@lovelace.example"}}')
    expect(data.executeAction).toMatchObject({ status: 'SUCCESS', httpStatus: 201 })
  })

  test('FAILED when the vendor refuses', async () => {
    expect(await execute('hubspot', 'create_contact', { email: 'taken@lovelace.example' })).toMatchObject({
      status: 'FAILED',
      httpStatus: 409,
      data: { category: 'CONFLICT' },
      result: { ok: false },
    })
  })

  test('FAILED when the vendor says so in an answer of status 200', async () => {
    expect(await execute('slack', 'conversations.create', { name: 'taken' })).toMatchObject({
      status: 'FAILED',
      httpStatus: 200,
      data: { ok: false, error: 'name_taken' },
    })
  })
})

describe('B5', () => {
  test('HubSpot create_contact: POST /crm/v3/objects/contacts {properties}', async () => {
    const made = await execute('hubspot', 'create_contact', contact)
    expect(made).toMatchObject({ status: 'SUCCESS', data: { properties: contact } })
    expect(upstream.seen.at(-1)).toMatchObject({ method: 'POST', url: '/crm/v3/objects/contacts' })
    expect(JSON.parse(upstream.seen.at(-1)?.text ?? '')).toEqual({ properties: contact })
  })

  test('Slack conversations.create and conversations.list', async () => {
    expect(await execute('slack', 'conversations.create', { name: 'atlas', is_private: true })).toMatchObject({
      status: 'SUCCESS',
    })
    expect(JSON.parse(upstream.seen.at(-1)?.text ?? '')).toEqual({ name: 'atlas', is_private: true })
    const listed = await execute('slack', 'conversations.list', { limit: 1, types: ['public_channel', 'im'] })
    expect(listed.data).toEqual({ ok: true, channels: channels.slice(0, 1) })
    expect(upstream.seen.at(-1)?.url).toBe('/api/conversations.list?types=public_channel,im&limit=1')
  })

  test('Salesforce create_account: POST services/data/v62.0/sobjects/Account/ {Name}', async () => {
    const made = await execute('salesforce', 'create_account', { Name: 'Express Logistics', Region__c: 'EMEA' })
    expect(made).toMatchObject({ status: 'SUCCESS', data: { id: '001D000000IqhSLIAZ', errors: [], success: true } })
    expect(JSON.parse(upstream.seen.at(-1)?.text ?? '')).toEqual({ Name: 'Express Logistics', Region__c: 'EMEA' })
  })

  test('Pipedrive create_person: POST /api/v2/persons', async () => {
    const input = { name: 'Ada', emails: [{ value: 'ada@lovelace.example', primary: true }], org_id: 9 }
    expect(await execute('pipedrive', 'create_person', input)).toMatchObject({
      status: 'SUCCESS',
      data: { success: true, data: { id: 7, ...input } },
    })
  })
})
