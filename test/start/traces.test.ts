/** Traces of a real process at a real collector: the caller's trace goes on through call, attempts and refresh, without a secret. */
import { expect, test } from 'vitest'
import { createTestPlace } from '../support/database.ts'
import { createCollector, type ReceivedSpan } from '../support/otlp.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { adminKey, envOf, type PassgateProcess, startPassgate } from './process.ts'

/** A vendor whose first token has ended before its time, but for what anyone may ask. */
function createVendor(): Promise<Upstream> {
  return createUpstream(({ url, headers }, response) => {
    const token = { access_token: 'canary-token-2', refresh_token: 'canary-refresh-2', expires_in: 3600 }
    if (url === '/token') sendJson(response, token)
    else if (url.startsWith('/canary-raw') || headers.authorization === 'Bearer canary-token-2')
      sendJson(response, { said: 'canary-answer' })
    else sendJson(response, { error: 'canary-error' }, 401)
  })
}

async function connect(passgate: PassgateProcess, vendor: Upstream): Promise<string> {
  const auth = [{ scheme: 'oauth2', authorizationUrl: `${vendor.url}/authorize`, tokenUrl: `${vendor.url}/token` }]
  const definition = { slug: 'acme', name: 'Acme', categories: [], baseUrl: vendor.url, auth }
  const define = 'mutation($d: JSONObject!) { createIntegration(input: { definition: $d }) { integration { id } } }'
  await passgate.ask(define, { d: definition })
  const configure = `mutation { configureIntegration(input: { slug: "acme",
    oauthClient: { clientId: "canary-client", clientSecret: "canary-client-secret" } }) { integration { id } } }`
  await passgate.ask(configure)
  const oauth2 = { accessToken: 'canary-token-1', refreshToken: 'canary-refresh-1', expiresAt: '2099-01-01T00:00:00Z' }
  const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'
  const input = { integration: 'acme', endUserId: 'canary-user', credential: { oauth2 } }
  const { data } = await passgate.ask(create, { i: input })
  return data.createConnection.connection.id
}

const traceIds = { graphql: 'a'.repeat(32), raw: 'b'.repeat(32), refused: 'c'.repeat(32) }
const callersSpan = 'd'.repeat(16)
const headersOf = (traceId: string, authorization = `Bearer ${adminKey}`) => ({
  authorization,
  'content-type': 'application/json',
  traceparent: `00-${traceId}-${callersSpan}-01`,
  tracestate: 'canary=state',
  baggage: 'canary=baggage',
  'x-request-id': 'canary-request-id',
  'x-canary': 'canary-header',
})

async function makeRequests(url: string, id: string): Promise<void> {
  const query = `mutation($id: ID!) {
    passthrough(connectionId: $id, method: POST, path: "/canary-path?a=canary-query", body: { a: "canary-body" },
      headers: { x_canary: "canary-header" }) { status }
  }`
  const raw = `${url}/passthrough/${id}/canary-raw?a=canary-query`
  // The connection to the vendor, which the next call uses, is opened in this trace.
  expect((await fetch(raw, { headers: headersOf(traceIds.raw) })).status).toBe(200)
  const body = JSON.stringify({ query, variables: { id } })
  const answer = await fetch(`${url}/graphql`, { method: 'POST', headers: headersOf(traceIds.graphql), body })
  expect(await answer.json()).toEqual({ data: { passthrough: { status: 200 } } })
  expect((await fetch(raw, { headers: headersOf(traceIds.refused, 'Bearer canary-key') })).status).toBe(401)
}

test('a caller’s trace goes on down to the vendor, and holds no secret', async () => {
  await using collector = await createCollector()
  await using vendor = await createVendor()
  await using place = await createTestPlace('postgres')
  await using passgate = startPassgate(
    envOf(place, {
      PASSGATE_EGRESS_ALLOW: vendor.host,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'gate-under-test',
      PASSGATE_TRACE_UPSTREAM: 'on',
    }),
  )
  const id = await connect(passgate, vendor)
  await makeRequests(await passgate.listening(), id)
  passgate.signal('SIGTERM')
  // What was not sent yet is sent before the end.
  expect(await passgate.ended()).toBe(0)
  expect(collector.resource()).toMatchObject({ 'service.name': 'gate-under-test' })

  const find = (traceId: string, name: string): ReceivedSpan[] =>
    collector.spans.filter(span => span.traceId === traceId && span.name === name)
  const [request] = find(traceIds.graphql, 'POST /graphql')
  expect(request).toMatchObject({ kind: 2, parentSpanId: callersSpan, isError: false })
  expect(request?.attributes).toMatchObject({ 'http.route': '/graphql', 'http.response.status_code': 200 })
  const [call] = find(traceIds.graphql, 'call acme')
  expect(call).toMatchObject({ parentSpanId: request?.spanId, isError: false })
  expect(call?.attributes).toEqual({
    'passgate.integration': 'acme',
    'passgate.kind': 'MUTATION',
    'passgate.attempts': 2,
    'http.request.method': 'POST',
    'http.response.status_code': 200,
  })
  const attempts = find(traceIds.graphql, 'POST')
  expect(attempts.map(({ kind, parentSpanId, attributes }) => ({ kind, parentSpanId, attributes }))).toEqual([
    {
      kind: 3,
      parentSpanId: call?.spanId,
      attributes: { 'http.request.method': 'POST', 'http.response.status_code': 401 },
    },
    {
      kind: 3,
      parentSpanId: call?.spanId,
      attributes: {
        'http.request.method': 'POST',
        'http.request.resend_count': 1,
        'http.response.status_code': 200,
      },
    },
  ])
  const [refresh] = find(traceIds.graphql, 'token refresh')
  expect(refresh).toMatchObject({ parentSpanId: call?.spanId, isError: false })
  expect(refresh?.attributes).toEqual({ 'passgate.integration': 'acme', 'passgate.scheme': 'oauth2' })

  const [rawAttempt] = find(traceIds.raw, 'GET')
  const [rawCall] = find(traceIds.raw, 'call acme')
  expect(rawAttempt?.parentSpanId).toBe(rawCall?.spanId)
  expect(rawCall?.parentSpanId).toBe(find(traceIds.raw, 'GET /passthrough/{connectionId}/{path}')[0]?.spanId)
  const arrived = vendor.seen.map(({ url, headers }) => [url, headers.traceparent, headers.tracestate, headers.baggage])
  expect(arrived).toEqual([
    ['/canary-raw?a=canary-query', `00-${traceIds.raw}-${rawAttempt?.spanId}-01`, undefined, 'canary=baggage'],
    ['/canary-path?a=canary-query', `00-${traceIds.graphql}-${attempts[0]?.spanId}-01`, undefined, undefined],
    ['/token', undefined, undefined, undefined],
    ['/canary-path?a=canary-query', `00-${traceIds.graphql}-${attempts[1]?.spanId}-01`, undefined, undefined],
  ])

  const refused = collector.spans.filter(span => span.traceId === traceIds.refused)
  expect(refused).toMatchObject([{ isError: true, attributes: { 'error.type': 'UNAUTHENTICATED' } }])
  // The line in the log leads to the trace.
  expect(passgate.stdout()).toContain(`"traceId":"${traceIds.refused}"`)
  expect(passgate.stderr()).toBe('')

  expect(collector.bodies.join('\n')).not.toMatch(/canary|conn_|127\.0\.0\.1/)
  expect(collector.bodies.join('\n')).not.toContain(adminKey)
})
