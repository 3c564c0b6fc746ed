/** A page of another site has no request sent with the login that a browser keeps; clients that are no browsers notice nothing. */
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let id: string
const listed = 'https://app.example'

beforeAll(async () => {
  upstream = await createUpstream((_request, response) => void response.end('done'))
  gateway = await createGateway({ allow: [upstream.host], env: { PASSGATE_CORS_ORIGINS: listed } })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

/** With headers that fetch would keep for itself. */
async function send(method: string, headers: Record<string, string>) {
  const { hostname: host, port } = new URL(gateway.url)
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; challenge: unknown; text: string }>()
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = method === 'GET' ? '' : 'a=b'
  httpRequest(
    {
      host,
      port,
      method,
      path: `/passthrough/${id}/form`,
      headers: { ...form, 'content-length': body.length, ...headers },
    },
    async answer => {
      const chunks = await answer.toArray()
      const text = Buffer.concat(chunks).toString()
      resolve({ status: answer.statusCode ?? 0, challenge: answer.headers['www-authenticate'], text })
    },
  )
    .on('error', reject)
    .end(body)
  return await promise
}

const login = { authorization: `Basic ${Buffer.from(`x:${adminKey}`).toString('base64')}` }
const own = () => new URL(gateway.url).origin

describe('with a login that a browser keeps', () => {
  test.each([
    ['POST', { origin: 'https://evil.example' }],
    ['POST', { origin: 'null' }],
    ['POST', { origin: 'no origin at all' }],
    ['POST', { 'sec-fetch-site': 'cross-site' }],
    ['POST', { 'sec-fetch-site': 'same-site' }],
    ['POST', { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }],
    ['PUT', { origin: 'https://evil.example' }],
    ['PATCH', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['DELETE', { origin: 'https://app.example.evil.example' }],
    ['POST', { origin: 'https://evil.example', authorization: login.authorization.replace('Basic', 'bAsIc') }],
  ])('nothing is sent for %s with %j', async (method, headers) => {
    const sent = upstream.seen.length
    const { status, text } = await send(method, { ...login, ...headers })
    expect(status).toBe(400)
    expect(JSON.parse(text)).toMatchObject({
      code: 'INVALID_INPUT',
      detail: expect.stringMatching(/^A page of another origin sent this with a login that its browser keeps/),
      details: [{ field: 'headers.authorization' }],
    })
    expect(upstream.seen.length).toBe(sent)
  })

  test.each<[string, string, () => Record<string, string>]>([
    ['what git and curl send', 'POST', () => ({})],
    ['a read', 'GET', () => ({ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })],
    ['a page of a listed origin', 'POST', () => ({ origin: listed, 'sec-fetch-site': 'cross-site' })],
    ['a page of the gateway’s own origin', 'POST', () => ({ origin: own(), 'sec-fetch-site': 'same-origin' })],
    ['a request that its user typed', 'POST', () => ({ 'sec-fetch-site': 'none' })],
  ])('%s passes', async (_what, method, headers) => {
    expect(await send(method, { ...login, ...headers() })).toMatchObject({ status: 200, text: 'done' })
  })
})

test.each([
  ['a Bearer token', { authorization: `Bearer ${adminKey}` }],
  ['the header x-api-key', { 'x-api-key': adminKey }],
  ['x-api-key beside another login', { authorization: 'Basic eDp5', 'x-api-key': adminKey }],
])('a browser asks before it sends %s: it passes', async (_what, headers) => {
  const from = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  expect(await send('POST', { ...headers, ...from })).toMatchObject({ status: 200, text: 'done' })
})

test.each<[Record<string, string>, string]>([
  [{}, 'Bearer realm="passgate", Basic realm="passgate"'],
  [{ origin: 'https://evil.example' }, 'Bearer realm="passgate"'],
  [{ 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, 'Bearer realm="passgate"'],
])('who sends %j is asked for %s', async (headers, challenge) => {
  expect(await send('GET', headers)).toMatchObject({ status: 401, challenge })
})
