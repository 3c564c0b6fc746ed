/** Checks at the start that the encryption keys are those this store was sealed with. */
import { StartError } from '../errors.ts'
import type { ConnectionStore } from '../store/connections.ts'
import type { EncryptionKeyStore } from '../store/encryption-keys.ts'
import { type Vault, VaultError } from '../vault/vault.ts'

/** Any text does: it only has to open. */
const proofText = 'passgate'

/**
 * Opens the proof that each key left in the store when it was first used, and leaves one for keys that are new.
 * @returns how many connections hang on keys that are not in the ring, by key id
 * @throws StartError when a key is another than the one of its name, or when none of the store's keys is there
 */
export async function proveKeys(
  vault: Vault,
  stores: { keys: EncryptionKeyStore; connections: ConnectionStore },
): Promise<Readonly<Record<string, number>>> {
  const proofs = new Map((await stores.keys.list()).map(row => [row.id, row.proof]))
  for (const id of vault.keyIds) {
    const proof = proofs.get(id)
    if (proof !== undefined && !opens(vault, id, proof)) throw wrongKey(id)
  }
  if (proofs.size > 0 && !vault.keyIds.some(id => proofs.has(id))) throw noKnownKey(vault, [...proofs.keys()])
  for (const id of vault.keyIds) {
    if (!proofs.has(id)) await stores.keys.insertIfAbsent(id, vault.seal(binding(id), proofText, id).envelope)
  }
  const sealed = await stores.connections.countSealedUnder()
  return Object.fromEntries(Object.entries(sealed).filter(([id]) => !vault.keyIds.includes(id)))
}

function opens(vault: Vault, id: string, proof: Buffer): boolean {
  try {
    return vault.open(binding(id), proof) === proofText
  } catch (error) {
    if (error instanceof VaultError) return false
    throw error
  }
}

function binding(id: string) {
  return { workspaceId: '', kind: 'keyProof', id }
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
