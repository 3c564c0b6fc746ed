/** Schemas of OpenAPI 2.0, 3.0 and 3.1 become JSON Schema 2020-12, complete in themselves and of a bounded size. */
import { describe, expect, test } from 'vitest'
import { refusal } from '../auth/refusal.ts'
import { acme, importInto, only, operation, withBody } from './document.ts'

/** What an older document's schema of a query parameter becomes. */
function converted(schema: object, openapi = '3.0.3', components: object = {}) {
  const parameters = [{ name: 'a', in: 'query', schema }]
  const document = { openapi, info: {}, components, paths: { '/x': { get: { parameters } } } }
  return Object(only(importInto(acme(), document)).definition.input.properties).a
}

describe('3.0', () => {
  test.each<[string, object, object | boolean]>([
    ['nullable', { type: 'string', nullable: true }, { type: ['string', 'null'] }],
    [
      'nullable with values',
      { type: 'string', nullable: true, enum: ['a'] },
      { type: ['string', 'null'], enum: ['a', null] },
    ],
    [
      'exclusiveMinimum',
      { type: 'integer', minimum: 1, exclusiveMinimum: true },
      { type: 'integer', exclusiveMinimum: 1 },
    ],
    [
      'exclusiveMaximum false',
      { type: 'integer', maximum: 1, exclusiveMaximum: false },
      { type: 'integer', maximum: 1 },
    ],
    ['example', { type: 'string', example: 'x' }, { type: 'string', examples: ['x'] }],
    ['what is no JSON Schema', { type: 'string', xml: {}, externalDocs: {}, 'x-own': 1 }, { type: 'string' }],
    [
      'values that YAML read as numbers',
      { type: 'string', enum: [1, 2.5, true] },
      { type: 'string', enum: ['1', '2.5', 'true'] },
    ],
    ['numbers in quotes', { type: 'integer', minimum: '1', enum: ['1'] }, { type: 'integer', minimum: 1, enum: [1] }],
    ['types there are not', { type: 'any' }, {}],
    ['required of the third draft', { type: 'string', required: true }, { type: 'string' }],
    ['what has the wrong form', { properties: 7, items: 'x', enum: {}, pattern: 7, minLength: -1, allOf: [] }, {}],
    [
      'lists of schemas as items',
      { type: 'array', items: [{ type: 'string' }] },
      { type: 'array', prefixItems: [{ type: 'string' }] },
    ],
  ])('%s', (_what, schema, expected) => {
    expect(converted(schema)).toEqual(expected)
  })

  test('a reference that may be null', () => {
    const components = {
      schemas: { Big: { type: 'object', properties: { self: { $ref: '#/components/schemas/Big' } } } },
    }
    const schema = { nullable: true, allOf: [{ $ref: '#/components/schemas/Big' }] }
    expect(converted(schema, '3.0.0', components)).toEqual({
      anyOf: [{ allOf: [{ $ref: '#/$defs/Big' }] }, { type: 'null' }],
    })
  })

  test('what only answers have is no input', () => {
    const Id = { type: 'string', readOnly: true }
    const schema = {
      type: 'object',
      properties: {
        id: { $ref: '#/components/schemas/Id' },
        at: { type: 'string', readOnly: true },
        name: { type: 'string' },
      },
      required: ['id', 'at', 'name'],
    }
    const content = { 'application/json': { schema } }
    const { definition } = operation(
      { requestBody: { required: true, content } },
      { openapi: '3.0.3', components: { schemas: { Id } } },
    )
    expect(definition.input).toMatchObject({ properties: { name: { type: 'string' } }, required: ['name'] })
    expect(Object.keys(Object(definition.input.properties))).toEqual(['name'])
  })
})

test('3.1 keeps what it says, references with words beside them too', () => {
  const components = { schemas: { Small: { type: 'string', description: 'theirs' } } }
  expect(converted({ $ref: '#/components/schemas/Small', description: 'ours' }, '3.1.0', components)).toEqual({
    type: 'string',
    description: 'ours',
  })
  const schema = {
    type: ['integer', 'null'],
    exclusiveMinimum: 0,
    const: 1,
    contentEncoding: 'base64',
    $id: 'https://x.example',
  }
  expect(converted(schema, '3.1.0')).toEqual({
    type: ['integer', 'null'],
    exclusiveMinimum: 0,
    const: 1,
    contentEncoding: 'base64',
  })
})

