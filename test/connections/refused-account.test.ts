/** What another account gave in a repair is revoked only where it is another's beyond doubt: some vendors end all tokens of an account at once. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { createVisitor } from '../support/visitor.ts'

const link = 'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url } }'
const consent = { integration: 'acme', scheme: 'oauth2' }

/** What the vendor tells of who has just consented. */
interface Told {
  readonly account: Record<string, unknown>
  readonly team?: string
}

let vendor: Upstream
let gateway: TestGateway
let told: Told
let given = 0
let seenBefore = 0

beforeAll(async () => {
  vendor = await createUpstream((request, response) => {
    if (request.url === '/me') return sendJson(response, told.account)
    if (request.url === '/revoke') return sendJson(response, {})
    given += 1
    const { team } = told
    sendJson(response, { access_token: `access-${given}`, refresh_token: `refresh-${given}`, expires_in: 3600, team })
  })
  gateway = await createGateway({ allow: [vendor.host] })
  const { url } = vendor
  const addresses = { authorizationUrl: `${url}/authorize`, tokenUrl: `${url}/token`, revocationUrl: `${url}/revoke` }
  await gateway.createIntegration({
    slug: 'acme',
    name: 'Acme',
    baseUrl: url,
    config: { team: { title: 'Team', example: 'T1' } },
    auth: [{ scheme: 'oauth2', ...addresses, captures: { team: { tokenAnswer: '$.team' } } }],
    verify: { path: '/me', account: { id: '$.id', email: '$.email', name: '$.name' } },
  })
  await gateway.ask(
    'mutation { configureIntegration(input: {slug: "acme", oauthClient: {clientId: "c", clientSecret: "s"}}) { integration { slug } } }',
  )
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})
beforeEach(() => {
  seenBefore = vendor.seen.length
})

/** An end user's way through the vendor's page and back. @returns the status of the last page */
async function consentTo(next: Told, endUserId: string, connectionId?: string): Promise<number> {
  told = next
  const input = connectionId === undefined ? { integrations: ['acme'] } : { connectionId }
  const { url } = (await gateway.ask(link, { input: { endUserId, ...input } })).createConnectSession
  const visitor = createVisitor()
  const left = await visitor.submit(await visitor.visit(url), consent)
  const back = new URL('oauth/callback', gateway.url)
  const state = new URL(left.location ?? '').searchParams.get('state') ?? ''
  back.search = String(new URLSearchParams({ state, code: 'c1' }))
  return (await visitor.visit(back.href)).status
}

async function connect(first: Told, endUserId: string): Promise<string> {
  expect(await consentTo(first, endUserId)).toBe(200)
  const list = '{ connections(first: 1) { edges { node { id } } } }'
  return (await gateway.ask(list)).connections.edges[0].node.id
}

/** Background revocations of this process are over once a later one is. */
async function revokedSo(): Promise<(string | null)[]> {
  const id = await connect({ account: { id: 'marker' } }, 'marker')
  await gateway.ask('mutation($id: ID!) { deleteConnection(input: {id: $id}) { deletedConnectionId } }', { id })
  const tokens = vendor.seen
    .slice(seenBefore)
    .flatMap(({ url, text }) => (url === '/revoke' ? [new URLSearchParams(text).get('token')] : []))
  return tokens.slice(0, -2)
}

const ann = { id: '1', email: 'ann@acme.example' }

describe('refused and revoked', () => {
  test.each<[string, Told, Told]>([
    ['another id', { account: ann }, { account: { ...ann, id: '2' } }],
    [
      'another captured value',
      { account: { email: 'ann@acme.example' }, team: 'T1' },
      { account: { email: 'bob@acme.example' }, team: 'T2' },
    ],
  ])('is what has %s', async (what, first, second) => {
    const id = await connect(first, what)
    const refused = given + 1
    expect(await consentTo(second, what, id)).toBe(409)
    expect(await revokedSo()).toEqual([`refresh-${refused}`, `access-${refused}`])
  })
})

describe('refused and not revoked', () => {
  test.each<[string, Told, Told]>([
    ['another email alone', { account: { email: 'ann@a.example' } }, { account: { email: 'ann@b.example' } }],
    ['another email for an id', { account: { id: 'ann@a.example' } }, { account: { id: 'ann@b.example' } }],
    ['another name alone', { account: { name: 'Ann' } }, { account: { name: 'Anna' } }],
    ['a captured value for the first time', { account: { name: 'Ann' } }, { account: { name: 'Ann' }, team: 'T1' }],
  ])('is what has %s', async (what, first, second) => {
    const id = await connect(first, what)
    expect(await consentTo(second, what, id)).toBe(409)
    expect(await revokedSo()).toEqual([])
  })

  test('is an account that the end user may have connected, too: its id is not known', async () => {
    await connect({ account: { email: 'home@acme.example' } }, 'two accounts')
    const id = await connect({ account: ann }, 'two accounts')
    expect(await consentTo({ account: { id: '2', email: 'work@acme.example' } }, 'two accounts', id)).toBe(409)
    expect(await revokedSo()).toEqual([])
  })
})

test('the same person, whom the vendor spells otherwise, repairs the connection', async () => {
  const id = await connect({ account: { email: 'Ann@Acme.example' } }, 'ann')
  expect(await consentTo({ account: { email: 'ann@acme.example' } }, 'ann', id)).toBe(200)
  expect(await revokedSo()).toEqual([])
})
