/** The key-encryption keys of this process: the first seals, all open. */

export interface EncryptionKey {
  /** Names the key in every envelope it wraps; 1 to 32 characters of `A-Za-z0-9_-`. */
  readonly id: string
  /** 32 bytes, AES-256. */
  readonly key: Buffer
}

export class KeyRing {
  readonly primary: EncryptionKey
  readonly #keys: ReadonlyMap<string, EncryptionKey>

  /** @throws TypeError on an empty ring, a key that is not 32 bytes, or two keys of one id. */
  constructor(keys: readonly EncryptionKey[]) {
    const [primary] = keys
    if (primary === undefined) throw new TypeError('a key ring needs at least one key')
    if (keys.some(key => key.key.length !== 32)) throw new TypeError('an encryption key has 32 bytes')
    this.primary = primary
    this.#keys = new Map(keys.map(key => [key.id, key]))
    if (this.#keys.size !== keys.length) throw new TypeError('two encryption keys share one id')
  }

  get ids(): readonly string[] {
    return [...this.#keys.keys()]
  }

  get(id: string): EncryptionKey | undefined {
    return this.#keys.get(id)
  }
}
