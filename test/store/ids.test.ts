/** Ids are TypeIDs: what the reference implementation reads and writes is read and written here. */
import { randomUUIDv7 } from 'node:crypto'
import fc from 'fast-check'
import { fromString, fromUUID, toUUID } from 'typeid-js'
import { expect, test } from 'vitest'
import { isId, newId, toTypeId, toUuid } from '../../src/store/ids.ts'

/** As the reference implementation reads it; undefined for what it refuses. */
function readByReference(id: string): string | undefined {
  try {
    return toUUID(fromString(id, 'conn'))
  } catch {
    return undefined
  }
}

test('a UUID becomes an id and comes back', () => {
  for (let round = 0; round < 2000; round++) {
    const uuid = randomUUIDv7()
    expect(toTypeId('conn', uuid)).toBe(fromUUID(uuid, 'conn'))
    expect(toUuid('conn', toTypeId('conn', uuid))).toBe(uuid)
  }
})

test('any 26 letters are read as the reference implementation reads them', () => {
  const letter = fc.constantFrom(...'0123456789abcdefghjkmnpqrstvwxyz', ...'ilouAZ-_é ')
  const likely = fc.constantFrom(...'01234567')
  const suffix = fc
    .tuple(likely, fc.array(letter, { minLength: 25, maxLength: 25 }))
    .map(([first, rest]) => first + rest.join(''))
  const changed = fc
    .tuple(fc.nat({ max: 25 }), letter)
    .map(([place, to]) => newId('conn').replace(new RegExp(`^(conn_.{${place}}).`), `$1${to}`))
  fc.assert(
    fc.property(
      fc.oneof(
        suffix.map(text => `conn_${text}`),
        changed,
      ),
      id => {
        const expected = readByReference(id)
        expect([id, isId('conn', id)]).toEqual([id, expected !== undefined])
        if (expected !== undefined) expect(toUuid('conn', id)).toBe(expected)
      },
    ),
    { numRuns: 20_000 },
  )
})

test.each([
  '',
  'conn',
  'conn_',
  'key_01m7z2db2mf4c83bek8rkdt9yp',
  'connx01m7z2db2mf4c83bek8rkdt9yp',
  'conn_01m7z2db2mf4c83bek8rkdt9y',
  'conn_01m7z2db2mf4c83bek8rkdt9ypp',
  'conn_81m7z2db2mf4c83bek8rkdt9yp',
  'conn_01M7Z2DB2MF4C83BEK8RKDT9YP',
  'CONN_01m7z2db2mf4c83bek8rkdt9yp',
  'conn_01m7z2db2mf4c83bek8rkdt9yp ',
])('%j is no id of a connection', text => {
  expect(isId('conn', text)).toBe(false)
  expect(() => toUuid('conn', text)).toThrow('A conn_ id was expected')
})
