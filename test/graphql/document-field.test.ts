/** A wrong value that stands in the document is named like one that comes as a variable. */
import { type DocumentNode, parse, visit } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fieldOf } from '../../src/graphql/document-field.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await createGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const read = (args: string) => `{ passthrough(${args}) { status } }`
const create = (input: string) => `mutation { createConnection(input: ${input}) { connection { id } } }`

describe('a literal', () => {
  test.each([
    [read('path: 5'), 'path', 'path is wrong: String cannot represent a non string value.'],
    [read('path: null'), 'path', 'path is wrong: Expected value of non-null type "String!" not to be null.'],
    [
      read('path: "/", method: get'),
      'method',
      'method is wrong: Value "get" does not exist in "HttpMethod" enum. Did you mean the enum value "GET" or "PUT"?',
    ],
    [
      read('path: "/", options: {retries: 1 # one\n timeoutMs: "5"}'),
      'options.timeoutMs',
      'options.timeoutMs is wrong: Int cannot represent non-integer value.',
    ],
    [
      read('path: "/", options: {cache: {maxAgeSeconds: 1.5}}'),
      'options.cache.maxAgeSeconds',
      'options.cache.maxAgeSeconds is wrong: Int cannot represent non-integer value.',
    ],
    [
      read('path: "/", options: {timout: 5}'),
      'options.timout',
      'options.timout is wrong: Expected value of type "PassthroughOptions" not to include unknown field "timout". Did you mean "timeoutMs"?',
    ],
    [read('path: "/", pat: 1'), 'pat', 'Unknown argument "pat" on field "Query.passthrough". Did you mean "path"?'],
    [
      read('connectionId: "x"'),
      'path',
      'Argument "Query.passthrough(path:)" of type "String!" is required, but it was not provided.',
    ],
    [read('path: "/", query: [1]'), 'query', 'query is wrong: JSONObject takes a JSON object; got an array.'],
    [
      read('path: "/", query: 9007199254740993'),
      'query',
      'query is wrong: JSONObject takes a JSON object; got a number.',
    ],
    [
      read('path: "/", connectionId: true'),
      'connectionId',
      'connectionId is wrong: ID takes text or a whole number; got a boolean.',
    ],
    [
      read('path: "/", connectionId: {a: 1}'),
      'connectionId',
      'connectionId is wrong: ID takes text or a whole number; got an object.',
    ],
    [
      '{ calls(filter: {since: "canary-canary"}) { nodes { id } } }',
      'filter.since',
      'filter.since is wrong: DateTime takes RFC 3339 text such as 2026-11-21T09:30:00Z; got a text of 13 characters.',
    ],
    [
      '{ calls(filter: {since: 5}) { nodes { id } } }',
      'filter.since',
      'filter.since is wrong: DateTime takes RFC 3339 text such as 2026-11-21T09:30:00Z; got a number.',
    ],
    [create('5'), 'input', 'input is wrong: Expected value of type "CreateConnectionInput" to be an object.'],
    [
      create('{integration: "x", endUserId: 5, credential: {apiKey: {key: "canary"}}}'),
      'endUserId',
      'endUserId is wrong: String cannot represent a non string value.',
    ],
    [
      create('{integration: "x", endUserId: "u", credential: {apiKey: {key: ["canary"]}}}'),
      'credential.apiKey.key',
      'credential.apiKey.key is wrong: String cannot represent a non string value.',
    ],
    [
      create('{integration: "x", endUserId: "u", credential: {apiKey: {key: "canary"}, bearer: {token: "canary"}}}'),
      'credential',
      'credential is wrong: Within OneOf Input Object type "CredentialInput", exactly one field must be specified, and the value for that field must be non-null.',
    ],
    [
      'mutation { createAccessKey(input: {name: "n", scopes: [ADMIN, NONE]}) { secret } }',
      'scopes[1]',
      'scopes[1] is wrong: Value "NONE" does not exist in "Scope" enum.',
    ],
    [
      'query($id: Int!) { connection(id: $id) { id } }',
      'id',
      'Variable "$id" of type "Int!" used in position expecting type "ID!".',
    ],
    [
      'query($first: Int! = "x") { connections(first: $first) { nodes { id } } }',
      'first',
      'first is wrong: Int cannot represent non-integer value.',
    ],
  ])('%s', async (query, field, message) => {
    const { status, errors, text } = await gateway.run(query, query.includes('$id') ? { id: 5 } : {})
    const extensions = { code: 'INVALID_INPUT', origin: 'GATEWAY', details: [{ field, message }] }
    expect([status, errors?.[0]]).toMatchObject([200, { extensions }])
    expect(text).not.toContain('canary')
  })
})

