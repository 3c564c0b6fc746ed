/** GraphQL over HTTP as graphql-http's own audit reads the specification: every MUST and every SHOULD. */
import { type AuditResult, serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await createGateway()
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
})

describe.each([
  ['with the admin key', adminKey],
  ['without a key', null],
])('the audit %s', (name, key) => {
  test('finds every MUST and SHOULD kept', async () => {
    const results = await audit(key)
    const kept = results.filter(({ status }) => status === 'ok')
    process.stdout.write(`GraphQL over HTTP ${name}: ${count(kept)}, of ${count(results)}\n`)
    const demanded = results.filter(result => !result.name.startsWith('MAY'))
    expect(demanded.length).toBeGreaterThanOrEqual(36)
    expect(demanded.filter(({ status }) => status !== 'ok').map(describeFailure)).toEqual([])
  })
})

describe.each([
  ['application/json', 200],
  ['application/graphql-response+json', 400],
])('to a client of %s', (accept, status) => {
  test.each([
    ['{ "query": "{ viewer', 400, 'POST body sent invalid JSON.'],
    ['{ "query": "{ viewer" }', status, 'Syntax Error: Expected Name, found <EOF>.'],
    ['{ "query": "{ nothing }" }', status, 'Cannot query field "nothing" on type "Query".'],
  ])('%s is answered with %d', async (body, expected, message) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${adminKey}`, accept }
    const response = await fetch(new URL('graphql', gateway.url), { method: 'POST', headers, body })
    expect(response.status).toBe(expected)
    expect(response.headers.get('content-type')).toBe(`${accept}; charset=utf-8`)
    const { errors, data } = await response.json()
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ message, extensions: { code: 'INVALID_INPUT', origin: 'GATEWAY' } }])
  })
})

async function audit(key: string | null): Promise<AuditResult[]> {
  const url = new URL('graphql', gateway.url).href
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
