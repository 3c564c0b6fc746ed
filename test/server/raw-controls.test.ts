/** The gateway's own request headers: each takes what it says, and a wrong one is refused by its name before anything is sent. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'
import { sendRaw } from './send-raw.ts'

const parts = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway
let path: string

beforeAll(async () => {
  upstream = parts.use(
    await createUpstream((_request, response) => {
      response.writeHead(302, { location: `${upstream.url}/next` }).end()
    }),
  )
  gateway = parts.use(await createGateway({ allow: [upstream.host] }))
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  const credential = { bearer: { token: 't' } }
  path = `/passthrough/${await gateway.createConnection({ integration: 'own', endUserId: 'u', credential })}/x`
})
afterAll(() => parts.disposeAsync())

const send = (headers: Record<string, string | string[]>) => sendRaw(path, { origin: new URL(gateway.url), headers })

test.each([
  ['x-passgate-rewrite', 'OFF', 'on or off; got "OFF"'],
  ['x-passgate-rewrite', '0', 'on or off; got "0"'],
  ['x-passgate-rewrite', '', 'on or off; got ""'],
  ['x-passgate-rewrite', ['off', 'off'], 'on or off; got "off, off"'],
  ['x-passgate-timeout-ms', '0', 'a whole number from 1 to 300000; got "0"'],
  ['x-passgate-timeout-ms', '5s', 'a whole number from 1 to 300000; got "5s"'],
  ['x-passgate-retries', '6', 'a whole number from 0 to 5; got "6"'],
  ['x-passgate-cache', 'off', 'on, or a whole number from 0 to 86400; got "off"'],
  ['x-passgate-cache', adminKey, `on, or a whole number from 0 to 86400; got a text of ${adminKey.length} characters`],
])('%s: %s is refused', async (name, value, takes) => {
  const before = upstream.seen.length
  const { status, headers, text } = await send({ [name]: value })
  const message = `headers.${name} takes ${takes}.`
  expect([status, headers['content-type']]).toEqual([400, 'application/problem+json'])
  const details = [{ field: `headers.${name}`, message }]
  expect(JSON.parse(text)).toMatchObject({ code: 'INVALID_INPUT', detail: message, details })
  expect(upstream.seen.length).toBe(before)
})

test('an unknown one hears which there are', async () => {
  const { status, text } = await send({ 'x-passgate-tiemout-ms': '5' })
  expect([status, JSON.parse(text).detail]).toEqual([
    400,
    'headers.x-passgate-tiemout-ms is unknown; the gateway takes x-passgate-rewrite, x-passgate-timeout-ms, x-passgate-retries, x-passgate-cache.',
  ])
})

test('links are rewritten unless it says off', async () => {
  const own = new URL(path.replace(/x$/, 'next'), gateway.url).href
  expect((await send({})).headers.location).toBe(own)
  expect((await send({ 'x-passgate-rewrite': 'on' })).headers.location).toBe(own)
  expect((await send({ 'x-passgate-rewrite': 'off' })).headers.location).toBe(`${upstream.url}/next`)
})
