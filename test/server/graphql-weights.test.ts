/** What the gateway itself would have to do for an operation is known and bounded before it runs, and its answer while it is written. */
import { readdirSync, readFileSync } from 'node:fs'
import { getIntrospectionQuery, Kind, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { createPricing } from '../../src/server/graphql-cost.ts'
import { createWeights, maxWeight } from '../../src/server/graphql-weights.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'
import { type Entrances, openEntrances, type Way } from './graphql-exchange.ts'

let upstream: Upstream
let gateway: TestGateway
let entrances: Entrances

beforeAll(async () => {
  upstream = await createUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify('x'.repeat(2 * 1024 * 1024)))
  })
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

const weigh = createPricing(schema, createWeights(schema))
const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(' ')

describe('the weight of an operation', () => {
  test.each<[string, object, number]>([
    ['{ __typename }', {}, 1],
    ['{ viewer { name scopes } }', {}, 3],
    ['{ integration(slug: "x") { slug } }', {}, 101],
    ['{ integrations(first: 10) { nodes { slug } } }', {}, 1500 + 10 * 2],
    ['{ integrations { edges { node { slug } } } }', {}, 1500 + 20 * 3],
    ['query($n: Int) { integrations(first: $n) { nodes { slug } } }', { n: 50 }, 1500 + 50 * 2],
    ['{ integrations(first: 10) { nodes { actions(first: 10) { nodes { name } } } } }', {}, 1500 + 10 * (1 + 300 + 20)],
    ['{ integration(slug: "x") { authFields { name } } }', {}, 100 + 1 + 10],
    ['{ integration(slug: "x") { action(name: "y") { inputSchema example { curl } } } }', {}, 100 + 100 + 20 + 31],
    ['{ passthrough(path: "/") { status headers { name } } }', {}, 100 + 1 + 1 + 20],
    ['{ connections(first: 2) { totalCount nodes { id } } }', {}, 300 + 2 * (300 + 2)],
  ])('%s with %j is %i', (query, variables, weight) => {
    expect(weigh(parse(query), undefined, { ...variables })).toBe(weight)
  })

  test('of each example operation, with the largest pages, is a small part of what one may have', () => {
    const folder = new URL('../../schema/operations/', import.meta.url)
    const documents = readdirSync(folder).map(name => parse(readFileSync(new URL(name, folder), 'utf8')))
    const weights = documents.flatMap(document =>
      document.definitions
        .filter(node => node.kind === Kind.OPERATION_DEFINITION)
        .map(({ name }) => weigh(document, name?.value, { first: 100, last: 100 })),
    )
    expect(weights.length).toBeGreaterThan(25)
    expect(Math.max(...weights)).toBeLessThan(maxWeight / 5)
  })

  test('of introspection as tools do it leaves room, and what it says of lists is what they have', () => {
    const options = { inputValueDeprecation: true, specifiedByUrl: true, schemaDescription: true }
    const weight = weigh(parse(getIntrospectionQuery(options)), undefined, {})
    expect(weight).toBeGreaterThan(5000)
    expect(weight).toBeLessThan(maxWeight / 4)
    const all = Object.values(schema.getTypeMap())
    const fields = all.flatMap(type => ('getFields' in type ? Object.values<object>(type.getFields()) : []))
    const named = weigh(parse('{ __schema { types { fields { name } inputFields { name } } } }'), undefined, {})
    expect(Math.round(named)).toBe(1 + 1 + all.length * 2 + fields.length)
  })
})

describe.each<Way>(['short', 'yoga'])('on the way "%s"', way => {
  async function post(query: string) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` }
    const body = JSON.stringify({ query })
    const response = await fetch(`http://127.0.0.1:${entrances[way]}/graphql`, { method: 'POST', headers, body })
    return { status: response.status, ...(await response.json()) }
  }

  test('what is too heavy is refused with figure and limit', async () => {
    const pages = (count: number) =>
      `{ ${times(count, i => `a${i}: integrations(first: 100) { nodes { slug actions(first: 100) { nodes { name } } } }`)} }`
    expect((await post(pages(2))).errors).toMatchObject([
      {
        message:
          'This operation weighs 103400 by its values and look-ups, times the sizes of its pages; one weighs at most 100000. Ask for smaller pages, or send several operations.',
        extensions: { code: 'BUDGET_EXCEEDED' },
      },
    ])
    const { data, errors } = await post(pages(1))
    expect(errors).toBeUndefined()
    expect(data.a0.nodes).toHaveLength(100)
  })

  test('one answer of a vendor under a hundred names is not an answer a hundred times as long', async () => {
    const { memory } = gateway.app.services.gateway
    const views = times(100, i => `a${i}: text`)
    const query = `{ passthrough(integration: "v", endUserId: "u", path: "/") { ${views} } }`
    const { status, data, errors } = await post(query)
    expect([status, data]).toEqual([200, null])
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(
          /^The answer of one operation has at most 100663296 characters; this one has \d+ and more\./,
        ),
        extensions: { code: 'BUDGET_EXCEEDED', origin: 'GATEWAY' },
      },
    ])
    expect((await post(query.replace(views, 'text base64'))).errors).toBeUndefined()
    await expect.poll(() => memory.heldBytes).toBe(0)
  })
})
