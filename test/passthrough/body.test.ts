/** Request bodies: every format as bytes and content type, wrong ones refused, a bound, and room for the credential. */
import { describe, expect, test } from 'vitest'
import type { BodyFormat } from '../../src/passthrough/body.ts'
import { createCore, refusalOf } from '../support/passthrough-core.ts'
import { createUpstream } from '../support/upstream.ts'

const core = createCore({ url: 'https://api.acme.example' })

async function planned(body: unknown, bodyFormat?: BodyFormat, contentType?: string) {
  const options = bodyFormat === undefined ? {} : { bodyFormat }
  const headers = contentType === undefined ? {} : { 'Content-Type': contentType }
  const plan = await core.plan({ method: 'POST', body, headers, options })
  return { text: plan.body?.toString(), type: plan.headers.find(([name]) => name === 'content-type')?.[1] }
}

const form = 'application/x-www-form-urlencoded'
const plainText = 'text/plain; charset=utf-8'

describe('a body', () => {
  test.each<[unknown, BodyFormat | undefined, string | undefined, string | undefined, string | undefined]>([
    [undefined, undefined, undefined, undefined, undefined],
    [null, undefined, undefined, undefined, undefined],
    [null, 'JSON', 'text/x', undefined, 'text/x'],
    [{ a: 1 }, undefined, undefined, '{"a":1}', 'application/json'],
    [[1, null], undefined, undefined, '[1,null]', 'application/json'],
    [0, undefined, undefined, '0', 'application/json'],
    [false, undefined, undefined, 'false', 'application/json'],
    [{ a: 1 }, undefined, 'application/vnd.acme+json', '{"a":1}', 'application/vnd.acme+json'],
    [
      { a: JSON.rawJSON('9007199254740993'), b: JSON.rawJSON('1e400') },
      undefined,
      undefined,
      '{"a":9007199254740993,"b":1e400}',
      'application/json',
    ],
    ['text', 'JSON', undefined, '"text"', 'application/json'],
    [
      '{"id": 9007199254740993, "a":1.0}',
      undefined,
      undefined,
      '{"id": 9007199254740993, "a":1.0}',
      'application/json',
    ],
    ['{"id": 1', undefined, undefined, '{"id": 1', plainText],
    ['42', undefined, undefined, '42', plainText],
    ['', undefined, undefined, '', plainText],
    ['a=1&b', undefined, form, 'a=1&b', form],
    ['<a/>', undefined, 'text/xml', '<a/>', 'text/xml'],
    ['{"a":1}', 'TEXT', undefined, '{"a":1}', plainText],
    ['ü', 'TEXT', undefined, 'ü', plainText],
    ['<a>ü</a>', 'XML', undefined, '<a>ü</a>', 'application/xml'],
    ['<a/>', 'XML', 'application/soap+xml', '<a/>', 'application/soap+xml'],
    [
      { a: '1 2', b: ['x', 'y'], c: null, d: { e: 'ü&=' } },
      'FORM',
      undefined,
      'a=1+2&b=x&b=y&d%5Be%5D=%C3%BC%26%3D',
      form,
    ],
    [{ a: 1 }, undefined, form, 'a=1', form],
    [{}, 'FORM', undefined, '', form],
    ['aGVsbG8=', 'BASE64', undefined, 'hello', 'application/octet-stream'],
    ['aGVsbG8', 'BASE64', 'image/png', 'hello', 'image/png'],
    ['aGk_', 'BASE64', undefined, 'hi?', 'application/octet-stream'],
    ['', 'BASE64', undefined, '', 'application/octet-stream'],
    [
      JSON.parse('{"__proto__":{"x":1},"constructor":1}'),
      undefined,
      undefined,
      '{"__proto__":{"x":1},"constructor":1}',
      'application/json',
    ],
    [JSON.parse('{"__proto__":{"x":1}}'), 'FORM', undefined, '__proto__%5Bx%5D=1', form],
  ])('%j as %s with %s', async (body, format, given, text, type) => {
    expect(await planned(body, format, given)).toEqual({ text, type })
    expect('x' in {}).toBe(false)
  })

  const file = 'text, a number, a boolean, an upload, or a file {filename, contentType, text | base64 | url}'
  test.each<[unknown, BodyFormat, string]>([
    [{}, 'TEXT', 'body takes text with the format TEXT; got an object.'],
    [1, 'TEXT', 'body takes text with the format TEXT; got a number.'],
    [[], 'XML', 'body takes text with the format XML; got an array.'],
    ['a=1', 'FORM', 'body takes an object; got text.'],
    [[1], 'FORM', 'body takes an object; got an array.'],
    [{ a: '\ud800' }, 'FORM', 'body.a has half of a surrogate pair; it takes well-formed text.'],
    ['a*', 'BASE64', 'body takes base64 text; got text that is not base64.'],
    ['aGVsb', 'BASE64', 'body takes base64 text; got text that is not base64.'],
    ['aGVs bG8=', 'BASE64', 'body takes base64 text; got text that is not base64.'],
    [{}, 'BASE64', 'body takes base64 text; got an object.'],
    ['x', 'MULTIPART', 'body takes an object of fields and files; got text.'],
    [{ a: {} }, 'MULTIPART', `body.a takes ${file}; got an object.`],
    [{ a: [[1]] }, 'MULTIPART', `body.a.0 takes ${file}; got an array.`],
    [{ a: { filename: 'f' } }, 'MULTIPART', 'body.a takes one of text, base64 and url for its content.'],
    [
      { a: { filename: 'f', text: '', base64: '' } },
      'MULTIPART',
      'body.a takes one of text, base64 and url for its content.',
    ],
    [
      { a: { filename: 'f', base64: '*' } },
      'MULTIPART',
      'body.a.base64 takes base64 text; got text that is not base64.',
    ],
    [
      { a: { filename: 'f', text: '', contentType: 'a\r\nb: c' } },
      'MULTIPART',
      'body.a.contentType takes a media type such as image/png.',
    ],
    [
      { a: { filename: 'f', text: '', contentType: 1 } },
      'MULTIPART',
      'body.a.contentType takes a media type such as image/png.',
    ],
    ['\ud800', 'TEXT', 'body has half of a surrogate pair; it takes well-formed text.'],
  ])('%j as %s is refused', async (body, bodyFormat, message) => {
    expect(await refusalOf(core.plan({ body, options: { bodyFormat } }))).toMatchObject({
      code: 'INVALID_INPUT',
      message,
    })
  })

  test('nested without end is refused, not a mistake of ours', async () => {
    const body = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)
    for (const bodyFormat of ['JSON', 'FORM', 'MULTIPART'] as const) {
      const planned = core.plan({ body: { a: body }, options: { bodyFormat } })
      expect(
        await planned.then(
          plan => (plan.body as Buffer | null)?.length,
          () => refusalOf(planned).then(({ code }) => code),
        ),
      ).toSatisfy(found => found === 400_006 || found === 'INVALID_INPUT')
    }
  })

  test.each<BodyFormat>(['JSON', 'FORM', 'TEXT', 'XML', 'BASE64', 'MULTIPART'])(
    'is bounded as %s',
    async bodyFormat => {
      const big = 'A'.repeat(36 * 1024 * 1024)
      const body = ['TEXT', 'XML', 'BASE64'].includes(bodyFormat) ? big : { a: big }
      const refusal = await refusalOf(core.plan({ body, options: { bodyFormat } }))
      expect(refusal).toMatchObject({ code: 'REQUEST_TOO_LARGE', fields: ['body'] })
      expect(refusal.message).toMatch(/^The body has \d+ bytes; at most 26214400 are sent\.$/)
    },
  )
})

