/** An input is checked before anything is sent: every wrong field is told, in bounded time, and null may mean absent. */
import { describe, expect, test } from 'vitest'
import type { JsonSchema } from '../../src/actions/action.ts'
import { prepareInput } from '../../src/actions/input.ts'
import { checkInput } from '../../src/actions/validate.ts'
import { refusal } from '../auth/refusal.ts'

function check(schema: JsonSchema, input: object, timeoutMs = 1000) {
  return checkInput(schema, prepareInput(schema, { ...input }).view, timeoutMs)
}

function closed(properties: object, more: object = {}): JsonSchema {
  return { type: 'object', properties, additionalProperties: false, ...more }
}

const messagesOf = (schema: JsonSchema, input: object) => check(schema, input).map(({ message }) => message)

describe('what is wrong', () => {
  test.each<[string, object, unknown, string]>([
    ['a type', { type: 'integer' }, 'x', 'input.a takes a whole number; got "x".'],
    ['several types', { type: ['string', 'null'] }, 7, 'input.a takes text or null; got 7.'],
    ['a list of values', { enum: ['x', 'y'] }, 'z', 'input.a takes one of "x", "y"; got "z".'],
    ['a constant', { const: 'x' }, 'z', 'input.a takes "x"; got "z".'],
    ['a format', { type: 'string', format: 'uuid' }, 'z', 'input.a takes the format uuid; got "z".'],
    ['a pattern', { type: 'string', pattern: '^[a-z]+$' }, 'A', 'input.a takes text that matches "^[a-z]+$"; got "A".'],
    ['a bound', { type: 'integer', minimum: 1 }, 0, 'input.a takes a value that must be >= 1; got 0.'],
    [
      'a length',
      { type: 'string', maxLength: 1 },
      'xx',
      'input.a takes a value that must NOT have more than 1 characters; got "xx".',
    ],
    [
      'what nobody should read',
      { type: 'string', format: 'password', maxLength: 1 },
      'xx',
      'input.a takes a value that must NOT have more than 1 characters.',
    ],
  ])('%s', (_what, schema, value, message) => {
    expect(check(closed({ a: schema }), { a: value })).toEqual([{ field: 'input.a', message }])
  })

  test('is told with the path to it', () => {
    const schema = closed({ 'a/b': { type: 'array', items: closed({ c: { type: 'string' } }, { required: ['c'] }) } })
    expect(check(schema, { 'a/b': [{ c: 'x' }, { d: 1 }] })).toEqual([
      { field: 'input.a/b.1.c', message: 'input.a/b.1.c is missing; the action needs it.' },
      { field: 'input.a/b.1.d', message: 'input.a/b.1.d is unknown; input.a/b.1 takes c.' },
    ])
  })

  test('is told all at once, 50 details at most', () => {
    const names = Array.from({ length: 80 }, (_, index) => `f${index}`)
    const schema = closed(Object.fromEntries(names.map(name => [name, { type: 'string' }])))
    const input = Object.fromEntries(names.map((name, index) => [name, index]))
    const details = check(schema, input)
    expect(details).toHaveLength(50)
    expect(details[49]).toEqual({ field: 'input.f49', message: 'input.f49 takes text; got 49.' })
  })

  test('names of prototypes are no fields that are there', () => {
    const schema = closed({ toString: { type: 'string' } }, { required: ['toString', 'hasOwnProperty'] })
    expect(messagesOf(schema, {})).toEqual([
      'input.toString is missing; the action needs it.',
      'input.hasOwnProperty is missing; the action needs it.',
    ])
    expect(messagesOf(schema, JSON.parse('{"__proto__":{},"toString":"x","hasOwnProperty":1}'))).toEqual([
      'input.__proto__ is unknown; input takes toString.',
      'input.hasOwnProperty is unknown; input takes toString.',
    ])
  })
})

describe('formats', () => {
  test.each<[string, unknown[], unknown[]]>([
    ['date', ['2024-02-29'], ['2023-02-29', '2024-1-1', 'today']],
    [
      'date-time',
      ['2024-02-29T10:00:00Z', '2024-01-01T00:00:00.5+01:00', '2024-01-01T00:00'],
      ['2024-02-30T10:00:00Z', '10:00'],
    ],
    ['email', ['a@b.example', "o'neil+x@sub.b.example"], ['a', '@b', 'a@', 'a b@c', 'a@b..c']],
    ['uri', ['https://a.example/?b', 'urn:x:y'], ['a.example', 'https://a b']],
    ['uuid', ['0198C0DE-0000-7000-8000-000000000001'], ['0198c0de']],
    ['ipv4', ['192.0.2.1'], ['192.0.2.256', '::1']],
    ['ipv6', ['2001:db8::1'], ['192.0.2.1']],
    ['hostname', ['a.example', 'a_b'], ['-a', 'a..b', 'a b']],
    ['int32', [2147483647], [2147483648]],
    ['of the vendor’s own', ['anything'], []],
  ])('%s', (format, taken, refused) => {
    const type = format === 'int32' ? 'integer' : 'string'
    const errors = (value: unknown) => check(closed({ a: { type, format } }), { a: value })
    for (const value of taken) expect([value, errors(value)]).toEqual([value, []])
    for (const value of refused) expect([value, errors(value).length]).toEqual([value, 1])
  })
})

