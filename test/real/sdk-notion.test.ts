/** Notion’s client on the raw route: only its base URL and its token are changed. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'
import { configure, createCallKey, loadSdk, rawUrl, runAs } from '../support/vendor-sdk.ts'

interface Page {
  readonly id: string
  readonly properties: object
}

type List<Item> = (request: object) => Promise<{ results: Item[]; next_cursor: string | null }>

interface NotionClient {
  readonly users: { me(request: object): Promise<{ id: string; name: string }>; readonly list: List<{ id: string }> }
  readonly pages: {
    create(request: object): Promise<Page>
    update(request: object): Promise<Page>
    retrieve(request: { page_id: string }): Promise<Page>
  }
  readonly fileUploads: { send(request: object): Promise<{ id: string; status: string }> }
}

interface NotionModule {
  readonly Client: new (options: { auth: string; baseUrl: string; logLevel?: 'error' }) => NotionClient
  collectPaginatedAPI<Item>(list: List<Item>, request: object): Promise<Item[]>
}

const { Client, collectPaginatedAPI } = loadSdk<NotionModule>('@notionhq/client')

const workspaces: Readonly<Record<string, string>> = { 'Bearer ntn_one': 'one', 'Bearer ntn_two': 'two' }
const cursors = ['', 'c-1', 'c-2', 'c-3']
const pageId = '0123456789abcdef0123456789abcdef'

function answer(request: Recorded, response: ServerResponse) {
  const workspace = workspaces[request.headers.authorization ?? '']
  const url = new URL(request.url, 'http://notion')
  const error = (status: number, code: string) =>
    sendJson(response, { object: 'error', status, code, message: code }, status)
  if (workspace === undefined) return error(401, 'unauthorized')
  // Without its version Notion answers nothing.
  if (!/^\d{4}-\d{2}-\d{2}$/.test(String(request.headers['notion-version']))) return error(400, 'missing_version')
  if (url.pathname === '/v1/users/me') return sendJson(response, { object: 'user', id: workspace, name: workspace })
  if (url.pathname === '/v1/users') {
    const at = cursors.indexOf(url.searchParams.get('start_cursor') ?? '')
    const next = cursors[at + 1] ?? null
    const results = [{ object: 'user', id: `${workspace}-${at}` }]
    return sendJson(response, { object: 'list', results, next_cursor: next, has_more: next !== null })
  }
  if (url.pathname.endsWith('/send')) {
    const isWhole = request.body.includes(Buffer.from([0, 1, 2, 255]))
    return sendJson(response, { object: 'file_upload', id: 'f', status: isWhole ? 'uploaded' : 'failed' })
  }
  if (url.pathname.endsWith('/none')) return error(404, 'object_not_found')
  const properties = request.text === '' ? { in: workspace } : JSON.parse(request.text).properties
  sendJson(response, { object: 'page', id: pageId, properties })
}

const stack = new AsyncDisposableStack()
let notion: Upstream
let gateway: TestGateway
let key: string
let one: string
let two: string

beforeAll(async () => {
  notion = stack.use(await createUpstream(answer))
  gateway = stack.use(await createGateway({ allow: [notion.host] }))
  await configure(gateway, { slug: 'notion', baseUrl: notion.url })
  const connect = (endUserId: string, token: string) =>
    gateway.createConnection({ integration: 'notion', endUserId, credential: { bearer: { token } } })
  one = await connect('one', 'ntn_one')
  two = await connect('two', 'ntn_two')
  key = await createCallKey(gateway)
})

afterAll(async () => {
  await stack.disposeAsync()
})

const client = (connectionId: string) =>
  new Client({ auth: key, baseUrl: rawUrl(gateway, connectionId), logLevel: 'error' })

const as = <Result>(connectionId: string, run: () => Promise<Result>) => {
  const account = { authorization: connectionId === one ? 'Bearer ntn_one' : 'Bearer ntn_two' }
  return runAs({ gateway, vendor: notion, connectionId, account, key }, run)
}

test('two connections are two workspaces to the same client, which says its own version', async () => {
  const { result, seen } = await as(one, () => client(one).users.me({}))
  expect(result).toMatchObject({ id: 'one', name: 'one' })
  // The entry has a version too; what the client says is what counts, and it is said once.
  const direct = new Client({ auth: 'ntn_one', baseUrl: notion.url })
  await direct.users.me({})
  expect(seen[0]?.headers['notion-version']).toBe(notion.seen.at(-1)?.headers['notion-version'])
  expect((await as(two, () => client(two).users.me({}))).result).toMatchObject({ id: 'two' })
})

test('a paginated list is read to its end', async () => {
  const { result, seen } = await as(two, () => collectPaginatedAPI(client(two).users.list, { page_size: 1 }))
  expect(result.map(({ id }) => id)).toEqual(['two-0', 'two-1', 'two-2', 'two-3'])
  expect(seen).toHaveLength(4)
})

test('a page is created, changed and read', async () => {
  const properties = { title: [{ text: { content: 'Ünïcode “quotes” \u2028' } }] }
  const { result, seen } = await as(one, async () => {
    const { pages } = client(one)
    const created = await pages.create({ parent: { page_id: pageId }, properties })
    const changed = await pages.update({ page_id: created.id, properties: { done: true } })
    return { created, changed, found: await pages.retrieve({ page_id: pageId }) }
  })
  expect(result).toMatchObject({
    created: { properties },
    changed: { properties: { done: true } },
    found: { properties: { in: 'one' } },
  })
  expect(seen.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'GET'])
})

test('a file goes up as a multipart form, byte for byte', async () => {
  const file = { filename: 'a.bin', data: new Blob([new Uint8Array([0, 1, 2, 255])]) }
  const { result, seen } = await as(one, () => client(one).fileUploads.send({ file_upload_id: 'f', file }))
  expect(result).toMatchObject({ id: 'f', status: 'uploaded' })
  expect(seen[0]?.headers['content-type']).toMatch(/^multipart\/form-data; ?boundary=/)
})

test('the vendor’s 404 is an error of the client’s own kind', async () => {
  await as(one, async () => {
    const failure = client(one).pages.retrieve({ page_id: 'none' })
    await expect(failure).rejects.toMatchObject({ name: 'APIResponseError', code: 'object_not_found', status: 404 })
  })
})
