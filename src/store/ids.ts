/** Ids as callers see them: TypeIDs (`conn_` and a UUIDv7); inside the tables they are uuid columns. */
import { randomUUIDv7 } from 'node:crypto'
import { fromString, fromUUID, toUUID } from 'typeid-js'

export type IdPrefix = 'ws' | 'int' | 'conn' | 'key' | 'call' | 'cs' | 'evt' | 'whe' | 'whd' | 'ses' | 'aud' | 'op'

/** The uuids of ids that were made or read lately: the same few are asked for again and again. */
const uuids = new Map<string, string>()
const maxUuids = 20_000

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
  const id = fromUUID(uuid, prefix)
  remember(id, uuid)
  return id
}

function findUuid(prefix: IdPrefix, id: string): string | undefined {
  const known = uuids.get(id)
  if (known !== undefined && id.length === prefix.length + 27 && id.startsWith(prefix)) return known
  try {
    return toUUID(fromString(id, prefix))
  } catch {
    return undefined
  }
}

function remember(id: string, uuid: string): void {
  if (uuids.size >= maxUuids) uuids.clear()
  uuids.set(id, uuid)
}
