/** Bodies are written as their content type and encoding say: JSON, forms, files, texts and bytes. */
import { describe, expect, test } from 'vitest'
import { operation, withBody } from './document.ts'

const form = 'application/x-www-form-urlencoded'

describe('JSON', () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, size: { type: 'integer' }, tags: { type: 'array', items: {} } },
    required: ['name'],
  }

  test('has the properties of its object as fields of the input, and what the schema leaves open', () => {
    const { build, definition } = withBody('application/json', schema)
    expect(Object.keys(Object(definition.input.properties))).toEqual(['name', 'size', 'tags'])
    const request = build({ name: 'a', tags: [1, null], extra: { deep: true } })
    expect(request).toMatchObject({
      method: 'POST',
      path: '/things',
      headers: { 'content-type': 'application/json' },
      options: { bodyFormat: 'JSON' },
    })
    expect(JSON.stringify(request.body)).toBe('{"name":"a","tags":[1,null],"extra":{"deep":true}}')
  })

  test('keeps the digits of numbers and a type of its own', () => {
    const request = withBody('application/vnd.acme+json', schema).build({
      name: 'a',
      size: JSON.rawJSON('9007199254740993'),
    })
    expect(JSON.stringify(request.body)).toBe('{"name":"a","size":9007199254740993}')
    expect(request.headers).toEqual({ 'content-type': 'application/vnd.acme+json' })
  })

  test.each([
    ['a list', { type: 'array', items: { type: 'integer' } }, [1, 2]],
    ['a text', { type: 'string' }, 'plain'],
    ['alternatives', { oneOf: [{ type: 'object', properties: { a: {} } }, { type: 'string' }] }, { a: 1 }],
    ['a map', { type: 'object', additionalProperties: { type: 'string' } }, { any: 'x' }],
  ])('%s is the field body', (_what, bodySchema, value) => {
    const action = withBody('application/json', bodySchema)
    expect(Object.keys(Object(action.definition.input.properties))).toEqual(['body'])
    expect(action.check({ body: value })).toEqual([])
    expect(action.build({ body: value }).body).toEqual(value)
  })

  test('a property with the name of a parameter makes the body one field', () => {
    const parameters = [{ name: 'name', in: 'query', schema: { type: 'string' } }]
    const { build } = withBody('application/json', schema, { parameters })
    const request = build({ name: 'in the query', body: { name: 'in the body' } })
    expect([request.path, request.body]).toEqual(['/things?name=in%20the%20query', { name: 'in the body' }])
  })

  test('is not sent when it may be left out and nothing of it is given; when it is needed it may be empty', () => {
    const open = { type: 'object', properties: { a: { type: 'string' } } }
    const optional = operation({ requestBody: { content: { 'application/json': { schema: open } } } })
    expect(optional.build({})).toMatchObject({ headers: {}, body: undefined })
    expect(withBody('application/json', open).build({}).body).toEqual({})
  })

  test('one that may be left out is whole or not there', () => {
    const optional = operation({ requestBody: { content: { 'application/json': { schema } } } })
    expect(optional.check({})).toEqual([])
    expect(optional.check({ size: 1 })).toEqual([
      { field: 'input.name', message: 'input.name is missing; input.size needs it.' },
    ])
  })

  test('names of prototypes are names like others, and __proto__ is none of the schema', () => {
    const { check, build, definition } = withBody(
      'application/json',
      JSON.parse(
        '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}},"required":["constructor","__proto__"]}',
      ),
    )
    expect(definition.input.required).toEqual(['constructor'])
    expect(check({})).toEqual([
      { field: 'input.constructor', message: 'input.constructor is missing; the action needs it.' },
    ])
    const input = JSON.parse('{"constructor":"c","__proto__":{"polluted":true}}')
    expect(JSON.stringify(build(input).body)).toBe('{"constructor":"c","__proto__":{"polluted":true}}')
    expect('polluted' in {}).toBe(false)
    const inside = JSON.parse(
      '{"type":"array","items":{"type":"object","properties":{"__proto__":{},"a":{}},"required":["__proto__"]}}',
    )
    const { items } = Object(withBody('application/json', inside).definition.input.properties).body
    expect([Object.keys(items.properties), items.required]).toEqual([['a'], undefined])
  })
})

