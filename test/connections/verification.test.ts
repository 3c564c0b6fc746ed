/** What a vendor's answer says of a credential: yes, no, or neither; and what becomes of the connection then. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { judgeVerification } from '../../src/connections/verification.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { createVisitor } from '../support/visitor.ts'

describe('judgeVerification', () => {
  const judge = (verify: object, status: number, answer: unknown = {}) => {
    const inject = { headers: { 'x-api-key': '{apiKey}' } }
    const auth = [{ scheme: 'apiKey', inject }]
    const definition = { slug: 'acme', name: 'Acme', baseUrl: 'https://api.acme.example', auth, verify }
    return judgeVerification(parseIntegration(definition), status, answer)
  }
  const refuses = (status: number) => ({
    outcome: 'REFUSED',
    status,
    message: `Acme refuses the credential (status ${status}).`,
    account: null,
  })
  const leavesOpen = (status: number) => ({
    outcome: 'UNKNOWN',
    status,
    message: `Acme answered ${status}, which says neither yes nor no to the credential.`,
    account: null,
  })

  test.each([401, 403])('%i refuses where the entry does not say', status => {
    expect(judge({ path: '/me' }, status)).toEqual(refuses(status))
  })

  test.each([302, 400, 402, 404, 422, 429, 500, 503])('%i leaves it open', status => {
    expect(judge({ path: '/me' }, status)).toEqual(leavesOpen(status))
    expect(judge({ path: '/me', refused: [401] }, status)).toEqual(leavesOpen(status))
  })

  test.each([
    [[401], [401], [403, 400, 404]],
    [[403], [403], [401]],
    [
      [400, 401, 498],
      [400, 401, 498],
      [403, 499],
    ],
  ])('with %j refused, %j refuse and %j do not', (refused, no, open) => {
    for (const status of no) expect(judge({ path: '/me', refused }, status)).toEqual(refuses(status))
    for (const status of open) expect(judge({ path: '/me', refused }, status)).toEqual(leavesOpen(status))
  })

  test('a good status with a bad answer refuses all the same', () => {
    const verify = { path: '/me', ok: '$.ok', refused: [401] }
    expect(judge(verify, 200, { ok: false })).toEqual(refuses(200))
    expect(judge(verify, 200, { ok: 'maybe' })).toEqual(leavesOpen(200))
    expect(judge(verify, 200, { ok: true }).outcome).toBe('OK')
  })

  test('an account is read from a yes only', () => {
    const verify = { path: '/me', refused: [401], account: { id: '$.id' } }
    const account = { id: '7', name: null, email: null, url: null }
    const yes = { outcome: 'OK', status: 200, message: 'Acme takes the credential.', account }
    expect(judge(verify, 200, { id: 7 })).toEqual(yes)
    expect(judge(verify, 403, { id: 7 })).toEqual(leavesOpen(403))
  })
})

describe('through the gateway', () => {
  const statuses: Record<string, number> = { good: 200, narrow: 403, bad: 401 }
  const createMutation =
    'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id verifiedAt account { id } } } }'
  const verifyMutation =
    'mutation($id: ID!) { verifyConnection(input: { id: $id }) { outcome httpStatus message connection { status verifiedAt account { id } } } }'
  let vendor: Upstream
  let gateway: TestGateway

  beforeAll(async () => {
    vendor = await createUpstream(({ headers }, response) =>
      sendJson(response, { id: 'acc-1' }, statuses[String(headers['x-api-key'])] ?? 500),
    )
    gateway = await createGateway({ allow: [vendor.host] })
    const auth = [{ scheme: 'apiKey', inject: { headers: { 'x-api-key': '{apiKey}' } } }]
    const verify = { path: '/me', account: { id: '$.id' } }
    const definition = { slug: 'strict', name: 'Strict', baseUrl: vendor.url, auth, verify }
    await gateway.createIntegration(definition)
    await gateway.createIntegration({
      ...definition,
      slug: 'lenient',
      name: 'Lenient',
      verify: { ...verify, refused: [401] },
    })
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await vendor[Symbol.asyncDispose]()
  })

  const create = (integration: string, key: string, more: object = {}) =>
    gateway.run(createMutation, { input: { integration, endUserId: 'ann', credential: { apiKey: { key } }, ...more } })
  const verify = async (id: string) => (await gateway.ask(verifyMutation, { id })).verifyConnection

  test.each([
    ['strict', 'narrow', 'Strict refuses the credential (status 403).'],
    ['strict', 'bad', 'Strict refuses the credential (status 401).'],
    ['lenient', 'bad', 'Lenient refuses the credential (status 401).'],
  ])('%s takes no %s key', async (integration, key, message) => {
    const count = async () => (await gateway.ask('{ connections { totalCount } }')).connections.totalCount
    const before = await count()
    const { errors } = await create(integration, key)
    expect(errors).toMatchObject([
      { message, extensions: { code: 'INVALID_INPUT', details: [{ field: 'credential', message }] } },
    ])
    expect(await count()).toBe(before)
  })

  test('a narrow key is imported where 403 says nothing, unproved', async () => {
    const { connection } = (await create('lenient', 'narrow')).data.createConnection
    expect(connection).toMatchObject({ verifiedAt: null, account: null })
    expect(await verify(connection.id)).toEqual({
      outcome: 'UNKNOWN',
      httpStatus: 403,
      message: 'Lenient answered 403, which says neither yes nor no to the credential.',
      connection: { status: 'ACTIVE', verifiedAt: null, account: null },
    })
  })

  test('a good key is proved', async () => {
    const { connection } = (await create('lenient', 'good')).data.createConnection
    expect(connection).toMatchObject({ verifiedAt: expect.any(String), account: { id: 'acc-1' } })
  })

  test('a stored key that is bad is told so', async () => {
    const { connection } = (await create('lenient', 'bad', { verify: false })).data.createConnection
    expect(await verify(connection.id)).toMatchObject({
      outcome: 'REFUSED',
      httpStatus: 401,
      message: 'Lenient refuses the credential (status 401).',
      connection: { verifiedAt: null, account: null },
    })
  })

  test('the page takes a narrow key, and shows a bad one back', async () => {
    const link = 'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url } }'
    const { url } = (await gateway.ask(link, { input: { endUserId: 'bob', integrations: ['lenient'] } }))
      .createConnectSession
    const visitor = createVisitor()
    const page = await visitor.visit(url)
    const form = { integration: 'lenient', scheme: 'apiKey' }
    const bad = await visitor.submit(page, { ...form, 'credential.key': 'bad' })
    expect([bad.status, bad.html.includes('refuses the credential (status 401)')]).toEqual([422, true])
    expect((await visitor.submit(page, { ...form, 'credential.key': 'narrow' })).status).toBe(200)
    const { connections } = await gateway.ask(
      '{ connections(filter: { endUserId: "bob" }) { nodes { status account { id } } } }',
    )
    expect(connections.nodes).toEqual([{ status: 'ACTIVE', account: null }])
  })
})
