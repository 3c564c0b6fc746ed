/** Two ways lead to the schema, and nobody can tell which was taken: plain JSON POSTs go straight in, the rest through Yoga. */
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createEvents } from '../../src/events.ts'
import { createLogger } from '../../src/log.ts'
import { createGraphQLMount } from '../../src/server/graphql.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let yogaOnly: Server
let short: Server
let id: string

async function listen(isYogaOnly: boolean): Promise<Server> {
  const mount = createGraphQLMount({
    services: gateway.app.services,
    events: createEvents(createLogger({ level: 'silent' })),
    corsOrigins: ['https://app.example'],
    isYogaOnly,
  })
  const server = createServer((request, response) => void mount(request, response, 'req_the-same-for-both'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    if (request.url.startsWith('/hang')) return
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"exact":9007199254740993,"z":1,"a":1.10}')
  })
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
  yogaOnly = await listen(true)
  short = await listen(false)
})
afterAll(async () => {
  for (const server of [yogaOnly, short]) {
    server.closeAllConnections()
    server.close()
  }
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

/** One request as bytes, and the answer as bytes: nothing in between tidies either. */
async function exchange(server: Server, head: readonly string[], body: string | Buffer): Promise<string> {
  const socket = connect(portOf(server), '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
  const bytes = Buffer.from(body)
  const framing = head.some(line => /^(?:content-length|transfer-encoding):/i.test(line))
    ? []
    : [`content-length: ${bytes.length}`]
  socket.write([...head, 'host: gateway', 'connection: close', ...framing, '', ''].join('\r\n'))
  socket.write(bytes)
  await closed
  return Buffer.concat(chunks).toString()
}

/** Status, headers by name and body; what differs by the moment alone is left out. */
function read(text: string) {
  const end = text.indexOf('\r\n\r\n')
  const [status = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = lines
    .map(line => line.toLowerCase())
    .filter(line => !/^(?:date|connection|keep-alive|transfer-encoding|content-length):/.test(line))
    .sort()
  const raw = text.slice(end + 4)
  const isChunked = /^transfer-encoding: chunked/im.test(text.slice(0, end))
  return { status, headers, body: isChunked ? unchunk(raw) : raw }
}

function unchunk(text: string): string {
  const parts: Buffer[] = []
  let rest: Buffer = Buffer.from(text)
  for (;;) {
    const line = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.toString('latin1', 0, line), 16)
    if (!(size > 0)) return Buffer.concat(parts).toString()
    parts.push(rest.subarray(line + 2, line + 2 + size))
    rest = rest.subarray(line + 4 + size)
  }
}

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
    const expected = read(await exchange(yogaOnly, head, content))
    const found = read(await exchange(short, head, content))
    expect(found).toEqual(expected)
    expect(expected.status).toMatch(/^HTTP\/1\.[01] \d{3}/)
  })
})

test('there are enough of them, and both ways are really taken', async () => {
  expect(queries.length + malformed.length + negotiated.length + cors.length).toBeGreaterThanOrEqual(60)
  // They spell one header in their own way.
  expect(await exchange(short, post, body({ query: call }))).toContain('\r\ncontent-type: application/json')
  expect(await exchange(yogaOnly, post, body({ query: call }))).toContain('\r\nContent-Type: application/json')
})

test.each(['short', 'yoga'])('a client that leaves takes its upstream call along (%s)', async way => {
  const server = way === 'short' ? short : yogaOnly
  const hanging = body({ query: `{ passthrough(connectionId: "${id}", path: "/hang-${way}") { status } }` })
  const socket = connect(portOf(server), '127.0.0.1')
  socket.write([...post, 'host: gateway', `content-length: ${Buffer.byteLength(hanging)}`, '', hanging].join('\r\n'))
  await vi.waitFor(() => expect(upstream.seen.some(({ url }) => url === `/hang-${way}`)).toBe(true))
  socket.destroy()
  await vi.waitFor(
    async () => {
      await gateway.app.flush()
      const { calls } = await gateway.ask('{ calls { nodes { path errorCode } } }')
      expect(calls.nodes).toContainEqual({ path: `/hang-${way}`, errorCode: 'UPSTREAM_TIMEOUT' })
    },
    { timeout: 5000 },
  )
})

test('a client that leaves in the middle of its body leaves nothing behind', async () => {
  const socket = connect(portOf(short), '127.0.0.1')
  socket.write([...post, 'host: gateway', 'content-length: 100', '', '{"query":'].join('\r\n'))
  await new Promise(resolve => setTimeout(resolve, 50))
  socket.destroy()
  expect(read(await exchange(short, post, body({ query: '{ __typename }' }))).body).toContain('Query')
})
