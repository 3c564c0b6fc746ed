/** A response is what the upstream sent: raw headers, text by its charset, JSON as its own text or not at all. */
import { describe, expect, test } from 'vitest'
import { UpstreamResponse } from '../../src/passthrough/response.ts'
import { createCore, createRawUpstream } from '../support/passthrough-core.ts'

function respond(contentType: string | undefined, body: string | Uint8Array) {
  const headers = contentType === undefined ? [] : [{ name: 'Content-Type', value: contentType }]
  return new UpstreamResponse({ status: 200, headers, bytes: Buffer.from(body as string) })
}

describe('headers', () => {
  test('keep their spelling, order, repeats and bytes', async () => {
    const sent = [
      ['X-Trace', 'one'],
      ['content-LENGTH', '0'],
      ['x-trace', 'two'],
      ['Set-Cookie', 'a=1; Path=/'],
      ['set-cookie', 'b=2, c'],
      ['X-Empty', ''],
      ['X-Latin', 'é'],
      ['X_Under', 'a\tb'],
      ['__proto__', 'x'],
    ]
    const head = sent.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    await using upstream = await createRawUpstream(
      socket => void socket.write(`HTTP/1.1 404 Nope\r\n${head}\r\n`, 'latin1'),
    )
    await using core = createCore({ url: upstream.url })
    const { response } = await core.send({})
    expect(response.headers.map(({ name, value }) => [name, value])).toEqual(sent)
    expect([
      response.status,
      response.header('x-trace'),
      response.header('SET-COOKIE'),
      response.header('x-none'),
      response.header('x-empty'),
    ]).toEqual([404, 'one, two', 'a=1; Path=/, b=2, c', undefined, ''])
  })

  test('of informational answers are not the answer’s', async () => {
    const answer = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'
    await using upstream = await createRawUpstream(socket => void socket.write(answer))
    await using core = createCore({ url: upstream.url })
    expect((await core.send({})).response.headers).toEqual([{ name: 'content-length', value: '0' }])
  })
})

describe('text', () => {
  test.each<[string | undefined, Uint8Array, string]>([
    [undefined, Buffer.from('ü'), 'ü'],
    ['text/plain', Buffer.from('ü'), 'ü'],
    ['text/plain; charset=iso-8859-1', Buffer.from([0xfc]), 'ü'],
    ['text/plain; charset="ISO-8859-1"', Buffer.from([0xfc]), 'ü'],
    ['text/plain;CHARSET=windows-1252', Buffer.from([0x80]), '€'],
    ['text/plain; charset=shift_jis', Buffer.from([0x93, 0xfa]), '日'],
    ['text/plain; charset=utf-16le', Buffer.from('ü', 'utf16le'), 'ü'],
    ['text/plain; charset=nonsense', Buffer.from('ü'), 'ü'],
    ['text/plain; charset=', Buffer.from('ü'), 'ü'],
    ['text/plain', Buffer.from('\ufeffü'), 'ü'],
    ['text/plain', Buffer.from([0xff, 0x61]), '\ufffda'],
    ['application/octet-stream', Buffer.from([0, 255, 254, 10, 13, 0]), '\0\ufffd\ufffd\n\r\0'],
  ])('%s %j', (type, bytes, text) => {
    const response = respond(type, bytes)
    expect([response.text(), response.base64(), response.sizeBytes]).toEqual([
      text,
      Buffer.from(bytes).toString('base64'),
      bytes.length,
    ])
  })
})

describe('json', () => {
  const exact = '{"id": 9007199254740993, "z": 1, "a": 1.0, "a": 1e2,\t"\\u00fc":"\\/", "2":0, "1":-0.0}'
  test.each<[string | undefined, string | Uint8Array, string | null]>([
    ['application/json', exact, exact],
    ['application/json; charset=utf-8', exact, exact],
    ['Application/JSON', exact, exact],
    ['application/vnd.acme.v1+json', exact, exact],
    ['text/json', '1', '1'],
    ['application/json', ' null\n', ' null\n'],
    ['application/json', '"text"', '"text"'],
    ['application/json', '\ufeff[1]', '[1]'],
    [undefined, '5', '5'],
    ['text/plain', '[1]', '[1]'],
    ['text/html', ' {"a":1}', ' {"a":1}'],
    ['text/plain', '404', null],
    ['text/plain', '"x"', null],
    ['text/plain', 'null', null],
    ['text/plain', 'true', null],
    ['application/json', '', null],
    ['application/json', ' ', null],
    ['application/json', '{"a":1', null],
    ['application/json', '{"a":1}x', null],
    ['application/json', "{'a':1}", null],
    ['application/json', '[1,]', null],
    ['application/json', 'NaN', null],
    ['application/json', '<html>', null],
    ['application/json', '{"a":1}\n{"a":2}', null],
    ['application/json', Buffer.from([0x22, 0xff, 0x22]), null],
    ['application/json', Buffer.from('{}', 'utf16le'), null],
    ['application/json', '['.repeat(1_000_000), null],
  ])('%s', async (type, body, text) => {
    const response = respond(type, body)
    expect((await response.json())?.text ?? null).toBe(text)
    expect((await response.queryable())?.select('$', 1000).text ?? null).toBe(text === null ? null : `[${text.trim()}]`)
  })

  test('nested a million deep is embedded as it came', async () => {
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`
    expect((await respond('application/json', deep).json())?.text).toBe(deep)
  })

  test('does not hide behind a second content type', async () => {
    const headers = ['application/json', 'text/plain'].map(value => ({ name: 'content-type', value }))
    const response = new UpstreamResponse({ status: 200, headers, bytes: Buffer.from('5') })
    expect((await response.json())?.text).toBe('5')
  })
})
