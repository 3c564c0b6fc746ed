/** Ids as callers see them: TypeIDs (`conn_` and a UUIDv7); inside the tables they are uuid columns. */
import { fromString, fromUUID, toUUID, typeidUnboxed } from 'typeid-js'

export type IdPrefix = 'ws' | 'int' | 'conn' | 'key' | 'call'

/** A new id; the ids that one process makes sort in the order of their making. */
export function newId(prefix: IdPrefix): string {
  return typeidUnboxed(prefix)
}

/** True for a TypeID whose suffix is a UUID: 26 letters may spell bits that are none. */
export function isId(prefix: IdPrefix, text: string): boolean {
  try {
    toUUID(fromString(text, prefix))
    return true
  } catch {
    return false
  }
}

/** @throws TypeError when `id` is no TypeID with this prefix; what a caller wrote is checked with `isId` first. */
export function toUuid(prefix: IdPrefix, id: string): string {
  if (!isId(prefix, id)) throw new TypeError(`A ${prefix}_ id was expected, not ${JSON.stringify(id)}.`)
  return toUUID(fromString(id, prefix))
}

export function toTypeId(prefix: IdPrefix, uuid: string): string {
  return fromUUID(uuid, prefix)
}
