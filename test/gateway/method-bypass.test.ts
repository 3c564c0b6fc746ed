/** A method that a request asks for beside its own is judged like its own: by rules, by scopes, and by what a query may do. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Catalog } from '../../src/catalog/catalog.ts'
import { type Bypass, createBypass, type RawTry, type Try } from './bypass.ts'

let bypass: Bypass
let tokens: Record<'deny' | 'allow' | 'reader' | 'free', string>

beforeAll(async () => {
  bypass = await createBypass()
  tokens = {
    deny: await bypass.session([{ effect: 'DENY', name: 'no delete', methods: ['DELETE'] }]),
    allow: await bypass.session([{ effect: 'ALLOW', methods: ['GET', 'POST'] }]),
    reader: await bypass.session([], ['PASSTHROUGH_READ']),
    free: await bypass.session([]),
  }
})
afterAll(() => bypass[Symbol.asyncDispose]())

const denied = 'POLICY_DENIED'
const form = 'application/x-www-form-urlencoded'
const multipart = (name: string, value = 'DELETE') =>
  `--x\r\ncontent-disposition: form-data; name=${name}\r\n\r\n${value}\r\n--x--\r\n`

/** Each asks for DELETE; all are POST unless they say otherwise. */
const headerTries = [
  ['X-HTTP-Method-Override', 'DELETE'],
  ['x-http-method-override', 'delete'],
  ['X_HTTP_Method_Override', 'DELETE'],
  ['X-HTTP-Method', 'DELETE'],
  ['X-Method-Override', ' DELETE '],
  ['X-Method', 'DELETE'],
  ['x-original-method', 'DELETE'],
  ['X-Http-Verb', 'DELETE'],
  ['HTTP-Method-Override', 'DELETE'],
  ['X-HTTP-Method-Override', 'DELETE, POST'],
  ['X-HTTP-Method-Override', 'POST,DELETE'],
  ['X-HTTP-Method-Override', 'DELETE;q=1'],
  ['X-HTTP-Method-Override', '"DELETE"'],
  ['X-HTTP-Method-Override', '%44ELETE'],
] as const

const queryTries = [
  '_method=DELETE',
  '_method=delete',
  '_METHOD=DELETE',
  '_Method=Delete',
  '%5Fmethod=DELETE',
  '_method%20=DELETE',
  '_method%00x=DELETE',
  '.method=DELETE',
  '[method=DELETE',
  '_method[]=DELETE',
  '_method%5B0%5D=DELETE',
  '_method=POST&_method=DELETE',
  'a=1;_method=DELETE',
  '_method=%44ELETE',
  '%ff=1&_m%65thod=DELETE',
  '_HttpMethod=DELETE',
  'x-http-method-override=DELETE',
]

const bodyTries: [name: string, body: unknown, more: Partial<Try>][] = [
  ['a form', { _method: 'DELETE' }, { options: { bodyFormat: 'FORM' } }],
  ['a form as text', 'a=1&_method=DELETE', { headers: { 'content-type': form } }],
  ['a form in capitals', '_METHOD[]=delete', { headers: { 'content-type': form.toUpperCase() } }],
  ['multipart', { _method: 'DELETE' }, { options: { bodyFormat: 'MULTIPART' } }],
  ['JSON', { a: { b: 1 }, _method: 'DELETE' }, {}],
  ['JSON as text', '{"_method":"DELETE","_method":"POST"}', { headers: { 'content-type': 'application/json' } }],
  ['an escaped name', '{"\\u005fmethod":"DELETE"}', { headers: { 'content-type': 'application/vnd.api+json' } }],
  ['lenient JSON', '{"a":[1,{"b":2}],"_method":["DELETE"],}', { headers: { 'content-type': 'text/json' } }],
]