describe('numbers', () => {
  test('with more digits than a double keeps are numbers', () => {
    const schema = closed({ a: { type: 'integer', format: 'int64' }, b: { type: 'number', maximum: 1 } })
    const raw = (text: string) => JSON.rawJSON(text)
    expect(check(schema, { a: raw('9007199254740993') })).toEqual([])
    expect(messagesOf(schema, { a: raw('1e30'), b: raw('1.00000000000000001e2') })).toEqual([
      'input.a takes the format int64; got 1e+30.',
      'input.b takes a value that must be <= 1; got 100.',
    ])
  })
})

describe('multiples', () => {
  test.each<[number, number[], number[]]>([
    [0.01, [19.99, 4.35, 0.07, 1.1, 0, -0.29, 100, 1e20, 1e300, 123456789012.34], [0.001, 19.999, 1.005, 1e-7, 5e-324]],
    [0.1, [0.1, 0.3, 1.1, 2.2, 1e20, -7.7], [0.05, 0.25, 1e-7]],
    [1e-7, [1e-7, 3e-7, 0.1234567, 5, 1e20], [1e-8, 1.5e-7]],
    [0.07, [0.07, 1.05, 700], [0.1, 1]],
    [1e20, [0, 1e20, 3e20, 1e21], [1, 1e19, 1.5e20]],
    [3, [3, 9007199254740990], [4, 3.5]],
    [5e-324, [5e-324, 1e-323, 1.5], []],
  ])('of %d are told by their digits', (multipleOf, taken, refused) => {
    const errors = (value: number) => check(closed({ a: { type: 'number', multipleOf } }), { a: value })
    for (const value of taken) expect([value, errors(value)]).toEqual([value, []])
    for (const value of refused) expect([value, errors(value).length]).toEqual([value, 1])
  })

  test('are named where there is none', () => {
    const schema = closed({ a: { type: 'number', multipleOf: 0.01 } })
    expect(messagesOf(schema, { a: 19.999 })).toEqual(['input.a takes a multiple of 0.01; got 19.999.'])
    expect(check(schema, { a: JSON.rawJSON('19.990') })).toEqual([])
  })
})

describe('null', () => {
  const schema = closed(
    {
      text: { type: 'string' },
      maybe: { type: ['string', 'null'] },
      any: {},
      referred: { $ref: '#/$defs/maybe' },
      oneOf: { oneOf: [{ type: 'integer' }, { type: 'null' }] },
      never: { enum: ['a'] },
    },
    { $defs: { maybe: { anyOf: [{ type: 'integer' }, { enum: [null] }] } } },
  )

  test('is left out where it is no value, and sent where it is one', () => {
    const input = { text: null, maybe: null, any: null, referred: null, oneOf: null, never: null }
    expect(prepareInput(schema, input).values).toEqual({ maybe: null, any: null, referred: null, oneOf: null })
    expect(check(schema, input)).toEqual([])
  })

  test('for a needed field is the field missing', () => {
    const needed = closed({ a: { type: 'string' } }, { required: ['a'] })
    expect(messagesOf(needed, { a: null })).toEqual(['input.a is missing; the action needs it.'])
  })
})

test('each pattern is its own', () => {
  const schema = closed({ a: { type: 'string', pattern: '^a+$' }, b: { type: 'string', pattern: '^b+$' } })
  expect(check(schema, { a: 'aa', b: 'bb' })).toEqual([])
  expect(messagesOf(schema, { a: 'b', b: 'a' })).toEqual([
    'input.a takes text that matches "^a+$"; got "b".',
    'input.b takes text that matches "^b+$"; got "a".',
  ])
})

describe('bounds', () => {
  test('a schema that takes time without end is stopped', () => {
    const both = { anyOf: [{ $ref: '#/$defs/node' }, { allOf: [{ $ref: '#/$defs/node' }] }] }
    const node = { type: 'object', properties: { n: both }, required: ['n'] }
    const schema = { type: 'object', properties: { n: both }, $defs: { node } }
    let input: object = {}
    for (let depth = 0; depth < 40; depth += 1) input = { n: input }
    expect(refusal(() => check(schema, input, 100))).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      message: 'Checking this input takes more than 100 ms; send less, or the request itself by passthrough.',
    })
  })

  test('a pattern that is exponential elsewhere takes linear time', () => {
    const schema = closed({ a: { type: 'string', pattern: '^(?:a+)+$' } })
    expect(messagesOf(schema, { a: `${'a'.repeat(50_000)}!` })).toHaveLength(1)
  })

  test('more values, levels and halves of characters than can be are refused by name', () => {
    const open = { type: 'object' }
    expect(refusal(() => check(open, { a: Array.from({ length: 100_001 }, () => 1) }))).toMatchObject({
      code: 'REQUEST_TOO_LARGE',
      message: 'The input of an action has at most 100000 values.',
    })
    let deep: unknown = 1
    for (let depth = 0; depth < 65; depth += 1) deep = [deep]
    expect(refusal(() => check(open, { deep })).message).toMatch(/^input\.deep[.0]+ is nested deeper than 64 levels\.$/)
    expect(refusal(() => check(open, { a: ['\ud800'] }))).toMatchObject({
      code: 'INVALID_INPUT',
      details: [{ field: 'input.a.0', message: 'input.a.0 has half of a surrogate pair; it takes well-formed text.' }],
    })
  })
})
