/** A body is sent as one type, also where the document has a range of types: one that its schema looks like. */
import { describe, expect, test } from 'vitest'
import { acme, importInto, operation, withBody } from './document.ts'

const thing = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }
const file = { type: 'string', format: 'binary' }

describe('a range', () => {
  test.each(['*/*', 'application/*', '*/*; charset=utf-8'])('%s of an object is JSON of its fields', range => {
    const { check, build } = withBody(range, thing)
    expect(check({})).toEqual([{ field: 'input.a', message: 'input.a is missing; the action needs it.' }])
    expect(check({ a: 'x' })).toHaveLength(1)
    expect(build({ a: 1 })).toMatchObject({
      headers: { 'content-type': 'application/json' },
      body: { a: 1 },
      options: { bodyFormat: 'JSON' },
    })
  })

  test('of a referred object is, too', () => {
    const content = { 'application/*': { schema: { $ref: '#/components/schemas/Thing' } } }
    const { build } = operation({ requestBody: { content } }, { components: { schemas: { Thing: thing } } })
    expect(build({ a: 1 })).toMatchObject({ body: { a: 1 }, options: { bodyFormat: 'JSON' } })
  })

  test.each<[string, object, string, string]>([
    ['text/*', { type: 'string' }, 'text/plain', 'TEXT'],
    ['image/*', file, 'application/octet-stream', 'BASE64'],
    ['application/*', file, 'application/octet-stream', 'BASE64'],
    ['application/*', {}, 'application/octet-stream', 'BASE64'],
    ['*/*', file, 'application/octet-stream', 'BASE64'],
  ])('%s of %j is %s', (range, schema, contentType, bodyFormat) => {
    expect(withBody(range, schema).build({ body: 'AAEC' })).toMatchObject({
      headers: { 'content-type': contentType },
      body: 'AAEC',
      options: { bodyFormat },
    })
  })

  test('of texts or bytes lets the input say which it is', () => {
    const { build, check, definition } = withBody('image/*', file)
    expect(build({ body: 'AAEC', contentType: 'image/png' })).toMatchObject({
      headers: { 'content-type': 'image/png' },
      options: { bodyFormat: 'BASE64' },
    })
    expect(definition.input.properties).toMatchObject({
      body: { description: 'Bytes of the type image/*, in base64.' },
      contentType: { description: 'The type of the body: image/*. application/octet-stream when absent.' },
    })
    for (const contentType of ['text/html', 'image/', 'image/png\r\nx: y', 'ximage/png'])
      expect(check({ body: 'AAEC', contentType }).map(({ field }) => field)).toEqual(['input.contentType'])
    const any = withBody('*/*', file)
    expect(any.build({ body: 'AAEC', contentType: 'text/csv' }).headers).toEqual({ 'content-type': 'text/csv' })
  })

  test('has no type without a body', () => {
    const { check } = operation({ requestBody: { content: { 'image/*': { schema: file } } } })
    expect(check({})).toEqual([])
    expect(check({ contentType: 'image/png' })).toEqual([
      { field: 'input.body', message: 'input.body is missing; input.contentType needs it.' },
    ])
  })

  test('comes after the type itself', () => {
    const content = { '*/*': { schema: file }, 'application/json': { schema: thing } }
    expect(operation({ requestBody: { content } }).build({ a: 1 }).body).toEqual({ a: 1 })
  })
})

test('a type that no header can hold keeps an operation out, unless there is another', () => {
  const wrong = 'text/x\r\nx-evil: 1'
  const paths = { '/a': { post: { requestBody: { content: { [wrong]: {} } } } } }
  expect(importInto(acme(), { openapi: '3.1.0', info: {}, paths }).skipped[0]?.reason).toBe(
    'its body has no content type that a header can hold',
  )
  const content = { [wrong]: {}, 'text/plain': {} }
  expect(operation({ requestBody: { content } }).definition.body?.contentType).toBe('text/plain')
})
