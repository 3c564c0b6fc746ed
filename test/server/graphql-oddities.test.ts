/** What is odd about a request is answered alike on both ways to the schema: spellings, encodings, framing, failures within. */
import { gzipSync } from 'node:zlib'
import { GraphQLError } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { type Entrances, exchange, openEntrances, readAnswer, requestOf } from './graphql-exchange.ts'

let gateway: TestGateway
let entrances: Entrances

beforeAll(async () => {
  gateway = await createGateway()
  entrances = await openEntrances(gateway)
})
afterAll(async () => {
  await entrances[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
})

type Sample = readonly [what: string, head: readonly string[], body: string | Buffer]

const line = 'POST /graphql HTTP/1.1'
const json = 'content-type: application/json'
const authorization = `authorization: Bearer ${adminKey}`
const typename = '{"query":"{ __typename }"}'
const echo =
  'query($b: JSON) { explain(integration: "github", endUserId: "u", method: POST, path: "/x", body: $b) { url } }'

const types = [
  'Application/JSON',
  'APPLICATION/JSON; CHARSET=UTF-8',
  'application/json;charset=UTF-8',
  'application/json ; charset=utf-8',
  'application/json; charset=utf-8; boundary=x',
  'application/json, text/plain',
  'application/jsonp',
  'application/graphql+json',
  'application/graphql+json; charset=utf-8',
].map((type): Sample => [`the type ${type}`, [line, authorization, `content-type: ${type}`], typename])

const accepts = [
  'APPLICATION/JSON',
  'Application/GraphQL-Response+JSON',
  'application/json; charset=utf-8',
  'application/json; charset=latin1',
  'application/json;charset=latin1, application/graphql-response+json',
  'application/*',
  '*/json',
  '*',
  ',',
  'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
  'multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json',
  'text/event-stream, application/json',
  'text/html, application/json',
].flatMap((accept): Sample[] => [
  [`accept ${accept}`, [line, authorization, json, `accept: ${accept}`], typename],
  [`accept ${accept}, of a wrong document`, [line, authorization, json, `accept: ${accept}`], '{"query":"{ no }"}'],
])

const bodies: readonly Sample[] = [
  ['gzip', [line, authorization, json, 'content-encoding: gzip'], gzipSync(typename)],
  ['gzip that is none', [line, authorization, json, 'content-encoding: gzip'], typename],
  ['the encoding identity', [line, authorization, json, 'content-encoding: identity'], typename],
  ['an unknown encoding', [line, authorization, json, 'content-encoding: x'], typename],
  [
    'chunks',
    [line, authorization, json, 'transfer-encoding: chunked'],
    `5\r\n${typename.slice(0, 5)}\r\n${(typename.length - 5).toString(16)}\r\n${typename.slice(5)}\r\n0\r\n\r\n`,
  ],
  ['the length 0', [line, authorization, json, 'content-length: 0'], ''],
  ['a length of no number', [line, authorization, json, 'content-length: x'], typename],
  ['more than the limit', [line, authorization, json, 'content-length: 37748737'], ''],
  ['white space around', [line, authorization, json], ` \r\n\t${typename}\n `],
  ['a long text that is no JSON', [line, authorization, json], 'x'.repeat(2 * 1024 * 1024)],
  ['a long document that is wrong', [line, authorization, json], `{"query":"{ no } #${'x'.repeat(2 * 1024 * 1024)}"}`],
  ['white space alone', [line, authorization, json], ' \n '],
  ['broken UTF-8 within a text', [line, authorization, json], broken('{"query":"{ a', 'bc }"}')],
  ['broken UTF-8 within a key', [line, authorization, json], broken('{"query":"{ __typename }","a', '":1}')],
  ['broken UTF-8 within a comment', [line, authorization, json], broken('{"query":"{ __typename } #', '"}')],
  ['half a surrogate', [line, authorization, json], '{"query":"{ integration(slug: \\"\\ud800\\") { slug } }"}'],
  ['a name twice', [line, authorization, json], '{"query":"{ no }","query":"{ __typename }"}'],
  ['an unknown name that is null', [line, authorization, json], '{"query":"{ __typename }","more":null}'],
  ['an own __proto__ that is null', [line, authorization, json], '{"query":"{ __typename }","__proto__":null}'],
  ['extensions as an array', [line, authorization, json], '{"query":"{ __typename }","extensions":[]}'],
  ['operationName true', [line, authorization, json], '{"query":"query A { __typename }","operationName":true}'],
  [
    'operationName of another type',
    [line, authorization, json],
    '{"query":"query A { __typename }","operationName":{}}',
  ],
  [
    'a raw number for variables',
    [line, authorization, json],
    '{"query":"{ __typename }","variables":9007199254740993}',
  ],
  ['a raw number for the query', [line, authorization, json], '{"query":9007199254740993}'],
  ['variables that nobody declared', [line, authorization, json], '{"query":"{ __typename }","variables":{"x":1}}'],
  [
    'a persisted query',
    [line, authorization, json],
    '{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}',
  ],
  ['a subscription', [line, authorization, json], '{"query":"subscription { a }"}'],
  ['a type definition', [line, authorization, json], '{"query":"type A { a: Int } { __typename }"}'],
  [
    'an alias like an object’s own',
    [line, authorization, json],
    '{"query":"{ __proto__: __typename constructor: __typename toJSON: __typename }"}',
  ],
  [
    'number names in their order',
    [line, authorization, json],
    '{"query":"{ b: __typename a: __typename _1: __typename }"}',
  ],
  ['a body nested deep', [line, authorization, json], deep(20_000)],
  ['a body nested deep with many digits', [line, authorization, json], deep(20_000, '9007199254740993')],
  ['a document nested deep', [line, authorization, json], `{"query":"${'{a'.repeat(5000)}"}`],
  ['an absolute target', ['POST http://gateway/graphql HTTP/1.1', authorization, json], typename],
  ['a target with a slash', ['POST /graphql/ HTTP/1.1', authorization, json], typename],
  ['OPTIONS', ['OPTIONS /graphql HTTP/1.1', 'origin: https://app.example'], ''],
  ['HEAD', ['HEAD /graphql HTTP/1.1', authorization], ''],
  ['an origin where none is allowed', [line, authorization, json, 'origin: https://app.example'], typename],
  ['Expect', [line, authorization, json, 'expect: 100-continue'], typename],
  ['another Expect', [line, authorization, json, 'expect: more'], typename],
]

/** Bytes with one in the middle that UTF-8 does not have. */
function broken(before: string, after: string): Buffer {
  return Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)])
}

