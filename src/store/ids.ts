/** Ids as callers see them: TypeIDs (`conn_` and a UUIDv7); inside the tables they are uuid columns. */
import { randomUUIDv7 } from 'node:crypto'
import { fromUUID } from 'typeid-js'

export type IdPrefix = 'ws' | 'int' | 'conn' | 'key' | 'call' | 'cs' | 'evt' | 'whe' | 'whd' | 'ses' | 'aud' | 'op'

/** A new id; the ids that one process makes sort in the order of their making. */
export function newId(prefix: IdPrefix): string {
  return toTypeId(prefix, newUuid())
}

/** As {@link newId}, for rows that are made far more often than their id is read. */
export function newUuid(): string {
  const uuid = randomUUIDv7()
  // Within a millisecond the rest is random: one that would sort before the last follows it instead.
  last = uuid > last ? uuid : successor(last)
  return last
}

/** The millisecond in which a UUIDv7 was made, by the clock of the process that made it. */
export function timeOfUuid(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
}

let last = ''

function successor(uuid: string): string {
  const node = (Number.parseInt(uuid.slice(24), 16) + 1) % 2 ** 48
  return uuid.slice(0, 24) + node.toString(16).padStart(12, '0')
}

/** True for a TypeID whose suffix is a UUID: 26 letters may spell bits that are none. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return findUuid(prefix, text) !== undefined
}

/** @throws TypeError when `id` is no TypeID with this prefix; what a caller wrote is checked with `isId` first. */
export function toUuid(prefix: IdPrefix, id: string): string {
  const uuid = findUuid(prefix, id)
  if (uuid === undefined) throw new TypeError(`A ${prefix}_ id was expected, not ${JSON.stringify(id)}.`)
  return uuid
}

export function toTypeId(prefix: IdPrefix, uuid: string): string {
  return fromUUID(uuid, prefix)
}

/** Crockford's base 32 in lower case, without padding: the value of each letter by its character code. */
const values = new Int8Array(128).fill(-1)
for (const [value, letter] of [...'0123456789abcdefghjkmnpqrstvwxyz'].entries()) values[letter.charCodeAt(0)] = value

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
/** A UUID of a version there is (RFC 9562 §4.1 and §4.2), nil and max. */
const uuidPattern = /^(?:[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}|[0-]{36}|[f-]{36})$/

/**
 * Written here, because it must not remember: an id that was seen before would be read faster, and time would tell
 * that someone has it.
 */
function findUuid(prefix: IdPrefix, id: string): string | undefined {
  const start = prefix.length + 1
  if (id.length !== start + 26 || !id.startsWith(prefix) || id[start - 1] !== '_') return undefined
  // 26 letters are 130 bits: the first has three of its own.
  if (id.charCodeAt(start) > 55) return undefined
  let uuid = ''
  let bits = 0
  let held = 0
  for (let place = 0; place < 26; place++) {
    const value = values[id.charCodeAt(start + place)] ?? -1
    if (value === -1) return undefined
    held = ((held << 5) | value) & 0x1fff
    bits += place === 0 ? 3 : 5
    if (bits < 8) continue
    bits -= 8
    uuid += hex[(held >> bits) & 0xff]
    if (uuid.length === 8 || uuid.length === 13 || uuid.length === 18 || uuid.length === 23) uuid += '-'
  }
  return uuidPattern.test(uuid) ? uuid : undefined
}
