/** Over TLS, in HTTP/1.1 and HTTP/2: the same requests, the same answers, and no word to a host that is not the one meant. */
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, LookupFunction } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCore, createLookup, failureOf } from '../support/passthrough-core.ts'
import { testTls, trustTestTls } from '../support/tls.ts'

const host = 'api.test.example'
let trust: Disposable
beforeAll(() => {
  trust = trustTestTls()
})
afterAll(() => trust[Symbol.dispose]())

interface Seen {
  readonly version: string
  readonly method: string
  readonly path: string
  readonly authority: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

interface SecureUpstream extends AsyncDisposable {
  readonly port: number
  readonly seen: Seen[]
  readonly server: Http2SecureServer
}

async function createSecure(options: {
  allowHTTP1: boolean
  hold?: (stream: ServerHttp2Stream) => void
}): Promise<SecureUpstream> {
  const seen: Seen[] = []
  const server = createSecureServer({ ...testTls, allowHTTP1: options.allowHTTP1 })
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', session => sessions.add(session))
  server.on('sessionError', () => {})
  server.on('secureConnection', socket => void socket.on('error', () => {}))
  server.on('request', async (request, response) => {
    request.on('error', () => {})
    response.on('error', () => {})
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { httpVersion: version, method, url: path, headers } = request
    const authority = String(headers[':authority'] ?? headers.host)
    seen.push({ version, method, path, authority, headers, text: Buffer.concat(chunks).toString() })
    if (options.hold !== undefined && version === '2.0') return options.hold(request.stream)
    response.writeHead(path === '/missing' ? 404 : 200, {
      'set-cookie': ['a=1', 'b=2'],
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    })
    response.end(gzipSync('{"id": 9007199254740993}'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    server,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      server.close()
    },
  }
}

const near: LookupFunction = createLookup({ [host]: [['127.0.0.1']], 'other.example': [['127.0.0.1']] }).lookup
const open = (port: number, name = host) =>
  createCore({ url: `https://${name}:${port}`, allow: '127.0.0.1', lookup: near })

describe.each([
  ['HTTP/2', false, '2.0'],
  ['either', true, '2.0'],
])('an upstream that speaks %s', (_, allowHTTP1, version) => {
  test('gets the request and is heard', async () => {
    await using upstream = await createSecure({ allowHTTP1 })
    await using core = open(upstream.port)
    const inject = () => ({ headers: { authorization: 'Bearer s3cret' }, query: { key: 'k' }, body: {} })
    const { response, outcome } = await core.send(
      { method: 'POST', path: '/a%2Fb//c?x=1', headers: { 'X-One': ['a', 'b'] }, body: { a: 1 } },
      { inject },
    )
    expect(upstream.seen).toMatchObject([
      {
        version,
        method: 'POST',
        path: '/a%2Fb//c?x=1&key=k',
        authority: `${host}:${upstream.port}`,
        text: '{"a":1}',
        headers: {
          authorization: 'Bearer s3cret',
          'x-one': 'a, b',
          'content-type': 'application/json',
          'content-length': '7',
        },
      },
    ])
    expect([response.status, (await response.json())?.text, response.header('content-encoding')]).toEqual([
      200,
      '{"id": 9007199254740993}',
      undefined,
    ])
    expect(response.headers.filter(({ name }) => name === 'set-cookie').map(({ value }) => value)).toEqual([
      'a=1',
      'b=2',
    ])
    expect(response.headers.filter(({ name }) => name.startsWith(':'))).toEqual([])
    expect(outcome).toMatchObject({ executed: true, attempts: 1, bytesSent: 7 })
  })

  test('answers many at once, each with its own', async () => {
    await using upstream = await createSecure({ allowHTTP1 })
    await using core = open(upstream.port)
    const sent = await Promise.all(
      Array.from({ length: 30 }, (_, i) => core.send({ path: i % 2 === 0 ? '/missing' : '/there' })),
    )
    expect(sent.map(({ response }) => response.status)).toEqual(
      Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? 404 : 200)),
    )
  })
})

describe('over HTTP/2', () => {
  test('a deadline, a caller who leaves and a bound end the stream only', async () => {
    const closed: number[] = []
    await using upstream = await createSecure({
      allowHTTP1: false,
      hold: stream => {
        stream.on('error', () => {})
        stream.on('close', () => closed.push(stream.rstCode))
        stream.respond({ ':status': 200 })
        stream.write('x'.repeat(2000))
      },
    })
    await using core = open(upstream.port)
    const late = await failureOf(core.send({ options: { timeoutMs: 150 } }))
    expect([late.error.code, late.message]).toEqual([
      'UPSTREAM_TIMEOUT',
      'The upstream did not answer within 150 ms (options.timeoutMs).',
    ])
    const caller = new AbortController()
    const leaving = failureOf(core.send({}, { signal: caller.signal }))
    await expect.poll(() => upstream.seen.length).toBe(2)
    caller.abort()
    expect((await leaving).error.code).toBe('UPSTREAM_TIMEOUT')
    const large = await failureOf(core.send({ options: { maxResponseBytes: 1000 } }))
    expect([large.error.code, large.outcome.attempts]).toEqual(['RESPONSE_TOO_LARGE', 1])
    await expect.poll(() => closed.length).toBe(3)
  })

  test.each([
    ['resets the stream', (stream: ServerHttp2Stream) => stream.close(2)],
    ['refuses the stream', (stream: ServerHttp2Stream) => stream.close(7)],
    ['goes away', (stream: ServerHttp2Stream) => stream.session?.goaway(1)],
    ['closes the session', (stream: ServerHttp2Stream) => stream.session?.destroy()],
    ['breaks the socket', (stream: ServerHttp2Stream) => stream.session?.socket.destroy()],
  ])('an upstream that %s is a failure of its own', async (_, hold) => {
    await using upstream = await createSecure({ allowHTTP1: false, hold })
    await using core = open(upstream.port)
    const failure = await failureOf(core.send({ method: 'POST', body: 'four', options: { timeoutMs: 1000 } }))
    expect(['UPSTREAM_UNREACHABLE', 'UPSTREAM_PROTOCOL', 'UPSTREAM_TIMEOUT']).toContain(failure.error.code)
    expect(failure.outcome).toMatchObject({ executed: true, attempts: 1 })
  })
})

describe('a certificate', () => {
  test('of another host is refused', async () => {
    await using upstream = await createSecure({ allowHTTP1: true })
    await using core = open(upstream.port, 'other.example')
    const failure = await failureOf(core.send({ method: 'POST', body: 'secret' }))
    expect([failure.error.code, failure.message]).toEqual([
      'UPSTREAM_TLS',
      'The TLS handshake with the upstream failed, or its certificate is not valid for the host (ERR_TLS_CERT_ALTNAME_INVALID).',
    ])
    expect(upstream.seen).toEqual([])
  })
})

test('an address that is not the one that was judged gets no request', async () => {
  await using upstream = await createSecure({ allowHTTP1: true })
  // A resolver that says one address to whoever asks first and another to whoever dials.
  let reads = 0
  const liar = {
    family: 4,
    get address() {
      reads += 1
      return reads === 1 ? '93.184.215.14' : '127.0.0.1'
    },
  }
  const lookup: LookupFunction = (_host, _options, callback) => callback(null, [liar])
  await using core = createCore({ url: `https://${host}:${upstream.port}`, lookup })
  const failure = await failureOf(core.send({ method: 'POST', body: 'secret' }))
  expect([failure.error.code, failure.message]).toEqual([
    'DESTINATION_NOT_ALLOWED',
    `${host} is no public address, or leads to none; the operator can list it in PASSGATE_EGRESS_ALLOW.`,
  ])
  expect(reads).toBeGreaterThan(1)
  expect([upstream.seen, failure.outcome.executed]).toEqual([[], false])
})
