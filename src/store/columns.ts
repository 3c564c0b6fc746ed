/** Column types that drizzle lacks or that must be the same everywhere: TypeIDs, bytes, byte-ordered text, times. */
import { customType, timestamp } from 'drizzle-orm/pg-core'
import { type IdPrefix, toTypeId, toUuid } from './ids.ts'

/** A TypeID outside, 16 bytes inside. */
export function typeId(prefix: IdPrefix, name: string) {
  const build = customType<{ data: string; driverData: string }>({
    dataType: () => 'uuid',
    toDriver: id => toUuid(prefix, id),
    fromDriver: uuid => toTypeId(prefix, uuid),
  })
  return build(name)
}

/** Text in byte order: what is indexed and paged sorts alike on every server and survives its locale updates. */
export const orderedText = customType<{ data: string; driverData: string }>({
  dataType: () => 'text COLLATE "C"',
})

/** PGlite answers a Uint8Array where PostgreSQL answers a Buffer: both leave as a Buffer. */
export const bytes = customType<{ data: Buffer; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  fromDriver: value => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
})

/** Milliseconds, as a Date holds them: a value read and sent back equals itself. */
export function instant(name: string) {
  return timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })
}
