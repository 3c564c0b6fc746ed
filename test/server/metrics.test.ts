/** `/metrics` counts what happened, in Prometheus' format, and names no tenant, connection, caller, end user or path. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { errorCodes } from '../../src/errors.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { readQuery, writeMutation } from '../support/passthrough.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const user = 'canary-end-user'
const key = { authorization: `Bearer ${adminKey}` }
let upstream: Upstream
let gateway: TestGateway
let connectionId: string
let text: string

const read = async (headers: Record<string, string> = {}) =>
  await fetch(new URL('metrics', gateway.url), { headers: { ...headers } })

/** The value of a series, its labels in any order; 0 for one that is not there. */
function figureOf(name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const line = text.split('\n').find(candidate => {
    const [, found = '', given = ''] = /^(\w+)(?:\{(.*)\})? /.exec(candidate) ?? []
    return found === name && wanted.every(pair => given.split(',').includes(pair))
  })
  return Number(line?.split(' ').at(-1) ?? 0)
}

beforeAll(async () => {
  let failures = 1
  upstream = await createUpstream((request, response) => {
    if (request.url.startsWith('/flaky') && failures-- > 0) return sendJson(response, {}, 503)
    sendJson(response, { ok: true }, request.url.startsWith('/gone') ? 404 : 200)
  })
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({
    slug: 'canary-slug',
    name: 'Acme',
    baseUrl: upstream.url,
    auth: [{ scheme: 'bearer' }],
  })
  const credential = { bearer: { token: 'canary-token' } }
  connectionId = await gateway.createConnection({ integration: 'canary-slug', endUserId: user, credential })
  const call = { connectionId }
  await gateway.ask(readQuery, { ...call, path: '/canary-path' })
  await gateway.ask(readQuery, { ...call, path: '/flaky' })
  await gateway.ask(writeMutation, { ...call, method: 'POST', path: '/gone', body: { a: 1 } })
  await gateway.run(readQuery, { ...call, path: 'https://canary-host.example/' })
  await gateway.run(readQuery, { connectionId: 'conn_none', path: '/' })
  await gateway.run('{ viewer { name } }', {}, null)
  const raw = new URL(`passthrough/${connectionId}/canary-path?canary=1`, gateway.url)
  await (await fetch(raw, { method: 'PROPFIND', headers: key })).arrayBuffer()
  await (await fetch(raw)).arrayBuffer()
  await (await fetch(new URL('canary-page', gateway.url))).arrayBuffer()
  await vi.waitFor(async () => {
    text = await (await read()).text()
    expect(text).toMatch(/route="other".* 1\n/)
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

describe('what is counted', () => {
  const of = { integration: 'custom' }

  test('are calls, by how they ended', () => {
    expect(figureOf('passgate_calls_total', { ...of, method: 'GET', kind: 'QUERY', outcome: '2xx' })).toBe(2)
    expect(figureOf('passgate_calls_total', { ...of, method: 'POST', kind: 'MUTATION', outcome: '4xx' })).toBe(1)
    expect(figureOf('passgate_calls_total', { ...of, method: 'OTHER', kind: 'RAW', outcome: '2xx' })).toBe(1)
    expect(figureOf('passgate_call_attempts_total', of)).toBe(5)
    expect(figureOf('passgate_call_retries_total', of)).toBe(1)
  })

  test('are their time and bytes', () => {
    expect(figureOf('passgate_call_duration_seconds_count', of)).toBe(4)
    expect(figureOf('passgate_call_duration_seconds_bucket', { ...of, le: '60' })).toBe(4)
    expect(figureOf('passgate_call_duration_seconds_bucket', { ...of, le: '0.005' })).toBeLessThan(4)
    expect(figureOf('passgate_call_sent_bytes_total', of)).toBe('{"a":1}'.length)
    expect(figureOf('passgate_call_received_bytes_total', of)).toBe(4 * '{"ok":true}'.length + '{}'.length)
  })

  test('are refusals, by code, each code from the start', () => {
    expect(figureOf('passgate_refusals_total', { code: 'DESTINATION_NOT_ALLOWED' })).toBe(1)
    expect(figureOf('passgate_refusals_total', { code: 'CONNECTION_NOT_FOUND' })).toBe(1)
    expect(figureOf('passgate_refusals_total', { code: 'UNAUTHENTICATED' })).toBe(2)
    expect(figureOf('passgate_refusals_total', { code: 'INTERNAL' })).toBe(0)
    const codes = [...text.matchAll(/^passgate_refusals_total\{code="(\w+)"\}/gm)].map(match => match[1])
    expect(codes).toEqual(Object.keys(errorCodes))
  })

  test('are operations of those who proved who they are', () => {
    expect(figureOf('passgate_operations_total', { face: 'graphql' })).toBe(7)
    expect(figureOf('passgate_operations_total', { face: 'raw' })).toBe(1)
    expect(figureOf('passgate_operations_total', { face: 'download' })).toBe(0)
  })

  test('are requests, by the template of their route', () => {
    const requests = (labels: Record<string, string>) => figureOf('passgate_http_requests_total', labels)
    expect(requests({ route: '/graphql', method: 'POST', status_class: '2xx' })).toBe(8)
    const raw = { route: '/passthrough/{connectionId}/{path}' }
    expect(requests({ ...raw, method: 'OTHER', status_class: '2xx' })).toBe(1)
    expect(requests({ ...raw, method: 'GET', status_class: '4xx' })).toBe(1)
    expect(requests({ route: 'other', method: 'GET', status_class: '4xx' })).toBe(1)
    expect(figureOf('passgate_http_request_duration_seconds_count', { route: '/graphql' })).toBe(8)
  })

  test('are levels, and what runs', () => {
    expect(figureOf('passgate_calls_in_flight')).toBe(0)
    expect(figureOf('passgate_upstream_slots_in_use')).toBe(0)
    expect(figureOf('passgate_memory_held_bytes')).toBe(0)
    expect(figureOf('passgate_memory_limit_bytes')).toBe(gateway.app.services.gateway.memory.maxBytes)
    expect(text).toMatch(/^passgate_call_records_waiting \d+$/m)
    expect(figureOf('passgate_build_info', { node: process.versions.node })).toBe(1)
    expect(text).toMatch(/^passgate_build_info\{version="\d+\.\d+\.\d+",/m)
    for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds']) {
      expect(figureOf(name), name).toBeGreaterThan(0)
    }
    expect(text).toContain('nodejs_gc_duration_seconds')
  })
})

test('no label names who, where or with what', () => {
  expect(text).not.toMatch(/canary|conn_|key_|ws_|127\.0\.0\.1/)
  const labels = new Set(
    [...text.matchAll(/^passgate_\w+\{([^}]*)\}/gm)].flatMap(([, pairs = '']) =>
      [...pairs.matchAll(/(\w+)="/g)].map(match => match[1]),
    ),
  )
  const known = [
    'code',
    'face',
    'integration',
    'kind',
    'le',
    'method',
    'node',
    'outcome',
    'route',
    'status_class',
    'version',
  ]
  expect([...labels].sort()).toEqual(known)
})

test('the README names each of them, and no other', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  const named = [...readme.matchAll(/`(passgate_\w+)`/g)].map(match => match[1])
  const read = [...text.matchAll(/^# TYPE (passgate_\w+) /gm)].map(match => match[1])
  expect(named.toSorted()).toEqual(read.toSorted())
})

test('the names follow the conventions: a prefix, base units, and _total for what only rises', () => {
  const types = [...text.matchAll(/^# TYPE (passgate_\w+) (\w+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
  }))
  expect(types.length).toBeGreaterThan(15)
  expect(types.filter(({ name, type }) => name.endsWith('_total') !== (type === 'counter'))).toEqual([])
  expect(types.filter(({ name, type }) => type === 'histogram' && !name.endsWith('_seconds'))).toEqual([])
})

test('calls under way and what they hold are seen while they last', async () => {
  const { promise: release, resolve: answerNow } = Promise.withResolvers<void>()
  const { promise: arrived, resolve: sayArrived } = Promise.withResolvers<void>()
  await using slow = await createUpstream(async (_request, response) => {
    sayArrived()
    await release
    sendJson(response, {})
  })
  await using other = await createGateway({ allow: [slow.host] })
  await other.createIntegration({ slug: 'slow', name: 'Slow', baseUrl: slow.url, auth: [{ scheme: 'none' }] })
  await other.createConnection({ integration: 'slow', endUserId: 'u', credential: { none: { ok: true } } })
  const call = other.ask(readQuery, { integration: 'slow', endUserId: 'u', path: '/' })
  await arrived
  const during = await (await fetch(new URL('metrics', other.url))).text()
  answerNow()
  await call
  expect(during).toMatch(/^passgate_calls_in_flight 1$/m)
  expect(during).toMatch(/^passgate_upstream_slots_in_use 1$/m)
  expect(during).toMatch(/^passgate_memory_held_bytes [1-9]\d*$/m)
  // Each gateway counts for itself, though both are in this process.
  expect(during).not.toContain('passgate_calls_total{')
})

describe('who may read them', () => {
  test('is anyone, unless there is a token', async () => {
    const answer = await read()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
  })

  test('is whoever sends the token, when there is one', async () => {
    const metricsToken = 'a-token-of-16-characters'
    await using guarded = await createGateway({ secrets: { metricsToken } })
    const ask = (headers: Record<string, string>) => fetch(new URL('metrics', guarded.url), { headers })
    for (const authorization of ['', 'Bearer', `Bearer ${metricsToken}x`, `Basic ${metricsToken}`, key.authorization]) {
      const refused = await ask({ authorization })
      expect([refused.status, await refused.json()], authorization).toEqual([
        401,
        { message: 'Send the token of PASSGATE_METRICS_TOKEN: `authorization: Bearer …`.' },
      ])
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="passgate metrics"')
    }
    expect((await ask({ authorization: `Bearer ${metricsToken}` })).status).toBe(200)
    expect((await ask({ authorization: `bearer ${metricsToken}` })).status).toBe(200)
  })
})