test('multipart arrives as fields and files', async () => {
  await using upstream = await createUpstream()
  await using live = createCore({ url: upstream.url })
  const bytes = Buffer.from([0, 255, 13, 10, 45, 45])
  await live.send({
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=mine' },
    body: {
      title: 'ü',
      count: JSON.rawJSON('9007199254740993'),
      tags: ['a', 'b'],
      nothing: null,
      note: { filename: 'ü"\r\nx: y.txt', text: 'hello', contentType: 'text/plain' },
      files: [{ filename: 'a.bin', base64: bytes.toString('base64') }],
      'na"me\r\nx: y': '1',
    },
  })
  const [seen] = upstream.seen
  const type = seen?.headers['content-type'] ?? ''
  expect(type).toMatch(/^multipart\/form-data; boundary=(?!mine)/)
  expect(seen?.text).not.toMatch(/^x: y/m)
  const parsed = await new Response(new Uint8Array(seen?.body ?? Buffer.alloc(0)), {
    headers: { 'content-type': type },
  }).formData()
  expect([parsed.get('title'), parsed.get('count'), parsed.getAll('tags'), parsed.has('nothing')]).toEqual([
    'ü',
    '9007199254740993',
    ['a', 'b'],
    false,
  ])
  const note = parsed.get('note') as File
  expect([note.type, await note.text()]).toEqual(['text/plain', 'hello'])
  const file = parsed.get('files') as File
  expect([file.name, file.type, Buffer.from(await file.arrayBuffer())]).toEqual([
    'a.bin',
    'application/octet-stream',
    bytes,
  ])
})

