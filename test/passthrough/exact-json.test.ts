/** Numbers of callers keep their value, whatever a double can hold. */
import { describe, expect, test } from 'vitest'
import { parseExactJson } from '../../src/passthrough/exact-json.ts'

describe('JSON from a caller', () => {
  test.each([
    ['9007199254740993', '9007199254740993'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    ['-9007199254740993', '-9007199254740993'],
    ['0.1000000000000000055', '0.1000000000000000055'],
    ['1e400', '1e400'],
    ['1E5', '100000'],
    ['1.0', '1'],
    ['0.1', '0.1'],
    ['1.50000000000000000', '1.5'],
    ['9007199254740992', '9007199254740992'],
    ['"9007199254740993"', '"9007199254740993"'],
  ])('%s is written again as %s', (source, written) => {
    expect(JSON.stringify(parseExactJson(`{"a":[${source}]}`))).toBe(`{"a":[${written}]}`)
  })

  test('is refused when it is not JSON, with and without large numbers', () => {
    expect(() => parseExactJson('{"a":1')).toThrow(SyntaxError)
    expect(() => parseExactJson('{"a":9007199254740993')).toThrow(SyntaxError)
  })

  test('never reaches a prototype', () => {
    const parsed = parseExactJson('{"__proto__":{"polluted":9007199254740993}}') as object
    expect(Object.keys(parsed)).toEqual(['__proto__'])
    expect('polluted' in {}).toBe(false)
  })
})
