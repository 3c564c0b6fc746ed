/** An upstream that speaks HTTP/2 alone, through the raw route and GraphQL. */
import { createHash, randomBytes } from 'node:crypto'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { testTls, trustTestTls } from '../support/tls.ts'

let upstream: Http2SecureServer
let gateway: TestGateway
let trust: Disposable
let base: string
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

beforeAll(async () => {
  trust = trustTestTls()
  upstream = createSecureServer({ ...testTls, allowHTTP1: false })
  upstream.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {})
    const path = headers[':path']
    if (path === '/reset') {
      stream.respond({ ':status': 200, 'content-type': 'text/plain' })
      stream.write('half')
      // Closed by its own method it would be ended first.
      setTimeout(() => stream.destroy(new Error('reset')), 50)
    } else if (path === '/upload') {
      const hash = createHash('sha256')
      stream.on('data', chunk => hash.update(chunk))
      stream.on('end', () => {
        stream.respond({ ':status': 201, 'content-type': 'text/plain' })
        stream.end(hash.digest('hex'))
      })
    } else {
      stream.respond({ ':status': 200, 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'], 'x-a': '1' })
      stream.end(JSON.stringify({ path, authorization: headers.authorization, version: 2 }))
    }
  })
  await new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', resolve))
  gateway = await createGateway({ allow: ['127.0.0.1/32'] })
  const baseUrl = `https://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  await gateway.createIntegration({ slug: 'two', name: 'Two', baseUrl, auth: [{ scheme: 'bearer' }] })
  const credential = { bearer: { token: 'over-two' } }
  const id = await gateway.createConnection({ integration: 'two', endUserId: 'u', credential })
  base = `${gateway.url}passthrough/${id}`
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  upstream.close()
  trust[Symbol.dispose]()
})

const headers = { authorization: `Bearer ${adminKey}` }

test('answers, with the credential and every repeated header', async () => {
  const response = await fetch(`${base}/x?a=1`, { headers })
  expect(await response.json()).toEqual({ path: '/x?a=1', authorization: 'Bearer over-two', version: 2 })
  expect([response.headers.getSetCookie(), response.headers.get('x-a')]).toEqual([['a=1', 'b=2'], '1'])
  const { passthrough } = await gateway.ask(
    '{ passthrough(integration: "two", endUserId: "u", path: "/y") { status json(path: "$.version") } }',
  )
  expect(passthrough).toEqual({ status: 200, json: [2] })
})

test('takes an upload as it comes', async () => {
  const bytes = randomBytes(3_000_000)
  const response = await fetch(`${base}/upload`, { method: 'POST', headers, body: bytes })
  expect([response.status, await response.text()]).toEqual([201, digest(bytes)])
})

test('that resets a stream never ends it cleanly', async () => {
  const response = await fetch(`${base}/reset`, { headers })
  expect(response.status).toBe(200)
  await expect(response.text()).rejects.toThrow()
})

test('fifty at once share what connections there are', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => (await fetch(`${base}/n${index}`, { headers })).json()),
  )
  expect(answers.map(({ path }) => path)).toEqual(Array.from({ length: 50 }, (_, index) => `/n${index}`))
})
