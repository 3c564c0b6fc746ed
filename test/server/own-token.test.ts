/** The access key of a request is for the gateway alone: on neither face does it go on in a URL or a header. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let id: string
let token: string

beforeAll(async () => {
  upstream = await createUpstream((_request, response) => void response.end('{}'))
  gateway = await createGateway({ allow: [upstream.host] })
  const find = {
    description: 'Finds one.',
    method: 'GET',
    path: '/find/{q}',
    input: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'], additionalProperties: false },
  }
  await gateway.createIntegration({
    slug: 'v',
    name: 'V',
    baseUrl: upstream.url,
    auth: [{ scheme: 'none' }],
    actions: { find },
  })
  id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
  // The token of a session has dots, which are not written in percent-encoding, but may be.
  token = (await gateway.ask('mutation { createSession(input: {endUserId: "u"}) { token } }')).createSession.token
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const encodeEach = (text: string) => text.replace(/./g, letter => `%${letter.charCodeAt(0).toString(16)}`)
const spellings: readonly [string, (key: string) => string][] = [
  ['as it is', key => key],
  ['with %2E', key => key.replaceAll('.', '%2E')],
  ['with %2e and %5f', key => key.replaceAll('.', '%2e').replaceAll('_', '%5f')],
  ['every letter encoded', encodeEach],
  ['encoded twice', key => encodeEach(key).replaceAll('%', '%25')],
]

test.each(spellings)('the raw route refuses it in path and query, %s', async (_name, spell) => {
  const sent = upstream.seen.length
  for (const rest of [`x/${spell(token)}`, `x?q=${spell(token)}`, `x?${spell(token)}=1`]) {
    const answer = await fetch(`${gateway.url}passthrough/${id}/${rest}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      {
        code: 'INVALID_INPUT',
        detail: 'The access key is in the URL; send it as the header `authorization: Bearer …`.',
      },
    ])
  }
  expect(upstream.seen.length).toBe(sent)
})

test('the raw route drops it from every header it stands in', async () => {
  const headers = { authorization: `Bearer ${token}`, 'x-api-key': token, 'x-other': `a ${token} b`, 'x-mine': 'stays' }
  expect((await fetch(`${gateway.url}passthrough/${id}/x`, { headers })).status).toBe(200)
  const { headers: seen } = upstream.seen.at(-1) ?? {}
  expect(JSON.stringify(seen)).not.toContain(token)
  expect(seen).toMatchObject({ 'x-mine': 'stays' })
})

async function run(query: string, variables: object, key = token) {
  const response = await fetch(new URL('graphql', gateway.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  })
  return await response.json()
}

const call =
  'query($path: String!, $query: JSONObject, $headers: JSONObject) { passthrough(integration: "v", endUserId: "u", path: $path, query: $query, headers: $headers) { status } }'

test.each<[string, (key: string) => object, string]>([
  ...spellings.map(([name, spell]): [string, (key: string) => object, string] => [
    `the path, ${name},`,
    key => ({ path: `/x/${spell(key)}` }),
    'path',
  ]),
  ['a query', key => ({ path: '/x', query: { q: key } }), 'query'],
  ['a query of the path', key => ({ path: `/x?q=${encodeEach(key)}` }), 'query'],
  ['the name of a query', key => ({ path: '/x', query: { [key]: 1 } }), 'query'],
  ['a list of a query', key => ({ path: '/x', query: { q: ['a', `b${key}`] } }), 'query'],
  ['a header', key => ({ path: '/x', headers: { 'x-other': `a ${key}` } }), 'headers.x-other'],
])('GraphQL refuses it in %s', async (_name, variablesFor, field) => {
  const sent = upstream.seen.length
  for (const key of [token, adminKey]) {
    expect((await run(call, variablesFor(key), key)).errors).toMatchObject([
      {
        message: expect.stringMatching(
          /^The access key of this request is in the (URL|header x-other) that would be sent on/,
        ),
        extensions: { code: 'INVALID_INPUT', details: [{ field }] },
      },
    ])
  }
  expect(upstream.seen.length).toBe(sent)
})

test('GraphQL refuses it in the input of an action, and what is asked for is explained alike', async () => {
  const sent = upstream.seen.length
  const action =
    'mutation($k: JSONObject!) { executeAction(integration: "v", endUserId: "u", action: "find", input: $k) { status } }'
  const explain = 'query($k: JSONObject!) { explain(integration: "v", endUserId: "u", path: "/x", query: $k) { url } }'
  for (const [query, field] of [
    [action, 'path'],
    [explain, 'query'],
  ] as const) {
    const { errors } = await run(query, { k: { q: adminKey } }, adminKey)
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT', details: [{ field }] } }])
  }
  expect(upstream.seen.length).toBe(sent)
})

test('a key of somebody else is a text like any other', async () => {
  expect(await run(call, { path: '/x', query: { q: token } }, adminKey)).toEqual({
    data: { passthrough: { status: 200 } },
  })
})