describe('a body the credential goes into', () => {
  const injected = { headers: [], query: [], body: ['api_key'] }
  const mine = "body.api_key is set by the connection's credential; leave it out."
  const noPlace = 'The credential of this integration goes into the body; body takes a JSON object or a form.'
  test.each<[unknown, BodyFormat | undefined, string | undefined, string]>([
    [{ api_key: 1 }, undefined, undefined, mine],
    [{ API_Key: null }, undefined, undefined, mine],
    ['{"api_key":1}', undefined, undefined, mine],
    ['{"a":1,"api_k\\u0065y":1}', undefined, undefined, mine],
    [Buffer.from('{"api_key":1}').toString('base64'), 'BASE64', 'application/json', mine],
    [{ api_key: 1 }, 'FORM', undefined, mine],
    [{ 'api_key[]': 1 }, 'FORM', undefined, mine],
    ['a=1&api%5Fkey=1', undefined, form, mine],
    [Buffer.from('api_key=1').toString('base64'), 'BASE64', form, mine],
    ['api_key=1', 'TEXT', form, mine],
    [[1], undefined, undefined, noPlace],
    ['"x"', undefined, 'application/json', noPlace],
    ['{"a":', undefined, 'application/json', noPlace],
    ['', undefined, 'application/json', noPlace],
    ['<a/>', 'XML', undefined, noPlace],
    ['x', undefined, undefined, noPlace],
    [{ a: 1 }, 'MULTIPART', undefined, noPlace],
  ])('%j as %s with %s is refused', async (body, bodyFormat, type, message) => {
    const headers = type === undefined ? {} : { 'content-type': type }
    const options = bodyFormat === undefined ? {} : { bodyFormat }
    expect(await refusalOf(core.plan({ body, headers, options }, { injected }))).toMatchObject({
      code: 'INVALID_INPUT',
      message,
    })
  })

  test.each<[unknown, BodyFormat | undefined, string, string]>([
    [{ a: 1 }, undefined, '{"a":1,"api_key":"s\\"3&"}', 'application/json'],
    [{}, undefined, '{"api_key":"s\\"3&"}', 'application/json'],
    [undefined, undefined, '{"api_key":"s\\"3&"}', 'application/json'],
    [
      '\n{ "id": 9007199254740993, "z":1.0 }',
      undefined,
      '\n{ "id": 9007199254740993, "z":1.0 ,"api_key":"s\\"3&"}',
      'application/json',
    ],
    ['{ }', undefined, '{ "api_key":"s\\"3&"}', 'application/json'],
    [{ a: 1 }, 'FORM', 'a=1&api_key=s%223%26', form],
    [{}, 'FORM', 'api_key=s%223%26', form],
  ])('%j as %s arrives as %s', async (body, bodyFormat, text, type) => {
    await using upstream = await createUpstream()
    await using live = createCore({ url: upstream.url })
    const inject = () => ({ headers: {}, query: {}, body: { api_key: 's"3&' } })
    const { outcome } = await live.send(
      { method: 'POST', body, options: bodyFormat === undefined ? {} : { bodyFormat } },
      { inject },
      { injected },
    )
    expect(upstream.seen.map(seen => [seen.text, seen.headers['content-type']])).toEqual([[text, type]])
    expect(outcome.bytesSent).toBe(Buffer.byteLength(text))
  })
})
