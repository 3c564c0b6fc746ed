/** The end of a process behind a load balancer: nothing that it took is lost, and whoever comes late is told to go elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { createTestPlace } from '../support/database.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { adminKey, type Env, envOf, type PassgateProcess, startPassgate } from './process.ts'

interface House extends AsyncDisposable {
  readonly passgate: PassgateProcess
  readonly upstream: Upstream
  /** The next requests are not answered before this resolves. */
  hold(): { readonly arrived: Promise<void>; readonly release: () => void }
  /** One call by GraphQL: its HTTP status, and what the answer says of the connection. */
  call(path: string): Promise<{ readonly status: number; readonly connection: string | null }>
  /** Paths in the call log, of calls with this status. */
  recorded(status?: 200 | null): Promise<string[]>
}

async function openHouse(env: Env): Promise<House> {
  await using parts = new AsyncDisposableStack()
  let held: { readonly until: Promise<void>; readonly sayArrived: () => void } | undefined
  const upstream = parts.use(
    await createUpstream(async (_request, response) => {
      held?.sayArrived()
      await (held?.until ?? sleep(5))
      sendJson(response, {})
    }),
  )
  const place = parts.use(await createTestPlace('postgres'))
  const passgate = parts.use(startPassgate(envOf(place, { PASSGATE_EGRESS_ALLOW: upstream.host, ...env })))
  const definition = { slug: 'acme', name: 'Acme', categories: [], baseUrl: upstream.url, auth: [{ scheme: 'none' }] }
  const define = 'mutation($d: JSONObject!) { createIntegration(input: { definition: $d }) { integration { id } } }'
  await passgate.ask(define, { d: definition })
  const create = `mutation { createConnection(input: { integration: "acme", endUserId: "ann",
    credential: { none: { ok: true } } }) { connection { id } } }`
  await passgate.ask(create)
  const url = await passgate.listening()
  const owned = parts.move()
  return {
    passgate,
    upstream,
    hold() {
      const { promise: until, resolve: release } = Promise.withResolvers<void>()
      const { promise: arrived, resolve: sayArrived } = Promise.withResolvers<void>()
      held = { until, sayArrived }
      return { arrived, release }
    },
    async call(path) {
      const query = 'query($p: String!) { passthrough(integration: "acme", endUserId: "ann", path: $p) { status } }'
      const answer = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
        body: JSON.stringify({ query, variables: { p: path } }),
      })
      expect(await answer.json()).toEqual({ data: { passthrough: { status: 200 } } })
      return { status: answer.status, connection: answer.headers.get('connection') }
    },
    async recorded(status = 200) {
      const sql = postgres(place.url ?? '', { max: 1 })
      const rows = await sql<{ path: string }[]>`
        select path from calls where integration = 'acme' and status is not distinct from ${status}`
      await sql.end()
      return rows.map(({ path }) => path).sort()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The text of an event stream from its start to its end. */
async function listen(url: string): Promise<{ readonly text: Promise<string> }> {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${adminKey}`,
    },
    body: JSON.stringify({ query: 'subscription { connectionEvents { type } }' }),
  })
  expect(answer.headers.get('content-type')).toContain('text/event-stream')
  return { text: answer.text() }
}

test('not ready at once, it still answers, then closes, and lets what is under way finish', async () => {
  await using house = await openHouse({
    PASSGATE_DRAIN_DELAY_MS: '4000',
    // Nobody collects there, which changes nothing.
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
  })
  const { passgate } = house
  const url = await passgate.listening()
  const ready = async () => {
    const answer = await fetch(`${url}/readyz`)
    const { ready: isReady, checks } = (await answer.json()) as { ready: boolean; checks: { draining: object } }
    return { status: answer.status, connection: answer.headers.get('connection'), isReady, draining: checks.draining }
  }
  expect(await ready()).toMatchObject({ status: 200, connection: 'keep-alive', isReady: true })
  const stream = await listen(url)
  const { arrived, release } = house.hold()
  const slow = house.call('/slow')
  await arrived

  passgate.signal('SIGTERM')
  await expect.poll(ready).toEqual({
    status: 503,
    connection: 'close',
    isReady: false,
    draining: { ok: false, reason: 'the process is stopping' },
  })
  const late = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: '{"query":"{ viewer { name } }"}',
  })
  expect([late.status, late.headers.get('connection')]).toEqual([200, 'close'])

  // The listener is closed while the slow call goes on.
  const isRefused = () =>
    fetch(`${url}/livez`).then(
      () => false,
      () => true,
    )
  await expect.poll(isRefused, { timeout: 20_000 }).toBe(true)
  expect(await stream.text).toMatch(/event: complete/)
  release()
  expect(await slow).toEqual({ status: 200, connection: 'close' })
  expect(await passgate.ended()).toBe(0)
  expect(passgate.stderr()).toBe('')
  expect(passgate.stdout()).toContain('traces could not be sent to their collector')
  expect(await house.recorded()).toEqual(['/slow'])
})

test('of 200 calls that come while it stops, each that reached the vendor is answered and recorded', async () => {
  await using house = await openHouse({})
  const paths = Array.from({ length: 200 }, (_, n) => `/call-${String(n).padStart(3, '0')}`)
  const answered: string[] = []
  const turned: string[] = []
  async function send(path: string): Promise<void> {
    try {
      await house.call(path)
      answered.push(path)
      if (answered.length === 60) house.passgate.signal('SIGTERM')
    } catch (error) {
      // Refused, or closed before it was read: never an answer that is none.
      if (!(error instanceof TypeError && error.message === 'fetch failed')) throw error
      turned.push(path)
    }
  }
  // As many at once as a busy server has.
  const waiting = [...paths]
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) await send(path)
    }),
  )
  expect(await house.passgate.ended()).toBe(0)
  expect(house.passgate.stderr()).toBe('')
  const seen = house.upstream.seen.map(({ url }) => url).sort()
  expect(answered.toSorted()).toEqual(seen)
  expect(await house.recorded()).toEqual(seen)
  expect(answered.length).toBeGreaterThanOrEqual(60)
  expect(turned.length).toBeGreaterThan(0)
})

test('what outlasts the drain is cut off and recorded, and the process ends', async () => {
  await using house = await openHouse({ PASSGATE_DRAIN_TIMEOUT_MS: '500' })
  const { passgate } = house
  const { arrived, release } = house.hold()
  const slow = house.call('/slow').catch(() => 'broken')
  await arrived
  const connection = '{ connections(first: 1) { nodes { id } } }'
  const { id } = (await passgate.ask(connection)).data.connections.nodes[0]
  const raw = fetch(`${await passgate.listening()}/passthrough/${id}/raw`, {
    headers: { authorization: `Bearer ${adminKey}` },
  }).catch(() => 'broken')
  await expect.poll(() => house.upstream.seen.length).toBe(2)
  passgate.signal('SIGTERM')
  expect(await passgate.ended()).toBe(0)
  release()
  expect([await slow, await raw]).toEqual(['broken', 'broken'])
  expect(passgate.stderr()).toBe('')
  expect(passgate.stdout()).not.toContain('could not be written')
  expect(await house.recorded(null)).toEqual(['/raw', '/slow'])
})

test('a second signal ends it at once, whichever it is', async () => {
  await using house = await openHouse({})
  const { arrived, release } = house.hold()
  const slow = house.call('/slow').catch(() => 'broken')
  await arrived
  house.passgate.signal('SIGTERM')
  await expect.poll(() => house.passgate.stdout()).toContain('"stopping"')
  house.passgate.signal('SIGINT')
  expect(await house.passgate.ended()).toBe('SIGINT')
  expect(await slow).toBe('broken')
  release()
})
