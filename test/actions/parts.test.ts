/** Each part of a multipart form says what it is: as the document says, or as its value is. */
import { describe, expect, test } from 'vitest'
import { withBody } from './document.ts'

const text = { type: 'string' }
const object = { type: 'object', properties: { x: { type: 'integer' } } }
const file = { type: 'string', format: 'binary' }

function parts(properties: object, input: object, encoding?: object): unknown {
  const more = encoding === undefined ? {} : { encoding }
  const action = withBody('multipart/form-data', { type: 'object', properties }, more)
  expect(action.check(input)).toEqual([])
  return action.build(input).body
}

describe('without a word of the document', () => {
  test('objects are JSON, and so is each object of a list', () => {
    const list = { type: 'array', items: object }
    expect(parts({ one: object, list }, { one: { x: 1 }, list: [{ x: 1 }, { x: 2 }] })).toEqual({
      one: { contentType: 'application/json', text: '{"x":1}' },
      list: [
        { contentType: 'application/json', text: '{"x":1}' },
        { contentType: 'application/json', text: '{"x":2}' },
      ],
    })
  })

  test('texts, numbers and lists of them are plain fields, and files are bytes', () => {
    const properties = { t: text, n: { type: 'integer' }, list: { type: 'array', items: text }, file }
    expect(parts(properties, { t: 'a', n: 1, list: ['a', 'b'], file: 'AAEC' })).toEqual({
      t: 'a',
      n: 1,
      list: ['a', 'b'],
      file: { filename: 'file', base64: 'AAEC' },
    })
  })

  test('what 3.1 calls an image is a file', () => {
    const image = { contentMediaType: 'image/png' }
    expect(parts({ image }, { image: 'AAEC' })).toEqual({ image: { filename: 'image', base64: 'AAEC' } })
  })
})

describe('a type of the document', () => {
  test('is that of the part', () => {
    const encoding = { note: { contentType: 'text/markdown' }, meta: { contentType: 'application/vnd.x+json' } }
    expect(parts({ note: text, meta: object }, { note: '# a', meta: { x: 1 } }, encoding)).toEqual({
      note: { contentType: 'text/markdown', text: '# a' },
      meta: { contentType: 'application/vnd.x+json', text: '{"x":1}' },
    })
  })

  test('is that of a file which does not say its own', () => {
    const encoding = { file: { contentType: 'application/pdf' } }
    const named = { filename: 'a.txt', contentType: 'text/plain', text: 'x' }
    const input = { file: 'AAEC', named: { filename: 'b.pdf', base64: 'AAEC' } }
    expect(parts({ file, named: file }, input, { ...encoding, named: encoding.file })).toEqual({
      file: { filename: 'file', base64: 'AAEC', contentType: 'application/pdf' },
      named: { filename: 'b.pdf', base64: 'AAEC', contentType: 'application/pdf' },
    })
    expect(parts({ file }, { file: named }, encoding)).toEqual({ file: named })
  })

  test.each(['image/png, image/jpeg', 'image/*', 'a\r\nb: c', '', 7])(
    '%j says nothing that can be sent',
    contentType => {
      expect(
        parts({ a: object, f: file }, { a: { x: 1 }, f: 'AAEC' }, { a: { contentType: '*/*' }, f: { contentType } }),
      ).toEqual({
        a: { contentType: 'application/json', text: '{"x":1}' },
        f: { filename: 'f', base64: 'AAEC' },
      })
    },
  )

  test('makes a list in an url-encoded form JSON', () => {
    const schema = { type: 'object', properties: { list: { type: 'array', items: text } } }
    const encoding = { list: { contentType: 'application/json' } }
    const { build } = withBody('application/x-www-form-urlencoded', schema, { encoding })
    expect(build({ list: ['a', 'b'] }).body).toBe('list=%5B%22a%22%2C%22b%22%5D')
  })
})
