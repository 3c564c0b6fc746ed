/** Two ways lead to the schema, and nobody can tell which was taken: plain JSON POSTs go straight in, the rest through Yoga. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'
import { type Entrances, exchange, openEntrances, readAnswer, requestOf, type Way } from './graphql-exchange.ts'

let upstream: Upstream
let gateway: TestGateway
let entrances: Entrances
let id: string

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    if (request.url.startsWith('/hang')) return
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"exact":9007199254740993,"z":1,"a":1.10}')
  })
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
  entrances = await openEntrances(gateway, { corsOrigins: ['https://app.example'] })
})
afterAll(async () => {
  await entrances[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const authorization = `authorization: Bearer ${adminKey}`
const json = 'content-type: application/json'
const post = ['POST /graphql HTTP/1.1', json, authorization]
const call = '{ passthrough(integration: "v", endUserId: "u", path: "/x") { status body } }'
const named = 'query A { viewer { name } } query B { viewer { scopes } }'
const key = '{ accessKeys { nodes { id } } }'
const body = (fields: unknown) => JSON.stringify(fields)
const erase = 'mutation($id: ID!) { deleteConnection(input: { id: $id }) { deletedConnectionId } }'

type Sample = readonly [what: string, head: readonly string[], body: string | Buffer]

const accepts = [
  'application/json',
  'application/graphql-response+json',
  '*/*',
  'text/html',
  'text/plain',
  'application/graphql-response+json, application/json',
  'application/graphql-response+json,application/json;q=0.9',
  'application/json;q=0.5, application/graphql-response+json',
  'image/png, */*;q=0.1',
  '',
]

const queries: readonly Sample[] = [
  ['a query', post, body({ query: call })],
  ['its exact digits', post, body({ query: call.replace('body', 'body json(path: "$.exact")') })],
  ['__typename', post, body({ query: '{ __typename }' })],
  ['introspection', post, body({ query: '{ __schema { queryType { name } } }' })],
  ['several operations, one named', post, body({ query: named, operationName: 'B' })],
  ['several operations, none named', post, body({ query: named })],
  ['several operations, an unknown one named', post, body({ query: named, operationName: 'C' })],
  ['an empty operation name', post, body({ query: named, operationName: '' })],
  [
    'variables',
    post,
    body({ query: 'query($n: String!) { integration(slug: $n) { slug } }', variables: { n: 'github' } }),
  ],
  ['null everywhere', post, body({ query: '{ __typename }', variables: null, operationName: null, extensions: null })],
  ['extensions', post, body({ query: '{ __typename }', extensions: { a: 1 } })],
  ['a variable that is missing', post, body({ query: 'query($n: String!) { integration(slug: $n) { slug } }' })],
  [
    'a variable of the wrong type',
    post,
    body({ query: 'query($n: String!) { integration(slug: $n) { slug } }', variables: { n: 1 } }),
  ],
  [
    'digits in a variable',
    post,
    '{"query":"query($b: JSON) { explain(integration: \\"v\\", endUserId: \\"u\\", method: POST, path: \\"/x\\", body: $b) { toCurl } }","variables":{"b":{"n":9007199254740993}}}',
  ],
  ['a syntax error', post, body({ query: '{ viewer { ' })],
  ['a syntax error with a secret', post, body({ query: '{ viewer(a: "hunter2") { ' })],
  ['an unknown field', post, body({ query: '{ nothing }' })],
  ['an unknown argument', post, body({ query: '{ viewer(a: 1) { name } }' })],
  ['two validation errors', post, body({ query: '{ nothing nowhere }' })],
  ['an empty document', post, body({ query: '' })],
  ['only a fragment', post, body({ query: 'fragment F on Query { viewer { name } }' })],
  [
    'a field that fails beside one that does not',
    post,
    body({ query: `{ viewer { name } passthrough(integration: "v", endUserId: "nobody", path: "/") { status } }` }),
  ],
  [
    'a mutation that fails as a whole',
    post,
    body({ query: erase, variables: { id: 'conn_00000000000000000000000000' } }),
  ],
  [
    'a mutation that calls',
    post,
    body({
      query: `mutation { passthrough(integration: "v", endUserId: "u", method: POST, path: "/x", body: {a: 1}) { status } }`,
    }),
  ],
  ['no key', ['POST /graphql HTTP/1.1', json], body({ query: key })],
  ['a wrong key', ['POST /graphql HTTP/1.1', json, 'authorization: Bearer nonsense'], body({ query: key })],
  ['no key, and a field for all', ['POST /graphql HTTP/1.1', json], body({ query: '{ __typename }' })],
]

