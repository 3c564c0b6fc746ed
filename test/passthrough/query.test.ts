/** Query parameters: merged with the path's own, arrays as the vendor wants them, the credential's names kept free. */
import { describe, expect, test } from 'vitest'
import type { ArrayFormat } from '../../src/passthrough/connection.ts'
import { createCore, refusalOf } from '../support/passthrough-core.ts'

const core = createCore({ url: 'https://api.acme.example' })
const pathOf = async (...args: Parameters<typeof core.plan>) => (await core.plan(...args)).url.path

describe('query', () => {
  test.each<[string, unknown, string]>([
    ['/x', { a: 1, b: 'two', c: true }, '/x?a=1&b=two&c=true'],
    ['/x?a=1', { b: 2 }, '/x?a=1&b=2'],
    ['/x?a=1&', { b: 2 }, '/x?a=1&b=2'],
    ['/x?', { b: 2 }, '/x?b=2'],
    ['/x?a=%2f+%20', { a: 'b' }, '/x?a=%2f+%20&a=b'],
    ['/x', {}, '/x'],
    ['/x', null, '/x'],
    ['/x', { a: null, b: '' }, '/x?b='],
    ['/x', { 'a b': 'c d&e=f+g' }, '/x?a%20b=c%20d%26e%3Df%2Bg'],
    ['/x', { ü: '日本' }, '/x?%C3%BC=%E6%97%A5%E6%9C%AC'],
    ['/x', { filter: { name: 'a', tags: ['b'] } }, '/x?filter%5Bname%5D=a&filter%5Btags%5D=b'],
    ['/x', { a: JSON.rawJSON('9007199254740993') }, '/x?a=9007199254740993'],
    ['/x', { a: '{apiKey}' }, '/x?a=%7BapiKey%7D'],
    ['/x', JSON.parse('{"__proto__":"a","constructor":"b"}'), '/x?__proto__=a&constructor=b'],
    ['/x', { a: '../..', b: '//evil' }, '/x?a=..%2F..&b=%2F%2Fevil'],
  ])('%s and %j', async (path, query, expected) => expect(await pathOf({ path, query })).toBe(expected))

  test.each<[ArrayFormat, unknown, string]>([
    ['repeat', { a: [1, null, 'x,y'] }, '?a=1&a=x%2Cy'],
    ['comma', { a: [1, null, 'x,y'] }, '?a=1,x%2Cy'],
    ['comma', { a: [] }, ''],
    ['brackets', { a: [1, 'b'] }, '?a%5B%5D=1&a%5B%5D=b'],
    ['indices', { a: [1, 'b'] }, '?a%5B0%5D=1&a%5B1%5D=b'],
    ['indices', { a: [{ b: [1] }] }, '?a%5B0%5D%5Bb%5D%5B0%5D=1'],
    ['brackets', { a: [[1]] }, '?a%5B%5D%5B%5D=1'],
  ])('arrays as %s: %j', async (arrayFormat, query, expected) => {
    expect(await pathOf({ path: '/x', query }, { arrayFormat })).toBe(`/x${expected}`)
    const options = { arrayFormat: arrayFormat.toUpperCase() as Uppercase<ArrayFormat> }
    expect(await pathOf({ path: '/x', query, options }, { arrayFormat: 'repeat' })).toBe(`/x${expected}`)
  })

  test.each<[unknown, string]>([
    ['a=1', 'query takes an object; got text.'],
    [[1], 'query takes an object; got an array.'],
    [{ a: [[1]] }, 'query.a.0 is an array inside an array; only BRACKETS and INDICES can write that.'],
    [{ a: [{ b: 1 }] }, 'query.a.0 is an object inside an array; only BRACKETS and INDICES can write that.'],
    [{ a: '\ud800' }, 'query.a has half of a surrogate pair; it takes well-formed text.'],
    [{ a: Array(1001).fill(1) }, 'query has more than 1000 parameters.'],
    [
      { a: { b: { c: { d: { e: { f: { g: { h: { i: { j: 1 } } } } } } } } } },
      'query.a.b.c.d.e.f.g.h.i is nested deeper than 8 levels.',
    ],
    [{ a: 'x'.repeat(17_000) }, 'The URL is longer than 16384 characters; send large values in the body.'],
  ])('%j is refused', async (query, message) => {
    expect(await refusalOf(core.plan({ path: '/x', query }))).toMatchObject({ code: 'INVALID_INPUT', message })
  })
})

