/** The encryption keys of this process and its store: what hangs on each, and their rotation in the background. */
import type { Events } from '../events.ts'
import type { SealedTable } from '../store/sealed-rows.ts'
import type { Vault } from '../vault/vault.ts'
import {
  countKeyUses,
  type RotationFailure,
  type RotationStores,
  rotateKeys,
  rowsOf,
  type TableProgress,
} from './key-rotation.ts'

export interface EncryptionKeyFacts {
  readonly id: string
  /** It seals whatever is stored from now on. */
  readonly isPrimary: boolean
  /** This process has it. */
  readonly isInRing: boolean
  readonly sealedRows: number
}

/** A rotation that this process runs or ran. */
export interface KeyRotationState {
  readonly startedAt: Date
  /** Null while it runs. */
  readonly finishedAt: Date | null
  readonly tables: readonly TableProgress[]
  readonly failures: readonly RotationFailure[]
  /** Why it ended before its time; null when it did not. */
  readonly message: string | null
}

export interface EncryptionKeysParts {
  readonly vault: Vault
  readonly stores: RotationStores
  readonly events: Pick<Events, 'sealedRowUnopened' | 'keysRotated' | 'keyRotationFailed'>
  readonly sliceSize?: number
}

export class EncryptionKeys implements AsyncDisposable {
  readonly #parts: EncryptionKeysParts
  readonly #stop = new AbortController()
  #state: KeyRotationState | undefined
  #running: Promise<void> | undefined

  constructor(parts: EncryptionKeysParts) {
    this.#parts = parts
  }

  /** The ring's keys in its order, then others that this store was sealed with. */
  async list(): Promise<EncryptionKeyFacts[]> {
    const { vault, stores } = this.#parts
    const uses = await countKeyUses(vault, stores.sealedRows)
    const known = [...(await stores.keys.list()).map(({ id }) => id), ...uses.flatMap(({ keyId }) => keyId ?? [])]
    return [...new Set([...vault.keyIds, ...known])].map(id => ({
      id,
      isPrimary: id === vault.primaryId,
      isInRing: vault.keyIds.includes(id),
      sealedRows: rowsOf(uses.filter(({ keyId }) => keyId === id)),
    }))
  }

  /** The rotation that runs, else the last one; undefined when this process has had none. */
  get rotation(): KeyRotationState | undefined {
    return this.#state
  }

  /** Starts a rotation, unless one runs: then it is that one. */
  startRotation(): KeyRotationState {
    if (this.#state === undefined || this.#running === undefined) {
      this.#state = { startedAt: new Date(), finishedAt: null, tables: [], failures: [], message: null }
      this.#running = this.#rotate().finally(() => {
        this.#running = undefined
      })
    }
    return this.#state
  }

  /** Resolves when no rotation runs. */
  async settled(): Promise<void> {
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #rotate(): Promise<void> {
    const { vault, stores, events, sliceSize } = this.#parts
    const tables = new Map<SealedTable, TableProgress>()
    try {
      const { moved, failures, left } = await rotateKeys(vault, stores, {
        signal: this.#stop.signal,
        ...(sliceSize !== undefined && { sliceSize }),
        onProgress: progress => this.#note({ tables: [...tables.set(progress.table, progress).values()] }),
        onFailure: failure => events.sealedRowUnopened(failure),
      })
      this.#note({ finishedAt: new Date(), failures })
      events.keysRotated(vault.primaryId, { moved, failed: failures.length, left: rowsOf(left) })
    } catch (error) {
      this.#note({ finishedAt: new Date(), message: 'The store failed; start the rotation again and it goes on.' })
      events.keyRotationFailed(error)
    }
  }

  #note(change: Partial<KeyRotationState>): void {
    if (this.#state !== undefined) this.#state = { ...this.#state, ...change }
  }
}
