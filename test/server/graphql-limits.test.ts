/** An operation has limits: of its document, its variables, and what it may cause upstream; a refusal says figure and limit. */
import { getIntrospectionQuery, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Caller } from '../../src/access/caller.ts'
import type { Lookups } from '../../src/gateway/lookups.ts'
import { Memory } from '../../src/gateway/memory.ts'
import { defaultBudget, Operation } from '../../src/gateway/operation.ts'
import { schema } from '../../src/graphql/schema.ts'
import { createPricing, sendingFields } from '../../src/server/graphql-cost.ts'
import { TextCache } from '../../src/server/graphql-text-cache.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'
import { type Entrances, openEntrances, type Way } from './graphql-exchange.ts'

let upstream: Upstream
let gateway: TestGateway
let entrances: Entrances

beforeAll(async () => {
  upstream = await createUpstream((_request, response) => void response.end('{}'))
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
  entrances = await openEntrances(gateway)
})
afterAll(async () => {
  await entrances[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

async function post(way: Way, body: object) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` }
  const response = await fetch(`http://127.0.0.1:${entrances[way]}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  })
  return await response.json()
}

const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(' ')
const call = (index: number) =>
  `a${index}: passthrough(integration: "v", endUserId: "u", path: "/n/${index}") { status }`
const deep = (fields: number) => `{ passthrough(integration: "v", endUserId: "u", path: "/") ${chain(fields - 1)} }`
const chain = (fields: number): string => {
  const links = Array.from({ length: fields - 1 }, (_, i) => (i % 2 === 0 ? 'connection' : 'passthrough(path: "/")'))
  return `{ ${links.map(link => `${link} { `).join('')}${links.length % 2 === 0 ? 'status' : 'id'}${' }'.repeat(links.length)} }`
}
const doubling = (levels: number) =>
  `{ ...f0 } ${times(levels, i => `fragment f${i} on Query { a${i}: integration(slug: "x") { slug } b${i}: node(id: "x") { id } ...f${i + 1} }`)}`

type Sample = readonly [what: string, taken: string, refused: string, message: string]

const samples: readonly Sample[] = [
  [
    'tokens',
    `{ integration(slug: "x") { slug } viewer(a: [${'1,'.repeat(9982)}]) }`,
    `{ integration(slug: "x") { slug } viewer(a: [${'1,'.repeat(9983)}]) }`,
    'The document has 10001 tokens; it takes at most 10000.',
  ],
  [
    'bytes',
    `{ __typename } #${'x'.repeat(99_984)}`,
    `{ __typename } #${'ü'.repeat(50_000)}`,
    'The document has 100016 bytes; it takes at most 100000.',
  ],
  [
    'nested brackets',
    `{ explain(integration: "v", endUserId: "u", method: POST, path: "/", body: ${'['.repeat(62)}${']'.repeat(62)}) { url } }`,
    `{ explain(integration: "v", endUserId: "u", method: POST, path: "/", body: ${'['.repeat(63)}${']'.repeat(63)}) { url } }`,
    'The document nests brackets 65 deep; it takes at most 64.',
  ],
  ['depth', deep(15), deep(16), 'The operation is 16 fields deep; it takes at most 15.'],
  [
    'one field',
    `{ ${times(100, i => `a${i}: __typename`)} }`,
    `{ ${times(101, i => `a${i}: __typename`)} }`,
    'One selection has the field __typename 101 times; it takes one at most 100 times.',
  ],
  [
    'one field without aliases',
    `{ ${'__typename '.repeat(100)} }`,
    `{ ${'__typename '.repeat(500)} }`,
    'One selection has the field __typename 500 times; it takes one at most 100 times.',
  ],
  [
    'aliases',
    `{ ${times(10, i => `... on Query { ${times(100, j => `a${i}_${j}: __typename`)} }`)} }`,
    `{ b: __typename ${times(10, i => `... on Query { ${times(100, j => `a${i}_${j}: __typename`)} }`)} }`,
    'The operation has 1001 aliases; it takes at most 1000.',
  ],
  [
    'directives of one field',
    `{ __typename @include(if: true) @skip(if: false) }`,
    `{ __typename ${'@aa'.repeat(10)} }`,
    'One place of the document has 10 directives; it takes at most 5.',
  ],
  [
    'directives',
    `{ ${times(50, i => `a${i}: __typename @skip(if: false)`)} }`,
    `{ ${times(51, i => `a${i}: __typename @skip(if: false)`)} }`,
    'The document has 51 directives; it takes at most 50.',
  ],
  [
    'definitions',
    times(100, i => `query Q${i} { __typename }`),
    times(101, i => `query Q${i} { __typename }`),
    'The document has 101 operations and fragments; it takes at most 100.',
  ],
  [
    'fields, through fragments',
    `query A { ${times(40, () => '...F')} } fragment F on Query { ${'__typename '.repeat(100)} }`,
    `query A { ${times(51, () => '...F')} } fragment F on Query { ${'__typename '.repeat(100)} }`,
    'The operation has 5100 fields, fragments included; it takes at most 5000.',
  ],
]

describe.each<Way>(['short', 'yoga'])('a document on the way "%s"', way => {
  test.each(samples)('has a limit: %s', async (_what, taken, refused, message) => {
    const answer = await post(way, { query: taken, operationName: /query (\w+)/.exec(taken)?.[1] })
    expect(answer.errors?.filter((error: { message: string }) => /at most/.test(error.message)) ?? []).toEqual([])
    const refusal = await post(way, { query: refused })
    expect(refusal.data).toBeUndefined()
    expect(refusal.errors).toMatchObject([{ message, extensions: { code: 'BUDGET_EXCEEDED', origin: 'GATEWAY' } }])
  })

  test('may be the introspection query of common tools', async () => {
    const options = {
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      inputValueDeprecation: true,
    }
    const answer = await post(way, {
      query: getIntrospectionQuery({ ...options, schemaDescription: true, oneOf: true }),
    })
    expect(answer.errors).toBeUndefined()
    expect(answer.data.__schema.types.length).toBeGreaterThan(50)
  })

  test('that introspects in circles is refused', async () => {
    const query = '{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }'
    expect(await post(way, { query })).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT' } }] })
  })

  test('whose fragments spread each other twice is measured without walking every way through them', async () => {
    const { errors } = await post(way, { query: doubling(30) })
    expect(errors[0].extensions.code).toBe('INVALID_INPUT')
    const each = times(20, i => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} a${i}: __typename }`)
    const query = `{ ...f0 } ${each} fragment f20 on Query { __typename }`
    expect((await post(way, { query })).errors).toMatchObject([
      { message: 'The operation has 1048575 aliases; it takes at most 1000.', extensions: { code: 'BUDGET_EXCEEDED' } },
    ])
  })

  test('variables have a limit of depth', async () => {
    const query =
      'query($b: JSON) { explain(integration: "v", endUserId: "u", method: POST, path: "/x", body: $b) { url } }'
    const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`)
    expect(await post(way, { query, variables: { b: nested(128) } })).toMatchObject({ data: { explain: {} } })
    expect((await post(way, { query, variables: { b: nested(129) } })).errors).toMatchObject([
      {
        message: 'The variables nest lists and objects 129 deep; they take at most 128.',
        extensions: { code: 'BUDGET_EXCEEDED' },
      },
    ])
  })
})

describe('the price of an operation', () => {
  const countCalls = createPricing(schema)
  const page = 'nodes { passthrough(path: "/") { status } }'

  test.each<[string, object, number]>([
    ['{ viewer { name } }', {}, 0],
    [`{ connections(first: 30) { ${page} } }`, {}, 30],
    [`{ connections(last: 7) { ${page} } }`, {}, 7],
    [`{ connections { ${page} } }`, {}, 20],
    [
      `{ connections(first: 30) { edges { node { a: passthrough(path: "/a") { status } b: passthrough(path: "/b") { status } } } } }`,
      {},
      60,
    ],
    [`query($n: Int) { connections(first: $n) { ${page} } }`, { n: 100 }, 100],
    [`query($n: Int = 40) { connections(first: $n) { ${page} } }`, {}, 40],
    [`query($n: Int) { connections(first: $n) { ${page} } }`, {}, 20],
    [`query($n: Int) { connections(first: $n) { ${page} } }`, { n: -5 }, 0],
    [`{ connections(first: 30) { ...P } } fragment P on QueryConnectionsConnection { ${page} }`, {}, 30],
    ['{ node(id: "x") { ... on Connection { passthrough(path: "/") { status } } } }', {}, 1],
    [
      `{ ${call(1)} @include(if: false) ${call(2)} }`.replace(
        '{ status } @include(if: false)',
        '@include(if: false) { status }',
      ),
      {},
      1,
    ],
    ['query($s: Boolean!) { passthrough(path: "/") @skip(if: $s) { status } }', { s: true }, 0],
    ['query($s: Boolean!) { passthrough(path: "/") @skip(if: $s) { status } }', { s: false }, 1],
    ['mutation { passthrough(method: POST, path: "/") { connection { passthrough(path: "/") { status } } } }', {}, 2],
    ['mutation { verifyConnection(input: {id: "x"}) { __typename } }', {}, 1],
  ])('%s with %j is %i', (query, variables, calls) => {
    expect(countCalls(parse(query), undefined, { ...variables })).toBe(calls)
  })

  test('is 50 for 50 aliased calls', () => {
    expect(countCalls(parse(`{ ${times(50, call)} }`), null, {})).toBe(50)
  })

  test('is that of the operation which is meant', () => {
    const document = parse(`query A { ${times(2, call)} } query B { ${times(3, call)} }`)
    expect(['A', 'B', 'C'].map(name => countCalls(document, name, {}))).toEqual([2, 3, 0])
  })

  test('knows every field that sends by its name in the schema', () => {
    const names = [...sendingFields].map(name => name.split('.') as [string, string])
    const known = names.map(([type, field]) => {
      const found = schema.getType(type)
      return found !== undefined && 'getFields' in found && field in found.getFields()
    })
    expect(known).toEqual(names.map(() => true))
  })

  test.each<Way>(['short', 'yoga'])('is refused before anything is sent when it is over the budget (%s)', async way => {
    const sent = upstream.seen.length
    const query =
      'query($n: Int!) { connections(first: $n) { nodes { a: passthrough(path: "/a") { status } b: passthrough(path: "/b") { status } c: passthrough(path: "/c") { status } } } }'
    expect((await post(way, { query, variables: { n: 67 } })).errors).toMatchObject([
      {
        message: 'This operation could make 201 upstream calls; one makes at most 200. Send several operations.',
        extensions: { code: 'BUDGET_EXCEEDED' },
      },
    ])
    expect(upstream.seen).toHaveLength(sent)
    expect((await post(way, { query, variables: { n: 66 } })).errors).toBeUndefined()
    expect(upstream.seen).toHaveLength(sent + 3)
  })
})

describe('what runs', () => {
  const operationAt = (now: () => number) =>
    new Operation<string>({
      caller: {} as Caller,
      lookups: {} as Lookups,
      memory: new Memory(),
      budget: { ...defaultBudget, maxCalls: 2, maxBytes: 10 },
      now,
    })

  test('starts no call after its time', async () => {
    let now = 5000
    const operation = operationAt(() => now)
    expect(await operation.write(async () => 'first')).toBe('first')
    now += 60_000
    expect(await operation.write(async () => 'second')).toBe('second')
    now += 1
    const message =
      'One operation starts calls for at most 60000 ms; this one would start after 60001. Send several operations.'
    await expect(operation.write(async () => 'third')).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', message })
  })

  test('makes no more calls and takes no more bytes than its budget has', async () => {
    const operation = operationAt(() => 0)
    const takes = (count: number) => operation.write(async onBytes => String(onBytes(count)))
    await takes(10)
    await expect(takes(1)).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
      message: /at most 10 bytes together; they have 11/,
    })
    await expect(takes(0)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', message: /at most 2 upstream calls/ })
  })
})

test('remembered documents are bounded by their characters, and the eldest go first', () => {
  const cache = new TextCache<number>()
  const text = (index: number) => String(index).padEnd(10_000)
  for (let index = 0; index < 60; index += 1) cache.set(text(index), index)
  expect([cache.get(text(9)), cache.get(text(10)), cache.get(text(59))]).toEqual([undefined, 10, 59])
  cache.set('x'.repeat(20_001), 1)
  expect(cache.get('x'.repeat(20_001))).toBeUndefined()
})
