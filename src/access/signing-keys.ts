/** The keys that sign session tokens: one signs, those before it verify until nothing they signed is good any more. */
import { randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { memoMs } from '../memo.ts'
import type { SigningKeyRow, SigningKeyStore } from '../store/signing-keys.ts'

/** How a private key is kept; the vault is not opened here. */
export interface KeySeal {
  seal(id: string, text: string): Buffer
  open(id: string, sealed: Buffer): string
}

interface Loaded {
  readonly rows: readonly SigningKeyRow[]
  readonly atMs: number
}

/** A key signs for so long. */
const signsForMs = 30 * 86_400_000
/** Longer than any session lasts. */
const overlapMs = 25 * 3_600_000
const algorithm = 'EdDSA'

export class SigningKeys {
  readonly #store: SigningKeyStore
  readonly #workspaceId: string
  readonly #seal: KeySeal
  #loaded: Loaded | undefined
  readonly #opened = new Map<string, Promise<CryptoKey>>()

  /** @param workspaceId the operator's, which the keys belong to */
  constructor(store: SigningKeyStore, workspaceId: string, seal: KeySeal) {
    this.#store = store
    this.#workspaceId = workspaceId
    this.#seal = seal
  }

  /** The key that signs now; made when there is none, or it is old. */
  async current(): Promise<{ readonly id: string; readonly key: CryptoKey; readonly algorithm: string }> {
    const rows = await this.#rows()
    const row = rows.find(({ expiresAt }) => expiresAt === null)
    if (row === undefined || row.createdAt.getTime() < Date.now() - signsForMs) {
      await this.rotate()
      return await this.current()
    }
    return { id: row.id, key: await this.#open(row), algorithm }
  }

  /** The public key with this id. Undefined when there is none, or it is over. */
  async find(id: string): Promise<CryptoKey | undefined> {
    const row = (await this.#rows()).find(known => known.id === id)
    if (row === undefined || isOver(row)) return undefined
    return (await importJWK(row.publicJwk as JWK, algorithm)) as CryptoKey
  }

  /** RFC 7517, for whoever verifies a token themselves. */
  async jwks(): Promise<{ keys: JWK[] }> {
    await this.current()
    const rows = await this.#rows()
    return {
      keys: rows
        .filter(row => !isOver(row))
        .map(row => ({ ...(row.publicJwk as JWK), kid: row.id, use: 'sig', alg: algorithm })),
    }
  }

  /** From now on a new key signs. @param options.revokeOld ends what those before it signed @returns its id */
  async rotate({ revokeOld = false }: { readonly revokeOld?: boolean } = {}): Promise<string> {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { crv: 'Ed25519', extractable: true })
    const id = randomBytes(8).toString('base64url')
    const sealedPrivateKey = this.#seal.seal(id, JSON.stringify(await exportJWK(privateKey)))
    await this.#store.insert(
      { id, workspaceId: this.#workspaceId, publicJwk: { ...(await exportJWK(publicKey)) }, sealedPrivateKey },
      revokeOld ? 0 : overlapMs,
    )
    await this.#store.deleteExpired()
    this.#loaded = undefined
    return id
  }

  /** Tokens must not cost a look-up each, and a key that was ended elsewhere is not good for long. */
  async #rows(): Promise<readonly SigningKeyRow[]> {
    if (this.#loaded !== undefined && this.#loaded.atMs > Date.now() - memoMs) return this.#loaded.rows
    const atMs = Date.now()
    const rows = await this.#store.list()
    this.#loaded = { rows, atMs }
    return rows
  }

  #open(row: SigningKeyRow): Promise<CryptoKey> {
    let opened = this.#opened.get(row.id)
    if (opened === undefined) {
      opened = importJWK(JSON.parse(this.#seal.open(row.id, row.sealedPrivateKey)), algorithm) as Promise<CryptoKey>
      this.#opened.set(row.id, opened)
    }
    return opened
  }
}

function isOver({ expiresAt }: SigningKeyRow): boolean {
  return expiresAt !== null && expiresAt.getTime() <= Date.now()
}
