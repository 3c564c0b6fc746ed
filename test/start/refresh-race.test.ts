/** Four processes on one database, a thousand calls on one token that ended: one refresh, and no call fails. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestPlace, type TestPlace } from '../support/database.ts'
import { type OidcServer, startOidc } from '../support/oidc.ts'
import { createTokenVendor, type TokenVendor } from '../support/token-vendor.ts'
import { createVisitor } from '../support/visitor.ts'
import { envOf, type PassgateProcess, startPassgate } from './process.ts'

const calls = 1000
const processes = 4

let oidc: OidcServer
/** One for each test, so that what one asks is no other's. */
let vendors: { readonly slow: TokenVendor; readonly failing: TokenVendor; readonly orphaned: TokenVendor }
let place: TestPlace
/** The last test kills the first of them. */
let gateways: readonly PassgateProcess[]
const parts = new AsyncDisposableStack()

beforeAll(async () => {
  oidc = parts.use(await startOidc())
  const [slow, failing, orphaned] = [
    parts.use(await createTokenVendor()),
    parts.use(await createTokenVendor()),
    parts.use(await createTokenVendor()),
  ]
  vendors = { slow, failing, orphaned }
  place = parts.use(await createTestPlace('postgres'))
  const allow = [oidc, slow, failing, orphaned].map(({ host }) => host).join(',')
  gateways = Array.from({ length: processes }, (_, number) => {
    const env = {
      PASSGATE_DATA_DIR: join(place.dataDir, String(number)),
      PASSGATE_EGRESS_ALLOW: allow,
      LOG_LEVEL: 'warn',
    }
    return parts.use(startPassgate(envOf(place, env)))
  })
  await Promise.all(gateways.map(gateway => gateway.listening()))
}, 120_000)
afterAll(() => parts[Symbol.asyncDispose]())

async function ask(query: string, variables: object) {
  const answer = await gateways[0]?.ask(query, variables)
  expect(answer?.errors).toBeUndefined()
  return answer?.data
}

async function define(slug: string, definition: object, oauthClient: object): Promise<void> {
  const create = 'mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { slug } } }'
  await ask(create, { d: definition })
  const configure =
    'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }'
  await ask(configure, { i: { slug, oauthClient } })
}

/** All tokens are over, as the gateways see it. */
async function endTokens(): Promise<void> {
  const sql = postgres(place.url ?? '', { max: 1 })
  await sql`update connections set token_renew_at = now() - interval '1 minute', token_expires_at = now() - interval '1 minute'`
  await sql.end()
  // Longer than rows are remembered.
  await sleep(600)
}

/** @returns the id of a connection whose token has ended */
async function connectTo(slug: string, vendor: TokenVendor): Promise<string> {
  await define(slug, vendor.definition(slug), { clientId: 'client-1', clientSecret: 's' })
  const expiresAt = new Date(Date.now() - 1000).toISOString()
  const oauth2 = { accessToken: 'ended', refreshToken: vendor.tokens.refresh, expiresAt }
  const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'
  const created = await ask(create, { i: { integration: slug, endUserId: 'ann', credential: { oauth2 } } })
  return created.createConnection.connection.id
}

/** What each of so many calls ended with: the vendor's status, or the gateway's code. */
async function callMany(connectionId: string, from = 0): Promise<Map<unknown, number>> {
  const query =
    'query($id: ID!) { passthrough(connectionId: $id, path: "/me", options: {timeoutMs: 60000}) { status } }'
  const counts = new Map<unknown, number>()
  const one = async (number: number) => {
    const gateway = gateways[from + (number % (gateways.length - from))]
    const answer = await gateway?.ask(query, { id: connectionId })
    const end = answer?.errors?.[0]?.extensions.code ?? answer?.data?.passthrough?.status
    counts.set(end, (counts.get(end) ?? 0) + 1)
  }
  await Promise.all(Array.from({ length: calls }, (_, number) => one(number)))
  return counts
}

test('exactly one refresh reaches a server that ends the grant of whoever refreshes twice, and none of the calls fails', async () => {
  const definition = {
    slug: 'oidc',
    name: 'Vendor',
    baseUrl: oidc.url,
    auth: [
      {
        scheme: 'oauth2',
        authorizationUrl: oidc.authorizationUrl,
        tokenUrl: oidc.tokenUrl,
        scopes: ['openid', 'offline_access'],
        authorizationParams: { prompt: 'consent' },
      },
    ],
  }
  await define('oidc', definition, oidc.clients.basic)
  const create = 'mutation($i: CreateConnectSessionInput!) { createConnectSession(input: $i) { url } }'
  const { createConnectSession } = await ask(create, {
    i: { endUserId: 'ann', integrations: ['oidc'] },
  })
  const visitor = createVisitor()
  const page = await visitor.visit(createConnectSession.url)
  const done = await visitor.follow(await visitor.submit(page, { integration: 'oidc', scheme: 'oauth2' }))
  expect(done.status).toBe(200)
  const { connections } = await ask('{ connections(filter: {integration: "oidc"}, first: 1) { nodes { id } } }', {})
  const connectionId: string = connections.nodes[0].id
  await endTokens()
  expect(await callMany(connectionId)).toEqual(new Map([[200, calls]]))
  expect(oidc.countTokenRequests('refresh_token')).toBe(1)
}, 120_000)

test('exactly one refresh reaches a slow vendor, too', async () => {
  const vendor = vendors.slow
  const connectionId = await connectTo('slow', vendor)
  vendor.behaviour.delayMs = 300
  expect(await callMany(connectionId)).toEqual(new Map([[200, calls]]))
  expect(vendor.requests).toHaveLength(1)
  expect(vendor.calls.every(({ status }) => status === 200)).toBe(true)
}, 120_000)

test('with a vendor that answers 500 for a while: it is asked a few times, and none of the calls fails', async () => {
  const vendor = vendors.failing
  const connectionId = await connectTo('failing', vendor)
  vendor.behaviour.failWith = { status: 500, body: 'oops' }
  setTimeout(() => {
    vendor.behaviour.failWith = undefined
  }, 3_000)
  expect(await callMany(connectionId)).toEqual(new Map([[200, calls]]))
  expect(vendor.requests.length).toBeLessThan(12)
}, 120_000)

test('with the refreshing process killed in the middle: one more refresh at most, and no call of the others fails', async () => {
  const vendor = vendors.orphaned
  const connectionId = await connectTo('orphaned', vendor)
  vendor.behaviour.delayMs = 1_000
  vendor.behaviour.graceMs = 60_000
  const doomed = gateways[0]?.ask('query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status } }', {
    id: connectionId,
  })
  doomed?.catch(() => {})
  while (vendor.requests.length === 0) await sleep(10)
  const others = callMany(connectionId, 1)
  await sleep(200)
  gateways[0]?.signal('SIGKILL')
  expect(await others).toEqual(new Map([[200, calls]]))
  expect(vendor.requests.length).toBeLessThanOrEqual(2)
  await expect(doomed).rejects.toThrow()
}, 120_000)
