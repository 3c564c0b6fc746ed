/** What an upstream does wrong, as the raw route tells it: a problem with its code while nothing is out, else a broken connection. */
import { request as httpRequest } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createRawUpstream, type RawUpstream } from '../support/passthrough-core.ts'
import { testTls } from '../support/tls.ts'

let gateway: TestGateway
let upstream: RawUpstream
let behave: (socket: Socket) => void = () => {}
let id: string
let awayId: string
let secureId: string
const secure = createSecureServer(testTls, (_request, response) => response.end('never'))

async function connectTo(slug: string, baseUrl: string): Promise<string> {
  await gateway.createIntegration({ slug, name: slug, baseUrl, auth: [{ scheme: 'none' }] })
  return await gateway.createConnection({ integration: slug, endUserId: 'u', credential: { none: { ok: true } } })
}

beforeAll(async () => {
  upstream = await createRawUpstream(socket => behave(socket))
  const away = await createRawUpstream()
  await away[Symbol.asyncDispose]()
  await new Promise<void>(resolve => secure.listen(0, '127.0.0.1', resolve))
  gateway = await createGateway({ allow: ['127.0.0.1/32'] })
  id = await connectTo('odd', upstream.url)
  awayId = await connectTo('away', away.url)
  secureId = await connectTo('secure', `https://127.0.0.1:${(secure.address() as AddressInfo).port}`)
})
afterAll(async () => {
  secure.close()
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

interface Heard {
  readonly status: number
  readonly type: string | undefined
  readonly body: string
  /** True when the answer ended as an answer ends. */
  readonly isWhole: boolean
}

function ask(connection: string, timeoutMs = 5000): Promise<Heard> {
  const { hostname, port } = new URL(gateway.url)
  const headers = { authorization: `Bearer ${adminKey}`, 'x-passgate-timeout-ms': String(timeoutMs) }
  const { promise, resolve, reject } = Promise.withResolvers<Heard>()
  const options = { hostname, port, path: `/passthrough/${connection}/x`, headers, agent: false }
  const request = httpRequest(options, response => {
    let body = ''
    response.on('data', chunk => (body += chunk))
    const tell = (isWhole: boolean) =>
      resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], body, isWhole })
    response.on('end', () => tell(response.complete))
    response.on('error', () => tell(false))
  })
  request.on('error', reject)
  request.end()
  return promise
}

const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n'

