/** Text and times that cannot be stored are refused by name, wherever they come in; none is a failure of the gateway. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway

beforeAll(async () => {
  gateway = stack.use(await createGateway())
})
afterAll(() => stack.disposeAsync())

const session = 'mutation($i: CreateSessionInput!) { createSession(input: $i) { id } }'
const key = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { accessKey { id } } }'
const page = 'mutation($i: ConfigureConnectPageInput!) { configureConnectPage(input: $i) { connectPage { name } } }'
const integration =
  'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }'
const stats = 'query($i: CallStatsFilter!) { callStats(filter: $i) { total { calls } buckets { calls } } }'

const half = '\ud800'
const nul = 'a\u0000'
const ruled = (rule: object) => ({ name: 'x', scopes: ['ADMIN'], rules: [{ effect: 'ALLOW', ...rule }] })

test.each([
  [session, { endUserId: 'u', integrations: ['ok', nul] }, 'integrations.1'],
  [session, { endUserId: 'u', integrations: [half] }, 'integrations.0'],
  [session, { endUserId: 'u', connections: [nul] }, 'connections.0'],
  [session, { endUserId: half }, 'endUserId'],
  [session, { endUserId: 'u', rules: [{ effect: 'DENY', endUsers: [nul] }] }, 'rules.0.endUsers.0'],
  [key, { name: nul, scopes: ['ADMIN'] }, 'name'],
  [key, { name: half, scopes: ['ADMIN'] }, 'name'],
  [key, ruled({ name: half }), 'rules.0.name'],
  [key, ruled({ endUsers: [nul] }), 'rules.0.endUsers.0'],
  [key, ruled({ integrations: [half] }), 'rules.0.integrations.0'],
  [key, ruled({ connections: [nul] }), 'rules.0.connections.0'],
  [key, ruled({ paths: [`/${half}`] }), 'rules.0.paths.0'],
  [integration, { slug: 'github', rules: [{ effect: 'DENY', endUsers: [half] }] }, 'rules.0.endUsers.0'],
  [page, { name: half }, 'name'],
  [page, { name: nul }, 'name'],
  [stats, { until: '9999-12-31T23:59:59Z' }, 'filter.until'],
  [stats, { until: '0000-01-01T00:00:00Z' }, 'filter.until'],
  [stats, { until: '0001-01-01T00:00:00Z' }, 'filter.until'],
  [stats, { since: '0000-12-31T00:00:00Z', until: '0001-01-02T00:00:00Z' }, 'filter.since'],
])('%s with %j', async (query, input, field) => {
  const { errors } = await gateway.run(query, { i: input })
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field }] })
  expect(errors?.[0]?.message).toContain(field)
})

test.each([{ until: '9999-12-31T23:00:00Z' }, { since: '0001-01-01T00:00:00Z', until: '0001-01-02T00:00:00Z' }])(
  'figures of the first and last times that there are: %j',
  async filter => {
    expect((await gateway.ask(stats, { i: filter })).callStats).toEqual({ total: { calls: 0 }, buckets: [] })
  },
)
