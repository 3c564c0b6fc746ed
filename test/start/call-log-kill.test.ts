/** The call log under load: kill -9 loses no call that was answered before the flush window, SIGTERM none, and none is there twice. */
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'
import { kinds } from '../store/fixtures.ts'
import { createTestPlace, type TestPlace } from '../support/database.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'
import { envOf, type PassgateProcess, startPassgate } from './process.ts'

/** Records are written every 250 ms; the rest is for a write itself, on a machine that has other things to do. */
const flushWindowMs = 2_000
const streams = 8
const waiting = { timeout: 30_000, interval: 50 }

const createIntegration =
  'mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }'
const createConnection =
  'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }'
const createKey = 'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }'
const read = 'query($path: String!) { passthrough(integration: "acme", endUserId: "ann", path: $path) { status } }'
const write =
  'mutation($path: String!) { passthrough(integration: "acme", endUserId: "ann", method: POST, path: $path) { status } }'

/** When each call was answered, by its path; milliseconds of one clock. */
type Answered = Map<string, number>

interface Keys {
  /** May call, but nothing below /refused. */
  readonly ruled: string
  /** May not call at all. */
  readonly reader: string
}

async function setUp(passgate: PassgateProcess, baseUrl: string): Promise<Keys> {
  const definition = { slug: 'acme', name: 'Acme', categories: [], baseUrl, auth: [{ scheme: 'bearer' }] }
  await passgate.ask(createIntegration, { input: { definition } })
  const credential = { bearer: { token: 'canary-token' } }
  await passgate.ask(createConnection, { input: { integration: 'acme', endUserId: 'ann', credential } })
  const rules = [{ effect: 'DENY', name: 'refused', paths: ['/refused*'] }]
  const make = async (input: object) => (await passgate.ask(createKey, { input })).data.createAccessKey.secret
  return {
    ruled: await make({ name: 'ruled', scopes: ['PASSTHROUGH_READ'], rules }),
    reader: await make({ name: 'reader', scopes: ['CALLS_READ'] }),
  }
}

/** Each stream makes one call after the other, now and then one that is refused, until it is told to stop or cannot. */
async function load(
  passgate: PassgateProcess,
  keys: Keys,
  prefix: string,
  answered: Answered,
  state: { isOver: boolean },
) {
  async function run(stream: number): Promise<void> {
    for (let count = 0; !state.isOver; count += 1) {
      const path = `/${prefix}/${stream}/${count}`
      const { data } = await passgate.ask(count % 3 === 0 ? write : read, { path })
      if (data?.passthrough?.status === 200) answered.set(path, performance.now())
      if (count % 10 === 0) await refuse(passgate, keys)
    }
  }
  // A call that the end of the process cut off was not answered.
  await Promise.all(Array.from({ length: streams }, (_, stream) => run(stream).catch(() => {})))
}

async function refuse(passgate: PassgateProcess, { ruled, reader }: Keys): Promise<void> {
  const refused = [
    await passgate.ask(read, { path: '/refused/by-rule' }, ruled),
    await passgate.ask(read, { path: '/refused/by-scope' }, reader),
    await passgate.ask(read, { path: 'https://evil.example/refused' }),
  ]
  const codes = refused.map(({ errors }) => errors?.[0]?.extensions.code)
  expect(codes).toEqual(['POLICY_DENIED', 'FORBIDDEN', 'DESTINATION_NOT_ALLOWED'])
}

function answeredBefore(answered: Answered, timeMs: number): string[] {
  return [...answered].filter(([, answeredAt]) => answeredAt < timeMs).map(([path]) => path)
}

/** How often each path is in the log, and how many calls the sums say there are. */
async function readLog(place: TestPlace) {
  await using database = await openDatabase(place)
  const rows = await database.db
    .select({ path: sql<string>`path`, times: sql<number>`count(*)::int` })
    .from(sql`calls`)
    .groupBy(sql`path`)
  const [sums] = await database.db
    .select({
      whole: sql<number>`(select sum(calls)::int from call_hours where integration = '')`,
      ofIntegrations: sql<number>`(select sum(calls)::int from call_hours where integration <> '')`,
      ofConnections: sql<number>`(select sum(calls)::int from connection_call_hours)`,
    })
    .from(sql`(select 1) as one`)
  return { times: new Map(rows.map(({ path, times }) => [path, times])), sums }
}

test.each(kinds)('no call is lost or doubled by load, kill -9 and restart (%s)', { timeout: 90_000 }, async kind => {
  await using upstream = await createUpstream((_request, response) => sendJson(response, {}))
  await using place = await createTestPlace(kind)
  const env = envOf(place, { PASSGATE_EGRESS_ALLOW: upstream.host, LOG_LEVEL: 'warn' })
  const [before, after]: [Answered, Answered] = [new Map(), new Map()]
  let keys: Keys
  let killedAt: number
  {
    await using passgate = startPassgate(env)
    keys = await setUp(passgate, upstream.url)
    const running = load(passgate, keys, 'before', before, { isOver: false })
    await expect
      .poll(() => answeredBefore(before, performance.now() - flushWindowMs).length, waiting)
      .toBeGreaterThan(100)
    killedAt = performance.now()
    passgate.signal('SIGKILL')
    await Promise.all([running, passgate.ended()])
  }
  {
    await using passgate = startPassgate(env)
    const state = { isOver: false }
    const running = load(passgate, keys, 'after', after, state)
    await expect.poll(() => after.size, waiting).toBeGreaterThan(100)
    state.isOver = true
    await running
    passgate.signal('SIGTERM')
    expect(await passgate.ended()).toBe(0)
    expect(passgate.stderr()).toBe('')
  }
  const { times, sums } = await readLog(place)
  const safe = answeredBefore(before, killedAt - flushWindowMs)
  expect(safe.length).toBeGreaterThan(100)
  expect([...safe, ...after.keys()].filter(path => times.get(path) !== 1)).toEqual([])
  expect([...times].filter(([, count]) => count > 1)).toEqual([])
  expect([...times.keys()].filter(path => path.includes('refused'))).toEqual([])
  expect(sums).toEqual({ whole: times.size, ofIntegrations: times.size, ofConnections: times.size })
})
