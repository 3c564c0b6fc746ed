/** A repair takes the account that was connected and no other, by whatever the vendor tells of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { createVisitor, type Page } from '../support/visitor.ts'

/** What the vendor says of the account of each key; of any other it knows nothing. */
const accounts: Record<string, string> = {
  'long-1': '{"id": 9007199254740993}',
  'long-2': '{"id": 9007199254740992}',
  'long-3': '{"id": -12345678901234567890}',
  ann: '{"name": "Ann", "url": "https://acme.example/ann", "email": "ann@acme.example", "id": 1}',
  'ann again': '{"name": "Ann Moved", "url": "https://acme.example/moved", "email": "moved@acme.example", "id": 1}',
  'name ann': '{"name": "Ann"}',
  'name ann at home': '{"name": "Ann", "url": "https://home.example"}',
  'name bob': '{"name": "Bob"}',
  'url ann': '{"url": "https://acme.example/ann"}',
  'url bob': '{"url": "https://acme.example/bob"}',
  'mail ann': '{"email": "ann@acme.example", "name": "Ann"}',
  'mail bob': '{"email": "bob@acme.example", "name": "Ann"}',
  'mail ann renamed': '{"email": "ann@acme.example", "name": "Anna"}',
  'mail ann shouted': '{"email": "Ann@ACME.example"}',
  'id mail ann': '{"id": "ann@acme.example"}',
  'id mail ann shouted': '{"id": "Ann@ACME.example"}',
  'id Ab': '{"id": "Ab"}',
  'id aB': '{"id": "aB"}',
  'name josé': '{"name": "José"}',
  'name josé decomposed': '{"name": "  Jose\u0301 "}',
  'name JOSÉ': '{"name": "JOSÉ"}',
  'url ann shouted': '{"url": "HTTPS://ACME.example:443/ann"}',
  nobody: '{}',
}
const link = 'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url } }'
const inspect = 'query($id: ID!) { connection(id: $id) { account { id name email url } } }'
const other = 'This is a different account'
const untold = 'The service could not complete this'

let vendor: Upstream
let gateway: TestGateway

beforeAll(async () => {
  vendor = await createUpstream(({ headers }, response) => {
    const account = accounts[String(headers['x-api-key'])]
    sendJson(response, account ?? '{"error": "no such key"}', account === undefined ? 401 : 200)
  })
  gateway = await createGateway({ allow: [vendor.host] })
  const account = { id: '$.id', name: '$.name', email: '$.email', url: '$.url' }
  const auth = [{ scheme: 'apiKey', inject: { headers: { 'x-api-key': '{apiKey}' } } }]
  const verify = { path: '/me', account }
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, auth, verify })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})

const connect = (key: string) =>
  gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential: { apiKey: { key } } })

async function repair(connectionId: string, key: string, more: object = {}): Promise<Page> {
  const { createConnectSession } = await gateway.ask(link, { input: { endUserId: 'ann', connectionId, ...more } })
  const visitor = createVisitor()
  const page = await visitor.visit(createConnectSession.url)
  return await visitor.submit(page, { integration: 'acme', scheme: 'apiKey', 'credential.key': key })
}

describe('an id', () => {
  test.each([
    ['long-1', '9007199254740993'],
    ['long-2', '9007199254740992'],
    ['long-3', '-12345678901234567890'],
    ['ann', '1'],
  ])('of %s is kept digit for digit', async (key, expected) => {
    const id = await connect(key)
    expect((await gateway.ask(inspect, { id })).connection.account.id).toBe(expected)
    const verify = 'mutation($id: ID!) { verifyConnection(input: {id: $id}) { connection { account { id } } } }'
    expect((await gateway.ask(verify, { id })).verifyConnection.connection.account.id).toBe(expected)
  })

  test('that differs in its last digit only is another account', async () => {
    const id = await connect('long-1')
    const page = await repair(id, 'long-2')
    expect([page.status, page.html.includes(other)]).toEqual([409, true])
    expect((await gateway.ask(inspect, { id })).connection.account.id).toBe('9007199254740993')
    expect((await repair(id, 'long-1')).status).toBe(200)
  })
})

describe('the strongest field that both have', () => {
  test.each([
    ['ann', 'ann again', 200],
    ['name ann', 'name ann', 200],
    ['name ann', 'name ann at home', 200],
    ['name ann', 'name bob', 409],
    ['url ann', 'url ann', 200],
    ['url ann', 'url bob', 409],
    ['mail ann', 'mail ann renamed', 200],
    ['mail ann', 'mail bob', 409],
    ['mail ann', 'name ann', 200],
    ['mail ann', 'name bob', 409],
    ['mail ann', 'mail ann shouted', 200],
    ['id mail ann', 'id mail ann shouted', 200],
    ['id Ab', 'id aB', 409],
    ['name josé', 'name josé decomposed', 200],
    ['name josé', 'name JOSÉ', 409],
    ['url ann', 'url ann shouted', 200],
    ['ann', 'url bob', 409],
    ['ann', 'mail ann', 200],
    ['nobody', 'name bob', 200],
  ])('decides for %s and %s: %i', async (first, second, status) => {
    const id = await connect(first)
    const before = (await gateway.ask(inspect, { id })).connection
    const page = await repair(id, second)
    expect([page.status, page.html.includes(other)]).toEqual([status, status === 409])
    if (status !== 409) return
    expect((await gateway.ask(inspect, { id })).connection).toEqual(before)
    expect((await repair(id, second, { allowOtherAccount: true })).status).toBe(200)
  })

  test.each([
    ['name ann', 'nobody'],
    ['name ann', 'url ann'],
    ['long-1', 'mail ann'],
  ])('cannot be none: %s is not repaired by %s', async (first, second) => {
    const page = await repair(await connect(first), second)
    expect([page.status, page.html.includes(untold)]).toEqual([400, true])
  })
})
