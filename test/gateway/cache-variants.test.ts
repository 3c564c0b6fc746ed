/** What a caller asks to be kept is given again to the same question only: headers and bodies are part of it. */
import { expect, test } from 'vitest'
import { adminKey, createGateway } from '../support/gateway.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'

test('a vendor that says nothing of its answers has each header and body asked for anew', async () => {
  await using upstream = await createUpstream(({ headers, text }, response) =>
    sendJson(response, { tenant: headers['xero-tenant-id'] ?? null, accept: headers.accept ?? null, text }),
  )
  await using gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'books', name: 'Books', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  const input = { integration: 'books', endUserId: 'u', credential: { none: { ok: true } } }
  const id = await gateway.createConnection(input)
  const query = `query($id: ID!, $headers: JSONObject, $body: JSON) {
    passthrough(connectionId: $id, path: "/tenant", headers: $headers, body: $body, options: { cache: { maxAgeSeconds: 60 } }) { cache body }
  }`
  const ask = async (headers: object, body?: object) => (await gateway.ask(query, { id, headers, body })).passthrough
  const [a, b] = [{ 'Xero-tenant-id': 'A' }, { 'Xero-tenant-id': 'B' }]
  expect(await ask(a)).toMatchObject({ cache: 'MISS', body: { tenant: 'A' } })
  expect(await ask(a)).toMatchObject({ cache: 'HIT', body: { tenant: 'A' } })
  expect(await ask(b)).toMatchObject({ cache: 'MISS', body: { tenant: 'B' } })
  expect(await ask({})).toMatchObject({ cache: 'MISS', body: { tenant: null } })
  expect(await ask({ ...a, accept: 'text/csv' })).toMatchObject({
    cache: 'MISS',
    body: { tenant: 'A', accept: 'text/csv' },
  })
  expect(await ask(b)).toMatchObject({ cache: 'HIT', body: { tenant: 'B' } })
  expect(await ask({}, { q: 'one' })).toMatchObject({ cache: 'MISS', body: { text: '{"q":"one"}' } })
  expect(await ask({}, { q: 'two' })).toMatchObject({ cache: 'MISS', body: { text: '{"q":"two"}' } })
  const raw = async (tenant: string) => {
    const headers = { authorization: `Bearer ${adminKey}`, 'x-passgate-cache': '60', 'xero-tenant-id': tenant }
    return (await fetch(new URL(`passthrough/${id}/raw`, gateway.url), { headers })).json()
  }
  expect([await raw('A'), await raw('B')]).toMatchObject([{ tenant: 'A' }, { tenant: 'B' }])
})

test('of one operation, a read that asks for no cache is a live one', async () => {
  let count = 0
  await using upstream = await createUpstream((_request, response) => sendJson(response, { count: ++count }))
  await using gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'books', name: 'Books', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  const id = await gateway.createConnection({
    integration: 'books',
    endUserId: 'u',
    credential: { none: { ok: true } },
  })
  const read = `passthrough(connectionId: "${id}", path: "/x"`
  const kept = `${read}, options: { cache: { maxAgeSeconds: 60 } }) { cache body }`
  await gateway.ask(`{ ${kept} }`)
  const { a, b } = await gateway.ask(`{ a: ${kept} b: ${read}) { cache body } }`)
  expect([a, b]).toEqual([
    { cache: 'HIT', body: { count: 1 } },
    { cache: null, body: { count: 2 } },
  ])
})
