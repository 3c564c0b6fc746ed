/** What a client of the raw route sends reaches the vendor as it was written, and a refusal is a problem. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'
import { type RawSending, sendRaw } from './send-raw.ts'

let upstream: Upstream
let gateway: TestGateway
let connectionId: string

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

type Options = Partial<RawSending>

const send = (path: string, options: Options = {}) => sendRaw(path, { origin: new URL(gateway.url), ...options })
const raw = (path: string, options?: Options) => send(`/passthrough/${connectionId}${path}`, options)

async function seenFor(path: string, options?: Options) {
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
    ['/a//b/', '/v2/a//b/'],
    // A client that fills `/{path}` in with a path which has its own slash.
    ['//contacts', '/v2/contacts'],
    ['//a//b/?c=//d', '/v2/a//b/?c=//d'],
    ['///a', '/v2//a'],
    ['//', '/v2/'],
    ['//?a=1', '/v2/?a=1'],
    ['//evil.example/x', '/v2/evil.example/x'],
    ['//repos%2Foctocat', '/v2/repos/octocat'],
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
    '//../admin',
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

  test.each(['__Domain=127.0.0.1', '__DOMAIN=x', '%5f%5fDomain=x', '__domain[]=x', '__domain_=x', 'a=__domain'])(
    '%s is the vendor’s own',
    async query => expect((await seenFor(`/x?${query}&b=1`)).url).toBe(`/v2/x?${query}&b=1`),
  )

  test('is known however it is written', async () => {
    const written = `%5f_dom%61in=${upstream.host}`
    expect((await seenFor(`/x?${written}&b=1`)).url).toBe('/v2/x?b=1')
    const { status, text } = await raw(`/x?${written}&__domain=${upstream.host}`)
    expect([status, JSON.parse(text).detail]).toEqual([400, 'query.__domain is given twice.'])
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
    await send('//v1//x', { origin, key })
    expect(upstream.seen.at(-1)?.url).toBe('//v1//x')
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
