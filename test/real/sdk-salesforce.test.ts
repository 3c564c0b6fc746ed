/** jsforce on the raw route: only its instance URL and its token are changed. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'
import { configure, createCallKey, loadSdk, rawUrl, runAs } from '../support/vendor-sdk.ts'

interface Account {
  readonly Id: string
  readonly Name: string
}

interface Saved {
  readonly id: string
  readonly success: boolean
}

interface SalesforceClient {
  readonly limitInfo: { readonly apiUsage?: { used: number; limit: number } }
  query(soql: string, options?: object): Promise<{ totalSize: number; done: boolean; records: Account[] }>
  request(path: string): Promise<{ user_id: string }>
  sobject(type: string): {
    create(record: object): Promise<Saved>
    update(record: object): Promise<Saved>
    destroy(id: string): Promise<Saved>
    retrieve(id: string): Promise<Account>
  }
}

interface SalesforceOptions {
  readonly instanceUrl: string
  readonly accessToken: string
  readonly version: string
}

const { Connection } = loadSdk<{ Connection: new (options: SalesforceOptions) => SalesforceClient }>('jsforce')

const orgs: Readonly<Record<string, string>> = { 'Bearer 00D1!one': 'one', 'Bearer 00D2!two': 'two' }
const total = 5

function answer(request: Recorded, response: ServerResponse) {
  const org = orgs[request.headers.authorization ?? '']
  const url = new URL(request.url, 'http://salesforce')
  response.setHeader('Sforce-Limit-Info', 'api-usage=18/5000')
  if (org === undefined) {
    sendJson(response, [{ message: 'Session expired or invalid', errorCode: 'INVALID_SESSION_ID' }], 401)
  } else if (url.pathname === '/services/data/v62.0/query') {
    sendJson(response, pageOf(org, 0))
  } else if (url.pathname.startsWith('/services/data/v62.0/query/01g')) {
    sendJson(response, pageOf(org, Number(url.pathname.split('-')[1])))
  } else if (url.pathname === '/services/oauth2/userinfo') {
    sendJson(response, { user_id: `005${org}` })
  } else if (request.method === 'POST') {
    sendJson(response, { id: `001${org}`, success: true, errors: [] }, 201)
  } else if (request.method === 'PATCH' || request.method === 'DELETE') {
    response.writeHead(204).end()
  } else if (url.pathname.endsWith('/none')) {
    sendJson(response, [{ errorCode: 'NOT_FOUND', message: 'The requested resource does not exist' }], 404)
  } else {
    sendJson(response, recordOf(org, 1))
  }
}

function recordOf(org: string, at: number): object {
  const attributes = { type: 'Account', url: `/services/data/v62.0/sobjects/Account/001${at}` }
  return { attributes, Id: `001${at}`, Name: `${org} ${at}` }
}

function pageOf(org: string, start: number): object {
  const end = Math.min(start + 2, total)
  const records = Array.from({ length: end - start }, (_, at) => recordOf(org, start + at + 1))
  if (end === total) return { totalSize: total, done: true, records }
  return { totalSize: total, done: false, nextRecordsUrl: `/services/data/v62.0/query/01gD0-${end}`, records }
}

const stack = new AsyncDisposableStack()
let salesforce: Upstream
let gateway: TestGateway
let key: string
let one: string
let two: string

beforeAll(async () => {
  salesforce = stack.use(await createUpstream(answer))
  gateway = stack.use(await createGateway({ allow: [salesforce.host] }))
  await configure(gateway, { slug: 'salesforce', baseUrl: salesforce.url })
  const connect = (endUserId: string, token: string) =>
    gateway.createConnection({ integration: 'salesforce', endUserId, credential: { bearer: { token } } })
  one = await connect('one', '00D1!one')
  two = await connect('two', '00D2!two')
  key = await createCallKey(gateway)
})

afterAll(async () => {
  await stack.disposeAsync()
})

const client = (connectionId: string) =>
  new Connection({ instanceUrl: rawUrl(gateway, connectionId), accessToken: key, version: '62.0' })

const as = <Result>(connectionId: string, run: () => Promise<Result>) => {
  const account = { authorization: connectionId === one ? 'Bearer 00D1!one' : 'Bearer 00D2!two' }
  return runAs({ gateway, vendor: salesforce, connectionId, account, key }, run)
}

test('a query of two connections reads two orgs, every page of them', async () => {
  const soql = "SELECT Id, Name FROM Account WHERE Name LIKE 'a%' AND X = 'é+&'"
  for (const [org, connectionId] of [
    ['one', one],
    ['two', two],
  ] as const) {
    const { result, seen } = await as(connectionId, () => client(connectionId).query(soql, { autoFetch: true }))
    expect([result.done, result.totalSize]).toEqual([true, total])
    expect(result.records.map(({ Name }) => Name)).toEqual([1, 2, 3, 4, 5].map(at => `${org} ${at}`))
    expect(seen.map(({ url }) => new URL(url, salesforce.url).pathname)).toEqual([
      '/services/data/v62.0/query',
      '/services/data/v62.0/query/01gD0-2',
      '/services/data/v62.0/query/01gD0-4',
    ])
    expect(new URL(seen[0]?.url ?? '', salesforce.url).searchParams.get('q')).toBe(soql)
  }
})

/** `identity()` follows an address in a body and takes its token along, into the query: a path of the org is the way. */
test('two connections are two users to the same client', async () => {
  const askWho = (id: string) => as(id, () => client(id).request('/services/oauth2/userinfo'))
  expect([(await askWho(one)).result, (await askWho(two)).result]).toEqual([
    { user_id: '005one' },
    { user_id: '005two' },
  ])
})

test('a record is created, read, changed and deleted', async () => {
  const { result, seen } = await as(one, async () => {
    const connection = client(one)
    const accounts = connection.sobject('Account')
    const created = await accounts.create({ Name: 'Ünïcode' })
    const found = await accounts.retrieve(created.id)
    const changed = await accounts.update({ Id: created.id, Name: 'Other' })
    const deleted = await accounts.destroy(created.id)
    return { created, found, changed, deleted, usage: connection.limitInfo.apiUsage }
  })
  expect(result).toMatchObject({
    created: { id: '001one', success: true },
    found: { Id: '0011', Name: 'one 1' },
    changed: { success: true },
    deleted: { success: true },
    usage: { used: 18, limit: 5000 },
  })
  expect(seen.map(({ method, text }) => [method, text])).toEqual([
    ['POST', '{"Name":"Ünïcode"}'],
    ['GET', ''],
    ['PATCH', '{"Name":"Other"}'],
    ['DELETE', ''],
  ])
})

test('the vendor’s 404 is an error of the client’s own kind', async () => {
  await as(two, async () => {
    const failure = client(two).sobject('Account').retrieve('none')
    await expect(failure).rejects.toMatchObject({ name: 'NOT_FOUND', errorCode: 'NOT_FOUND' })
  })
})