describe('2.0', () => {
  const document = (part: object) => ({
    swagger: '2.0',
    info: { title: 'Old', version: 1 },
    host: 'api.acme.example',
    basePath: '/v1',
    consumes: ['application/json'],
    paths: { '/x/{ids}': { post: { operationId: 'old', ...part } } },
    parameters: { Page: { name: 'page', in: 'query', type: 'integer', minimum: 1 } },
    definitions: {
      Node: {
        type: 'object',
        properties: { next: { $ref: '#/definitions/Node' }, value: { type: 'string', 'x-nullable': true } },
      },
    },
  })
  const old = (part: object) => only(importInto(acme(), document(part)))

  test('parameters have types and collections of their own', () => {
    const items = { type: 'string' }
    const action = old({
      parameters: [
        { name: 'ids', in: 'path', required: true, type: 'array', items, collectionFormat: 'csv' },
        { name: 'pipes', in: 'query', type: 'array', items, collectionFormat: 'pipes' },
        { name: 'multi', in: 'query', type: 'array', items, collectionFormat: 'multi' },
        { name: 'tabs', in: 'query', type: 'array', items, collectionFormat: 'tsv' },
        { name: 'plain', in: 'query', type: 'array', items },
        { $ref: '#/parameters/Page' },
      ],
    })
    const list = ['a', 'b']
    const input = { ids: list, pipes: list, multi: list, tabs: list, plain: list, page: 2 }
    expect(action.check(input)).toEqual([])
    expect(action.build(input)).toMatchObject({
      path: '/v1/x/{p0},{p1}?pipes=a%7Cb&multi=a&multi=b&tabs=a%09b&plain=a,b&page=2',
      options: { pathParams: { p0: 'a', p1: 'b' } },
    })
    expect(action.check({ ids: list, page: 0 }).map(({ field }) => field)).toEqual(['input.page'])
  })

  test('a body is JSON, a recursive schema stays one', () => {
    const action = old({
      parameters: [{ name: 'node', in: 'body', required: true, schema: { $ref: '#/definitions/Node' } }],
    })
    expect(Object.keys(Object(action.definition.input.properties))).toEqual(['ids', 'next', 'value'])
    const nested = { ids: '1', next: { next: { value: null } } }
    expect(action.check(nested)).toEqual([])
    expect(action.check({ ids: '1', next: { next: { value: 7 } } }).map(({ field }) => field)).toEqual([
      'input.next.next.value',
    ])
    expect(action.build(nested).body).toEqual({ next: { next: { value: null } } })
  })

  test('form fields are a form, and with a file they are parts', () => {
    const field = { name: 'name', in: 'formData', type: 'string', required: true }
    const list = { name: 'list', in: 'formData', type: 'array', items: { type: 'string' }, collectionFormat: 'csv' }
    expect(old({ parameters: [field, list] }).build({ ids: '1', name: 'a b', list: ['x', 'y'] }).body).toBe(
      'name=a+b&list=x,y',
    )
    const file = { name: 'file', in: 'formData', type: 'file' }
    expect(old({ parameters: [field, file] }).build({ ids: '1', name: 'a', file: 'AAAA' }).body).toEqual({
      name: 'a',
      file: { filename: 'file', base64: 'AAAA' },
    })
  })
})