const malformed: readonly Sample[] = [
  ['no body', post, ''],
  ['no JSON', post, 'query { viewer { name } }'],
  ['half of it', post, '{"query":"{ __typename }"'],
  ['an array', post, body([{ query: '{ __typename }' }])],
  ['an empty array', post, '[]'],
  ['null', post, 'null'],
  ['a text', post, '"x"'],
  ['a number', post, '7'],
  ['no query', post, '{}'],
  ['a query that is no text', post, body({ query: 7 })],
  ['a query that is null', post, body({ query: null })],
  ['variables as text', post, body({ query: '{ __typename }', variables: '{}' })],
  ['variables as an array', post, body({ query: '{ __typename }', variables: [] })],
  ['an operation name that is a number', post, body({ query: '{ __typename }', operationName: 7 })],
  ['extensions as text', post, body({ query: '{ __typename }', extensions: 'x' })],
  ['an unknown key', post, body({ query: '{ __typename }', more: 1 })],
  ['an own __proto__', post, '{"query":"{ __typename }","__proto__":{"a":1}}'],
  ['a byte order mark', post, `\ufeff${body({ query: '{ __typename }' })}`],
  ['bytes that are no UTF-8', post, Buffer.from([0x7b, 0xff, 0x7d])],
  ['UTF-8 beyond the first planes', post, body({ query: '{ integration(slug: "🚀é") { slug } }' })],
  [
    'another charset',
    ['POST /graphql HTTP/1.1', `${json}; charset=latin1`, authorization],
    body({ query: '{ __typename }' }),
  ],
  ['its own charset', ['POST /graphql HTTP/1.1', `${json}; charset=utf-8`, authorization], body({ query: call })],
  [
    'another type',
    ['POST /graphql HTTP/1.1', 'content-type: text/plain', authorization],
    body({ query: '{ __typename }' }),
  ],
  ['no type', ['POST /graphql HTTP/1.1', authorization], body({ query: '{ __typename }' })],
  [
    'a form',
    ['POST /graphql HTTP/1.1', 'content-type: application/x-www-form-urlencoded', authorization],
    'query=%7B__typename%7D',
  ],
  ['a document', ['POST /graphql HTTP/1.1', 'content-type: application/graphql', authorization], '{ __typename }'],
  ['GET', ['GET /graphql?query=%7B__typename%7D HTTP/1.1', authorization], ''],
  [
    'a mutation by GET',
    [
      `GET /graphql?query=${encodeURIComponent('mutation { passthrough(integration: "v", endUserId: "u", method: POST, path: "/x") { status } }')} HTTP/1.1`,
      authorization,
    ],
    '',
  ],
  ['PUT', ['PUT /graphql HTTP/1.1', json, authorization], body({ query: '{ __typename }' })],
  [
    'a query string beside the body',
    ['POST /graphql?x=1 HTTP/1.1', json, authorization],
    body({ query: '{ __typename }' }),
  ],
  ['HTTP/1.0', ['POST /graphql HTTP/1.0', json, authorization], body({ query: '{ __typename }' })],
]

const negotiated: readonly Sample[] = accepts.flatMap(accept =>
  [call, '{ nothing }', erase].map((query): Sample => {
    const variables = query === erase ? { id: 'conn_00000000000000000000000000' } : {}
    return [`${query.slice(0, 12)} as "${accept}"`, [...post, `accept: ${accept}`], body({ query, variables })]
  }),
)

const cors: readonly Sample[] = ['https://app.example', 'https://evil.example', 'null'].map(origin => [
  `the origin ${origin}`,
  [...post, `origin: ${origin}`],
  body({ query: '{ __typename }' }),
])

describe.each([
  ['queries', queries],
  ['malformed requests', malformed],
  ['what the client accepts', negotiated],
  ['browsers', cors],
] as const)('%s', (_name, samples) => {
  test.each(samples)('%s', async (_what, head, content) => {
    const request = requestOf(head, content)
    const expected = readAnswer(await exchange(entrances.yoga, request))
    const found = readAnswer(await exchange(entrances.short, request))
    expect(found).toEqual(expected)
    expect(expected.status).toMatch(/^HTTP\/1\.[01] \d{3}/)
  })
})

test('there are enough of them, and both ways are really taken', async () => {
  expect(queries.length + malformed.length + negotiated.length + cors.length).toBeGreaterThanOrEqual(60)
  // They spell one header in their own way.
  const request = requestOf(post, body({ query: call }))
  expect((await exchange(entrances.short, request)).toString()).toContain('\r\ncontent-type: application/json')
  expect((await exchange(entrances.yoga, request)).toString()).toContain('\r\nContent-Type: application/json')
})

test.each<Way>(['short', 'yoga'])('a client that leaves takes its upstream call along (%s)', async way => {
  const hanging = body({ query: `{ passthrough(connectionId: "${id}", path: "/hang-${way}") { status } }` })
  const socket = connect(entrances[way], '127.0.0.1')
  socket.write(requestOf(post, hanging).join(''))
  await vi.waitFor(() => expect(upstream.seen.some(({ url }) => url === `/hang-${way}`)).toBe(true))
  socket.destroy()
  await vi.waitFor(
    async () => {
      await gateway.app.flush()
      const { calls } = await gateway.ask('{ calls { nodes { path status errorCode } } }')
      expect(calls.nodes).toContainEqual({ path: `/hang-${way}`, status: null, errorCode: null })
    },
    { timeout: 5000 },
  )
})
