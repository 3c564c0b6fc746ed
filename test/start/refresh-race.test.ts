/** Four processes on one database, a thousand calls on one token that ended: one refresh, and no call fails. */
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { createTestPlace } from '../support/database.ts'
import { startOidc } from '../support/oidc.ts'
import { createTokenVendor, type TokenVendor } from '../support/token-vendor.ts'
import { createVisitor } from '../support/visitor.ts'
import { envOf, type PassgateProcess, startPassgate } from './process.ts'

const calls = 1000
const processes = 4

interface House extends AsyncDisposable {
  readonly gateways: readonly PassgateProcess[]
  /** All tokens are over, as the gateways see it. */
  endTokens(): Promise<void>
}

/** @param definition of the integration `vendor` */
async function open(allow: string, definition: object, oauthClient: object): Promise<House> {
  await using parts = new AsyncDisposableStack()
  const place = parts.use(await createTestPlace('postgres'))
  const gateways: PassgateProcess[] = []
  for (let number = 0; number < processes; number += 1) {
    const env = { PASSGATE_DATA_DIR: `${place.dataDir}-${number}`, PASSGATE_EGRESS_ALLOW: allow, LOG_LEVEL: 'warn' }
    const gateway = parts.use(startPassgate(envOf(place, env)))
    await gateway.listening()
    gateways.push(gateway)
  }
  const define = 'mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { slug } } }'
  await ask(gateways, define, { d: definition })
  const configure =
    'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }'
  await ask(gateways, configure, { i: { slug: 'vendor', oauthClient } })
  const owned = parts.move()
  return {
    gateways,
    async endTokens() {
      const sql = postgres(place.url ?? '', { max: 1 })
      await sql`update connections set token_renew_at = now() - interval '1 minute', token_expires_at = now() - interval '1 minute'`
      await sql.end()
      // Longer than rows are remembered.
      await sleep(600)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function ask([first]: readonly PassgateProcess[], query: string, variables: object) {
  if (first === undefined) throw new Error('no process was started')
  const { data, errors } = await first.ask(query, variables)
  expect(errors).toBeUndefined()
  return data
}

async function openWith(vendor: TokenVendor) {
  const house = await open(vendor.host, vendor.definition('vendor'), { clientId: 'client-1', clientSecret: 's' })
  const oauth2 = {
    accessToken: 'ended',
    refreshToken: vendor.tokens.refresh,
    expiresAt: new Date(Date.now() - 1000).toISOString(),
  }
  const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'
  const input = { integration: 'vendor', endUserId: 'ann', credential: { oauth2 } }
  const created = await ask(house.gateways, create, { i: input })
  return Object.assign(house, { connectionId: created.createConnection.connection.id as string })
}

/** What each of so many calls ended with: the vendor's status, or the gateway's code. */
async function callMany(
  { gateways, connectionId }: House & { readonly connectionId: string },
  count: number,
  from = 0,
): Promise<Map<unknown, number>> {
  const query =
    'query($id: ID!) { passthrough(connectionId: $id, path: "/me", options: {timeoutMs: 60000}) { status } }'
  const counts = new Map<unknown, number>()
  const one = async (number: number) => {
    const gateway = gateways[from + (number % (gateways.length - from))]
    const answer = await gateway?.ask(query, { id: connectionId })
    const end = answer?.errors?.[0]?.extensions.code ?? answer?.data?.passthrough?.status
    counts.set(end, (counts.get(end) ?? 0) + 1)
  }
  await Promise.all(Array.from({ length: count }, (_, number) => one(number)))
  return counts
}

test('exactly one refresh reaches a server that ends the grant of whoever refreshes twice, and none of the calls fails', async () => {
  await using oidc = await startOidc()
  const definition = {
    slug: 'vendor',
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
  await using house = await open(oidc.host, definition, oidc.clients.basic)
  const create = 'mutation($i: CreateConnectSessionInput!) { createConnectSession(input: $i) { url } }'
  const { createConnectSession } = await ask(house.gateways, create, {
    i: { endUserId: 'ann', integrations: ['vendor'] },
  })
  const visitor = createVisitor()
  const page = await visitor.visit(createConnectSession.url)
  const done = await visitor.follow(await visitor.submit(page, { integration: 'vendor', scheme: 'oauth2' }))
  expect(done.status).toBe(200)
  const { connections } = await ask(house.gateways, '{ connections(first: 1) { nodes { id } } }', {})
  const connectionId: string = connections.nodes[0].id
  await house.endTokens()
  expect(await callMany({ ...house, connectionId }, calls)).toEqual(new Map([[200, calls]]))
  expect(oidc.countTokenRequests('refresh_token')).toBe(1)
}, 120_000)

test('exactly one refresh reaches a slow vendor, too', async () => {
  await using vendor = await createTokenVendor()
  await using house = await openWith(vendor)
  vendor.behaviour.delayMs = 300
  expect(await callMany(house, calls)).toEqual(new Map([[200, calls]]))
  expect(vendor.requests).toHaveLength(1)
  expect(vendor.calls.every(({ status }) => status === 200)).toBe(true)
}, 120_000)

test('with the refreshing process killed in the middle: one more refresh at most, and no call of the others fails', async () => {
  await using vendor = await createTokenVendor()
  await using house = await openWith(vendor)
  const { gateways, connectionId } = house
  vendor.behaviour.delayMs = 1_000
  vendor.behaviour.graceMs = 60_000
  const doomed = gateways[0]?.ask('query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status } }', {
    id: connectionId,
  })
  doomed?.catch(() => {})
  while (vendor.requests.length === 0) await sleep(10)
  const others = callMany(house, calls, 1)
  await sleep(200)
  gateways[0]?.signal('SIGKILL')
  expect(await others).toEqual(new Map([[200, calls]]))
  expect(vendor.requests.length).toBeLessThanOrEqual(2)
  await expect(doomed).rejects.toThrow()
}, 120_000)

test('with a vendor that answers 500 for a while: it is asked a few times, and none of the calls fails', async () => {
  await using vendor = await createTokenVendor()
  await using house = await openWith(vendor)
  vendor.behaviour.failWith = { status: 500, body: 'oops' }
  setTimeout(() => {
    vendor.behaviour.failWith = undefined
  }, 3_000)
  expect(await callMany(house, calls)).toEqual(new Map([[200, calls]]))
  expect(vendor.requests.length).toBeLessThan(12)
}, 120_000)
