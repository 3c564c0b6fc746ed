/** System D: what users of passthrough functions (`POST /{app}-passthrough-request`) do, through GraphQL over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { readQuery, writeMutation } from '../support/passthrough.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://x')
    if (pathname === '/api/conversations.list') {
      const isKnown = request.headers.authorization === 'Bearer xoxb-1'
      return sendJson(
        response,
        isKnown
          ? { ok: true, channels: [{ id: 'C1' }, { id: 'C2' }].slice(0, Number(searchParams.get('limit'))) }
          : { ok: false, error: 'invalid_auth' },
      )
    }
    if (pathname === '/api/v2/persons') {
      const isKnown = request.headers['x-api-token'] === 'pd-1'
      return isKnown
        ? sendJson(response, { success: true, data: { id: 7, ...JSON.parse(request.text) } }, 201)
        : sendJson(response, { success: false }, 401)
    }
    sendJson(response, { error: 'not found' }, 404)
  })
  gateway = await createGateway({ allow: [upstream.host] })
  const configure =
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }'
  await gateway.ask(configure, { input: { slug: 'slack', baseUrl: `${upstream.url}/api` } })
  await gateway.ask(configure, { input: { slug: 'pipedrive', baseUrl: upstream.url } })
  await gateway.createConnection({
    integration: 'slack',
    endUserId: 'user-1',
    credential: { bearer: { token: 'xoxb-1' } },
  })
  await gateway.createConnection({
    integration: 'pipedrive',
    endUserId: 'user-1',
    credential: { apiKey: { key: 'pd-1' } },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const slack = { integration: 'slack', endUserId: 'user-1' }

test('D1: an absolute URL is taken when its host is pinned, and the credential is added', async () => {
  const { passthrough } = await gateway.ask(readQuery, {
    ...slack,
    path: `${upstream.url}/api/conversations.list?limit=2`,
  })
  expect(passthrough.body).toEqual({ ok: true, channels: [{ id: 'C1' }, { id: 'C2' }] })
  const sent = upstream.seen.length
  const elsewhere = await gateway.run(readQuery, { ...slack, path: 'https://evil.example/api/conversations.list' })
  expect(elsewhere.errors?.[0]?.extensions.code).toBe('DESTINATION_NOT_ALLOWED')
  expect(upstream.seen).toHaveLength(sent)
})

test('D2: whatever the app answered is a result with its status and body', async () => {
  const answer = await gateway.run(readQuery, { ...slack, path: '/no/such/thing' })
  expect(answer.status).toBe(200)
  expect(answer.errors).toBeUndefined()
  expect(answer.data.passthrough).toMatchObject({ status: 404, body: { error: 'not found' } })
})

describe('D3: what was not executed is an error with a detail per field, and nothing is sent', () => {
  test.each([
    [
      'no connected account',
      { integration: 'slack', endUserId: 'nobody', path: '/x' },
      'CONNECTION_NOT_FOUND',
      'endUserId',
    ],
    ['no such app', { integration: 'nope', endUserId: 'user-1', path: '/x' }, 'INTEGRATION_NOT_FOUND', 'integration'],
    ['a path with a line break', { ...slack, path: '/a\nb' }, 'INVALID_INPUT', 'path'],
    [
      'a header that is not the caller’s',
      { ...slack, path: '/x', headers: { host: 'evil' } },
      'INVALID_INPUT',
      'headers.host',
    ],
    [
      'a timeout out of range',
      { ...slack, path: '/x', options: { timeoutMs: 0 } },
      'INVALID_INPUT',
      'options.timeoutMs',
    ],
    ['half a selector', { integration: 'slack', path: '/x' }, 'INVALID_INPUT', 'endUserId'],
    ['two selectors', { ...slack, connectionId: 'conn_1', path: '/x' }, 'INVALID_INPUT', 'connectionId'],
  ])('%s', async (_what, variables, code, field) => {
    const sent = upstream.seen.length
    const answer = await gateway.run(readQuery, variables)
    expect(answer.data.passthrough).toBeNull()
    expect(answer.errors?.[0]?.extensions).toMatchObject({
      code,
      origin: 'GATEWAY',
      details: [expect.objectContaining({ field })],
    })
    expect(answer.errors?.[0]?.extensions.requestId).toMatch(/^req_/)
    expect(upstream.seen).toHaveLength(sent)
  })
})

test('D4: executed calls are in the log, and calls that were not executed are not', async () => {
  const filter = { filter: { integration: 'slack', endUserId: 'logged' } }
  const list =
    'query($filter: CallFilter) { calls(filter: $filter) { nodes { method path status kind attempts endUserId integrationSlug } } }'
  await gateway.createConnection({
    integration: 'slack',
    endUserId: 'logged',
    credential: { bearer: { token: 'xoxb-1' } },
  })
  const caller = { integration: 'slack', endUserId: 'logged' }
  await gateway.run(readQuery, { ...caller, path: 'https://evil.example/x' })
  await gateway.run(readQuery, { ...caller, path: '/a\nb' })
  await gateway.run(readQuery, { ...caller, method: 'POST', path: '/conversations.list' })
  await gateway.ask(readQuery, { ...caller, path: '/conversations.list?limit=1&token=secret' })
  await gateway.app.flush()
  const { calls } = await gateway.ask(list, filter)
  expect(calls.nodes).toEqual([
    {
      method: 'GET',
      path: '/api/conversations.list',
      status: 200,
      kind: 'QUERY',
      attempts: 1,
      endUserId: 'logged',
      integrationSlug: 'slack',
    },
  ])
})

test('D5: the account is picked by id only when the user has several', async () => {
  const twice = { integration: 'slack', endUserId: 'twice' }
  const first = await gateway.createConnection({ ...twice, credential: { bearer: { token: 'xoxb-1' } } })
  expect(
    (await gateway.ask(readQuery, { ...twice, path: '/conversations.list?limit=1' })).passthrough.connection.id,
  ).toBe(first)
  const second = await gateway.createConnection({ ...twice, credential: { bearer: { token: 'xoxb-2' } } })
  const answer = await gateway.run(readQuery, { ...twice, path: '/conversations.list?limit=1' })
  const [error] = answer.errors ?? []
  const details = (error?.extensions.details ?? []) as { field: string; message: string }[]
  expect(error?.extensions.code).toBe('CONNECTION_AMBIGUOUS')
  expect(details.map(detail => detail.message).sort()).toEqual([first, second].sort())
  const chosen = await gateway.ask(readQuery, { connectionId: second, path: '/conversations.list?limit=1' })
  expect(chosen.passthrough.body).toEqual({ ok: false, error: 'invalid_auth' })
})

describe('D8', () => {
  test('Slack: GET https://slack.com/api/conversations.list?limit=2', async () => {
    const entry = await gateway.ask(
      'mutation { configureIntegration(input: {slug: "slack", hosts: null}) { integration { hosts } } }',
    )
    expect(entry.configureIntegration.integration.hosts).toEqual([])
    const { passthrough } = await gateway.ask(readQuery, {
      ...slack,
      path: `${upstream.url}/api/conversations.list?limit=2`,
    })
    expect(upstream.seen.at(-1)).toMatchObject({ method: 'GET', url: '/api/conversations.list?limit=2' })
    expect(passthrough.body.channels).toHaveLength(2)
  })

  test('Pipedrive: POST https://api.pipedrive.com/api/v2/persons', async () => {
    const variables = {
      integration: 'pipedrive',
      endUserId: 'user-1',
      method: 'POST',
      path: `${upstream.url}/api/v2/persons`,
      body: { name: 'Ada' },
    }
    const { passthrough } = await gateway.ask(writeMutation, variables)
    expect(passthrough).toMatchObject({ status: 201, body: { success: true, data: { id: 7, name: 'Ada' } } })
  })
})
