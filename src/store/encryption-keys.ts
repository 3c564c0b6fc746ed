/** Encryption keys: which ones this store was sealed with, each with a proof that only it opens. */
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { encryptionKeys } from './tables.ts'

export type EncryptionKeyRow = typeof encryptionKeys.$inferSelect

export interface EncryptionKeyStore {
  list(): Promise<EncryptionKeyRow[]>
  /** What was there first stays. */
  insertIfAbsent(id: string, proof: Buffer): Promise<void>
}

export function createEncryptionKeyStore(db: Db): EncryptionKeyStore {
  return guarded({
    async list() {
      return await db.select().from(encryptionKeys).orderBy(encryptionKeys.id)
    },
    async insertIfAbsent(id: string, proof: Buffer) {
      await db.insert(encryptionKeys).values({ id, proof }).onConflictDoNothing()
    },
  })
}
