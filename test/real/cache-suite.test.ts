/** The public cache suite: nothing changes through the raw route, and the private cache keeps what RFC 9111 requires of one. */
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CacheResults, type CacheSuite, startCacheSuite } from '../support/cache-suite.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'

let suite: CacheSuite
let gateway: TestGateway
let front: Server
/** What the suite's client cannot add by itself. */
let added: string[] = []
let direct: CacheResults
let through: CacheResults
let cached: CacheResults

beforeAll(async () => {
  suite = await startCacheSuite()
  gateway = await createGateway({ allow: [suite.host] })
  const definition = { slug: 'suite', name: 'Suite', baseUrl: `http://${suite.host}`, auth: [{ scheme: 'none' }] }
  await gateway.createIntegration(definition)
  const id = await gateway.createConnection({
    integration: 'suite',
    endUserId: 'u',
    credential: { none: { ok: true } },
  })
  front = await startFront(`/passthrough/${id}`)
  const base = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  const directly = suite.run(`http://${suite.host}`)
  through = await suite.run(base)
  direct = await directly
  added = ['x-passgate-cache', 'on']
  cached = await suite.run(base)
}, 240_000)
afterAll(async () => {
  front.close()
  await gateway[Symbol.asyncDispose]()
  await suite[Symbol.asyncDispose]()
})

/** Adds the access key and the path of the connection, which its client knows nothing of, and is otherwise not there. */
async function startFront(prefix: string): Promise<Server> {
  const { hostname, port } = new URL(gateway.url)
  const server = createServer((request, response) => {
    const headers = [...request.rawHeaders, 'x-api-key', adminKey, 'x-passgate-rewrite', 'off', ...added]
    const path = prefix + request.url
    const relayed = httpRequest({ hostname, port, method: request.method, path, headers, setHost: false }, answer => {
      response.sendDate = false
      const kept = answer.rawHeaders.filter(
        (_, index, all) => !/^(?:connection|keep-alive|transfer-encoding)$/i.test(all[index - (index % 2)] ?? ''),
      )
      response.writeHead(answer.statusCode ?? 0, answer.statusMessage, kept)
      answer.on('error', () => response.destroy())
      answer.pipe(response)
    })
    relayed.on('information', ({ statusCode, headers: fields }) => response.writeInformation(statusCode, { ...fields }))
    relayed.on('error', () => response.destroy())
    request.pipe(relayed)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** Where the raw route differs, and why it must. */
const differences: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^stale-/, 'the server hangs up: a client sees a broken connection directly, and 502 through a gateway'],
  [/Content-Length$/, 'the server forges its framing: no gateway hands that on'],
  [/^other-authorization/, 'the caller’s own Authorization is the gateway’s, and never goes on'],
]

/** What is required of shared caches alone, which a private one is not. */
const sharedOnly: ReadonlySet<string> = new Set([
  'freshness-s-maxage-shared',
  'freshness-max-age-s-maxage-shared-longer',
  'freshness-max-age-s-maxage-shared-longer-reversed',
  'freshness-max-age-s-maxage-shared-longer-multiple',
  'freshness-max-age-s-maxage-shared-shorter',
  'freshness-max-age-s-maxage-shared-shorter-expires',
  'cc-resp-private-shared',
  'other-authorization',
])

/** A list in `Age` is malformed and counts as old (RFC 9111 §4.2.3); the suite takes its first figure. */
const otherReading: ReadonlySet<string> = new Set(['age-parse-prefix'])

test('through the raw route each test ends as it does directly, but for what no gateway can hand on', () => {
  const outcome = (result: CacheResults[string] | undefined) =>
    result === true ? 'passes' : (result?.[0] ?? 'is missing')
  const different = Object.keys(direct).filter(id => outcome(direct[id]) !== outcome(through[id]))
  expect(different.filter(id => !differences.some(([pattern]) => pattern.test(id)))).toEqual([])
  expect(Object.keys(direct).length).toBeGreaterThan(300)
  // Few enough to be read one by one.
  expect(different.length).toBeLessThanOrEqual(16)
})

test('with the private cache on, what is required of a private cache passes', () => {
  const byId = new Map(suite.tests.map(one => [one.id, one]))
  const areMet = (id: string): boolean =>
    (byId.get(id)?.depends_on ?? []).every(needed => cached[needed] === true && areMet(needed))
  const required = suite.tests.filter(
    ({ id, kind = 'required', browser_only: isForBrowsers }) =>
      kind === 'required' && isForBrowsers !== true && areMet(id) && !sharedOnly.has(id) && !otherReading.has(id),
  )
  expect(required.filter(({ id }) => cached[id] !== true).map(({ id }) => [id, cached[id]])).toEqual([])
  expect(required.length).toBeGreaterThan(120)
})
