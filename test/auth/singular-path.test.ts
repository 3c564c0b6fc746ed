/** Singular queries lead to one value of an answer, through own properties only. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSingularPath, readSingularPath } from '../../src/auth/singular-path.ts'

const answer = {
  access_token: 'top',
  authed_user: { access_token: 'nested', 'a.b': { "it's": 1, 'say "x"': 2, 'back\\slash': 3 } },
  list: ['first', { id: 'second' }, 'last'],
  größe: 'wide',
  nothing: null,
}

describe('a singular query', () => {
  test.each([
    ['$', answer],
    ['$.access_token', 'top'],
    ['$.authed_user.access_token', 'nested'],
    ["$['authed_user']['access_token']", 'nested'],
    ['$["authed_user"].access_token', 'nested'],
    ["$.authed_user['a.b']['it\\'s']", 1],
    ['$.authed_user["a.b"]["say \\"x\\""]', 2],
    ["$.authed_user['a.b']['back\\\\slash']", 3],
    ['$.list[0]', 'first'],
    ['$.list[1].id', 'second'],
    ['$.list[-1]', 'last'],
    ['$[ "list" ][ 2 ]', 'last'],
    ['$.größe', 'wide'],
    ['$.nothing', null],
  ])('%s', (path, value) => expect(read(path, answer)).toEqual(value))

  test.each([
    '$.missing',
    '$.access_token.length',
    '$.access_token[0]',
    '$.list.length',
    "$.list['0']",
    '$.list[3]',
    '$.list[-4]',
    '$[0]',
    '$.nothing.more',
    '$.constructor',
    '$.__proto__',
    '$.toString.name',
    '$.list.at',
  ])('%s leads nowhere', path => expect(read(path, answer)).toBeUndefined())

  test('leads into a property that is named as the prototype is, where the answer has it', () => {
    expect(read('$.__proto__.x', JSON.parse('{"__proto__":{"x":1}}'))).toBe(1)
  })

  test.each([undefined, null, 1, 'text', true])('leads nowhere in %s', value =>
    expect(read('$.a', value)).toBeUndefined(),
  )
})

test.each([
  '',
  'access_token',
  '.access_token',
  '$.',
  '$..access_token',
  '$.*',
  '$[*]',
  '$[0:1]',
  "$['a','b']",
  '$[?@.a]',
  '$[01]',
  '$[-0]',
  '$[1.5]',
  "$['a",
  "$['a'",
  '$.a b',
  ' $.a',
  '$.a ',
  '$.1a',
  '$[]',
])('%j is none', text => expect(parseSingularPath(text)).toBeUndefined())

test('every name can be written', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (name, value) => {
      const quoted = name.replace(/['\\]/g, '\\$&')
      expect(parseSingularPath(`$['${quoted}']`)).toEqual([name])
      expect(read(`$['${quoted}']`, Object.fromEntries([[name, value]]))).toBe(value)
    }),
  )
})

test('no text takes long to refuse', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '.', 'a', '[', ']', "'", '\\', '0'), maxLength: 400 }), text => {
      const path = parseSingularPath(text)
      expect(path === undefined || Array.isArray(path)).toBe(true)
    }),
  )
})

function read(text: string, value: unknown): unknown {
  const path = parseSingularPath(text)
  if (path === undefined) throw new Error(`${text} is no singular query`)
  return readSingularPath(path, value)
}
