/** Figures of calls over GraphQL: up to the last second, by hour, day, integration and connection, each workspace its own. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway
const connections: string[] = []
const figures = 'calls failures errorRate bytesSent bytesReceived p50Ms p95Ms p99Ms'

beforeAll(async () => {
  const upstream = stack.use(
    await createUpstream((request, response) => sendJson(response, { a: 1 }, request.url === '/gone' ? 404 : 200)),
  )
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  for (const slug of ['one', 'two']) {
    await gateway.createIntegration({ slug, name: slug, baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
    const input = { integration: slug, endUserId: 'ann', credential: { bearer: { token: 't' } } }
    connections.push(await gateway.createConnection(input))
  }
  for (const path of ['/a', '/b', '/gone', '/c']) {
    await gateway.ask(`{ passthrough(integration: "one", endUserId: "ann", path: "${path}") { status } }`)
  }
  await gateway.ask(
    'mutation { passthrough(integration: "two", endUserId: "ann", method: POST, path: "/", body: {b: 1}) { status } }',
  )
  await gateway.app.flush()
})
afterAll(() => stack.disposeAsync())

test('the total is of everything in the range', async () => {
  const { callStats } = await gateway.ask(`{ callStats { since until total { ${figures} } } }`)
  expect(callStats.total).toEqual({
    calls: 5,
    failures: 1,
    errorRate: 0.2,
    bytesSent: 7,
    bytesReceived: 5 * 7,
    p50Ms: expect.any(Number),
    p95Ms: expect.any(Number),
    p99Ms: expect.any(Number),
  })
  expect(Date.parse(callStats.until) - Date.parse(callStats.since)).toBe(86_400_000)
})

test('buckets are by period and group, with the integration and the connection as they are', async () => {
  const { callStats } = await gateway.ask(`{
    callStats(per: DAY, groupBy: CONNECTION) {
      buckets { startsAt calls failures integrationSlug integration { name } connectionId connection { endUserId } }
    }
  }`)
  const startsAt = expect.stringMatching(/T00:00:00\.000Z$/)
  const connection = { endUserId: 'ann' }
  expect(callStats.buckets).toEqual([
    {
      startsAt,
      calls: 4,
      failures: 1,
      integrationSlug: 'one',
      integration: { name: 'one' },
      connectionId: connections[0],
      connection,
    },
    {
      startsAt,
      calls: 1,
      failures: 0,
      integrationSlug: 'two',
      integration: { name: 'two' },
      connectionId: connections[1],
      connection,
    },
  ])
})

test('groups that are not shown are in the total', async () => {
  const { callStats } = await gateway.ask(`{
    callStats(groupBy: INTEGRATION, limit: 1) {
      total { calls } buckets { startsAt calls integrationSlug connectionId connection { id } }
    }
  }`)
  expect(callStats).toEqual({
    total: { calls: 5 },
    buckets: [{ startsAt: null, calls: 4, integrationSlug: 'one', connectionId: null, connection: null }],
  })
})

test('a filter is of an integration, a connection or a time', async () => {
  const total = async (filter: object) =>
    (
      await gateway.ask('query($f: CallStatsFilter) { callStats(filter: $f) { total { calls errorRate } } }', {
        f: filter,
      })
    ).callStats.total
  expect(await total({ integration: 'two' })).toEqual({ calls: 1, errorRate: 0 })
  expect(await total({ connectionId: connections[0] })).toEqual({ calls: 4, errorRate: 0.25 })
  expect(await total({ until: '2020-01-01T00:00:00Z' })).toEqual({ calls: 0, errorRate: null })
})

test('another workspace counts none of these, also by their ids', async () => {
  const stranger = await gateway.createWorkspace()
  const query = `query($id: ID) { callStats(filter: {connectionId: $id}, groupBy: INTEGRATION) { total { calls } buckets { calls } } }`
  for (const id of [null, connections[0]]) {
    const { callStats } = await gateway.ask(query, { id }, stranger)
    expect(callStats).toEqual({ total: { calls: 0 }, buckets: [] })
  }
})

test('more than can be answered is refused', async () => {
  const { errors } = await gateway.run('{ callStats(filter: {since: "2020-01-01T00:00:00Z"}) { total { calls } } }')
  expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT', details: [{ field: 'filter.since' }] } }])
})
