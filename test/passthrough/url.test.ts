/** Path, query and base URL become exactly one URL inside the pin set, as written. */
import { describe, expect, test } from 'vitest'
import type { ResolvedConnection } from '../../src/passthrough/connection.ts'
import type { PassthroughInput } from '../../src/passthrough/request.ts'
import { createCore, refusalOf } from '../support/passthrough-core.ts'
import { createUpstream } from '../support/upstream.ts'

type Input = Partial<PassthroughInput>

const core = createCore({ url: 'https://api.acme.example/v1/' })
const plan = async (input: Input, changes?: Partial<ResolvedConnection>) => {
  const { url } = await core.plan(input, changes)
  return url.origin + url.path
}
const many = {
  hosts: ['api.acme.example', 'api.acme.example:8443', '*.acme.example', 'xn--bcher-kva.example', '[2606:4700::1111]'],
}

describe('a path', () => {
  test.each([
    ['/things', '/v1/things'],
    ['things', '/v1/things'],
    ['', '/v1'],
    ['/', '/v1/'],
    ['things/', '/v1/things/'],
    ['/a//b', '/v1/a//b'],
    ['/a%2Fb%2fc', '/v1/a%2Fb%2fc'],
    ['/%7Euser/~user', '/v1/%7Euser/~user'],
    ['/a%zz', '/v1/a%zz'],
    ['/a b', '/v1/a%20b'],
    ['/ü/日本', '/v1/%C3%BC/%E6%97%A5%E6%9C%AC'],
    ['/a"<>^`|', '/v1/a%22%3C%3E%5E%60%7C'],
    ["/a;b=1,c!$&'()*+@:", "/v1/a;b=1,c!$&'()*+@:"],
    ['/...', '/v1/...'],
    ['/..a/.b', '/v1/..a/.b'],
    ['/a.b.c', '/v1/a.b.c'],
    ['/x?', '/v1/x?'],
    ['/x?a=1&b', '/v1/x?a=1&b'],
    ['/x?a=../..&b=//evil.example', '/v1/x?a=../..&b=//evil.example'],
    ['/x?a={b}', '/v1/x?a=%7Bb%7D'],
    ['?a=1', '/v1?a=1'],
    ['/x?u=https://evil.example/?y', '/v1/x?u=https://evil.example/?y'],
    [' /x', '/v1/%20/x'],
    ['mailto:me', '/v1/mailto:me'],
    ['@evil.example', '/v1/@evil.example'],
    [':8443/x', '/v1/:8443/x'],
  ])('%j goes out as %s', async (path, expected) => {
    expect(await plan({ path })).toBe(`https://api.acme.example${expected}`)
  })

  test.each([
    ['https://api.acme.example/abs', 'https://api.acme.example/abs'],
    ['HTTPS://API.ACME.EXAMPLE/Abs', 'https://api.acme.example/Abs'],
    ['https://api.acme.example', 'https://api.acme.example/'],
    ['https://api.acme.example?x=1', 'https://api.acme.example/?x=1'],
    ['https://api.acme.example:443/', 'https://api.acme.example/'],
    ['https://api.acme.example:8443/x', 'https://api.acme.example:8443/x'],
    ['https://api.acme.example//evil.example/x', 'https://api.acme.example//evil.example/x'],
    ['https://eu.acme.example/x%2F', 'https://eu.acme.example/x%2F'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['https://BÜCHER.example/', 'https://xn--bcher-kva.example/'],
    ['https://[2606:4700:0::1111]/', 'https://[2606:4700::1111]/'],
  ])('%s is absolute', async (path, expected) => expect(await plan({ path }, many)).toBe(expected))
})

describe('a refused path', () => {
  const dots = 'path has a "." or ".." segment (perhaps encoded); write the path without it.'
  test.each([
    ...['..', '.', '/..', '/a/../b', '/a/.', './x', '/%2e%2e/x', '/%2E./x', '/.%2e', '/%2e', '/%252e%252e/x'],
    ...['/%25252e.', '/a%2f..%2fb', '/a%2F%2e%2e', '/a/..%5cb', '/a%5c..%5cb', '/..;/x', '/..;a=1/x', '/%2e%2e;x/'],
    ...['/%c0%ae%c0%ae/x', '/..%c0%afx', '/..%c1%9cx', '/%252e%252e%252fx', '/{a}/../x', '/%u002e%u002e/x'],
    ...['/%e0%80%ae%e0%80%ae/x', '/%f0%80%80%ae./x', '/%c0%2e%c0%2e/x', '/..%00/x', '/..%09/x', '/..%20/x'],
    ...['https://api.acme.example/../x', 'https://api.acme.example/a/%2e%2e'],
  ])('%s: dot segments', async path => {
    const input = { path, ...(path.includes('{') ? { options: { pathParams: { a: 'b' } } } : {}) }
    expect(await refusalOf(plan(input))).toEqual({ code: 'INVALID_INPUT', message: dots, fields: ['path'] })
  })

  test.each([
    ['//evil.example/x', 'path starts with //, which names a host; write one slash, or the whole URL with https://.'],
    ['/\\evil.example', 'path has a backslash; write / or, for a literal one, %5C.'],
    ['\\\\evil.example', 'path has a backslash; write / or, for a literal one, %5C.'],
    ['https:\\\\evil.example', 'path has a backslash; write / or, for a literal one, %5C.'],
    ['/a#b', 'path has a fragment, which is never sent; a literal # is %23.'],
    ['https://api.acme.example#@evil.example/', 'path has a fragment, which is never sent; a literal # is %23.'],
    ['/a\r\nX: y', 'path has a control character; percent-encode it (a line feed is %0A).'],
    ['/a\tb', 'path has a control character; percent-encode it (a line feed is %0A).'],
    ['/a\u0000', 'path has a control character; percent-encode it (a line feed is %0A).'],
    ['/a\u007f', 'path has a control character; percent-encode it (a line feed is %0A).'],
    ['/\ud800', 'path has half of a surrogate pair; it takes well-formed text.'],
    [
      'https://me:pw@api.acme.example/',
      'path has a user name before its host; the credential comes from the connection.',
    ],
    [
      'https://api.acme.example@evil.example/',
      'path has a user name before its host; the credential comes from the connection.',
    ],
    [
      'https:/api.acme.example',
      'path takes an absolute URL only as https://host/… (or http:// where that is allowed).',
    ],
    ['https:api.acme.example', 'path takes an absolute URL only as https://host/… (or http:// where that is allowed).'],
    ['https:///evil.example', 'path takes an absolute URL only as https://host/… (or http:// where that is allowed).'],
    ['https://?x', 'path takes an absolute URL only as https://host/… (or http:// where that is allowed).'],
    [
      'ftp://api.acme.example/',
      'path takes an absolute URL only as https://host/… (or http:// where that is allowed).',
    ],
    ['file:///etc/passwd', 'path takes an absolute URL only as https://host/… (or http:// where that is allowed).'],
    ['https://api.acme.example:99999/', 'path has no valid host; write https://host[:port]/….'],
    ['https://[::1/', 'path has no valid host; write https://host[:port]/….'],
    ['https://a b/', 'path has no valid host; write https://host[:port]/….'],
    ['https://a%40b/', 'path has no valid host; write https://host[:port]/….'],
    ['/{id}', 'The path needs options.pathParams.id for {id}; write %7B and %7D for literal braces.'],
    ['/{id', 'path has a brace that is no {name} placeholder; write %7B and %7D for literal braces.'],
    ['/{}', 'path has a brace that is no {name} placeholder; write %7B and %7D for literal braces.'],
    [`/${'a'.repeat(16 * 1024)}`, 'The URL is longer than 16384 characters; send large values in the body.'],
    [`/${'ü'.repeat(3000)}`, 'The URL is longer than 16384 characters; send large values in the body.'],
  ])('%j', async (path, message) => {
    expect(await refusalOf(plan({ path }))).toMatchObject({ code: 'INVALID_INPUT', message })
  })

  test.each([
    'https://evil.example/x',
    'https://api.acme.example./x',
    'https://api.acme.example:444/x',
    'https://api.acme.example.evil.example/',
    'https://acme.example/',
    'https://аpi.acme.example/',
    'https://api.acme.example;evil.example/',
    'https://169.254.169.254/latest',
  ])('%s: outside the pin set', async path => {
    const { code, message } = await refusalOf(plan({ path }))
    expect(code).toBe('DESTINATION_NOT_ALLOWED')
    expect(message).toMatch(/^The host \S+ is not one of the integration's pinned hosts \(api\.acme\.example\)\.$/)
  })

  test('does not fall back to plain http', async () => {
    const core = createCore({ url: 'https://api.acme.example', allow: '10.0.0.0/8' })
    expect(await refusalOf(core.plan({ path: 'http://api.acme.example/x' }))).toEqual({
      code: 'DESTINATION_NOT_ALLOWED',
      message:
        'Plain http goes only to hosts that the operator lists in PASSGATE_EGRESS_ALLOW; api.acme.example is not listed.',
      fields: [],
    })
  })

  test('is text', async () => {
    expect(await refusalOf(plan({ path: 5 as unknown as string }))).toMatchObject({
      code: 'INVALID_INPUT',
      message: 'path takes text; got a number.',
    })
  })
})

describe('options.baseUrl', () => {
  test.each([
    ['https://eu.acme.example', '/x', 'https://eu.acme.example/x'],
    ['https://eu.acme.example/v2/', 'x', 'https://eu.acme.example/v2/x'],
    ['https://eu.acme.example//v2', '/x', 'https://eu.acme.example//v2/x'],
    ['https://eu.acme.example//evil.example', '/x', 'https://eu.acme.example//evil.example/x'],
    ['https://eu.acme.example/v2', 'https://api.acme.example/x', 'https://api.acme.example/x'],
  ])('%s and %s', async (baseUrl, path, expected) => {
    expect(await plan({ path, options: { baseUrl } }, many)).toBe(expected)
  })

  test.each([
    ['https://evil.example', 'DESTINATION_NOT_ALLOWED', /^The host evil\.example is not one of/],
    ['http://eu.acme.example', 'DESTINATION_NOT_ALLOWED', /^Plain http goes only to hosts/],
    ['https://eu.acme.example/?a=1', 'INVALID_INPUT', /^options\.baseUrl has a query; put parameters in query\.$/],
    ['https://eu.acme.example/#x', 'INVALID_INPUT', /^options\.baseUrl has a fragment/],
    ['https://u@eu.acme.example/', 'INVALID_INPUT', /^options\.baseUrl has a user name before its host/],
    ['https://eu.acme.example/../x', 'INVALID_INPUT', /^options\.baseUrl has a "\." or "\.\." segment/],
    ['https://eu.acme.example/{x}', 'INVALID_INPUT', /^options\.baseUrl has braces/],
    ['https://eu.acme.example\\x', 'INVALID_INPUT', /^options\.baseUrl has a backslash/],
    ['eu.acme.example', 'INVALID_INPUT', /^options\.baseUrl takes an absolute URL only as/],
    ['//eu.acme.example', 'INVALID_INPUT', /^options\.baseUrl takes an absolute URL only as/],
    ['', 'INVALID_INPUT', /^options\.baseUrl takes an absolute URL only as/],
  ])('%s is refused', async (baseUrl, code, message) => {
    const absolute = 'https://api.acme.example/x'
    for (const path of ['/x', absolute]) {
      expect(await refusalOf(plan({ path, options: { baseUrl } }, many))).toMatchObject({
        code,
        message: expect.stringMatching(message),
      })
    }
  })
})

test('the encoded path reaches the wire as it was written', async () => {
  await using upstream = await createUpstream()
  await using live = createCore({ url: upstream.url })
  const paths = ['/a%2Fb%2f%7E~//c', '/%zz/%', "/x;y=1,!$'()*+@:?a=%20+%zz&b[]=1&c=/?:@", '/%2F%2Fevil.example', '/ü?ü']
  for (const path of paths) await live.send({ path })
  expect(upstream.seen.map(({ url }) => url)).toEqual([...paths.slice(0, 4), '/%C3%BC?%C3%BC'])
  expect(upstream.seen.every(({ headers }) => headers.host === upstream.host)).toBe(true)
})