describe('before anything is out, a problem says what happened', () => {
  test.each<[what: string, answer: (socket: Socket) => void, status: number, code: string]>([
    ['closes at once', socket => socket.end(), 502, 'UPSTREAM_UNREACHABLE'],
    ['resets', socket => socket.resetAndDestroy(), 502, 'UPSTREAM_UNREACHABLE'],
    ['says nothing', () => {}, 504, 'UPSTREAM_TIMEOUT'],
    ['stops within its headers', socket => socket.write('HTTP/1.1 200 OK\r\nx-a: '), 504, 'UPSTREAM_TIMEOUT'],
    ['sends what is no HTTP', socket => socket.end('hello\r\n\r\n'), 502, 'UPSTREAM_PROTOCOL'],
    ['sends another version', socket => socket.end('HTTP/9.9 200 OK\r\n\r\n'), 502, 'UPSTREAM_PROTOCOL'],
    [
      'sends one header that is too long',
      socket => socket.end(`${head}x: ${'y'.repeat(100_000)}\r\n\r\n`),
      502,
      'UPSTREAM_PROTOCOL',
    ],
    [
      'sends headers without end',
      socket => socket.end(`${head}${'x-a: b\r\n'.repeat(20_000)}\r\n`),
      502,
      'UPSTREAM_PROTOCOL',
    ],
    ['sends a NUL in a header', socket => socket.end(`${head}x-a: a\0b\r\n\r\n`), 502, 'UPSTREAM_PROTOCOL'],
    [
      'sends two lengths',
      socket => socket.end(`${head}content-length: 1\r\ncontent-length: 2\r\n\r\nab`),
      502,
      'UPSTREAM_PROTOCOL',
    ],
    [
      'sends a length and chunks',
      socket => socket.end(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
      502,
      'UPSTREAM_PROTOCOL',
    ],
    [
      'switches protocols unasked',
      socket => socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
      502,
      'UPSTREAM_PROTOCOL',
    ],
    [
      'floods with interim answers',
      socket => socket.write('HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n'.repeat(100)),
      502,
      'UPSTREAM_PROTOCOL',
    ],
  ])('%s', async (_what, answer, status, code) => {
    behave = answer
    const heard = await ask(id, 700)
    expect([heard.status, heard.type, heard.isWhole]).toEqual([status, 'application/problem+json', true])
    expect(JSON.parse(heard.body)).toMatchObject({ code, status, origin: 'GATEWAY' })
  })

  test('is not there', async () => {
    const heard = await ask(awayId)
    expect([heard.status, JSON.parse(heard.body).code]).toEqual([502, 'UPSTREAM_UNREACHABLE'])
  })

  test('has a certificate that nobody vouches for', async () => {
    const heard = await ask(secureId)
    expect([heard.status, JSON.parse(heard.body).code]).toEqual([502, 'UPSTREAM_TLS'])
  })
})

describe('once the head is out, what breaks off is never ended as if it were whole', () => {
  test.each<[what: string, answer: (socket: Socket) => void, begins: string]>([
    ['closes before its length', socket => socket.end(`${head}content-length: 10\r\n\r\nhalf`), 'half'],
    [
      'resets within its body',
      socket => {
        socket.write(`${head}content-length: 10\r\n\r\nhalf`)
        setTimeout(() => socket.resetAndDestroy(), 100)
      },
      'half',
    ],
    ['closes within a chunk', socket => socket.end(`${head}transfer-encoding: chunked\r\n\r\nff\r\nhalf`), 'half'],
    [
      'sends a chunk that is none',
      socket => {
        socket.write(`${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`)
        setTimeout(() => socket.end('nonsense\r\n'), 100)
      },
      'half',
    ],
    [
      'closes without its last chunk',
      socket => socket.end(`${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`),
      'half',
    ],
  ])('%s', async (_what, answer, begins) => {
    behave = answer
    const heard = await ask(id)
    expect([heard.status, heard.body, heard.isWhole]).toEqual([200, begins, false])
  })
})

describe('what is odd and no fault comes through', () => {
  test.each<[what: string, answer: (socket: Socket) => void, body: string]>([
    ['a body until the connection closes', socket => socket.end(`${head}\r\nall of it`), 'all of it'],
    [
      'more than its length, which nobody asked for',
      socket => socket.end(`${head}content-length: 4\r\n\r\nfour and more`),
      'four',
    ],
    ['HTTP/1.0', socket => socket.end('HTTP/1.0 200 OK\r\n\r\nold'), 'old'],
    [
      'bytes that are no UTF-8',
      socket => socket.end(Buffer.concat([Buffer.from(`${head}content-length: 2\r\n\r\n`), Buffer.from([0xff, 0xfe])])),
      '\ufffd\ufffd',
    ],
    [
      'JSON that is none',
      socket => socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{x'),
      '{x',
    ],
    ['a status without a name', socket => socket.end('HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok'), 'ok'],
    [
      'an interim answer before it',
      socket => socket.end(`HTTP/1.1 102 Processing\r\n\r\n${head}content-length: 2\r\n\r\nok`),
      'ok',
    ],
  ])('%s', async (_what, answer, body) => {
    behave = answer
    const heard = await ask(id)
    expect([heard.status, heard.body, heard.isWhole]).toEqual([200, body, true])
  })
})

test('every one of them that went out is in the record, with its code', async () => {
  await gateway.app.flush()
  const { calls } = await gateway.ask(
    '{ calls(first: 100) { nodes { status errorCode attempts attemptLog { reason } } } }',
  )
  const codes = new Set(calls.nodes.map(({ errorCode }: { errorCode: string }) => errorCode))
  for (const code of ['UPSTREAM_UNREACHABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_PROTOCOL', 'UPSTREAM_TLS', null]) {
    expect(codes).toContain(code)
  }
})
