/** A browser hears nothing from a vendor about the gateway's origin; whoever is no browser hears all that the vendor says. */
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'
import { sendRaw } from './send-raw.ts'

const listed = 'https://app.example'

const ofOrigin = {
  'clear-site-data': '"*"',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'set-cookie': 'vendor=1; Path=/',
  'set-cookie2': 'vendor=2',
  'set-login': 'logged-in',
  nel: '{"report_to":"v","max_age":9}',
  'report-to': '{"group":"v"}',
  'reporting-endpoints': 'v="https://vendor.example/r"',
  'public-key-pins': 'max-age=9',
  'expect-ct': 'max-age=9',
  'alt-svc': 'h3="vendor.example:443"',
  'accept-ch': 'Sec-CH-UA-Model',
  'use-as-dictionary': 'match="/*"',
  'service-worker-allowed': '/',
  'origin-agent-cluster': '?1',
  'timing-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-credentials': 'true',
  'access-control-expose-headers': 'x-vendor',
}
const ofPage = {
  link: '<https://vendor.example/evil.css>; rel=preload',
  refresh: '0; url=https://vendor.example/',
  'speculation-rules': '"/rules.json"',
  'www-authenticate': 'Basic realm="vendor"',
  'content-security-policy-report-only': 'report-uri https://vendor.example/',
}
const ofFile = {
  'content-type': 'application/pdf',
  'content-range': 'bytes 0-1/2',
  'content-language': 'de',
  'accept-ranges': 'bytes',
  etag: '"v1"',
  'last-modified': 'Wed, 21 Oct 2026 07:28:00 GMT',
  'x-vendor': 'yes',
}

const parts = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway
let path: string

beforeAll(async () => {
  upstream = parts.use(
    await createUpstream(({ headers }, response) => {
      const reflected = { 'access-control-allow-origin': headers.origin ?? '*', vary: 'Origin' }
      const early = { 'set-cookie': 'early=1', 'x-early': '1' }
      response.writeInformation(103, { link: ofPage.link, ...early })
      response.writeHead(200, { ...ofOrigin, ...ofPage, ...ofFile, ...reflected }).end('x')
    }),
  )
  gateway = parts.use(await createGateway({ allow: [upstream.host], env: { PASSGATE_CORS_ORIGINS: listed } }))
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  const credential = { bearer: { token: 't' } }
  path = `/passthrough/${await gateway.createConnection({ integration: 'own', endUserId: 'u', credential })}/things`
})
afterAll(() => parts.disposeAsync())

const send = (headers: Record<string, string>) => sendRaw(path, { origin: new URL(gateway.url), headers })

const kept = (headers: object, given: object) =>
  Object.entries(given)
    .filter(([name, value]) => String(headers[name as keyof typeof headers]) === value)
    .map(([name]) => name)

describe('on the raw route', () => {
  test.each([
    ['a client', {}],
    ['the fetch of Node', { 'sec-fetch-mode': 'cors' }],
  ])('%s gets every header, and its own cookies go on', async (_who, more) => {
    const { headers } = await send({ cookie: 'a=1', ...more })
    const given = { ...ofOrigin, ...ofPage, ...ofFile, 'access-control-allow-origin': '*' }
    expect(kept(headers, given)).toEqual(Object.keys(given))
    expect(upstream.seen.at(-1)?.headers.cookie).toBe('a=1')
  })

  test.each([
    ['of an origin that is not listed', { origin: 'https://evil.example' }],
    ['without an origin', { origin: 'null' }],
    ['that names no origin but a site', { 'sec-fetch-site': 'same-origin' }],
  ])('a page %s is allowed nothing, and nothing is kept of the vendor', async (_which, more) => {
    const { headers } = await send({ cookie: 'app-session=1', ...more })
    expect(kept(headers, ofOrigin)).toEqual([])
    expect(Object.keys(headers).filter(name => name.startsWith('access-control-'))).toEqual([])
    expect(kept(headers, { ...ofPage, ...ofFile })).toEqual(Object.keys({ ...ofPage, ...ofFile }))
    expect(upstream.seen.at(-1)?.headers.cookie).toBeUndefined()
  })

  test('a page of a listed origin is allowed what the gateway allows', async () => {
    const { headers } = await send({ origin: listed })
    expect(kept(headers, ofOrigin)).toEqual([])
    expect(headers).toMatchObject({
      'access-control-allow-origin': listed,
      'access-control-expose-headers': '*',
      'x-vendor': 'yes',
    })
  })

  test('interim answers say no more than the last one', async () => {
    const { promise, resolve } = Promise.withResolvers<object>()
    const headers = { authorization: `Bearer ${adminKey}`, origin: listed }
    const sent = request(new URL(path, gateway.url), { headers })
    sent.on('information', ({ headers }) => resolve(headers))
    sent.on('response', response => response.resume())
    sent.end()
    const early = await promise
    expect(kept(early, { link: ofPage.link, 'x-early': '1', 'set-cookie': 'early=1' })).toEqual(['link', 'x-early'])
  })
})

test('a download keeps what is said of the file alone', async () => {
  const query = 'query($id: ID!) { passthrough(connectionId: $id, path: "/things") { downloadUrl } }'
  const { passthrough } = await gateway.ask(query, { id: path.split('/')[2] })
  const { headers } = await sendRaw(new URL(passthrough.downloadUrl).pathname, {
    origin: new URL(gateway.url),
    key: null,
    headers: { origin: listed },
  })
  expect(kept(headers, { ...ofOrigin, ...ofPage })).toEqual([])
  expect(Object.keys(headers).filter(name => name.startsWith('access-control-'))).toEqual([])
  expect(kept(headers, ofFile)).toEqual(Object.keys(ofFile))
  expect(headers['content-security-policy']).toBe("sandbox; default-src 'none'")
})
