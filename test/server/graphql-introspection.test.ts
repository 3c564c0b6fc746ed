/** A gateway that does not show its schema does not tell it in its errors either. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { type Entrances, openEntrances, type Way } from './graphql-exchange.ts'

let gateway: TestGateway
let entrances: Entrances

beforeAll(async () => {
  gateway = await createGateway()
  entrances = await openEntrances(gateway, { introspection: false })
})
afterAll(async () => {
  await entrances[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
})

const hidden = 'The operation does not fit the schema, which this gateway does not show.'

describe.each<Way>(['short', 'yoga'])('on the way "%s"', way => {
  async function post(body: object) {
    const response = await fetch(`http://127.0.0.1:${entrances[way]}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
      body: JSON.stringify(body),
    })
    return await response.json()
  }

  test.each([
    '{ __schema { types { name } } }',
    '{ __type(name: "Query") { name } }',
    '{ ...F } fragment F on Query { s: __schema { queryType { name } } }',
  ])('%s is refused', async query => {
    expect(await post({ query })).toMatchObject({
      errors: [{ message: 'Introspection is switched off on this gateway.', extensions: { code: 'INVALID_INPUT' } }],
    })
  })

  test.each<[string, object]>([
    ['{ viewe { name } }', {}],
    ['{ viewer { nam } }', {}],
    ['{ viewer }', {}],
    ['{ passthrough { status } }', {}],
    ['{ passthrough(pat: "/") { status } }', {}],
    ['{ passthrough(path: "/", method: GOT) { status } }', {}],
    ['{ connections(filter: {statu: ACTIVE}) { nodes { id } } }', {}],
    ['{ node(id: "x") { ... on Connectio { id } } }', {}],
    ['query($v: ConnectionFilte) { connections(filter: $v) { nodes { id } } }', {}],
    ['query($v: ConnectionFilter) { connections(filter: $v) { nodes { id } } }', { v: { statu: 'ACTIVE' } }],
    ['query($v: ConnectionFilter) { connections(filter: $v) { nodes { id } } }', { v: { status: 'ACTIV' } }],
    ['mutation($v: CreateConnectionInput!) { createConnection(input: $v) { connection { id } } }', { v: {} }],
    ['mutation($v: CreateConnectionInput!) { createConnection(input: $v) { connection { id } } }', {}],
  ])('%s with %j says nothing of the schema', async (query, variables) => {
    const { errors } = await post({ query, variables })
    expect(new Set(errors.map((error: { message: string }) => error.message))).toEqual(new Set([hidden]))
    const names = Object.keys(schema.getTypeMap()).filter(name => name.length > 5 && !query.includes(name))
    const text = JSON.stringify(errors)
    expect(names.filter(name => text.includes(name))).toEqual([])
    expect(text).not.toContain('Did you mean')
    expect(errors[0].extensions.code).toBe('INVALID_INPUT')
  })

  test('what is wrong with the text or the request is still said', async () => {
    expect(await post({ query: '{ viewer {' })).toMatchObject({ errors: [{ message: /^Syntax Error: / }] })
    expect(await post({})).toMatchObject({ errors: [{ message: /query/ }] })
    expect(await post({ query: '{ viewer { __typename } }' })).toMatchObject({ data: { viewer: {} } })
  })

  test('a GET needs a key or a header', async () => {
    const url = `http://127.0.0.1:${entrances[way]}/graphql?query=%7B__typename%7D`
    const refused = await fetch(url)
    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { errors: [{ message: /^A GET takes the header/ }] },
    ])
    for (const name of ['x-api-key', 'graphql-preflight']) {
      const taken = await fetch(url, { headers: { [name]: adminKey } })
      expect(await taken.json()).toEqual({ data: { __typename: 'Query' } })
    }
  })
})