describe("the credential's parameter", () => {
  const injected = { headers: [], query: ['api_key'], body: [] }
  test.each<[string, unknown]>([
    ['/x?api_key=mine', {}],
    ['/x?api%5Fkey=mine', {}],
    ['/x?%61pi_key=mine', {}],
    ['/x?api_key', {}],
    ['/x?api_key[]=mine', {}],
    ['/x?api_key%5B0%5D=mine', {}],
    ['/x?a=1&api_key=mine&b=2', {}],
    ['/x?a=1;api_key=mine', {}],
    ['/x?API_KEY=mine', {}],
    ['/x?%FF&api_key=mine', {}],
    ['/x?api_key%FF[=1&api%5Fkey=x', {}],
    ['/x', { api_key: 'mine' }],
    ['/x', { api_key: ['mine'] }],
    ['/x', { api_key: { a: 1 } }],
    ['/x', { 'api_key[]': 'mine' }],
    ['/x', { Api_Key: 'mine' }],
    ['/x?', { api_key: '' }],
  ])('is not taken by %s and %j', async (path, query) => {
    expect(await refusalOf(core.plan({ path, query }, { injected }))).toEqual({
      code: 'INVALID_INPUT',
      message: "query.api_key is set by the connection's credential; leave it out.",
      fields: ['query.api_key'],
    })
  })

  test.each<[string, unknown]>([
    ['/x?my_api_key=1', {}],
    ['/api_key', {}],
    ['/x?a=api_key', { b: 'api_key=1' }],
    ['/x', { api_key: null }],
    ['/x', { filter: { api_key: 1 } }],
  ])('leaves %s and %j alone', async (path, query) => {
    await expect(core.plan({ path, query }, { injected })).resolves.toBeDefined()
  })
})

describe('options.pathParams', () => {
  test.each<[string, unknown, string]>([
    ['/items/{id}/sub', { id: 'a/b c' }, '/items/a%2Fb%20c/sub'],
    ['/{a}/{b}', { a: 1, b: true }, '/1/true'],
    ['/{a}{b}', { a: '.', b: '.x' }, 'refused: options.pathParams.a is ".", which would mean another place.'],
    ['/{a}.', { a: '..x' }, '/..x.'],
    ['/.{a}', { a: '..' }, 'refused: options.pathParams.a is "..", which would mean another place.'],
    ['/{a}', { a: '{b}' }, '/%7Bb%7D'],
    ['/{a}', { a: '%2e%2e' }, 'refused: path has a "." or ".." segment (perhaps encoded); write the path without it.'],
    ['/{a}', { a: "!'()*?#&=+@:;,$\\" }, '/%21%27%28%29%2A%3F%23%26%3D%2B%40%3A%3B%2C%24%5C'],
    ['/{a}', { a: '../x' }, 'refused: path has a "." or ".." segment (perhaps encoded); write the path without it.'],
    ['/{a}', { a: 'x\r\ny' }, '/x%0D%0Ay'],
    ['/{a}', { a: JSON.rawJSON('12345678901234567890') }, '/12345678901234567890'],
    ['/{a}', { a: '' }, 'refused: options.pathParams.a is empty; the path would mean another place without it.'],
    ['/{a}', { a: null }, 'refused: options.pathParams.a takes text, a number or a boolean; got null.'],
    ['/{a}', { a: [1] }, 'refused: options.pathParams.a takes text, a number or a boolean; got an array.'],
    ['/{a}', { a: '\udc00' }, 'refused: options.pathParams.a has half of a surrogate pair; it takes well-formed text.'],
    ['/{a}', {}, 'refused: The path needs options.pathParams.a for {a}; write %7B and %7D for literal braces.'],
    [
      '/{__proto__}',
      {},
      'refused: The path needs options.pathParams.__proto__ for {__proto__}; write %7B and %7D for literal braces.',
    ],
    ['/x', { a: 1 }, 'refused: The path has no placeholder {a} for options.pathParams.a.'],
    ['/x?y={a}', { a: 1 }, 'refused: The path has no placeholder {a} for options.pathParams.a.'],
    ['/x', 'a', 'refused: options.pathParams takes an object; got text.'],
  ])('%s with %j', async (path, pathParams, expected) => {
    const planned = core.plan({ path, options: { pathParams } })
    if (!expected.startsWith('refused: ')) return expect((await planned).url.path).toBe(expected)
    expect(await refusalOf(planned)).toMatchObject({ code: 'INVALID_INPUT', message: expected.slice(9) })
  })
})

test.each<[object, string]>([
  [{ method: 'TRACE' }, 'method takes one of GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE; got "TRACE".'],
  [{ method: 'get' }, 'method takes one of GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE; got "get".'],
  [{ method: 'CONNECT' }, 'method takes one of GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE; got "CONNECT".'],
  [{ options: { timeoutMs: 0 } }, 'options.timeoutMs takes a whole number from 1 to 300000; got 0.'],
  [{ options: { timeoutMs: 300_001 } }, 'options.timeoutMs takes a whole number from 1 to 300000; got 300001.'],
  [{ options: { timeoutMs: 1.5 } }, 'options.timeoutMs takes a whole number from 1 to 300000; got 1.5.'],
  [{ options: { maxResponseBytes: -1 } }, 'options.maxResponseBytes takes a whole number from 1 to 52428800; got -1.'],
  [
    { options: { bodyFormat: 'YAML' } },
    'options.bodyFormat takes one of JSON, FORM, MULTIPART, TEXT, XML, BASE64; got "YAML".',
  ],
  [
    { options: { arrayFormat: 'PIPES' } },
    'options.arrayFormat takes one of REPEAT, COMMA, BRACKETS, INDICES; got "PIPES".',
  ],
])('%j is refused', async (input, message) => {
  expect(await refusalOf(core.plan(input))).toMatchObject({ code: 'INVALID_INPUT', message })
})
