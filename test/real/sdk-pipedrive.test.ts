/** Pipedrive’s client on the raw route: the key comes as its OAuth token, and the vendor gets its own in `x-api-token`. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'
import { configure, createCallKey, loadSdk, rawUrl, runAs } from '../support/vendor-sdk.ts'

interface Person {
  readonly id: number
  readonly name: string
}

interface Persons {
  getPersons(request: object): Promise<{ data: Person[]; additional_data: { next_cursor: string | null } }>
  addPerson(request: object): Promise<{ success: boolean; data: Person }>
  updatePerson(request: object): Promise<{ data: Person }>
  deletePerson(request: object): Promise<{ data: { id: number } }>
}

interface PipedriveModule {
  readonly v2: {
    readonly Configuration: new (options: { basePath: string; apiKey?: string; accessToken?: string }) => object
    readonly PersonsApi: new (configuration: object) => Persons
  }
}

const { v2 } = loadSdk<PipedriveModule>('pipedrive')

const companies: Readonly<Record<string, string>> = { 'pd-one': 'one', 'pd-two': 'two' }
const cursors = ['', 'eyJpZCI6Mn0=', 'eyJpZCI6NH0=']

function answer(request: Recorded, response: ServerResponse) {
  const company = companies[String(request.headers['x-api-token'])]
  const url = new URL(request.url, 'http://pipedrive')
  if (company === undefined) return sendJson(response, { success: false, error: 'unauthorized access' }, 401)
  if (request.method === 'DELETE') return sendJson(response, { success: true, data: { id: 7 } })
  if (request.method !== 'GET') {
    const data = { id: 7, company, ...JSON.parse(request.text) }
    return sendJson(response, { success: true, data }, request.method === 'POST' ? 201 : 200)
  }
  const at = cursors.indexOf(url.searchParams.get('cursor') ?? '')
  const data = [1, 2].map(id => ({ id: at * 2 + id, name: `${company} ${at * 2 + id}` }))
  sendJson(response, { success: true, data, additional_data: { next_cursor: cursors[at + 1] ?? null } })
}

const stack = new AsyncDisposableStack()
let pipedrive: Upstream
let gateway: TestGateway
let key: string
let one: string
let two: string

beforeAll(async () => {
  pipedrive = stack.use(await createUpstream(answer))
  gateway = stack.use(await createGateway({ allow: [pipedrive.host] }))
  await configure(gateway, { slug: 'pipedrive', baseUrl: pipedrive.url })
  const connect = (endUserId: string, token: string) =>
    gateway.createConnection({ integration: 'pipedrive', endUserId, credential: { apiKey: { key: token } } })
  one = await connect('one', 'pd-one')
  two = await connect('two', 'pd-two')
  key = await createCallKey(gateway)
})

afterAll(async () => {
  await stack.disposeAsync()
})

/** The client sends an API token as `x-api-token`, an OAuth token as a bearer. */
function persons(connectionId: string, token: { apiKey: string } | { accessToken: string }): Persons {
  return new v2.PersonsApi(new v2.Configuration({ basePath: `${rawUrl(gateway, connectionId)}/api/v2`, ...token }))
}

const as = <Result>(connectionId: string, run: () => Promise<Result>) => {
  const account = { 'x-api-token': connectionId === one ? 'pd-one' : 'pd-two' }
  return runAs({ gateway, vendor: pipedrive, connectionId, account, key }, run)
}

test('a person is created, changed and deleted', async () => {
  const { result, seen } = await as(one, async () => {
    const api = persons(one, { accessToken: key })
    const created = await api.addPerson({ AddPersonRequest: { name: 'Ünïcode' } })
    const changed = await api.updatePerson({ id: created.data.id, UpdatePersonRequest: { name: 'Other' } })
    return { created, changed, deleted: await api.deletePerson({ id: created.data.id }) }
  })
  expect(result).toMatchObject({
    created: { success: true, data: { id: 7, name: 'Ünïcode', company: 'one' } },
    changed: { data: { name: 'Other' } },
    deleted: { data: { id: 7 } },
  })
  expect(seen.map(({ method, url, headers }) => [method, url, headers.authorization])).toEqual([
    ['POST', '/api/v2/persons', undefined],
    ['PATCH', '/api/v2/persons/7', undefined],
    ['DELETE', '/api/v2/persons/7', undefined],
  ])
})

test('pages are read by their cursors', async () => {
  const { result, seen } = await as(two, async () => {
    const api = persons(two, { accessToken: key })
    const found: Person[] = []
    let cursor: string | null | undefined
    do {
      const page = await api.getPersons({ limit: 2, cursor })
      found.push(...page.data)
      cursor = page.additional_data.next_cursor
    } while (cursor !== null)
    return found
  })
  expect(result.map(({ name }) => name)).toEqual([1, 2, 3, 4, 5, 6].map(id => `two ${id}`))
  expect(seen).toHaveLength(3)
})

test('a key in the API token’s place is not looked for, and never arrives', async () => {
  const before = pipedrive.seen.length
  const failure = persons(two, { apiKey: key }).getPersons({})
  await expect(failure).rejects.toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  expect(pipedrive.seen.length).toBe(before)
})
