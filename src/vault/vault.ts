/** Where secrets are sealed and opened: an envelope per secret, bound to the row that holds it. */
import { bindingText, type SecretBinding } from './bindings.ts'
import { envelopeHeader, envelopeKeyId, headerKeyId, openEnvelope, rewrapEnvelope, sealEnvelope } from './envelope.ts'
import type { EncryptionKey, KeyRing } from './key-ring.ts'
import { SecretSeries } from './series.ts'

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

  /** The id of the key that seals. */
  get primaryId(): string {
    return this.#ring.primary.id
  }

  /** Seals text with the ring's first key, or with the one named. */
  seal(binding: SecretBinding, secret: string, keyId: string = this.primaryId): SealedSecret {
    const key = this.#ring.get(keyId)
    if (key === undefined) throw new TypeError(`no encryption key ${keyId} in the ring`)
    return { envelope: sealEnvelope(key, bindingText(binding), Buffer.from(secret)), keyId }
  }

  /** For secrets of one kind that are many and live shortly, and are not carried over to another key. */
  startSeries(kind: string): SecretSeries {
    return new SecretSeries(this.#ring, kind)
  }

  /** @throws VaultError when the key is unknown, a bit differs, or the envelope was sealed for another place. */
  open(binding: SecretBinding, envelope: Buffer): string {
    const key = this.#keyOf(envelope)
    return explainFailure(() => openEnvelope(key, bindingText(binding), envelope)).toString()
  }

  /**
   * The same secret under the ring's first key, undefined when it is there already. The secret stays shut (but in an
   * envelope of the first version): what is damaged inside shows at its next opening.
   *
   * @throws VaultError when the key is unknown, a bit around the data key differs, or it was sealed for another place
   */
  rewrap(binding: SecretBinding, envelope: Buffer): SealedSecret | undefined {
    const key = this.#keyOf(envelope)
    if (this.isUnderPrimary(envelope)) return undefined
    const { primary } = this.#ring
    const rewrapped = explainFailure(() => rewrapEnvelope(key, primary, bindingText(binding), envelope))
    return { envelope: rewrapped, keyId: primary.id }
  }

  /** True when there is nothing to re-wrap, as far as the beginning of an envelope tells. */
  isUnderPrimary(envelope: Buffer): boolean {
    const header = envelopeHeader(this.#ring.primary)
    return envelope.subarray(0, header.length).equals(header)
  }

  /** The key that an envelope says it is sealed under, by its beginning; undefined when the bytes are no envelope. */
  keyIdOf(header: Buffer): string | undefined {
    return headerKeyId(header)
  }

  #keyOf(envelope: Buffer): EncryptionKey {
    const keyId = envelopeKeyId(envelope)
    if (keyId === undefined) throw new VaultError('damaged', 'the sealed secret is damaged: it is no envelope')
    const key = this.#ring.get(keyId)
    if (key !== undefined) return key
    throw new VaultError(
      'unknown-key',
      `the secret is sealed under the encryption key ${keyId}, which is not in the key ring`,
    )
  }
}

function explainFailure(run: () => Buffer): Buffer {
  try {
    return run()
  } catch (cause) {
    throw new VaultError('damaged', 'the sealed secret is damaged or was sealed for another row', cause)
  }
}
