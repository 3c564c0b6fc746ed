/** An action has an example also where its document does not say what values are. */
import { describe, expect, test } from 'vitest'
import { acme, importInto, only, withBody } from './document.ts'

describe('a needed value that nothing is said of', () => {
  test('in a path is a text', () => {
    const parameters = [{ name: 'id', in: 'path', required: true }]
    const paths = { '/x/{id}': { get: { parameters } } }
    const { definition } = only(importInto(acme(), { openapi: '3.0.3', info: {}, paths }))
    expect(definition.example).toEqual({ id: 'text' })
  })

  test.each<[string, object, unknown]>([
    ['at all', {}, 'text'],
    ['but a description', { description: 'Anything.' }, 'text'],
    ['but a length', { minLength: 6 }, 'texttext'.slice(0, 6)],
    ['but a bound', { exclusiveMinimum: 3 }, 3.5],
    ['but a step', { multipleOf: 0.07 }, 1.05],
    ['but items', { items: { type: 'integer' } }, [1]],
    ['but properties', { properties: { a: {} }, required: ['a'] }, { a: 'text' }],
    ['but what it needs', { required: ['a'] }, { a: 'text' }],
    ['but what others may be', { additionalProperties: { type: 'integer' }, minProperties: 1 }, { key1: 1 }],
  ])('%s is made up of it', (_what, schema, value) => {
    const body = { type: 'object', properties: { a: schema }, required: ['a'] }
    const { definition, check } = withBody('application/json', body)
    expect(definition.example).toEqual({ a: value })
    expect(check(definition.example ?? {})).toEqual([])
  })
})
