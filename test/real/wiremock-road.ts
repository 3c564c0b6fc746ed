/** One gateway in front of one WireMock, the two ways to call through it, and what the gateway's records say held against the journal. */
import { request as httpRequest } from 'node:http'
import { expect } from 'vitest'
import { adminKey, createGateway, type GraphQLAnswer, type TestGateway } from '../support/gateway.ts'
import { type JournalEntry, startWireMock, type WireMock } from '../support/wiremock.ts'

/** A connection of its own and the path that only its requests go to. */
export interface Place {
  readonly id: string
  readonly path: string
  readonly integration: Integration
}

/** `secure` is the same server over TLS. */
type Integration = 'plain' | 'secure'

export interface Heard {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly chunks: readonly string[]
  /** True when the answer ended as an answer ends. */
  readonly isWhole: boolean
}

export interface Road extends AsyncDisposable {
  readonly wiremock: WireMock
  readonly places: readonly Place[]
  /** A place whose requests are answered in turn as said; the last answer stays. */
  link(answers: readonly object[], integration?: Integration): Promise<Place>
  run(query: string): Promise<GraphQLAnswer>
  /** A GraphQL query. */
  read(place: Place, options?: object): Promise<GraphQLAnswer>
  /** A GraphQL mutation. */
  write(place: Place, options?: object, method?: string): Promise<GraphQLAnswer>
  /** The raw route. */
  raw(place: Place, settings?: Record<string, string>, method?: string): Promise<Heard>
  /** The journal of a place: as long as the gateway's own records say, each request with its credential and no other. */
  sentTo(place: Place): Promise<readonly JournalEntry[]>
}

export const wanted = '{ status ok text attempts attemptLog { status reason } retryAfter: header(name: "retry-after") }'

export async function createRoad(): Promise<Road> {
  await using parts = new AsyncDisposableStack()
  const wiremock = parts.use(await startWireMock())
  const gateway = parts.use(await createGateway({ allow: [wiremock.host, wiremock.secureHost] }))
  const auth = [{ scheme: 'bearer' }]
  await gateway.createIntegration({ slug: 'plain', name: 'plain', baseUrl: wiremock.url, auth })
  await gateway.createIntegration({ slug: 'secure', name: 'secure', baseUrl: wiremock.secureUrl, auth })
  const places: Place[] = []
  const owned = parts.move()
  return {
    wiremock,
    places,
    async link(answers, integration = 'plain') {
      const name = `p${places.length}`
      const path = `/${name}`
      for (const stub of stubsOf(name, answers)) await wiremock.addStub(stub)
      const credential = { bearer: { token: `token-of-${name}` } }
      const id = await gateway.createConnection({ integration, endUserId: name, credential })
      const place = { id, path, integration }
      places.push(place)
      return place
    },
    run: query => gateway.run(query),
    read({ id, path }, options = {}) {
      const query = `query($id: ID!, $path: String!, $options: PassthroughOptions) {
        passthrough(connectionId: $id, path: $path, options: $options) ${wanted} }`
      return gateway.run(query, { id, path, options })
    },
    write({ id, path }, options = {}, method = 'POST') {
      const query = `mutation($id: ID!, $path: String!, $method: HttpMethod!, $body: JSON, $options: PassthroughOptions) {
        passthrough(connectionId: $id, path: $path, method: $method, body: $body, options: $options) ${wanted} }`
      return gateway.run(query, { id, path, method, options, body: method === 'GET' ? undefined : { amount: 1 } })
    },
    raw: (place, settings = {}, method = 'GET') => askRaw(gateway, place, settings, method),
    async sentTo({ id, path }) {
      const journal = (await wiremock.readJournal()).filter(({ url }) => url === path)
      expect(journal.length).toBe(await countAttempts(gateway, id))
      const own = `Bearer token-of-${path.slice(1)}`
      expect(journal.filter(({ headers }) => headers.authorization !== own)).toEqual([])
      expect(JSON.stringify(journal)).not.toContain(adminKey)
      return journal
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** More than one answer makes a scenario: https://wiremock.org/docs/stateful-behaviour */
function stubsOf(name: string, answers: readonly object[]): object[] {
  const request = { method: 'ANY', url: `/${name}` }
  if (answers.length === 1) return [{ request, response: answers[0] }]
  return answers.map((response, turn) => ({
    scenarioName: name,
    requiredScenarioState: turn === 0 ? 'Started' : `turn ${turn}`,
    ...(turn < answers.length - 1 && { newScenarioState: `turn ${turn + 1}` }),
    request,
    response,
  }))
}

/** Of all calls of a connection, as the gateway has recorded them. */
async function countAttempts(gateway: TestGateway, id: string): Promise<number> {
  await gateway.app.flush()
  const { calls } = await gateway.ask(
    'query($id: ID!) { calls(first: 100, filter: { connectionId: $id }) { nodes { attempts } } }',
    { id },
  )
  return calls.nodes.reduce((sum: number, { attempts }: { attempts: number }) => sum + attempts, 0)
}

/** A write has a body. */
function askRaw({ url }: TestGateway, { id, path }: Place, settings: object, method: string): Promise<Heard> {
  const { promise, resolve, reject } = Promise.withResolvers<Heard>()
  const headers = { authorization: `Bearer ${adminKey}`, ...settings }
  const target = new URL(`passthrough/${id}${path}`, url)
  const request = httpRequest(target, { method, headers, agent: false }, response => {
    const chunks: string[] = []
    const { statusCode: status = 0 } = response
    const tell = (isWhole: boolean) => resolve({ status, headers: response.headers, chunks, isWhole })
    response.on('data', chunk => chunks.push(String(chunk)))
    response.on('end', () => tell(response.complete))
    response.on('error', () => tell(false))
  })
  request.on('error', reject)
  request.end(method === 'GET' ? undefined : 'amount=1')
  return promise
}

/** The code of the only error; the operation itself is answered with 200. */
export function refusalOf({ status, data, errors = [] }: GraphQLAnswer): unknown {
  expect([status, data, errors.length]).toEqual([200, { passthrough: null }, 1])
  expect(errors[0]).toMatchObject({ path: ['passthrough'], extensions: { origin: 'GATEWAY' } })
  return errors[0]?.extensions.code
}

/** The status and the code of a problem. */
export function problemOf({ status, headers, chunks, isWhole }: Heard): [status: number, code: unknown] {
  expect([headers['content-type'], isWhole]).toEqual(['application/problem+json', true])
  const { code } = JSON.parse(chunks.join(''))
  expect(headers['x-passgate-error']).toBe(code)
  return [status, code]
}
