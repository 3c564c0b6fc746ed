/** What a caller's request says of its trace stays here, unless the operator has it passed on; what GraphQL is told to send is sent. */
import { expect, test } from 'vitest'
import { adminKey, createGateway } from '../support/gateway.ts'
import { readQuery } from '../support/passthrough.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'

const trace = {
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  tracestate: 'vendor=opaque',
  baggage: 'tenant=acme',
}

async function exchange(env: Readonly<Record<string, string>>) {
  await using upstream = await createUpstream((_request, response) => sendJson(response, {}))
  await using gateway = await createGateway({ allow: [upstream.host], env })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  const id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
  const headers = { authorization: `Bearer ${adminKey}`, 'x-other': 'stays', ...trace }
  await (await fetch(new URL(`passthrough/${id}/raw`, gateway.url), { headers })).arrayBuffer()
  await gateway.ask(readQuery, { connectionId: id, path: '/told', headers: trace })
  await gateway.ask(readQuery, { connectionId: id, path: '/untold' })
  const picked = upstream.seen.map(request => {
    const { traceparent, tracestate, baggage, 'x-other': other } = request.headers
    return [request.url, { traceparent, tracestate, baggage, other }]
  })
  return Object.fromEntries(picked)
}

const none = { traceparent: undefined, tracestate: undefined, baggage: undefined }

test('by default nothing of it goes on', async () => {
  expect(await exchange({})).toEqual({
    '/raw': { ...none, other: 'stays' },
    '/told': { ...trace, other: undefined },
    '/untold': { ...none, other: undefined },
  })
})

test('with PASSGATE_TRACE_UPSTREAM it goes on as it came, where the gateway makes no spans of its own', async () => {
  expect(await exchange({ PASSGATE_TRACE_UPSTREAM: 'on' })).toEqual({
    '/raw': { ...trace, other: 'stays' },
    '/told': { ...trace, other: undefined },
    '/untold': { ...none, other: undefined },
  })
})
