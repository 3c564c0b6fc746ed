/** The keys that sign session tokens; their private half is sealed. */
import { desc, lt, ne, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { signingKeys } from './tables.ts'

export type SigningKeyRow = typeof signingKeys.$inferSelect
export type NewSigningKey = Pick<SigningKeyRow, 'id' | 'workspaceId' | 'publicJwk' | 'sealedPrivateKey'>

export interface SigningKeyStore {
  /** The newest first; the first that does not end signs. */
  list(): Promise<SigningKeyRow[]>
  /** Adds the key that signs from now on; those before it end after `overlapMs` at the latest. */
  insert(key: NewSigningKey, overlapMs: number): Promise<void>
  deleteExpired(): Promise<void>
}

export function createSigningKeyStore(db: Db): SigningKeyStore {
  return guarded({
    async list() {
      return await db.select().from(signingKeys).orderBy(desc(signingKeys.createdAt), signingKeys.id)
    },
    async insert(key: NewSigningKey, overlapMs: number) {
      await db.transaction(async tx => {
        await tx.insert(signingKeys).values(key)
        const end = sql`now() + ${overlapMs} * interval '1 millisecond'`
        await tx
          .update(signingKeys)
          .set({ expiresAt: sql`least(${signingKeys.expiresAt}, ${end})` })
          .where(ne(signingKeys.id, key.id))
      })
    },
    async deleteExpired() {
      const isOver = lt(signingKeys.expiresAt, sql`now()`)
      await db.delete(signingKeys).where(isOver)
    },
  })
}