test('a variable that is null or not there is named, too', async () => {
  const query = 'query($path: String!, $t: Int) { passthrough(path: $path, options: {timeoutMs: $t}) { status } }'
  for (const [variables, message] of [
    [{ path: null }, 'Variable "$path" of non-null type "String!" must not be null.'],
    [{}, 'Variable "$path" of required type "String!" was not provided.'],
  ] as const) {
    const { errors } = await gateway.run(query, variables)
    const extensions = { code: 'INVALID_INPUT', details: [{ field: 'path', message }] }
    expect(errors).toMatchObject([{ message, extensions }])
  }
  const nulled = 'query($m: HttpMethod) { passthrough(path: "/", method: $m) { status } }'
  const { errors } = await gateway.run(nulled, { m: null })
  const message = 'Argument "method" of non-null type "HttpMethod!" must not be null.'
  expect(errors).toMatchObject([{ message, extensions: { details: [{ field: 'method', message }] } }])
})

test.each([
  ['ID', true, 'ID takes text or a whole number; got a boolean'],
  ['ID', 5.5, 'ID takes text or a whole number; got a number'],
  ['ID', ['canary'], 'ID takes text or a whole number; got an array'],
  ['JSONObject', ['canary'], 'JSONObject takes a JSON object; got an array'],
  ['JSONObject', 'canary', 'JSONObject takes a JSON object; got text'],
])('a variable of %s that is %j hears what it takes', async (type, value, reason) => {
  const argument = type === 'ID' ? 'connectionId' : 'query'
  const query = `query($v: ${type}) { passthrough(path: "/", ${argument}: $v) { status } }`
  const { errors, text } = await gateway.run(query, { v: value })
  const message = `v is wrong: ${reason}.`
  expect(errors).toMatchObject([{ message, extensions: { details: [{ field: 'v', message }] } }])
  expect(text).not.toContain('canary')
})

test('what is about no value has no field', async () => {
  for (const query of ['{ viewer { secret } }', '{ viewer { name }', '{ viewer { ...F } }', '{ a: viewer }']) {
    const { errors } = await gateway.run(query)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT' })
    expect(errors?.[0]?.extensions.details).toBeUndefined()
  }
})

describe('the place in the text', () => {
  /** Of the text `HERE`. */
  function find(text: string, document: DocumentNode = parse(text)): string | undefined {
    let found: string | undefined
    visit(document, {
      StringValue(node) {
        if (node.value === 'HERE') found = fieldOf([node])
      },
    })
    return found
  }

  test.each([
    ['{ f(a: "HERE") }', 'a'],
    ['{ x: f(b: {c: [1]}, a: "HERE") }', 'a'],
    ['{ f(a: {b: {c: 1}, d: "HERE"}) }', 'a.d'],
    ['{ f(a: ["HERE"]) }', 'a[0]'],
    ['{ f(a: [$x, {b: [1, 2]}, [3], -4, "HERE"]) }', 'a[4]'],
    ['{ f(a: [[1], [2, {b: "HERE"}]]) }', 'a[1][1].b'],
    ['{ g { f(a: 1) @include(if: "HERE") } }', 'if'],
    ['query($x: [T!]! = ["HERE"]) { f(a: $x) }', 'x[0]'],
    ['query($w: Int, $x: T = {b: "HERE"}) { f(a: $x) }', 'x.b'],
    ['{ f(a: # (\n "HERE") }', 'a'],
    [`{ f(${'a'.repeat(201)}: "HERE") }`, undefined],
  ])('%s is %s', (text, field) => expect(find(text)).toBe(field))

  test('is unknown without the text', () => {
    expect(find('', parse('{ f(a: "HERE") }', { noLocation: true }))).toBeUndefined()
    expect(fieldOf([])).toBeUndefined()
  })
})