describe('a form', () => {
  const properties = {
    name: { type: 'string' },
    list: { type: 'array', items: { type: 'string' } },
    map: { type: 'object', additionalProperties: true },
  }
  const input = { name: 'Ada & Co', list: ['a', 'b c'], map: { x: 1, y: { z: true } } }

  test('repeats lists and writes objects as JSON unless told', () => {
    const request = withBody(form, { type: 'object', properties }).build(input)
    expect(request).toMatchObject({
      headers: { 'content-type': form },
      body: 'name=Ada+%26+Co&list=a&list=b+c&map=%7B%22x%22%3A1%2C%22y%22%3A%7B%22z%22%3Atrue%7D%7D',
    })
  })

  test('writes deep objects as Stripe wants them, with the encoding of its document', () => {
    const encoding = { map: { style: 'deepObject', explode: true }, list: { style: 'deepObject', explode: true } }
    const request = withBody(form, { type: 'object', properties }, { encoding }).build(input)
    expect(decodeURIComponent(String(request.body))).toBe('name=Ada+&+Co&list[0]=a&list[1]=b+c&map[x]=1&map[y][z]=true')
  })

  test('writes lists with the separators of its encoding', () => {
    const encoding = { list: { style: 'pipeDelimited' } }
    const { build } = withBody(form, { type: 'object', properties }, { encoding })
    expect(build({ list: ['a', 'b c'] }).body).toBe('list=a%7Cb+c')
    const commas = withBody(form, { type: 'object', properties }, { encoding: { list: { explode: false } } })
    expect(commas.build({ list: ['a', 'b,c'] }).body).toBe('list=a,b%2Cc')
  })
})

describe('multipart', () => {
  const schema = {
    type: 'object',
    properties: {
      title: { type: 'string' },
      meta: { type: 'object' },
      file: { type: 'string', format: 'binary' },
      more: { type: 'array', items: { type: 'string', format: 'binary' } },
    },
  }

  test('takes a file as base64, as an object with a name, or as an upload; other objects are JSON that says so', () => {
    const { build, check } = withBody('multipart/form-data', schema)
    const upload = new File(['x'], 'up.txt')
    const input = {
      title: 't',
      meta: { a: 1 },
      file: { filename: 'a.png', contentType: 'image/png', base64: 'AAAA' },
      more: ['BBBB', upload],
    }
    expect(check(input)).toEqual([])
    expect(build(input)).toMatchObject({
      headers: {},
      options: { bodyFormat: 'MULTIPART' },
      body: {
        title: 't',
        meta: { contentType: 'application/json', text: '{"a":1}' },
        file: input.file,
        more: [{ filename: 'more', base64: 'BBBB' }, upload],
      },
    })
  })

  test('refuses what is no file', () => {
    expect(
      withBody('multipart/form-data', schema)
        .check({ file: 7 })
        .map(({ field }) => field),
    ).toContain('input.file')
  })
})

describe('texts and bytes', () => {
  test('XML is a text as it is', () => {
    const { build, definition } = withBody('application/xml', { type: 'object', properties: { a: {} } })
    expect(definition.input.properties).toEqual({
      body: {
        type: 'string',
        contentMediaType: 'application/xml',
        description: 'Text of the type application/xml, as it is sent.',
      },
    })
    expect(build({ body: '<a/>' })).toMatchObject({
      headers: { 'content-type': 'application/xml' },
      body: '<a/>',
      options: { bodyFormat: 'TEXT' },
    })
  })

  test('bytes are base64', () => {
    const { build, check } = withBody('application/octet-stream', { type: 'string', format: 'binary' })
    expect(build({ body: 'AAEC' })).toMatchObject({ body: 'AAEC', options: { bodyFormat: 'BASE64' } })
    expect(check({})).toEqual([{ field: 'input.body', message: 'input.body is missing; the action needs it.' }])
  })

  test('of several types JSON comes before forms, and forms before all others', () => {
    const content = { 'text/plain': {}, [form]: { schema: { type: 'object', properties: { a: {} } } } }
    expect(operation({ requestBody: { content } }).definition.body?.contentType).toBe(form)
    const withJson = { ...content, 'application/json': { schema: { type: 'object', properties: { a: {} } } } }
    expect(operation({ requestBody: { content: withJson } }).definition.body?.contentType).toBe('application/json')
  })
})
