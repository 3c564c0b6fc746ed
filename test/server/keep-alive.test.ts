/** A connection that a client keeps open stays open after every kind of answer: its next request must not be lost. */
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let id: string

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    if (request.url.startsWith('/reset')) return void response.destroy()
    response.end('fine')
  })
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const key = `authorization: Bearer ${adminKey}`
const json = 'content-type: application/json'
const large = JSON.stringify({ query: `{ __typename } # ${'x'.repeat(300_000)}` })

const requests: readonly (readonly [what: string, head: () => readonly string[], body: string])[] = [
  ['a raw call', () => [`GET /passthrough/${id}/x HTTP/1.1`, key], ''],
  ['a raw upload', () => [`POST /passthrough/${id}/x HTTP/1.1`, key], 'x'.repeat(500_000)],
  ['a raw call that breaks', () => [`POST /passthrough/${id}/reset HTTP/1.1`, key], '{"a":1}'],
  ['a raw refusal', () => [`POST /passthrough/${id}/../x HTTP/1.1`, key], '{"a":1}'],
  ['a raw refusal of an upload', () => [`POST /passthrough/${id}/../x HTTP/1.1`, key], 'x'.repeat(500_000)],
  ['no key', () => [`POST /passthrough/${id}/x HTTP/1.1`], '{"a":1}'],
  ['a link that is over', () => ['GET /downloads/x HTTP/1.1'], ''],
  ['a query', () => ['POST /graphql HTTP/1.1', json, key], '{"query":"{ __typename }"}'],
  ['a syntax error', () => ['POST /graphql HTTP/1.1', json, key], '{"query":"{ "}'],
  ['a long one', () => ['POST /graphql HTTP/1.1', json, key], large],
  ['no JSON', () => ['POST /graphql HTTP/1.1', json, key], 'nonsense'],
  ['another type', () => ['POST /graphql HTTP/1.1', 'content-type: text/plain', key], '{"query":"{ __typename }"}'],
  [
    'a wrong variable',
    () => ['POST /graphql HTTP/1.1', json, key],
    '{"query":"query($a: Int!) { __typename @skip(if: false) }"}',
  ],
  ['GET', () => ['GET /graphql?query=%7B__typename%7D HTTP/1.1', key], ''],
  ['nothing there', () => ['POST /nothing HTTP/1.1', json], '{"a":1}'],
  ['readiness', () => ['GET /readyz HTTP/1.1'], ''],
]

/** Reads one answer by its framing and leaves the connection open. */
function readAnswer(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const onData = (chunk: Buffer) => {
    text += chunk.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = text.slice(0, end)
    const length = /^content-length: (\d+)/im.exec(head)?.[1]
    const isOver = length === undefined ? text.endsWith('0\r\n\r\n') : text.length >= end + 4 + Number(length)
    if (!isOver) return
    socket.off('data', onData)
    resolve(head.split('\r\n')[0] ?? '')
  }
  socket.on('data', onData)
  socket.once('close', () => reject(new Error(`closed after ${JSON.stringify(text.slice(0, 200))}`)))
  socket.once('error', reject)
  return promise
}

test.each(requests)('%s', async (_what, head, body) => {
  const { hostname, port } = new URL(gateway.url)
  const socket = connect(Number(port), hostname)
  const framing = body === '' ? [] : [`content-length: ${Buffer.byteLength(body)}`]
  for (let round = 0; round < 3; round++) {
    const answer = readAnswer(socket)
    socket.write([...head(), 'host: gateway', ...framing, '', body].join('\r\n'))
    expect(await answer).toMatch(/^HTTP\/1\.1 \d{3}/)
    // Long enough for whatever would still close it.
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  expect(socket.destroyed).toBe(false)
  socket.destroy()
})
