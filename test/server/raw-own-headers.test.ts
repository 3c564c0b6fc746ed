/** What Passgate says of an answer in headers of its own only Passgate says: a vendor can neither double nor fake it. */
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownHeaders } from '../../src/server/own-headers.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from './send-raw.ts'

let vendor: Server
let gateway: TestGateway
let path: string
let asked = 0

const faked = [
  ['X-Passgate-Request-Id', 'req_fake'],
  ['x-passgate-error', 'INTERNAL'],
  ['x-passgate-attempts', '99'],
  ['X-PASSGATE-CACHE', 'HIT'],
] as const
const kept = [
  ['X-Passgate-Other', '1'],
  ['x-passgate-request-id-of-ours', '2'],
  ['x-passgate-', '3'],
  ['X-Request-Id', 'vendor'],
] as const

beforeAll(async () => {
  vendor = createServer((request, response) => {
    asked += 1
    if (request.url === '/busy' && asked % 2 === 1) {
      response.writeHead(503, ['x-passgate-attempts', '7', 'content-length', '0'])
      response.end()
      return
    }
    response.writeInformation(103, Object.fromEntries([...faked, ...kept]))
    response.sendDate = false
    response.writeHead(200, [...faked.flat(), ...kept.flat(), 'trailer', 'x-passgate-error, x-sum'])
    response.write('good')
    response.addTrailers([
      ['x-passgate-error', 'INTERNAL'],
      ['x-sum', '7'],
    ])
    response.end()
  })
  await new Promise<void>(resolve => vendor.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(vendor.address() as AddressInfo).port}`
  gateway = await createGateway({ allow: [host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: `http://${host}`, auth: [{ scheme: 'none' }] })
  const credential = { none: { ok: true } }
  path = `/passthrough/${await gateway.createConnection({ integration: 'v', endUserId: 'u', credential })}`
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  vendor.close()
})

/** Names and values of the answer whose name begins as Passgate's do. */
const ours = (rawHeaders: readonly string[]) =>
  rawHeaders.flatMap((name, at) =>
    at % 2 === 0 && /^x-(?:passgate-|request-id)/i.test(name) ? [[name, rawHeaders[at + 1]]] : [],
  )

test('its own names come from it alone; all others stay as the vendor wrote them', async () => {
  const headers = { 'x-request-id': 'mine-12345' }
  const { rawHeaders, trailers, text } = await sendRaw(`${path}/x`, { origin: new URL(gateway.url), headers })
  expect(ours(rawHeaders)).toEqual([...kept, ['x-passgate-request-id', 'mine-12345']])
  expect([text, trailers]).toEqual(['good', { 'x-sum': '7' }])
})

test('what it says of attempts and cache is said once', async () => {
  asked = 0
  const headers = { 'x-request-id': 'mine-12345', 'x-passgate-retries': '1', 'x-passgate-cache': 'on' }
  const { rawHeaders } = await sendRaw(`${path}/busy`, { origin: new URL(gateway.url), headers })
  expect(ours(rawHeaders).slice(kept.length)).toEqual([
    ['x-passgate-request-id', 'mine-12345'],
    ['x-passgate-attempts', '2'],
    ['x-passgate-cache', 'MISS'],
  ])
})

test('an interim answer does not speak for it either', async () => {
  const { promise, resolve } = Promise.withResolvers<string[]>()
  const { hostname, port } = new URL(gateway.url)
  const headers = { authorization: `Bearer ${adminKey}` }
  const request = httpRequest({ host: hostname, port, path: `${path}/x`, headers }, response => response.resume())
  request.on('information', ({ rawHeaders }) => resolve(rawHeaders))
  request.end()
  expect(ours(await promise)).toEqual(kept)
})

test('a refusal carries no name that a vendor may still write', async () => {
  const { status, rawHeaders } = await sendRaw(`${path}x/y`, { origin: new URL(gateway.url) })
  const names = ours(rawHeaders).map(([name]) => name)
  expect([status, names]).toEqual([404, ['x-request-id', ownHeaders.requestId, ownHeaders.error]])
})