function deep(levels: number, leaf = '1'): string {
  return `{"query":${JSON.stringify(echo)},"variables":{"b":${'['.repeat(levels)}${leaf}${']'.repeat(levels)}}}`
}

describe.each([
  ['a content type', types],
  ['an accept header', accepts],
  ['a body', bodies],
] as const)('%s', (_name, samples) => {
  test.each(samples)('%s', async (_what, head, body) => {
    const request = requestOf(head, body)
    const expected = readAnswer(await exchange(entrances.yoga, request))
    const found = readAnswer(await exchange(entrances.short, request))
    expect(expected.status).toMatch(/^HTTP\/1\.1 \d{3}/)
    expect(found).toEqual(expected)
  })
})

describe.each([
  [['https://app.example'], 'https://app.example'],
  [['https://app.example'], 'https://evil.example'],
  [['https://app.example', 'https://b.example'], 'https://b.example'],
  [['https://app.example', 'https://b.example'], 'https://evil.example'],
  [['https://app.example', 'https://b.example'], 'null'],
  [['https://app.example'], 'null'],
  [['https://app.example'], undefined],
])('where %j may call, %s', (corsOrigins, origin) => {
  test.each([
    ['a query', typename, []],
    ['a wrong document', '{"query":"{ no }"}', []],
    ['no JSON', '{', []],
    [
      'a query that names headers',
      typename,
      ['access-control-request-headers: x-a', 'access-control-request-method: PUT'],
    ],
  ])('%s', async (_what, body, more) => {
    await using both = await openEntrances(gateway, { corsOrigins })
    const origins = origin === undefined ? [] : [`origin: ${origin}`]
    const request = requestOf([line, json, ...origins, ...more], body)
    const expected = readAnswer(await exchange(both.yoga, request))
    expect(readAnswer(await exchange(both.short, request))).toEqual(expected)
    const granted = expected.headers.filter(header => header.startsWith('access-control-allow-origin:'))
    const isListed = origin !== undefined && corsOrigins.includes(origin)
    expect(granted).toEqual(isListed ? [`access-control-allow-origin: ${origin}`] : [])
    expect(expected.headers.some(header => header.startsWith('access-control-'))).toBe(isListed)
  })
})

