/** Four processes on one database, a thousand calls on one token that ended: one refresh, and no call fails. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createTestPlace } from '../support/database.ts'
import { createTokenVendor, type TokenVendor } from '../support/token-vendor.ts'
import { envOf, type PassgateProcess, startPassgate } from './process.ts'

const calls = 1000
const processes = 4

interface House extends AsyncDisposable {
  readonly vendor: TokenVendor
  readonly gateways: readonly PassgateProcess[]
  readonly connectionId: string
}

async function open(): Promise<House> {
  await using parts = new AsyncDisposableStack()
  const vendor = parts.use(await createTokenVendor())
  const place = parts.use(await createTestPlace('postgres'))
  const gateways: PassgateProcess[] = []
  for (let number = 0; number < processes; number += 1) {
    const env = {
      PASSGATE_DATA_DIR: `${place.dataDir}-${number}`,
      PASSGATE_EGRESS_ALLOW: vendor.host,
      LOG_LEVEL: 'warn',
    }
    const gateway = parts.use(startPassgate(envOf(place, env)))
    await gateway.listening()
    gateways.push(gateway)
  }
  const [first] = gateways
  if (first === undefined) throw new Error('no process was started')
  const ask = async (query: string, variables: object) => {
    const { data, errors } = await first.ask(query, variables)
    expect(errors).toBeUndefined()
    return data
  }
  await ask('mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { slug } } }', {
    d: vendor.definition('vendor'),
  })
  await ask('mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }', {
    i: { slug: 'vendor', oauthClient: { clientId: 'client-1', clientSecret: 's' } },
  })
  const oauth2 = {
    accessToken: 'ended',
    refreshToken: vendor.tokens.refresh,
    expiresAt: new Date(Date.now() - 1000).toISOString(),
  }
  const created = await ask(
    'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }',
    {
      i: { integration: 'vendor', endUserId: 'ann', credential: { oauth2 } },
    },
  )
  const owned = parts.move()
  const connectionId = created.createConnection.connection.id
  return { vendor, gateways, connectionId, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** What each of so many calls ended with: the vendor's status, or the gateway's code. */
async function callMany({ gateways, connectionId }: House, count: number, from = 0): Promise<Map<unknown, number>> {
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

test('exactly one refresh reaches the vendor, and none of the calls fails', async () => {
  await using house = await open()
  house.vendor.behaviour.delayMs = 300
  expect(await callMany(house, calls)).toEqual(new Map([[200, calls]]))
  expect(house.vendor.requests).toHaveLength(1)
  expect(house.vendor.calls.every(({ status }) => status === 200)).toBe(true)
}, 120_000)

test('with the refreshing process killed in the middle: one more refresh at most, and no call of the others fails', async () => {
  await using house = await open()
  const { vendor, gateways, connectionId } = house
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
  await using house = await open()
  const { vendor } = house
  vendor.behaviour.failWith = { status: 500, body: 'oops' }
  setTimeout(() => {
    vendor.behaviour.failWith = undefined
  }, 3_000)
  expect(await callMany(house, calls)).toEqual(new Map([[200, calls]]))
  expect(vendor.requests.length).toBeLessThan(12)
}, 120_000)
