/** Whatever is refused or fails is told alike on both ways to the schema: one table of the codes a request can be answered with. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'
import { type Entrances, exchange, openEntrances, readAnswer, requestOf } from './graphql-exchange.ts'

let upstream: Upstream
let gateway: TestGateway
let entrances: Entrances
let narrowKey: string

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    if (request.url === '/hang') return
    if (request.url === '/break') return void response.destroy()
    if (request.url === '/large') return void response.end(Buffer.alloc(2000))
    response.end()
  })
  gateway = await createGateway({ allow: [upstream.host] })
  const definition = { slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] }
  await gateway.createIntegration(definition)
  for (const endUserId of ['u', 'twice', 'twice', 'off']) {
    await gateway.createConnection({ integration: 'v', endUserId, credential: { none: { ok: true } } })
  }
  const { connections } = await gateway.ask('{ connections(filter: {endUserId: "off"}) { nodes { id } } }')
  await gateway.ask('mutation($id: ID!) { disableConnection(input: {id: $id}) { connection { id } } }', {
    id: connections.nodes[0].id,
  })
  const made = await gateway.ask(
    'mutation { createAccessKey(input: {name: "narrow", scopes: [PASSTHROUGH_READ]}) { secret } }',
  )
  narrowKey = made.createAccessKey.secret
  entrances = await openEntrances(gateway)
})
afterAll(async () => {
  await entrances[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const call = (rest: string) => `{ passthrough(integration: "v", endUserId: "u", ${rest}) { status } }`
/** One after the other, so that it is always the last one that is too many. */
const aliases = Array.from(
  { length: 201 },
  (_, n) => `a${n}: passthrough(integration: "v", endUserId: "u", method: GET, path: "/${n}") { status }`,
)

const failures: readonly (readonly [code: string, query: string, key?: string | null])[] = [
  ['UNAUTHENTICATED', '{ viewer { name } }', null],
  ['UNAUTHENTICATED', call('path: "/"'), 'unknown'],
  ['FORBIDDEN', '{ accessKeys { nodes { id } } }', 'narrow'],
  ['INVALID_INPUT', call('path: "/../x"')],
  ['INVALID_INPUT', call('path: "/", method: DELETE')],
  ['INTEGRATION_NOT_FOUND', '{ passthrough(integration: "nobody", endUserId: "u", path: "/") { status } }'],
  ['CONNECTION_NOT_FOUND', '{ passthrough(integration: "v", endUserId: "nobody", path: "/") { status } }'],
  ['CONNECTION_AMBIGUOUS', '{ passthrough(integration: "v", endUserId: "twice", path: "/") { status } }'],
  ['CONNECTION_DISABLED', '{ passthrough(integration: "v", endUserId: "off", path: "/") { status } }'],
  ['DESTINATION_NOT_ALLOWED', call('path: "https://elsewhere.example/"')],
  ['UPSTREAM_TIMEOUT', call('path: "/hang", options: { timeoutMs: 50, retries: 0 }')],
  ['UPSTREAM_UNREACHABLE', call('path: "/break", options: { retries: 0 }')],
  ['RESPONSE_TOO_LARGE', call('path: "/large", options: { maxResponseBytes: 1000 }')],
  ['BUDGET_EXCEEDED', `mutation { ${aliases.join(' ')} }`],
]

describe.each(failures)('%s', (code, query, key) => {
  test.each(['application/json', 'application/graphql-response+json'])('as %s', async accept => {
    const secret = key === 'narrow' ? narrowKey : key === undefined ? adminKey : key
    const authorization = secret === null ? [] : [`authorization: Bearer ${secret}`]
    const head = ['POST /graphql HTTP/1.1', 'content-type: application/json', `accept: ${accept}`, ...authorization]
    const request = requestOf(head, JSON.stringify({ query }))
    const expected = readAnswer(await exchange(entrances.yoga, request))
    expect(readAnswer(await exchange(entrances.short, request))).toEqual(expected)
    const { errors } = JSON.parse(expected.body)
    expect(errors[0].extensions).toMatchObject({ code, origin: 'GATEWAY', requestId: 'req_the-same-for-both' })
  })
})
