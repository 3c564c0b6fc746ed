/** The live log: recorded calls arrive over server-sent events, filtered, bounded, and for as long as the key may listen. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createStores } from '../../src/store/stores.ts'
import { callRow } from '../store/fixtures.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { listen } from '../support/sse-messages.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway

const subscription = `subscription($filter: CallFilter) {
  callRecorded(filter: $filter) { missed call { id path status connection { endUserId } } }
}`

beforeAll(async () => {
  const upstream = stack.use(
    await createUpstream((request, response) => sendJson(response, {}, request.url === '/gone' ? 404 : 200)),
  )
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  await gateway.createConnection({ integration: 'own', endUserId: 'ann', credential: { bearer: { token: 't' } } })
})
afterAll(() => stack.disposeAsync())
afterEach(() => expect.poll(() => gateway.app.services.callFeed.size).toBe(0))

async function call(path: string): Promise<string> {
  const query = 'query($p: String!) { passthrough(integration: "own", endUserId: "ann", path: $p) { callId } }'
  return (await gateway.ask(query, { p: path })).passthrough.callId
}

const pathOf = (message: { data: { data: { callRecorded: { call: { path: string } } } } } | undefined) =>
  message?.data.data.callRecorded.call.path

test('a call arrives when it is recorded, with what it belongs to', async () => {
  await using stream = await listen(gateway.url, { query: subscription })
  expect([stream.status, stream.type]).toEqual([200, 'text/event-stream'])
  const id = await call('/first')
  expect(await stream.next()).toEqual({
    event: 'next',
    data: {
      data: {
        callRecorded: { missed: 0, call: { id, path: '/first', status: 200, connection: { endUserId: 'ann' } } },
      },
    },
  })
})

test('only what the filter wants arrives', async () => {
  await using stream = await listen(gateway.url, { query: subscription, variables: { filter: { failed: true } } })
  await call('/fine')
  await call('/gone')
  expect(pathOf(await stream.next())).toBe('/gone')
})

test('calls that another replica records arrive, too', async () => {
  await using stream = await listen(gateway.url, { query: subscription })
  const rows = Array.from({ length: 300 }, (_, index) =>
    callRow(gateway.app.workspace.id, { path: `/${index}`, startedAt: new Date(Date.now() + index) }),
  )
  await createStores(gateway.database).calls.insertMany(rows)
  const heard = []
  while (heard.length < rows.length) heard.push(pathOf(await stream.next()))
  expect(heard).toEqual(rows.map(({ path }) => path))
})

test('another workspace hears nothing of it', async () => {
  const stranger = await gateway.createWorkspace()
  await using stream = await listen(gateway.url, { query: subscription }, stranger)
  const { workspace } = (await gateway.ask('{ viewer { workspace { id } } }', {}, stranger)).viewer
  await call('/ours')
  await gateway.app.flush()
  await createStores(gateway.database).calls.insertMany([
    callRow(workspace.id, { path: '/theirs', startedAt: new Date() }),
  ])
  expect(pathOf(await stream.next())).toBe('/theirs')
})

test('it ends with an error soon after the key is deleted', async () => {
  const query = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret accessKey { id } } }'
  const { createAccessKey } = await gateway.ask(query, { i: { name: 'k', scopes: ['CALLS_READ'] } })
  await using stream = await listen(gateway.url, { query: subscription }, createAccessKey.secret)
  const id = createAccessKey.accessKey.id
  await gateway.ask('mutation($id: ID!) { deleteAccessKey(input: {id: $id}) { deletedAccessKeyId } }', { id })
  const message = await stream.next()
  expect(message?.data.errors).toMatchObject([
    { message: 'The access key is unknown, expired or deleted.', extensions: { code: 'UNAUTHENTICATED' } },
  ])
})

test.each([
  ['without a key', null, 'UNAUTHENTICATED'],
  ['without the scope', 'PASSTHROUGH_READ', 'FORBIDDEN'],
])('%s it is refused', async (_name, scope, code) => {
  const query = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret } }'
  const key = scope && (await gateway.ask(query, { i: { name: 'k', scopes: [scope] } })).createAccessKey.secret
  await using stream = await listen(gateway.url, { query: subscription }, key)
  expect((await stream.next())?.data.errors).toMatchObject([{ extensions: { code } }])
})

test('a filter that makes no sense is refused', async () => {
  await using stream = await listen(gateway.url, { query: subscription, variables: { filter: { pathPrefix: 'x' } } })
  expect((await stream.next())?.data.errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }])
})
