/** GraphQL over HTTP as graphql-http's own audit reads the specification: every MUST and every SHOULD. */
import { type AuditResult, serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Entrances, openEntrances, type Way } from '../server/graphql-exchange.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'

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

const urlOf = (way: Way) => `http://127.0.0.1:${entrances[way]}/graphql`

describe.each<[string, Way, string | null]>([
  ['with the admin key', 'short', adminKey],
  ['without a key', 'short', null],
  ['with the admin key', 'yoga', adminKey],
  ['without a key', 'yoga', null],
])('the audit %s on the way "%s"', (name, way, key) => {
  test('finds every MUST and SHOULD kept', async () => {
    const results = await audit(urlOf(way), key)
    const kept = results.filter(({ status }) => status === 'ok')
    process.stdout.write(`GraphQL over HTTP ${name} (${way}): ${count(kept)}, of ${count(results)}\n`)
    const demanded = results.filter(result => !result.name.startsWith('MAY'))
    expect(demanded.length).toBeGreaterThanOrEqual(36)
    expect(demanded.filter(({ status }) => status !== 'ok').map(describeFailure)).toEqual([])
  })
})

describe.each<[string, Way, number]>([
  ['application/json', 'short', 200],
  ['application/graphql-response+json', 'short', 400],
  ['application/json', 'yoga', 200],
  ['application/graphql-response+json', 'yoga', 400],
])('to a client of %s on the way "%s"', (accept, way, status) => {
  test.each([
    ['{ "query": "{ viewer', 400, 'POST body sent invalid JSON.'],
    ['{ "query": "{ viewer" }', status, 'Syntax Error: Expected Name, found <EOF>.'],
    ['{ "query": "{ nothing }" }', status, 'Cannot query field "nothing" on type "Query".'],
  ])('%s is answered with %d', async (body, expected, message) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${adminKey}`, accept }
    const response = await fetch(urlOf(way), { method: 'POST', headers, body })
    expect(response.status).toBe(expected)
    expect(response.headers.get('content-type')).toBe(`${accept}; charset=utf-8`)
    const { errors, data } = await response.json()
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ message, extensions: { code: 'INVALID_INPUT', origin: 'GATEWAY' } }])
  })
})

async function audit(url: string, key: string | null): Promise<AuditResult[]> {
  const fetchFn = (input: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers)
    if (key !== null) headers.set('authorization', `Bearer ${key}`)
    return fetch(input, { ...init, headers })
  }
  return await Promise.all(serverAudits({ url, fetchFn }).map(({ fn }) => fn()))
}

function count(results: readonly AuditResult[]): string {
  const of = (word: string) => results.filter(({ name }) => name.startsWith(`${word} `)).length
  return `${of('MUST')} MUST, ${of('SHOULD')} SHOULD, ${of('MAY')} MAY`
}

function describeFailure(result: AuditResult): string {
  return `${result.id} ${result.name}: ${result.status === 'ok' ? 'ok' : result.reason}`
}
