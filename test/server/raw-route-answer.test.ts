/** What the vendor answers reaches the client of the raw route as it was sent: head, bytes, order, time and end. */
import { createServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { type RawSending, sendRaw } from './send-raw.ts'

let gateway: TestGateway
let connectionId: string

const raw = (path: string, options: Partial<RawSending> = {}) =>
  sendRaw(`/passthrough/${connectionId}${path}`, { origin: new URL(gateway.url), ...options })

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
    gateway = own
    connectionId = id
    try {
      await run(`http://127.0.0.1:${port}`)
    } finally {
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
        expect(headers['content-location']).toBe(`${base}/items/7`)
        expect(headers['x-url']).toBe(`${vendor}/api/untouched`)
        const { pathname, search } = new URL(`${base}/other?q=1&__domain=${encodeURIComponent(vendor)}`)
        const next = await sendRaw(pathname + search, { origin: new URL(gateway.url) })
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