test('what fails within is told and logged alike, once', async () => {
  await using doomed = await createGateway()
  await using both = await openEntrances(doomed)
  await doomed.database[Symbol.asyncDispose]()
  for (const query of [
    '{ viewer { name } }',
    '{ __typename }',
    'mutation { deleteConnection(input: {id: "x"}) { deletedConnectionId } }',
  ]) {
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const request = requestOf([line, json, authorization, `accept: ${accept}`], JSON.stringify({ query }))
      const expected = readAnswer(await exchange(both.yoga, request))
      expect(readAnswer(await exchange(both.short, request))).toEqual(expected)
      expect(expected.status).toBe('HTTP/1.1 500 Internal Server Error')
    }
  }
  expect(both.logs.yoga).toHaveLength(6)
  expect(both.logs.short).toHaveLength(6)
})

test('a field that fails with a status of its own leaves that of the answer', async () => {
  const { services } = gateway.app
  const extensions = { http: { status: 418, headers: { 'x-leak': '1' } } }
  const failing = Object.create(services.gateway, {
    startOperation: {
      value: () => {
        throw new GraphQLError('no tea', { extensions })
      },
    },
  })
  await using both = await openEntrances(gateway, { services: { ...services, gateway: failing } })
  const query = '{ passthrough(connectionId: "x", path: "/") { status } }'
  for (const accept of ['application/json', 'application/graphql-response+json']) {
    const request = requestOf([line, json, authorization, `accept: ${accept}`], JSON.stringify({ query }))
    const expected = readAnswer(await exchange(both.yoga, request))
    expect(readAnswer(await exchange(both.short, request))).toEqual(expected)
    expect(expected).toMatchObject({ status: 'HTTP/1.1 200 OK', body: expect.stringMatching(/no tea(?!.*http)/) })
  }
})

test('what is refused before its body is read can be read by a browser that may ask', async () => {
  const { services } = gateway.app
  const full = {
    take: () => {
      throw new GatewayError('OVERLOADED', 'full')
    },
  }
  const gatewayWithoutMemory = Object.create(services.gateway, { memory: { value: full } })
  await using both = await openEntrances(gateway, {
    corsOrigins: ['https://app.example', 'https://b.example'],
    services: { ...services, gateway: gatewayWithoutMemory },
  })
  const request = requestOf([line, json, 'origin: https://b.example'], typename)
  const expected = readAnswer(await exchange(both.yoga, request))
  expect(readAnswer(await exchange(both.short, request))).toEqual(expected)
  expect(expected.status).toBe('HTTP/1.1 503 Service Unavailable')
  expect(expected.headers).toContain('access-control-allow-origin: https://b.example')
  expect(JSON.parse(expected.body).errors).toMatchObject([{ message: 'full', extensions: { code: 'OVERLOADED' } }])
})

test('two requests in one packet are answered in their order', async () => {
  const piped = (query: string) => {
    const body = JSON.stringify({ query })
    return [line, json, authorization, 'host: g', `content-length: ${body.length}`, '', body].join('\r\n')
  }
  const last = requestOf([line, json, authorization], '{"query":"{ third: __typename }"}')
  const request = [piped('{ first: __typename }') + piped('{ no }') + last.join('')]
  for (const port of [entrances.yoga, entrances.short]) {
    const text = (await exchange(port, request)).toString()
    const places = ['"first"', 'Cannot query field', '"third"'].map(part => text.indexOf(part))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  }
})
