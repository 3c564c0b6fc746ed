/** The text of an answer: JSON.stringify's, but for what a vendor sent. */
import type { ExecutionResult } from 'graphql'
import { expect, test } from 'vitest'
import { answerText } from '../../src/graphql/answer-text.ts'
import { EmbeddedJson } from '../../src/passthrough/json-text.ts'

/** Like the executor's own objects. */
function selection(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.assign(Object.create(null), fields)
}

test.each<[string, ExecutionResult['data']]>([
  ['null', null],
  ['nothing', selection({})],
  ['leaves', selection({ a: 1, b: 'x"\n\u2028', c: true, d: null, e: 1.5, f: '\ud800' })],
  ['what is absent', selection({ a: undefined, b: 1, c: undefined })],
  ['lists', selection({ a: [], b: [1, null, [selection({ c: 'x' })]], d: [undefined, 1], e: ['', ''] })],
  ['objects of scalars', selection({ a: { 'b"c': [1, { d: undefined, e: '' }] }, f: new Date(0) })],
  ['an object without a prototype', selection({ a: selection({ 'b"c': 1, '': 2 }) })],
  ['exact numbers', selection({ a: JSON.rawJSON('9007199254740993'), b: { c: [JSON.rawJSON('1.10')] } })],
  ['names that mean something', selection({ toJSON: 'Query', constructor: 'x', hasOwnProperty: 1, ['__proto__']: 2 })],
])('of %s is that of JSON.stringify', (_what, data) => {
  expect(answerText({ data })).toBe(JSON.stringify({ data }))
})

test('keeps what is embedded as it is, wherever a field may hold it', () => {
  const body = new EmbeddedJson('{ "a": 1.10, "a": 9007199254740993 }')
  const data = selection({ toJSON: 'Query', one: selection({ body }), many: [body, null, selection({ body: [body] })] })
  const { text } = body
  expect(answerText({ data })).toBe(
    `{"data":{"toJSON":"Query","one":{"body":${text}},"many":[${text},null,{"body":[${text}]}]}}`,
  )
})

test('has errors first, then data, then extensions', () => {
  const result = { extensions: { a: 1 }, data: null, errors: [{ message: 'x' }] } as unknown as ExecutionResult
  expect(answerText(result)).toBe('{"errors":[{"message":"x"}],"data":null,"extensions":{"a":1}}')
  expect(answerText({})).toBe('{}')
})