const rawTries: [name: string, headers: string[], body: string][] = [
  ['a form', ['content-type', form], '_method=DELETE'],
  ['a form after other types', ['content-type', 'text/plain', 'content-type', form], '_method=DELETE'],
  ['a form of no type', [], '_method=DELETE'],
  ['multipart', ['content-type', 'multipart/form-data; boundary=x'], multipart('"_method"')],
  ['multipart with a bare name', ['content-type', 'multipart/form-data; boundary="x"'], multipart('_METHOD')],
  [
    'multipart with an extended name',
    ['content-type', 'multipart/form-data; boundary=x'],
    multipart("x; name*=utf-8''_method"),
  ],
  [
    'multipart with two boundaries',
    ['content-type', 'multipart/form-data; boundary=y; boundary=x'],
    multipart('"_method"'),
  ],
  ['JSON', ['content-type', 'application/json'], '{"_method":"DELETE"}'],
  [
    'multipart with a name in single quotes',
    ['content-type', 'multipart/form-data; boundary=x'],
    multipart("'_method'"),
  ],
  [
    'multipart with a name in pieces',
    ['content-type', 'multipart/form-data; boundary=x'],
    multipart('"a"; name*0="_met"; name*1="hod"'),
  ],
  [
    'multipart after empty lines',
    ['content-type', 'multipart/form-data; boundary=x'],
    multipart('"_method"').replace('\r\n', '\r\n\r\n'),
  ],
  [
    'multipart with a boundary in a longer name',
    ['content-type', 'multipart/form-data; xboundary=x; boundary=y'],
    multipart('"_method"'),
  ],
  ['JSON with comments', ['content-type', 'application/json'], '{"a":1 /* " */, "_method":"DELETE" /*"*/}'],
  ['JSON without quotes', ['content-type', 'application/json'], "{_method: 'DELETE'}"],
  ['JSON with strange escapes', ['content-type', 'application/json'], '{"_m\\ethod":"DEL\\ETE"}'],
  ['a form in another charset', ['content-type', `${form}; charset=ibm037`], 'x'],
  ['a compressed form', ['content-type', form, 'content-encoding', 'gzip'], 'x'],
]

const withLength = (headers: readonly string[], body: string) => [...headers, 'content-length', String(body.length)]

