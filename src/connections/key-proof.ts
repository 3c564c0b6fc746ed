/** Checks at the start that the encryption keys are those this store was sealed with. */
import { StartError } from '../errors.ts'
import { keyProofBinding } from '../vault/bindings.ts'
import { type Vault, VaultError } from '../vault/vault.ts'
import { countKeyUses, type RotationStores } from './key-rotation.ts'

/** Rows by key id. */
type RowsOfKeys = Readonly<Record<string, number>>

export interface KeyProof {
  /** What hangs on keys that are not in the ring. */
  readonly missing: RowsOfKeys
  /** What hangs on keys of the ring that seal no more. */
  readonly retiring: RowsOfKeys
}

/** Any text does: it only has to open. */
const proofText = 'passgate'

/**
 * Opens the proof that each key left in the store when it was first used, and leaves one for keys that are new.
 * @throws StartError when a key is another than the one of its name, or when none of the store's keys is there
 */
export async function proveKeys(vault: Vault, stores: RotationStores): Promise<KeyProof> {
  const proofs = new Map((await stores.keys.list()).map(row => [row.id, row.proof]))
  for (const id of vault.keyIds) {
    const proof = proofs.get(id)
    if (proof !== undefined && !opens(vault, id, proof)) throw wrongKey(id)
  }
  if (proofs.size > 0 && !vault.keyIds.some(id => proofs.has(id))) throw noKnownKey(vault, [...proofs.keys()])
  for (const id of vault.keyIds) {
    if (proofs.has(id)) continue
    await stores.keys.insertIfAbsent(id, vault.seal(keyProofBinding(id), proofText, id).envelope)
  }
  const rows = new Map<string, number>()
  for (const use of await countKeyUses(vault, stores.sealedRows)) {
    if (use.keyId !== undefined) rows.set(use.keyId, (rows.get(use.keyId) ?? 0) + use.rows)
  }
  rows.delete(vault.primaryId)
  const isInRing = ([id]: [string, number]) => vault.keyIds.includes(id)
  return {
    missing: Object.fromEntries([...rows].filter(entry => !isInRing(entry))),
    retiring: Object.fromEntries([...rows].filter(isInRing)),
  }
}

/** Whether at least one of the store's keys is there still: it may have been put in the place of another. */
export async function opensStore(vault: Vault, keys: RotationStores['keys']): Promise<boolean> {
  return (await keys.list()).some(({ id, proof }) => vault.keyIds.includes(id) && opens(vault, id, proof))
}

function opens(vault: Vault, id: string, proof: Buffer): boolean {
  try {
    return vault.open(keyProofBinding(id), proof) === proofText
  } catch (error) {
    if (error instanceof VaultError) return false
    throw error
  }
}

function wrongKey(id: string): StartError {
  return new StartError(
    `The encryption key ${id} is not the one this store was sealed with; give PASSGATE_ENCRYPTION_KEYS (or the file encryption-keys in the data directory) the key that was used before.`,
  )
}

function noKnownKey(vault: Vault, stored: readonly string[]): StartError {
  return new StartError(
    `PASSGATE_ENCRYPTION_KEYS has ${vault.keyIds.join(', ')}, but this store was sealed with ${stored.join(', ')}; add that key after the new one.`,
  )
}
