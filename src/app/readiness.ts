/** What has to work before calls can be served, and what may be missing for a while. */
import { type KeyProof, opensStore } from '../connections/key-proof.ts'
import type { LimitStore } from '../limits/store.ts'
import { Readiness } from '../server/readiness.ts'
import type { Database } from '../store/database.ts'
import type { EncryptionKeyStore } from '../store/encryption-keys.ts'
import { isMigrated } from '../store/schema-age.ts'
import type { Vault } from '../vault/vault.ts'

export interface ReadinessParts {
  readonly database: Database
  readonly keys: EncryptionKeyStore
  readonly vault: Vault
  readonly limitStore: LimitStore
  /** What the start found sealed under keys that are not in the ring. */
  readonly missing: KeyProof['missing']
}

export function createReadiness({ database, keys, vault, limitStore, missing }: ReadinessParts): Readiness {
  const missingRows = Object.values(missing).reduce((sum, rows) => sum + rows, 0)
  return new Readiness({
    vital: {
      store: async () => {
        await database.ping()
        return undefined
      },
      migrations: async () =>
        (await isMigrated(database.db)) ? undefined : 'the store has an older schema than this version of the gateway',
      encryptionKeys: async () =>
        (await opensStore(vault, keys)) ? undefined : 'the store was sealed with other encryption keys',
    },
    helpful: {
      limits: () =>
        limitStore.isAway ? 'the store that replicas share for limits is away; each counts for itself' : undefined,
      secrets: () =>
        missingRows > 0 ? `${missingRows} secrets are sealed under encryption keys that are not here` : undefined,
    },
  })
}