describe('references', () => {
  test('to other documents and to nothing are told and never followed', () => {
    const schema = {
      type: 'object',
      properties: {
        far: { $ref: 'https://evil.example/schema.json' },
        near: { $ref: './other.yaml#/X' },
        none: { $ref: '#/components/none' },
      },
    }
    const { definition, warnings } = withBody('application/json', schema)
    expect(definition.input.properties).toEqual({ far: {}, near: {}, none: {} })
    expect(warnings).toEqual([
      'The reference "https://evil.example/schema.json" leads outside the document and is not followed; anything is taken there.',
      'The reference "./other.yaml#/X" leads outside the document and is not followed; anything is taken there.',
      'The reference "#/components/none" leads nowhere; anything is taken there.',
    ])
  })

  test('that go round without end are no schema', () => {
    const components = { schemas: { A: { $ref: '#/components/schemas/B' }, B: { $ref: '#/components/schemas/A' } } }
    const schema = { type: 'object', properties: { a: { $ref: '#/components/schemas/A' } } }
    const content = { 'application/json': { schema } }
    const { definition, warnings } = operation({ requestBody: { required: true, content } }, { components })
    expect(definition.input.properties).toEqual({ a: {} })
    expect(warnings).toEqual(['The reference "#/components/schemas/A" leads nowhere; anything is taken there.'])
  })

  test('that go round beside other words keep an operation out where they are needed, and an input where they are not', () => {
    const components = { schemas: { A: { type: 'object', allOf: [{ $ref: '#/components/schemas/A' }] } } }
    const make = (required: string[]) => {
      const schema = { type: 'object', properties: { a: { $ref: '#/components/schemas/A' } }, required }
      const requestBody = { required: true, content: { 'application/json': { schema } } }
      const paths = { '/things': { post: { requestBody } } }
      return importInto(acme(), { openapi: '3.1.0', info: {}, components, paths })
    }
    expect(make(['a']).skipped[0]?.reason).toBe('its schemas go round without end')
    expect(refusal(() => only(make([])).check({ a: {} }))).toMatchObject({ code: 'BUDGET_EXCEEDED' })
  })

  test('to more than an action may hold leave the rest open, the nearest first', () => {
    const chain = Array.from({ length: 300 }, (_, index) => [
      `S${index}`,
      {
        type: 'object',
        properties: {
          next: { $ref: `#/components/schemas/S${index + 1}` },
          text: { type: 'string', description: 'x'.repeat(900) },
        },
      },
    ])
    const components = { schemas: Object.fromEntries(chain) }
    const schema = { type: 'object', properties: { first: { $ref: '#/components/schemas/S0' } } }
    const content = { 'application/json': { schema } }
    const { definition, warnings, check } = operation({ requestBody: { required: true, content } }, { components })
    expect(JSON.stringify(definition.input).length).toBeLessThan(100 * 1024)
    expect(Object.keys(Object(definition.input.$defs))[0]).toBe('S0')
    expect(warnings).toContain(
      'Some operations refer to more schemas than are kept; anything is taken where those are left out.',
    )
    let deep: object = { text: 7 }
    expect(check({ first: { next: deep } })).toHaveLength(1)
    for (let depth = 0; depth < 50; depth += 1) deep = { next: deep }
    expect(check({ first: deep })).toHaveLength(1)
  })

  test('only what is used is kept', () => {
    const components = {
      schemas: {
        Used: { type: 'object', properties: { u: { $ref: '#/components/schemas/Used' } } },
        Other: { type: 'object' },
      },
    }
    const body = { type: 'object', properties: { used: { $ref: '#/components/schemas/Used' } } }
    const content = { 'application/json': { schema: body } }
    const { definition } = operation({ requestBody: { required: true, content } }, { components })
    expect(Object.keys(Object(definition.input.$defs))).toEqual(['Used'])
  })
})

test('a pattern that RE2 does not have is not checked, and told', () => {
  const properties = { ahead: { type: 'string', pattern: '^(?=a)a' }, fine: { type: 'string', pattern: '^\\u0061+$' } }
  const { check, warnings } = withBody('application/json', { type: 'object', properties })
  expect(check({ ahead: 'b', fine: 'b' }).map(({ field }) => field)).toEqual(['input.fine'])
  expect(warnings).toEqual([expect.stringContaining('The pattern "^(?=a)a" is not checked')])
})

test('an enum that is too long to be kept is not checked at all, and told', () => {
  const values = (count: number) => Array.from({ length: count }, (_, index) => `v${index}`)
  const make = (count: number) =>
    withBody('application/json', { type: 'object', properties: { e: { type: 'string', enum: values(count) } } })
  const whole = make(2000)
  expect([whole.check({ e: 'v1999' }), whole.check({ e: 'v2000' }).length, whole.warnings]).toEqual([[], 1, []])
  const long = make(2001)
  expect([long.check({ e: 'v2000' }), long.check({ e: 'nope' }), long.check({ e: 7 }).length]).toEqual([[], [], 1])
  expect(long.warnings).toEqual(['The enum of 2001 values from "v0" is longer than 2000: it is not checked.'])
})

test('allOf of plain objects is one object, also where each closes itself', () => {
  const schema = {
    allOf: [
      { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false },
      { type: 'object', properties: { b: { type: 'integer' } }, additionalProperties: false },
    ],
  }
  const { check, build } = withBody('application/json', schema)
  expect(check({ a: 'x', b: 1 })).toEqual([])
  expect(check({ a: 'x', c: 1 }).map(({ field }) => field)).toEqual(['input.c'])
  expect(build({ a: 'x', b: 1 }).body).toEqual({ a: 'x', b: 1 })
})

test('what a property tells apart may fit several forms by its shape', () => {
  const cat = { type: 'object', properties: { kind: { type: 'string' } } }
  const either = { oneOf: [cat, cat], discriminator: { propertyName: 'kind' } }
  expect(withBody('application/json', either).check({ body: { kind: 'cat' } })).toEqual([])
  expect(withBody('application/json', { oneOf: [cat, cat] }).check({ body: { kind: 'cat' } })).toHaveLength(1)
})
