/** A definition with an action that no call of it could pass is refused, with the field that is wrong. */
import { describe, expect, it } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { refusal } from '../auth/refusal.ts'
import { definition } from './definition.ts'

const input = {
  type: 'object',
  properties: { id: { type: 'string' }, name: { type: 'string' } },
  required: ['id'],
  additionalProperties: false,
}
const action = { description: 'Does it.', method: 'POST', path: '/things/{id}', input, body: '{*}' }

function detailsOf(changes: object, more: object = {}): string[] {
  const document = definition({ actions: { do_it: { ...action, ...changes } }, ...more })
  const { code, details } = refusal(() => parseIntegration(JSON.parse(JSON.stringify(document))))
  expect(code).toBe('INVALID_INPUT')
  return details?.map(({ field, message }) => `${field.replace('definition.actions.do_it.', '')}: ${message}`) ?? []
}

describe('a header', () => {
  it.each(['a\r\nx-evil: 1', 'a\nb', 'a\0', 'größe€'])('may not be sent as %j', value => {
    expect(detailsOf({ headers: { 'x-version': value } })[0]).toMatch(
      /^headers\.x-version: .* takes a value without line breaks, control characters and what is beyond Latin-1\.$/,
    )
  })

  it.each(['x-passgate-timeout-ms', 'X-Passgate-Rewrite', 'proxy-thing', 'http2-settings', 'host', 'Content-Type'])(
    'may not be %s',
    name => {
      expect(detailsOf({ headers: { [name]: '1' } })[0]).toContain(
        'it takes any header but authorization, content-type, host, proxy-*, x-passgate-* and what frames a message.',
      )
    },
  )
})

describe('the place of the credential', () => {
  const auth = [
    { scheme: 'bearer' },
    {
      scheme: 'apiKey',
      inject: { headers: { 'X-Api-Key': '{apiKey}' }, query: { key: '{apiKey}' }, body: { secret: '{apiKey}' } },
    },
  ]
  const secret = { ...input, properties: { ...input.properties, secret: { type: 'string' } } }
  it.each<[string, object, string]>([
    ['a header', { headers: { 'x-api-key': '{name}' } }, 'headers.x-api-key'],
    ['a constant header', { headers: { 'x-api-key': 'mine' } }, 'headers.x-api-key'],
    ['a parameter', { query: { Key: '{name}' } }, 'query.Key'],
    ['a member of the body', { body: { secret: '{name}' } }, 'body.secret'],
    ['a field of the body', { input: secret }, 'input.properties.secret'],
  ])('is not %s of the action', (_what, changes, field) => {
    expect(detailsOf(changes, { auth })[0]).toMatch(
      new RegExp(`^${field.replaceAll('.', '\\.')}: .* takes no value here: the credential is written there\\.$`),
    )
  })

  it('is no matter of fields that go elsewhere', () => {
    const query = { other: '{secret}' }
    const document = definition({ actions: { do_it: { ...action, input: secret, query } }, auth })
    expect(() => parseIntegration(document)).not.toThrow()
  })
})

describe('an example', () => {
  const properties = {
    id: { type: 'string', pattern: '^[a-z]+$', maxLength: 3 },
    count: { type: ['integer', 'null'], minimum: 1, exclusiveMaximum: 10 },
    kind: { enum: ['a', { b: 1 }] },
    on: { const: true },
    tags: { type: 'array', items: { type: 'string', minLength: 1 } },
    node: { $ref: '#/$defs/node' },
    either: { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'number', maximum: 1 } }] },
    both: { allOf: [{ type: 'object', required: ['x'] }, { properties: { x: { type: 'boolean' } } }] },
    map: { type: 'object', additionalProperties: { type: 'number', exclusiveMinimum: 0 } },
  }
  const $defs = {
    node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } }, additionalProperties: false },
  }
  const wide = { ...input, properties, $defs }

  it.each<[object, string, string]>([
    [{}, 'example.id', 'a value: the field is required'],
    [{ id: 7 }, 'example.id', 'string'],
    [{ id: 'A' }, 'example.id', 'text that matches ^[a-z]+$'],
    [{ id: 'abcd' }, 'example.id', 'at most 3 characters'],
    [{ id: 'a', nope: 1 }, 'example.nope', 'no value: there is no such field'],
    [{ id: 'a', count: 0 }, 'example.count', 'at least 1'],
    [{ id: 'a', count: 10 }, 'example.count', 'less than 10'],
    [{ id: 'a', count: 1.5 }, 'example.count', 'integer or null'],
    [{ id: 'a', kind: 'b' }, 'example.kind', 'one of "a",{"b":1}'],
    [{ id: 'a', on: false }, 'example.on', 'true'],
    [{ id: 'a', tags: ['x', ''] }, 'example.tags.1', 'at least 1 characters'],
    [{ id: 'a', node: { next: { next: { x: 1 } } } }, 'example.node.next.next.x', 'no value: there is no such field'],
    [{ id: 'a', either: [2] }, 'example.either', 'what one of its forms describes'],
    [{ id: 'a', both: {} }, 'example.both.x', 'a value: the field is required'],
    [{ id: 'a', both: { x: 1 } }, 'example.both.x', 'boolean'],
    [{ id: 'a', map: { y: 0 } }, 'example.map.y', 'more than 0'],
  ])('%j is none', (example, field, takes) => {
    const [detail] = detailsOf({ input: wide, example })
    expect(detail).toMatch(new RegExp(`^${field.replaceAll('.', '\\.')}: `))
    expect(detail).toContain(`it takes ${takes}.`)
  })

  it('may have all of it', () => {
    const example = {
      id: 'abc',
      count: null,
      kind: { b: 1 },
      on: true,
      tags: ['x'],
      node: { next: { next: {} } },
      either: [1],
      both: { x: true },
      map: { y: 0.5 },
    }
    expect(() =>
      parseIntegration(definition({ actions: { do_it: { ...action, input: wide, example } } })),
    ).not.toThrow()
  })

  it('of a schema that goes round is not looked at without end', () => {
    const node = { allOf: [{ $ref: '#/$defs/node' }, { $ref: '#/$defs/node' }] }
    const round = { ...input, properties: { id: { $ref: '#/$defs/node' }, name: {} }, $defs: { node } }
    const actions = { do_it: { ...action, input: round, example: { id: 'x' } } }
    expect(() => parseIntegration(definition({ actions }))).not.toThrow()
  })
})

it('an enum that would not be checked is refused', () => {
  const values = Array.from({ length: 2001 }, (_, index) => index)
  const properties = { ...input.properties, id: { type: 'integer', enum: values } }
  expect(detailsOf({ input: { ...input, properties } })[0]).toMatch(
    /^input\.properties\.id\.enum: .* at most 2000 values/,
  )
})
