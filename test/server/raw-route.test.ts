import { createServer, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let connectionId: string

interface RawResponse {
  readonly status: number
  readonly statusText: string
  readonly rawHeaders: string[]
  readonly headers: IncomingMessage['headers']
  readonly trailers: IncomingMessage['trailers']
  readonly text: string
}

beforeAll(async () => {
  upstream = await createUpstream()
  gateway = await createGateway({ allow: [upstream.host], env: { PASSGATE_ROOT_PORT: '0' } })
  await gateway.createIntegration({
    slug: 'acme',
    name: 'Acme',
    baseUrl: `${upstream.url}/v2`,
    auth: [{ scheme: 'bearer' }],
    headers: { 'x-static': 'acme' },
  })
  connectionId = await gateway.createConnection({
    integration: 'acme',
    endUserId: 'u',
    credential: { bearer: { token: 'vendor-token' } },
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

/** Sent as written: no client in between repairs the path. */
function send(
  path: string,
  options: RequestOptions & { body?: string; key?: string | null; origin?: URL } = {},
): Promise<RawResponse> {
  const { body, key = adminKey, origin = new URL(gateway.url), headers, ...rest } = options
  const { promise, resolve, reject } = Promise.withResolvers<RawResponse>()
  const authorization = key === null ? {} : { authorization: `Bearer ${key}` }
  const request = httpRequest(
    { host: origin.hostname, port: origin.port, path, headers: { ...authorization, ...headers }, ...rest },
    async response => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        resolve({
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? '',
          rawHeaders: response.rawHeaders,
          headers: response.headers,
          trailers: response.trailers,
          text: Buffer.concat(chunks).toString(),
        })
      } catch (error) {
        reject(error)
      }
    },
  )
  request.on('error', reject)
  request.end(body)
  return promise
}

const raw = (path: string, options?: Parameters<typeof send>[1]) => send(`/passthrough/${connectionId}${path}`, options)

async function seenFor(path: string, options?: Parameters<typeof send>[1]) {
  const before = upstream.seen.length
  const response = await raw(path, options)
  expect([response.status, upstream.seen.length]).toEqual([200, before + 1])
  return upstream.seen[before] as (typeof upstream.seen)[number]
}

describe('the path reaches the vendor as it was written', () => {
  test.each([
    ['/contacts', '/v2/contacts'],
    ['', '/v2'],
    ['/', '/v2/'],
    ['?a=1', '/v2?a=1'],
    ['//a//b/', '/v2//a//b/'],
    ['/a%2Fb/c', '/v2/a%2Fb/c'],
    ['/a%20b+c%zz', '/v2/a%20b+c%zz'],
    ['/file..name/...', '/v2/file..name/...'],
    ['/a;b=c,d/@x:y', '/v2/a;b=c,d/@x:y'],
    ["/q?x=1&&y=%2F'&z", "/v2/q?x=1&&y=%2F'&z"],
    ['/q?', '/v2/q?'],
    ['/q?a=b?c', '/v2/q?a=b?c'],
    ['/{id}|^"', '/v2/{id}|^"'],
    // A client that sends the whole path as one segment.
    ['/repos%2Foctocat%2Fhello-world%3Fx%3D1', '/v2/repos/octocat/hello-world?x=1'],
    ['/%2Fcustomers', '/v2/customers'],
    ['/a%2Fb%20c?y=2', '/v2/a/b%20c?y=2'],
    ['/a%2Fb%3Fx%3D1?y=2', '/v2/a/b?x=1&y=2'],
  ])('%s', async (written, arrived) => {
    expect((await seenFor(written)).url).toBe(arrived)
  })

  test.each([
    '/../admin',
    '/a/../../admin',
    '/%2e%2e/admin',
    '/..%2fadmin',
    '/.%2e/admin',
    '/a/%252e%252e/b',
    '/..\\admin',
    '/..;x/admin',
    '/a%2F..%2F..%2Fadmin',
  ])('%s is refused', async path => {
    const before = upstream.seen.length
    const { status, headers, text } = await raw(path)
    expect([status, headers['content-type']]).toEqual([400, 'application/problem+json'])
    expect(JSON.parse(text)).toMatchObject({ code: 'INVALID_INPUT', origin: 'GATEWAY', details: [{ field: 'path' }] })
    expect(upstream.seen.length).toBe(before)
  })
})

describe('what arrives', () => {
  test('has the credential and nothing of the gateway', async () => {
    const seen = await seenFor('/x', {
      method: 'POST',
      headers: {
        'X-Api-Version': '2023-06-01',
        'x-passgate-timeout-ms': '5000',
        connection: 'x-drop-me',
        'x-drop-me': '1',
        te: 'trailers',
        'x-api-token': adminKey,
        'content-type': 'text/plain',
      },
      body: 'hello',
    })
    expect(seen.text).toBe('hello')
    expect(seen.headers).toMatchObject({
      authorization: 'Bearer vendor-token',
      host: upstream.host,
      'x-api-version': '2023-06-01',
      'x-static': 'acme',
      'content-type': 'text/plain',
      'content-length': '5',
    })
    expect(JSON.stringify(seen.headers)).not.toContain(adminKey)
    for (const name of ['x-passgate-timeout-ms', 'x-drop-me', 'te', 'x-api-token']) {
      expect(seen.headers[name]).toBeUndefined()
    }
  })

  test.each([
    ['token x', { authorization: `token ${adminKey}` }],
    ['bare', { authorization: adminKey }],
    ['Basic user', { authorization: `Basic ${Buffer.from(`${adminKey}:`).toString('base64')}` }],
    ['Basic password', { authorization: `Basic ${Buffer.from(`api:${adminKey}`).toString('base64')}` }],
    ['x-api-key', { 'x-api-key': adminKey }],
  ])('the key as %s', async (_form, headers) => {
    const seen = await seenFor('/x', { key: null, headers })
    expect(seen.headers.authorization).toBe('Bearer vendor-token')
    expect(JSON.stringify(seen.headers)).not.toContain(adminKey)
  })

  test('a key in the URL is refused before anything is sent', async () => {
    const before = upstream.seen.length
    const { status, text } = await raw(`/x?token=${adminKey}`)
    expect([status, JSON.parse(text).code]).toEqual([400, 'INVALID_INPUT'])
    expect([upstream.seen.length, text.includes(adminKey)]).toEqual([before, false])
  })

  test.each(['PUT', 'PATCH', 'DELETE', 'PROPFIND', 'MKCALENDAR', 'REPORT', 'QUERY', 'OPTIONS'])('%s', async method => {
    const body = method === 'OPTIONS' ? undefined : 'b'
    const headers = body === undefined ? {} : { 'content-length': '1' }
    const seen = await seenFor('/x', { method, headers, ...(body && { body }) })
    expect([seen.method, seen.text]).toEqual([method, body ?? ''])
  })

  test('TRACE is refused: its answer would show the credential', async () => {
    const before = upstream.seen.length
    const { status, text } = await raw('/x', { method: 'TRACE' })
    expect([status, text.includes('vendor-token'), upstream.seen.length]).toEqual([400, false, before])
  })
})

describe('__domain', () => {
  test('takes another pinned base URL and is not passed on', async () => {
    const seen = await seenFor(`/x?a=1&__domain=${encodeURIComponent(`${upstream.url}/other`)}&b=%20`)
    expect(seen.url).toBe('/other/x?a=1&b=%20')
  })

  test('as a host alone keeps the base path', async () => {
    expect((await seenFor(`/x?__domain=${upstream.host}`)).url).toBe('/v2/x')
  })

  test.each(['https://evil.example', 'evil.example', '127.0.0.1:1', 'http://169.254.169.254', `${'a'}@evil.example`])(
    '%s is outside the pin set',
    async domain => {
      const before = upstream.seen.length
      const { status, text } = await raw(`/x?__domain=${encodeURIComponent(domain)}`)
      expect(['DESTINATION_NOT_ALLOWED', 'INVALID_INPUT']).toContain(JSON.parse(text).code)
      expect([status === 403 || status === 400, upstream.seen.length]).toEqual([true, before])
    },
  )
})

describe('a refusal is a problem (RFC 9457)', () => {
  test('without a key', async () => {
    const { status, headers, text } = await raw('/x', { key: null })
    expect([status, headers['www-authenticate'], headers['x-passgate-error']]).toEqual([
      401,
      'Bearer realm="passgate", Basic realm="passgate"',
      'UNAUTHENTICATED',
    ])
    expect(JSON.parse(text)).toEqual({
      type: 'about:blank',
      title: 'UNAUTHENTICATED',
      status: 401,
      detail: 'Send an access key, for example in the header `authorization: Bearer pgk_…`.',
      code: 'UNAUTHENTICATED',
      error: {
        code: 'UNAUTHENTICATED',
        message: 'Send an access key, for example in the header `authorization: Bearer pgk_…`.',
      },
      origin: 'GATEWAY',
      requestId: headers['x-request-id'],
    })
  })

  test('with an unknown connection, one of another workspace, and none', async () => {
    const other = await gateway.createWorkspace()
    for (const [path, key] of [
      ['/passthrough/conn_01jzzzzzzzzzzzzzzzzzzzzzzz/x', adminKey],
      [`/passthrough/${connectionId}/x`, other],
      ['/passthrough/x', adminKey],
    ] as const) {
      const { status, text } = await send(path, { key })
      expect([status, JSON.parse(text).detail]).toEqual([404, 'The workspace has no connection with this id.'])
    }
    expect((await send('/passthrough/', {})).status).toBe(400)
  })

  test('without the scope', async () => {
    const { createAccessKey } = await gateway.ask(
      'mutation { createAccessKey(input: { name: "r", scopes: [PASSTHROUGH_READ] }) { secret } }',
    )
    expect((await raw('/x', { key: createAccessKey.secret })).status).toBe(200)
    const { status, text } = await raw('/x', { key: createAccessKey.secret, method: 'POST' })
    expect([status, JSON.parse(text).code]).toEqual([403, 'FORBIDDEN'])
  })

  test('with an unknown header of the gateway', async () => {
    const { status, text } = await raw('/x', { headers: { 'x-passgate-tiemout-ms': '5' } })
    expect([status, JSON.parse(text).details[0].field]).toEqual([400, 'headers.x-passgate-tiemout-ms'])
  })
})

test('a call is recorded once', async () => {
  await raw('/recorded?secret=1', { method: 'POST', body: 'abc' })
  await gateway.app.flush()
  const { calls } = await gateway.ask('{ calls(first: 1) { nodes { kind method path status bytesSent attempts } } }')
  expect(calls.nodes).toEqual([
    { kind: 'RAW', method: 'POST', path: '/v2/recorded', status: 200, bytesSent: 3, attempts: 1 },
  ])
})

describe('the answer', () => {
  async function withVendor(answer: Parameters<typeof createServer>[1], run: (id: string) => Promise<void>) {
    const server = createServer(answer)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await using own = await createGateway({ allow: [`127.0.0.1:${port}`] })
    await own.createIntegration({
      slug: 'v',
      name: 'V',
      baseUrl: `http://127.0.0.1:${port}/api`,
      auth: [{ scheme: 'none' }],
    })
    const id = await own.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
    const before = [gateway, connectionId] as const
    gateway = own
    connectionId = id
    try {
      await run(`http://127.0.0.1:${port}`)
    } finally {
      ;[gateway, connectionId] = before
      server.closeAllConnections()
      server.close()
    }
  }

  test('keeps status, reason, order, spelling and repeats', async () => {
    await withVendor(
      (_request, response) => {
        response.sendDate = false
        response.writeHead(299, 'Quite Fine', [
          'X-One',
          '1',
          'Set-Cookie',
          'a=1',
          'x-request-id',
          'vendor',
          'Set-Cookie',
          'b=2',
          'Content-Type',
          'text/plain',
          'content-length',
          '2',
        ])
        response.end('ok')
      },
      async () => {
        const { status, statusText, rawHeaders, text } = await raw('/x')
        expect([status, statusText, text]).toEqual([299, 'Quite Fine', 'ok'])
        expect(rawHeaders.slice(0, 12)).toEqual([
          'X-One',
          '1',
          'Set-Cookie',
          'a=1',
          'x-request-id',
          'vendor',
          'Set-Cookie',
          'b=2',
          'Content-Type',
          'text/plain',
          'content-length',
          '2',
        ])
        expect(rawHeaders.filter((_, index) => index % 2 === 0).slice(6)).toEqual([
          'x-passgate-request-id',
          'Connection',
          'Keep-Alive',
        ])
      },
    )
  })

  test('interim answers, trailers, HEAD, 204 and 304', async () => {
    await withVendor(
      (request, response) => {
        if (request.url === '/api/early') {
          response.writeEarlyHints({ link: '</style.css>; rel=preload' })
          response.writeHead(200, { 'content-type': 'text/plain', trailer: 'x-sum' })
          response.write('a')
          response.addTrailers({ 'x-sum': '7' })
          response.end('b')
        } else if (request.url === '/api/304') {
          response.writeHead(304, { etag: '"x"' })
          response.end()
        } else if (request.url === '/api/204') {
          response.writeHead(204)
          response.end()
        } else {
          response.writeHead(200, { 'content-length': '12345' })
          response.end()
        }
      },
      async () => {
        const early = await raw('/early')
        expect([early.text, early.trailers]).toEqual(['ab', { 'x-sum': '7' }])
        const { promise, resolve } = Promise.withResolvers<unknown>()
        const origin = new URL(gateway.url)
        const path = `/passthrough/${connectionId}/early`
        const headers = { authorization: `Bearer ${adminKey}` }
        const request = httpRequest({ host: origin.hostname, port: origin.port, path, headers }, response =>
          response.resume(),
        )
        request.on('information', ({ statusCode, headers: seen }) => resolve([statusCode, seen.link]))
        request.end()
        expect(await promise).toEqual([103, '</style.css>; rel=preload'])
        const head = await raw('/head', { method: 'HEAD' })
        expect([head.status, head.headers['content-length'], head.text]).toEqual([200, '12345', ''])
        const cached = await raw('/304')
        expect([cached.status, cached.headers.etag, cached.headers['transfer-encoding']]).toEqual([
          304,
          '"x"',
          undefined,
        ])
        expect((await raw('/204')).status).toBe(204)
      },
    )
  })

  test('URLs of the vendor become the gateway’s, and following them stays inside', async () => {
    await withVendor(
      (request, response) => {
        const self = `http://${request.headers.host}`
        response.writeHead(request.url?.startsWith('/api/start') === true ? 302 : 200, {
          link: `<${self}/api/items?page=2>; rel="next", <https://elsewhere.example/x>; rel="help", <${self}/other?q=1>; rel="up"`,
          location: `${self}/api/done?x=1#here`,
          'content-location': '/api/items/7',
          'x-url': `${self}/api/untouched`,
        })
        response.end(request.url)
      },
      async vendor => {
        const base = `${new URL(gateway.url).origin}/passthrough/${connectionId}`
        const { headers } = await raw('/start')
        expect(headers.link).toBe(
          `<${base}/items?page=2>; rel="next", <https://elsewhere.example/x>; rel="help", <${base}/other?q=1&__domain=${encodeURIComponent(vendor)}>; rel="up"`,
        )
        expect(headers.location).toBe(`${base}/done?x=1#here`)
        expect(headers['content-location']).toBe('/api/items/7')
        expect(headers['x-url']).toBe(`${vendor}/api/untouched`)
        const next = await send(
          new URL(`${base}/other?q=1&__domain=${encodeURIComponent(vendor)}`).href.slice(new URL(base).origin.length),
        )
        expect(next.text).toBe('/other?q=1')
        const off = await raw('/start', { headers: { 'x-passgate-rewrite': 'off' } })
        expect(off.headers.location).toBe(`${vendor}/api/done?x=1#here`)
      },
    )
  })

  test('comes as it is sent: an event stream is not held back', async () => {
    const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>()
    await withVendor(
      async (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.flushHeaders()
        await mayGoOn
        response.write('data: 1\n\n')
      },
      async () => {
        const abort = new AbortController()
        const response = await fetch(`${gateway.url}passthrough/${connectionId}/events`, {
          headers: { authorization: `Bearer ${adminKey}` },
          signal: abort.signal,
        })
        expect(response.headers.get('content-type')).toBe('text/event-stream')
        goOn()
        const reader = response.body?.getReader()
        expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 1\n\n')
        abort.abort()
      },
    )
  })

  test('a client that leaves takes the upstream call with it', async () => {
    const { promise: gone, resolve } = Promise.withResolvers<void>()
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    await withVendor(
      (request, response) => {
        request.on('close', resolve)
        response.writeHead(200)
        response.write('first')
        start()
      },
      async () => {
        const origin = new URL(gateway.url)
        const socket = connect(Number(origin.port), origin.hostname)
        socket.write(
          `GET /passthrough/${connectionId}/x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${adminKey}\r\n\r\n`,
        )
        await started
        socket.destroy()
        await gone
      },
    )
  })

  test('one that breaks off is never ended cleanly', async () => {
    await withVendor(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' })
        response.write('half')
        setTimeout(() => response.destroy(), 20)
      },
      async () => {
        await expect(raw('/x')).rejects.toMatchObject({ code: 'ECONNRESET' })
      },
    )
  })

  test('an early refusal of an upload reaches the client', async () => {
    await withVendor(
      (_request, response) => {
        response.writeHead(413)
        response.end('too much')
      },
      async () => {
        const body = 'x'.repeat(4 * 1024 * 1024)
        const { status, text } = await raw('/x', { method: 'POST', body })
        expect([status, text]).toEqual([413, 'too much'])
      },
    )
  })
})

describe('the root listener', () => {
  test('has the vendor’s paths at / for a key that is bound to one connection', async () => {
    const { createAccessKey } = await gateway.ask(
      'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret accessKey { connectionId } } }',
      { input: { name: 'root', scopes: ['PASSTHROUGH_READ', 'PASSTHROUGH_WRITE'], connectionId } },
    )
    expect(createAccessKey.accessKey.connectionId).toBe(connectionId)
    const origin = gateway.app.rootUrl as URL
    const key = createAccessKey.secret
    const { status } = await send('/v1/customers?limit=1', { origin, key })
    expect([status, upstream.seen.at(-1)?.url, upstream.seen.at(-1)?.headers.authorization]).toEqual([
      200,
      '/v1/customers?limit=1',
      'Bearer vendor-token',
    ])
    // On the other listener it knows its own connection and no other.
    expect((await raw('/x', { key })).status).toBe(200)
    const other = await gateway.createConnection({
      integration: 'acme',
      endUserId: 'other',
      credential: { bearer: { token: 'other-token' } },
    })
    expect((await send(`/passthrough/${other}/x`, { key })).status).toBe(404)
    const unbound = await send('/v1/x', { origin })
    expect([unbound.status, JSON.parse(unbound.text).details[0].field]).toEqual([400, 'authorization'])
    expect((await send('/v1/x', { origin, key: null })).status).toBe(401)
  })

  test('a bound key is for calls alone, and only for what is there', async () => {
    const create = (input: object) =>
      gateway.run('mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }', {
        input: { name: 'root', ...input },
      })
    const wide = await create({ scopes: ['ADMIN'], connectionId })
    expect(wide.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'scopes' }] })
    const none = await create({ scopes: ['PASSTHROUGH_READ'], connectionId: 'conn_01jzzzzzzzzzzzzzzzzzzzzzzz' })
    expect(none.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'connectionId' }] })
  })
})
