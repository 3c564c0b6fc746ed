/** A page of a listed origin uses the raw route with its session; a page of any other origin reads nothing. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBrowser, type TestBrowser } from '../support/browser.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const parts = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway
let browser: TestBrowser
let listed: string
let other: string
let url: string
let token: string

/** A page without anything on it. */
async function createSite(): Promise<string> {
  const server = createServer((_request, response) => response.end('<!doctype html><title>page</title>'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  parts.defer(() => new Promise(resolve => server.close(() => resolve(undefined))))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  upstream = parts.use(
    await createUpstream(({ method, url: path, text }, response) => {
      response.setHeader('access-control-allow-origin', 'https://vendor.example')
      response.setHeader('x-vendor', 'yes')
      sendJson(response, { method, path, text })
    }),
  )
  listed = await createSite()
  other = await createSite()
  gateway = parts.use(await createGateway({ allow: [upstream.host], env: { PASSGATE_CORS_ORIGINS: listed } }))
  browser = parts.use(await createBrowser())
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  const credential = { bearer: { token: 't' } }
  const id = await gateway.createConnection({ integration: 'own', endUserId: 'u', credential })
  url = `${gateway.url}passthrough/${id}/things?a=1`
  token = (await gateway.ask('mutation { createSession(input: {endUserId: "u"}) { token } }')).createSession.token
})
afterAll(() => parts.disposeAsync())

async function sendFrom(origin: string) {
  await using opened = await browser.open()
  await opened.page.goto(origin)
  return await opened.page.evaluate(
    async ([address, bearer]) => {
      try {
        const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', 'x-own': '1' }
        const response = await fetch(address ?? '', { method: 'PATCH', headers, body: '{"n":1}' })
        return { body: await response.json(), vendor: response.headers.get('x-vendor') }
      } catch (error) {
        return String(error)
      }
    },
    [url, token],
  )
}

test('the page of a listed origin sends any method and reads the answer with its headers', async () => {
  const body = { method: 'PATCH', path: '/things?a=1', text: '{"n":1}' }
  expect(await sendFrom(listed)).toEqual({ body, vendor: 'yes' })
})

test('the page of another origin sends nothing and reads nothing', async () => {
  const before = upstream.seen.length
  expect(await sendFrom(other)).toContain('TypeError')
  expect(upstream.seen).toHaveLength(before)
})

test('a refusal can be read as well', async () => {
  const response = await fetch(url, { headers: { origin: listed } })
  expect(response.status).toBe(401)
  expect(response.headers.get('access-control-allow-origin')).toBe(listed)
  expect(await response.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('what a vendor says of browsers goes to whoever is none', async () => {
  const headers = { authorization: `Bearer ${token}` }
  const plain = await fetch(url, { headers })
  expect(plain.headers.get('access-control-allow-origin')).toBe('https://vendor.example')
  const browsed = await fetch(url, { headers: { ...headers, origin: listed } })
  expect(browsed.headers.get('access-control-allow-origin')).toBe(listed)
  expect(browsed.headers.get('vary')).toBe('Origin')
})

test('an OPTIONS with a key is the vendor’s to answer', async () => {
  const response = await fetch(url, {
    method: 'OPTIONS',
    headers: { authorization: `Bearer ${token}`, origin: listed },
  })
  expect(await response.json()).toMatchObject({ method: 'OPTIONS' })
})
