/** The command that rotates the encryption keys of a store, without a gateway. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { AppOptions } from '../app.ts'
import type { Config, Secrets } from '../config.ts'
import { proveKeys } from '../connections/key-proof.ts'
import { type RotationOptions, type RotationReport, rotateKeys } from '../connections/key-rotation.ts'
import { StartError } from '../errors.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { createEncryptionKeyStore, type EncryptionKeyStore } from '../store/encryption-keys.ts'
import { StoreError } from '../store/failure.ts'
import { takeOwnership } from '../store/owner-lock.ts'
import { createSealedRowStore } from '../store/sealed-rows.ts'
import { readOrCreateKeyFile } from '../vault/key-file.ts'
import { KeyRing } from '../vault/key-ring.ts'
import { Vault } from '../vault/vault.ts'

export interface StoredKeyRotation extends RotationReport {
  /** Under which everything is now, but for what is left. */
  readonly primaryId: string
}

/**
 * Rotates the encryption keys of the store without a gateway: on PostgreSQL beside those that run, on the embedded store
 * when none does.
 *
 * @throws StartError with the one sentence for the operator
 */
export async function rotateStoredKeys(
  { config, secrets }: Pick<AppOptions, 'config' | 'secrets'>,
  options: RotationOptions,
): Promise<StoredKeyRotation> {
  try {
    await using database = await openForMaintenance(config, secrets)
    const stores = { keys: createEncryptionKeyStore(database.db), sealedRows: createSealedRowStore(database.db) }
    const vault = new Vault(new KeyRing(secrets.encryptionKeys ?? readOrCreateKeyFile(config.dataDir)))
    if (database.kind === 'postgres') await requireUsedKey(vault.primaryId, stores.keys)
    await proveKeys(vault, stores)
    return { ...(await rotateKeys(vault, stores, options)), primaryId: vault.primaryId }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    throw new StartError(`The rotation stopped: ${error.message}; run it again and it goes on.`, { cause: error })
  }
}

async function openForMaintenance({ dataDir }: Config, { databaseUrl: url }: Secrets): Promise<Database> {
  // A directory of its own: the data directory belongs to the gateway that may run here.
  if (url !== undefined) return await openDatabase({ url, dataDir: join(dataDir, 'rotate-keys') })
  if (!existsSync(join(dataDir, 'store'))) {
    throw new StartError(`The data directory ${dataDir} has no store whose keys could be rotated.`)
  }
  refuseBesideGateway(dataDir)
  return await openDatabase({ dataDir })
}

/** Gateways that run with an older list could open nothing that is put under a key they do not have. */
async function requireUsedKey(id: string, keys: EncryptionKeyStore): Promise<void> {
  const used = await keys.list()
  if (used.length === 0 || used.some(key => key.id === id)) return
  const first = `start every gateway with ${id} in its PASSGATE_ENCRYPTION_KEYS first`
  throw new StartError(`No gateway has used the encryption key ${id} with this store yet; ${first}, then rotate.`)
}

function refuseBesideGateway(dataDir: string): void {
  try {
    takeOwnership(dataDir)[Symbol.dispose]()
  } catch (error) {
    // Anything else is told when the store is opened.
    if (!(error instanceof StartError)) return
    const [holder] = error.message.split('; stop it first')
    throw new StartError(`${holder}; stop it first, or have it rotate with the mutation rotateEncryptionKeys.`)
  }
}
