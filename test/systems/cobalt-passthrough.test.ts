/** System A: what users of an authenticated passthrough (`POST /api/v1/passthrough`) do, through GraphQL over HTTP. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { readQuery, writeMutation } from '../support/passthrough.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway

const lists = { lists: [{ id: 'abc123', name: 'Newsletter' }], total_items: 1 }

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    if (request.headers.authorization !== `Basic ${Buffer.from('passgate:mc-key-us9').toString('base64')}`) {
      return sendJson(response, { title: 'API Key Invalid', status: 401 }, 401)
    }
    if (request.method === 'POST') return sendJson(response, { id: 'new456', ...JSON.parse(request.text) })
    return sendJson(response, lists)
  })
  gateway = await createGateway({ allow: [upstream.host] })
  const settings = { slug: 'mailchimp', baseUrl: `${upstream.url}/{dc}` }
  await gateway.ask(
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { baseUrl } } }',
    { input: settings },
  )
  await gateway.createConnection({
    integration: 'mailchimp',
    endUserId: 'customer-1',
    config: { dc: 'us9' },
    credential: { apiKey: { key: 'mc-key-us9' } },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const account = { integration: 'mailchimp', endUserId: 'customer-1' }
const lastSeen = () => upstream.seen.at(-1)

test('A1: an account is named by end user and slug, with an access key that the vendor never sees', async () => {
  const { passthrough } = await gateway.ask(readQuery, { ...account, path: '/3.0/lists' })
  expect(passthrough).toMatchObject({ status: 200, body: lists })
  expect(JSON.stringify(lastSeen()?.headers)).not.toContain('admin_')
  const byId = await gateway.ask(readQuery, { connectionId: passthrough.connection.id, path: '/3.0/lists' })
  expect(byId.passthrough.body).toEqual(lists)
})

test('A2: the base URL may be given with the call, inside the pinned hosts', async () => {
  await gateway.ask(readQuery, { ...account, path: '/3.0/lists', options: { baseUrl: `${upstream.url}/us7` } })
  expect(lastSeen()).toMatchObject({ method: 'GET', url: '/us7/3.0/lists' })
  const sent = upstream.seen.length
  const elsewhere = await gateway.run(readQuery, {
    ...account,
    path: '/3.0/lists',
    options: { baseUrl: 'https://evil.example' },
  })
  expect(elsewhere.errors?.[0]?.extensions.code).toBe('DESTINATION_NOT_ALLOWED')
  expect(upstream.seen).toHaveLength(sent)
})

test('A3: query parameters come as an object', async () => {
  await gateway.ask(readQuery, {
    ...account,
    path: '/3.0/lists',
    query: { limit: 10, fields: ['lists.id', 'total_items'] },
  })
  expect(lastSeen()?.url).toBe('/us9/3.0/lists?limit=10&fields=lists.id,total_items')
})

test('A4: placeholders in the path are filled, one encoded segment each', async () => {
  const options = { pathParams: { list: 'abc123', member: 'a/b c@d.example' } }
  await gateway.ask(readQuery, { ...account, path: '/3.0/lists/{list}/members/{member}', options })
  expect(lastSeen()?.url).toBe('/us9/3.0/lists/abc123/members/a%2Fb%20c%40d.example')
})

test('A5: numbers are taken as header values', async () => {
  await gateway.ask(readQuery, { ...account, path: '/3.0/lists', headers: { version: 2 } })
  expect(lastSeen()?.headers.version).toBe('2')
})

test.each(['POST', 'PUT'])('A6: a body goes with %s', async method => {
  await gateway.ask(writeMutation, { ...account, method, path: '/3.0/lists', body: { name: 'Sample List' } })
  expect(lastSeen()).toMatchObject({ method, text: '{"name":"Sample List"}' })
  expect(lastSeen()?.headers['content-type']).toBe('application/json')
})

test('A7: Mailchimp, whose data centre differs per account: GET and POST /3.0/lists', async () => {
  const read = await gateway.ask(readQuery, { ...account, path: '/3.0/lists' })
  expect(lastSeen()).toMatchObject({ method: 'GET', url: '/us9/3.0/lists' })
  expect(read.passthrough.body.lists[0].name).toBe('Newsletter')
  const write = await gateway.ask(writeMutation, {
    ...account,
    method: 'POST',
    path: '/3.0/lists',
    body: { name: 'Sample' },
  })
  expect(lastSeen()).toMatchObject({ method: 'POST', url: '/us9/3.0/lists' })
  expect(write.passthrough).toMatchObject({ status: 200, body: { id: 'new456', name: 'Sample' } })
  const { integration } = await gateway.ask('{ integration(slug: "mailchimp") { configFields { name example } } }')
  expect(integration.configFields).toEqual([{ name: 'dc', example: 'us9' }])
})

test('A7: a data centre that could lead elsewhere is refused by name', async () => {
  const input = { ...account, config: { dc: 'us9.evil.example/' }, credential: { apiKey: { key: 'x' } } }
  const answer = await gateway.run(
    'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }',
    { input },
  )
  expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'config.dc' }] })
})
