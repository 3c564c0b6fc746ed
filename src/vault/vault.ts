/** Where secrets are sealed and opened: an envelope per secret, bound to the row that holds it. */
import { envelopeKeyId, openEnvelope, sealEnvelope } from './envelope.ts'
import type { KeyRing } from './key-ring.ts'

/** The place a secret belongs to; it opens nowhere else. */
export interface SecretBinding {
  readonly workspaceId: string
  /** What holds the secret: `connection`, `oauthClient` or `keyProof`. */
  readonly kind: string
  readonly id: string
}

export interface SealedSecret {
  readonly envelope: Buffer
  /** The id of the key-encryption key that wraps it. */
  readonly keyId: string
}

/** Why an envelope did not open: the key is not in the ring, or the bytes are not what was sealed for this place. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly reason: 'unknown-key' | 'damaged'

  constructor(reason: VaultError['reason'], message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

export class Vault {
  readonly #ring: KeyRing

  constructor(ring: KeyRing) {
    this.#ring = ring
  }

  get keyIds(): readonly string[] {
    return this.#ring.ids
  }

  /** Seals text with the ring's first key, or with the one named. */
  seal(binding: SecretBinding, secret: string, keyId: string = this.#ring.primary.id): SealedSecret {
    const key = this.#ring.get(keyId)
    if (key === undefined) throw new TypeError(`no encryption key ${keyId} in the ring`)
    return { envelope: sealEnvelope(key, bindingText(binding), Buffer.from(secret)), keyId }
  }

  /** @throws VaultError when the key is unknown, a bit differs, or the envelope was sealed for another place. */
  open(binding: SecretBinding, envelope: Buffer): string {
    const keyId = envelopeKeyId(envelope)
    if (keyId === undefined) throw new VaultError('damaged', 'the sealed secret is damaged: it is no envelope')
    const key = this.#ring.get(keyId)
    if (key === undefined) {
      throw new VaultError(
        'unknown-key',
        `the secret is sealed under the encryption key ${keyId}, which is not in the key ring`,
      )
    }
    try {
      return openEnvelope(key, bindingText(binding), envelope).toString()
    } catch (cause) {
      throw new VaultError('damaged', 'the sealed secret is damaged or was sealed for another row', cause)
    }
  }
}

/** Lengths keep the parts apart: no two bindings print alike. */
function bindingText(binding: SecretBinding): string {
  return [binding.workspaceId, binding.kind, binding.id].map(part => `${part.length}:${part}`).join('|')
}