describe('a rule about methods judges', () => {
  test.each(headerTries)('the header %s: %s', async (name, value) => {
    const id = bypass.connections.flat
    for (const token of [tokens.deny, tokens.allow]) {
      const asked = { method: 'POST', path: '/things', headers: { [name]: value } }
      expect(await bypass.attempt(token, id, asked)).toEqual([denied, 0])
      const raw = { method: 'POST', target: '/things', headers: [name, value] }
      expect(await bypass.attemptRaw(token, id, raw)).toEqual([denied, 0])
    }
  })

  test.each(queryTries)('the query %s', async query => {
    const id = bypass.connections.flat
    for (const token of [tokens.deny, tokens.allow]) {
      expect(await bypass.attempt(token, id, { method: 'POST', path: `/things?${query}` })).toEqual([denied, 0])
      const raw = { method: 'POST', target: `/things?${query}` }
      expect(await bypass.attemptRaw(token, id, raw)).toEqual([denied, 0])
    }
  })

  test.each(bodyTries)('%s by GraphQL', async (_, body, more) => {
    const asked = { method: 'POST', path: '/things', body, ...more }
    for (const token of [tokens.deny, tokens.allow]) {
      expect(await bypass.attempt(token, bypass.connections.flat, asked)).toEqual([denied, 0])
    }
  })

  test.each(rawTries)('%s on the raw route, however its length is said', async (_, headers, body) => {
    const asked: RawTry = { method: 'POST', target: '/things', headers, body }
    const id = bypass.connections.flat
    expect(await bypass.attemptRaw(tokens.deny, id, asked)).toEqual([denied, 0])
    const long = { ...asked, headers: withLength(headers, body) }
    expect(await bypass.attemptRaw(tokens.deny, id, long)).toEqual([denied, 0])
  })

  test('parameters that the entry of the integration names, there alone', async () => {
    const { based, flat } = bypass.connections
    for (const [query, name] of [
      ['method=delete', 'method'],
      ['VERB=DELETE', 'verb'],
    ]) {
      expect(await bypass.attempt(tokens.deny, based, { method: 'POST', path: `/t?${query}` })).toEqual([denied, 0])
      expect(await bypass.attempt(tokens.deny, flat, { method: 'POST', path: `/t?${query}` })).toEqual(['sent', 1])
      const asked = { method: 'POST', path: '/t', body: { [name ?? '']: 'DELETE' } }
      expect(await bypass.attempt(tokens.deny, based, asked)).toEqual([denied, 0])
      expect(await bypass.attempt(tokens.deny, flat, asked)).toEqual(['sent', 1])
    }
    const catalog = Catalog.load()
    expect(catalog.get('salesforce')?.methodParameters).toEqual(['_HttpMethod'])
    expect(catalog.get('facebook')?.methodParameters).toEqual(['method'])
  })

  test.each<[name: string, length: number | undefined, says: string]>([
    ['a form that is long', 65_537, 'it takes a content-length of at most 65536; it has 65537 bytes.'],
    [
      'a form of unknown length',
      undefined,
      'it takes a content-length of at most 65536; it does not say how long it is.',
    ],
  ])('%s is refused before it has come in', async (_, length, says) => {
    const framing = length === undefined ? 'transfer-encoding: chunked' : `content-length: ${length}`
    const { port } = new URL(bypass.gateway.url)
    const { promise, resolve } = Promise.withResolvers<string>()
    const socket = connect(Number(port), '127.0.0.1', () => {
      const head = `POST /passthrough/${bypass.connections.flat}/t HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tokens.deny}\r\n`
      socket.write(`${head}content-type: ${form}\r\n${framing}\r\n\r\n`)
    })
    socket.on('data', chunk => resolve(chunk.toString()))
    const answer = await promise
    socket.destroy()
    expect(answer).toMatch(/^HTTP\/1\.1 403 /)
    expect(answer).toContain(says)
  })
})

describe('a caller without passthrough:write', () => {
  test.each<[name: string, asked: Try, raw: RawTry]>([
    [
      'a header',
      { path: '/x', headers: { 'X-HTTP-Method-Override': 'DELETE' } },
      { target: '/x', headers: ['x-http-method-override', 'DELETE'] },
    ],
    ['a query', { path: '/x?_method=PATCH' }, { target: '/x?_method=PATCH' }],
    [
      'a body',
      { path: '/x', body: { _method: 'PUT' } },
      { target: '/x', headers: withLength(['content-type', form], '_method=PUT'), body: '_method=PUT' },
    ],
  ])('may not ask for a write by %s', async (_, asked, raw) => {
    const id = bypass.connections.flat
    expect(await bypass.attempt(tokens.reader, id, asked)).toEqual(['FORBIDDEN', 0])
    expect(await bypass.attemptRaw(tokens.reader, id, raw)).toEqual(['FORBIDDEN', 0])
  })

  test('may ask for another read', async () => {
    const id = bypass.connections.flat
    const headers = { 'X-HTTP-Method-Override': 'HEAD' }
    expect(await bypass.attempt(tokens.reader, id, { path: '/x', headers })).toEqual(['sent', 1])
    const raw = { target: '/x?_method=OPTIONS', headers: ['x-method-override', 'get'] }
    expect(await bypass.attemptRaw(tokens.reader, id, raw)).toEqual(['sent', 1])
  })
})

