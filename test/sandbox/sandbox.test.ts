import { get, type IncomingMessage, METHODS } from 'node:http'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { StartError } from '../../src/errors.ts'
import { sandboxApiKey, startSandbox } from '../../src/sandbox/sandbox.ts'
import { createClient } from './client.ts'

describe('the listener', () => {
  test('is on loopback, on a port of its own, and gone when disposed', async () => {
    const sandbox = await startSandbox()
    expect(sandbox.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(sandbox.url).toBe(`http://${sandbox.host}`)
    const waiting = fetch(`${sandbox.url}/slow?ms=60000`, { headers: { 'x-api-key': sandboxApiKey } })
    const refused = expect(waiting).rejects.toThrow('fetch failed')
    expect((await fetch(sandbox.url)).status).toBe(401)
    await sandbox[Symbol.asyncDispose]()
    await refused
    await expect(fetch(sandbox.url)).rejects.toThrow('fetch failed')
  })

  test('takes a given port, and says in one sentence when it cannot', async () => {
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(startSandbox({ port })).rejects.toThrow(
      new StartError(`The sandbox cannot listen on 127.0.0.1:${port} (EADDRINUSE).`),
    )
    await new Promise(resolve => taken.close(resolve))
    await using sandbox = await startSandbox({ port })
    expect(sandbox.host).toBe(`127.0.0.1:${port}`)
  })
})

describe('the key', () => {
  test('is demanded by every route of the index, and by paths that are none', async () => {
    await using sandbox = await createClient()
    const { routes } = (await sandbox.send('/')).body
    const paths: string[] = [
      ...routes.map((route: { path: string }) => route.path.replace(/:\w+/, 'con_0001')),
      '/none',
      '/%zz',
    ]
    for (const path of paths) {
      for (const key of [undefined, 'wrong', '']) {
        const answer = await fetch(sandbox.url + path, key === undefined ? {} : { headers: { 'x-api-key': key } })
        expect([path, answer.status]).toEqual([path, 401])
        expect(await answer.json()).toMatchObject({ error: { type: 'unauthorized', message: expect.any(String) } })
      }
    }
  })

  test('is demanded with every method, in the vendor’s own words', async () => {
    await using sandbox = await createClient()
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']) {
      expect((await fetch(`${sandbox.url}/echo`, { method })).status).toBe(401)
    }
    const missing = await fetch(sandbox.url)
    expect(missing.headers.get('www-authenticate')).toBe('ApiKey realm="sandbox"')
    expect(await missing.json()).toEqual({
      error: { type: 'unauthorized', message: 'The header x-api-key is missing.' },
    })
    const wrong = await sandbox.send('/', { headers: { 'x-api-key': 'wrong' } })
    expect(wrong.body).toEqual({ error: { type: 'unauthorized', message: 'The key is not known.' } })
  })
})

describe('the index', () => {
  test('names every route with its methods and one line about it', async () => {
    await using sandbox = await createClient()
    const { routes } = (await sandbox.send('/')).body
    const listed = routes.map(
      (route: { methods: string[]; path: string }) => `${route.methods.join(',')} ${route.path}`,
    )
    expect(listed.sort()).toEqual(
      [
        ...[
          'ANY /echo',
          'ANY /status/:code',
          'DELETE /v1/contacts/:id',
          'GET /',
          'GET /big-integers',
          'GET /binary',
          'GET /csv',
        ],
        ...[
          'GET /events',
          'GET /flaky',
          'GET /gzip',
          'GET /image',
          'GET /latin1',
          'GET /rate-limited',
          'GET /repeated-headers',
        ],
        ...['GET /slow', 'GET /stream', 'GET /text', 'GET /v1/companies', 'GET /v1/companies/:id', 'GET /v1/contacts'],
        ...[
          'GET /v1/contacts/:id',
          'GET /v1/deals',
          'GET /v1/deals/:id',
          'GET /v1/me',
          'GET /xml',
          'PATCH /v1/contacts/:id',
        ],
        ...['POST /v1/contacts', 'PUT /v1/contacts/:id'],
      ].sort(),
    )
    for (const { about } of routes) expect(about).toMatch(/^[A-Z].{5,}\.$/)
  })

  test('unknown paths and wrongly encoded ones are errors of the same shape', async () => {
    await using sandbox = await createClient()
    expect(await sandbox.send('/none')).toMatchObject({
      status: 404,
      body: { error: { type: 'not_found', message: 'There is no GET /none.' } },
    })
    expect(await sandbox.send('/v1/contacts/%zz')).toMatchObject({
      status: 400,
      body: { error: { type: 'bad_request', message: 'The path is not properly percent-encoded.' } },
    })
  })

  test('the account of the key is /v1/me', async () => {
    await using sandbox = await createClient()
    const me = { id: 'acc_0001', name: 'Lighthouse Trading', email: 'owner@lighthouse.example' }
    expect((await sandbox.send('/v1/me')).body).toMatchObject(me)
  })
})

