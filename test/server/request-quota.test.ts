/** Requests of a key with a quota count whether or not they call anybody, on every face, with those of its sessions. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway
let connectionId: string

beforeAll(async () => {
  upstream = stack.use(await createUpstream((_request, response) => sendJson(response, {})))
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  connectionId = await gateway.createConnection({ integration: 'own', endUserId: 'ann', credential: { none: {} } })
})
afterAll(() => stack.disposeAsync())

async function createKey(requests: number): Promise<string> {
  const query = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret } }'
  const scopes = ['SESSIONS_CREATE', 'PASSTHROUGH_READ']
  const quota = { requests, perSeconds: 3600 }
  return (await gateway.ask(query, { i: { name: 'k', scopes, quota } })).createAccessKey.secret
}

const viewer = (key: string) => gateway.run('{ viewer { name } }', {}, key)
const raw = (key: string, path = '/x') =>
  fetch(new URL(`passthrough/${connectionId}${path}`, gateway.url), { headers: { authorization: `Bearer ${key}` } })

const spent =
  /^The limit of this (?:access key|session) for requests is spent and comes back in \d+ s; try again then\.$/

test('a request that calls nobody counts, and beyond the quota it is refused as a whole', async () => {
  const key = await createKey(3)
  for (let made = 0; made < 3; made += 1) expect((await viewer(key)).errors).toBeUndefined()
  const { status, data, errors } = await viewer(key)
  expect([status, data]).toEqual([429, undefined])
  expect(errors).toMatchObject([{ message: expect.stringMatching(spent), extensions: { code: 'RATE_LIMITED' } }])
  expect(errors?.[0]?.extensions.retryAfterMs).toBeGreaterThan(0)
  expect((await gateway.run('{ __typename }', {}, key)).errors?.[0]?.extensions.code).toBe('RATE_LIMITED')
  const read = await fetch(new URL(`graphql?query=${encodeURIComponent('{viewer{name}}')}`, gateway.url), {
    headers: { authorization: `Bearer ${key}`, 'x-passgate': '1', accept: 'application/json' },
  })
  expect(((await read.json()) as { errors: unknown }).errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }])
})

test('so many requests with one call each, and no less', async () => {
  const key = await createKey(3)
  const call = '{ passthrough(integration: "own", endUserId: "ann", path: "/x") { status } }'
  const sent = upstream.seen.length
  for (let made = 0; made < 3; made += 1) expect((await gateway.run(call, {}, key)).errors).toBeUndefined()
  expect((await gateway.run(call, {}, key)).errors?.[0]?.extensions.code).toBe('RATE_LIMITED')
  expect(upstream.seen.length - sent).toBe(3)
})

test('on the raw route, also where nothing is sent', async () => {
  const key = await createKey(2)
  expect((await raw(key)).status).toBe(200)
  expect((await viewer(key)).errors).toBeUndefined()
  const sent = upstream.seen.length
  const answer = await raw(key)
  expect(answer.status).toBe(429)
  expect(await answer.json()).toMatchObject({ code: 'RATE_LIMITED', detail: expect.stringMatching(spent) })
  expect(upstream.seen).toHaveLength(sent)
})

test('those of its sessions count with them, and each session’s own beside', async () => {
  const key = await createKey(6)
  const mint = 'mutation($i: CreateSessionInput!) { createSession(input: $i) { token } }'
  const quota = { requests: 2, perSeconds: 3600 }
  const { createSession: greedy } = await gateway.ask(mint, { i: { endUserId: 'ann', quota } }, key)
  const { createSession: other } = await gateway.ask(mint, { i: { endUserId: 'ann' } }, key)
  const codes = []
  for (let made = 0; made < 4; made += 1) codes.push((await viewer(greedy.token)).errors?.[0]?.extensions.code)
  expect(codes).toEqual([undefined, undefined, 'RATE_LIMITED', 'RATE_LIMITED'])
  expect((await viewer(other.token)).errors).toBeUndefined()
  expect((await viewer(key)).errors).toBeUndefined()
  expect((await viewer(other.token)).errors?.[0]?.message).toMatch(/^The limit of this access key for requests/)
})