test('a query takes safe methods only, also those that it asks for', async () => {
  const query =
    'query($id: ID!, $path: String!, $headers: JSONObject) { passthrough(connectionId: $id, path: $path, headers: $headers) { status } }'
  const id = bypass.connections.flat
  const before = bypass.upstream.seen.length
  for (const [asked, says, field] of [
    [{ path: '/x?_method=delete' }, 'query._method asks for DELETE', 'query._method'],
    [{ path: '/x', headers: { 'X-Method': 'PUT' } }, 'the header x-method asks for PUT', 'headers.x-method'],
  ] as const) {
    const { errors } = await bypass.gateway.run(query, { id, ...asked }, tokens.free)
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'INVALID_INPUT', details: [{ field }] } })
    expect(errors?.[0]?.message).toBe(
      `A read takes the methods GET, HEAD and OPTIONS; ${says}. Use \`mutation { passthrough }\` for it.`,
    )
    const { passthrough } = await bypass.gateway.ask(
      query.replace('query(', 'mutation(').replace('path: $path', 'method: GET, path: $path'),
      { id, ...asked },
      tokens.free,
    )
    expect(passthrough.status).toBe(200)
  }
  expect(bypass.upstream.seen.length).toBe(before + 2)
})

describe('what is meant to pass passes', () => {
  test.each<[name: string, asked: Try]>([
    [
      'a body that nests the name',
      { path: '/x', body: { data: { _method: 'DELETE' }, list: [{ _method: 'DELETE' }] } },
    ],
    ['a value that says it', { path: '/x', body: { text: '_method=DELETE', name: '_method' } }],
    ['the same method again', { path: '/x?_method=POST', headers: { 'x-http-method-override': 'POST' } }],
    ['an ordinary parameter', { path: '/x?method=delete&payment_method=DELETE' }],
    ['a form without it', { path: '/x', body: { a: 'DELETE' }, options: { bodyFormat: 'FORM' } }],
    [
      'a file that speaks of it',
      {
        path: '/x',
        body: { f: { filename: 'a', text: 'name="_method"\r\n\r\nDELETE' } },
        options: { bodyFormat: 'MULTIPART' },
      },
    ],
    ['text', { path: '/x', body: '_method=DELETE', options: { bodyFormat: 'TEXT' } }],
  ])('%s', async (_, asked) => {
    const id = bypass.connections.flat
    expect(await bypass.attempt(tokens.deny, id, { method: 'POST', ...asked })).toEqual(['sent', 1])
    expect(await bypass.attempt(tokens.allow, id, { method: 'POST', ...asked })).toEqual(['sent', 1])
  })

  test.each<[name: string, headers: string[], body: string]>([
    ['a short form', ['content-type', form], 'a=1&b=2'],
    ['short JSON', ['content-type', 'application/json'], '{"a":{"_method":"DELETE"}}'],
    ['multipart', ['content-type', 'multipart/form-data; boundary=x'], multipart('a')],
  ])('%s on the raw route, byte for byte', async (_, headers, body) => {
    const asked = { method: 'POST', target: '/x', headers: withLength(headers, body), body }
    expect(await bypass.attemptRaw(tokens.deny, bypass.connections.flat, asked)).toEqual(['sent', 1])
    const { text, headers: seen } = bypass.upstream.seen.at(-1) ?? {}
    expect([text, seen?.['content-length'], seen?.['content-type']]).toEqual([body, String(body.length), headers[1]])
  })

  test('long and streamed bodies, where no rule names methods or the body is none of parameters', async () => {
    const id = bypass.connections.flat
    const body = 'a'.repeat(200_000)
    const byPath = await bypass.session([{ effect: 'DENY', paths: ['/admin*'] }])
    for (const [token, type] of [
      [tokens.free, form],
      [byPath, 'application/json'],
      [tokens.deny, 'application/octet-stream'],
    ] as const) {
      const asked = { method: 'POST', target: '/x', headers: ['content-type', type], body }
      expect(await bypass.attemptRaw(token, id, asked)).toEqual(['sent', 1])
      expect(bypass.upstream.seen.at(-1)?.text).toBe(body)
      expect(bypass.upstream.seen.at(-1)?.headers['transfer-encoding']).toBe('chunked')
    }
  })
})