describe('the echo', () => {
  test('tells the path as written, the query as pairs, headers without the key', async () => {
    await using sandbox = await createClient()
    const path = '/echo/a%2Fb//./../c%20d/%zz;x=1'
    const query = '?tag=a&tag=b&q=1+2%26&empty='
    // Not fetch: it would tidy the path up.
    const headers = { 'x-api-key': sandboxApiKey, 'X-Trace': ['one', 'two'] }
    const { port } = new URL(sandbox.url)
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: path + query, headers }, resolve).on('error', reject)
    })
    const body = JSON.parse(Buffer.concat(await message.toArray()).toString())
    expect(body).toMatchObject({ method: 'GET', url: path + query, path, body: null, json: null, bodyBytes: 0 })
    expect(body.query).toEqual([
      ['tag', 'a'],
      ['tag', 'b'],
      ['q', '1 2&'],
      ['empty', ''],
    ])
    expect(body.rawHeaders.filter(([name]: [string]) => name === 'X-Trace')).toEqual([
      ['X-Trace', 'one'],
      ['X-Trace', 'two'],
    ])
    expect(body.headers).toMatchObject({ 'x-trace': 'one, two', 'x-api-key': '[redacted]', host: sandbox.host })
    expect(body.rawHeaders).toContainEqual(['x-api-key', '[redacted]'])
    expect(JSON.stringify(body)).not.toContain(sandboxApiKey)
  })

  test('tells a JSON body as text and as JSON with all its digits', async () => {
    await using sandbox = await createClient()
    const sent = '{"id": 9007199254740993, "n": 1.0}'
    const { text, body } = await sandbox.send('/echo', {
      method: 'POST',
      body: sent,
      headers: { 'content-type': 'application/json' },
    })
    expect(text).toContain(`"json":${sent}}`)
    expect([body.body, body.bodyBytes]).toEqual([sent, sent.length])
  })

  test('tells any other body as text, or as base64 when it is none', async () => {
    await using sandbox = await createClient()
    const form = await sandbox.send('/echo/form', { method: 'PUT', body: new URLSearchParams({ a: '1 2' }) })
    expect(form.body).toMatchObject({ method: 'PUT', path: '/echo/form', body: 'a=1+2', json: null, bodyBase64: null })
    const bytes = await sandbox.send('/echo', { method: 'PATCH', body: Buffer.from([0, 255, 254]) })
    expect(bytes.body).toMatchObject({ body: null, bodyBase64: 'AP/+', bodyBytes: 3 })
    const large = await sandbox.send('/echo', { method: 'POST', body: Buffer.alloc(1024 * 1024 + 1) })
    expect(large).toMatchObject({
      status: 413,
      body: { error: { type: 'too_large', message: 'A request body has at most 1 MiB.' } },
    })
  })

  test('takes every method', async () => {
    await using sandbox = await createClient()
    for (const method of METHODS.filter(name => !['CONNECT', 'TRACE', 'HEAD', 'QUERY'].includes(name))) {
      expect([method, (await sandbox.send('/echo', { method })).body?.method]).toEqual([method, method])
    }
    expect(await sandbox.send('/echo', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  })
})
