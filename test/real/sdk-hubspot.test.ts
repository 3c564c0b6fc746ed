/** HubSpot’s client on the raw route: only its base URL and its token are changed. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'
import { configure, createCallKey, loadSdk, rawUrl, runAs } from '../support/vendor-sdk.ts'

interface Contact {
  readonly id: string
  readonly properties: Readonly<Record<string, string>>
  readonly createdAt: Date
}

interface HubSpotClient {
  readonly crm: {
    readonly contacts: {
      readonly basicApi: {
        create(input: object): Promise<Contact>
        update(id: string, input: object): Promise<Contact>
        getById(id: string, properties?: string[]): Promise<Contact>
        archive(id: string): Promise<void>
      }
      getAll(limit: number): Promise<Contact[]>
    }
  }
  apiRequest(request: object): Promise<Response>
}

const { Client } = loadSdk<{ Client: new (options: { basePath: string; accessToken: string }) => HubSpotClient }>(
  '@hubspot/api-client',
)

/** Each portal has contacts of its own. */
const portals: Readonly<Record<string, number>> = { 'Bearer pat-one': 111, 'Bearer pat-two': 222 }
const total = 7

function answer(request: Recorded, response: ServerResponse) {
  const portal = portals[request.headers.authorization ?? '']
  const { pathname, searchParams } = new URL(request.url, 'http://hubspot')
  if (portal === undefined) {
    sendJson(response, { status: 'error', category: 'INVALID_AUTHENTICATION', message: 'The token is unknown.' }, 401)
  } else if (pathname === '/account-info/v3/details') {
    sendJson(response, { portalId: portal })
  } else if (request.method === 'POST') {
    const { properties } = JSON.parse(request.text)
    sendJson(response, contactOf(portal, 501, properties), 201)
  } else if (request.method === 'PATCH') {
    const { properties } = JSON.parse(request.text)
    sendJson(response, contactOf(portal, Number(pathname.split('/').at(-1)), properties))
  } else if (request.method === 'DELETE') {
    response.writeHead(204).end()
  } else if (pathname.endsWith('/contacts')) {
    sendJson(response, pageOf(portal, Number(searchParams.get('limit')), Number(searchParams.get('after') ?? 0)))
  } else if (pathname.endsWith('/999')) {
    sendJson(response, { status: 'error', category: 'OBJECT_NOT_FOUND', message: 'resource not found' }, 404)
  } else {
    sendJson(response, contactOf(portal, Number(pathname.split('/').at(-1))))
  }
}

function contactOf(portal: number, id: number, properties: object = {}): object {
  const at = '2026-01-02T03:04:05.678Z'
  const fields = { email: `c${id}@${portal}.example`, ...properties }
  return { id: String(id), properties: fields, createdAt: at, updatedAt: at, archived: false }
}

function pageOf(portal: number, limit: number, after: number): object {
  const end = Math.min(after + limit, total)
  const results = Array.from({ length: end - after }, (_, at) => contactOf(portal, after + at + 1))
  if (end === total) return { results }
  const link = `https://api.hubapi.com/crm/v3/objects/contacts?limit=${limit}&after=${end}`
  return { results, paging: { next: { after: String(end), link } } }
}

const stack = new AsyncDisposableStack()
let hubspot: Upstream
let gateway: TestGateway
let key: string
let one: string
let two: string

beforeAll(async () => {
  hubspot = stack.use(await createUpstream(answer))
  gateway = stack.use(await createGateway({ allow: [hubspot.host] }))
  await configure(gateway, { slug: 'hubspot', baseUrl: hubspot.url })
  const connect = (endUserId: string, token: string) =>
    gateway.createConnection({ integration: 'hubspot', endUserId, credential: { bearer: { token } } })
  one = await connect('one', 'pat-one')
  two = await connect('two', 'pat-two')
  key = await createCallKey(gateway)
})

afterAll(async () => {
  await stack.disposeAsync()
})

const client = (connectionId: string) => new Client({ basePath: rawUrl(gateway, connectionId), accessToken: key })

const as = <Result>(connectionId: string, run: () => Promise<Result>) => {
  const account = { authorization: connectionId === one ? 'Bearer pat-one' : 'Bearer pat-two' }
  return runAs({ gateway, vendor: hubspot, connectionId, account, key }, run)
}

test.each([
  ['one', 111],
  ['two', 222],
])('connection %s is portal %i', async (name, portal) => {
  const connectionId = name === 'one' ? one : two
  const { result } = await as(connectionId, () => client(connectionId).apiRequest({ path: '/account-info/v3/details' }))
  expect([result.status, await result.json()]).toEqual([200, { portalId: portal }])
})

test('getAll follows the cursors to the end', async () => {
  const { result, seen } = await as(two, () => client(two).crm.contacts.getAll(3))
  const emails = Array.from({ length: total }, (_, at) => `c${at + 1}@222.example`)
  expect(result.map(({ properties }) => properties.email)).toEqual(emails)
  expect(seen.map(({ url }) => new URL(url, hubspot.url).searchParams.get('after'))).toEqual([null, '3', '6'])
})

test('a contact is created, changed, read and archived', async () => {
  const { result, seen } = await as(one, async () => {
    const { basicApi } = client(one).crm.contacts
    const created = await basicApi.create({ properties: { email: 'ada@example.com', firstname: 'Ädä' } })
    const changed = await basicApi.update(created.id, { properties: { firstname: 'Ada' } })
    const found = await basicApi.getById(created.id, ['email', 'firstname'])
    await basicApi.archive(created.id)
    return { created, changed, found }
  })
  expect(result.created).toMatchObject({ id: '501', properties: { email: 'ada@example.com', firstname: 'Ädä' } })
  expect(result.created.createdAt).toEqual(new Date('2026-01-02T03:04:05.678Z'))
  expect(result.changed.properties.firstname).toBe('Ada')
  expect(result.found.properties.email).toBe('c501@111.example')
  expect(seen.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'GET', 'DELETE'])
  expect(new URL(seen[2]?.url ?? '', hubspot.url).searchParams.getAll('properties')).toEqual(['email', 'firstname'])
})

test('the vendor’s 404 is an error of the client’s own kind', async () => {
  await as(one, async () => {
    const failure = client(one).crm.contacts.basicApi.getById('999')
    await expect(failure).rejects.toMatchObject({ code: 404, body: { category: 'OBJECT_NOT_FOUND' } })
  })
})
