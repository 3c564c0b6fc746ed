/** Puts every stored secret under the key ring's first key, beside whatever else reads and writes those rows. */
import { setImmediate } from 'node:timers/promises'
import type { EncryptionKeyStore } from '../store/encryption-keys.ts'
import {
  type SealedPlace,
  type SealedRow,
  type SealedRowStore,
  type SealedTable,
  sealedTables,
} from '../store/sealed-rows.ts'
import {
  connectFlightBinding,
  connectionBinding,
  idempotentAnswerBinding,
  oauthClientBinding,
  type SecretBinding,
  signingKeyBinding,
  webhookEndpointBinding,
} from '../vault/bindings.ts'
import { type Vault, VaultError } from '../vault/vault.ts'

export interface RotationStores {
  readonly keys: EncryptionKeyStore
  readonly sealedRows: SealedRowStore
}

/** How far one table is. */
export interface TableProgress {
  readonly table: SealedTable
  /** Rows that were looked at. */
  readonly done: number
  readonly total: number
  /** Rows that are under the first key because of this rotation. */
  readonly moved: number
}

/** A row that was left alone, because its secret cannot be opened. */
export interface RotationFailure extends SealedPlace {
  readonly message: string
}

/** Rows of one table that are alike in what they are sealed under. */
export interface KeyUse {
  readonly table: SealedTable
  /** Undefined for bytes that are no envelope. */
  readonly keyId: string | undefined
  /** True under the ring's first key in today's form: there is nothing to do. */
  readonly isCurrent: boolean
  readonly rows: number
}

export interface RotationReport {
  readonly moved: number
  readonly failures: readonly RotationFailure[]
  /** What is not under the first key now; empty when the other keys are needed no more. */
  readonly left: readonly KeyUse[]
}

export interface RotationOptions {
  readonly onProgress?: (progress: TableProgress) => void
  readonly onFailure?: (failure: RotationFailure) => void
  /** Stops it between rows; it goes on where it was when it is run again. */
  readonly signal?: AbortSignal
  readonly sliceSize?: number
}

const maxPasses = 3
const maxSwaps = 3
/** Rows at work at a time: a process that serves calls meanwhile keeps most of its connections. */
const lanes = 4

/** What the stored secrets are sealed under. */
export async function countKeyUses(vault: Vault, sealedRows: SealedRowStore): Promise<KeyUse[]> {
  const counts = await sealedRows.count()
  return counts.map(({ table, header, rows }) => ({
    table,
    rows,
    keyId: vault.keyIdOf(header),
    isCurrent: vault.isUnderPrimary(header),
  }))
}

/**
 * Each row is read, re-wrapped and swapped by itself if its bytes are still the same, so nothing that others write is
 * overwritten and no lock outlasts a statement. What is under the first key already is passed over: killed half-way, it
 * is simply run again. Rows that replicas with an older ring seal meanwhile are met by a second pass, or reported as left.
 */
export async function rotateKeys(
  vault: Vault,
  stores: RotationStores,
  options: RotationOptions = {},
): Promise<RotationReport> {
  const rotation = new Rotation(
    vault,
    stores.sealedRows,
    new Set((await stores.keys.list()).map(({ id }) => id)),
    options,
  )
  for (let pass = 1; ; pass++) {
    const movedBefore = rotation.moved
    const uses = await countKeyUses(vault, stores.sealedRows)
    const totals = sealedTables.map(table => ({ table, total: rowsOf(uses.filter(use => use.table === table)) }))
    if (pass === 1) for (const total of totals) options.onProgress?.({ ...total, done: 0, moved: 0 })
    for (const { table, total } of totals) await rotation.rotateTable(table, total)
    const left = (await countKeyUses(vault, stores.sealedRows)).filter(use => !use.isCurrent)
    const canMove = left.filter(({ keyId }) => keyId !== undefined && vault.keyIds.includes(keyId))
    const isStuck = rotation.moved === movedBefore || rowsOf(canMove) <= rotation.failures.length
    if (isStuck || pass === maxPasses || options.signal?.aborted) {
      return { moved: rotation.moved, failures: rotation.failures, left }
    }
  }
}

export function rowsOf(uses: readonly KeyUse[]): number {
  return uses.reduce((sum, { rows }) => sum + rows, 0)
}

class Rotation {
  readonly #vault: Vault
  readonly #store: SealedRowStore
  /** Every key that this store was ever used with. */
  readonly #knownKeys: ReadonlySet<string>
  readonly #options: RotationOptions
  readonly #moved = new Map<SealedTable, number>()
  readonly #failures = new Map<string, RotationFailure>()

  constructor(vault: Vault, store: SealedRowStore, knownKeys: ReadonlySet<string>, options: RotationOptions) {
    this.#vault = vault
    this.#store = store
    this.#knownKeys = knownKeys
    this.#options = options
  }

  get moved(): number {
    return [...this.#moved.values()].reduce((sum, rows) => sum + rows, 0)
  }

  get failures(): readonly RotationFailure[] {
    return [...this.#failures.values()]
  }

  async rotateTable(table: SealedTable, total: number): Promise<void> {
    const { signal, onProgress, sliceSize = 200 } = this.#options
    let after: SealedPlace | undefined
    let done = 0
    while (!signal?.aborted) {
      const rows = await this.#store.slice(table, after, sliceSize)
      await this.#rotateRows(rows.filter(row => !this.#vault.isUnderPrimary(row.header)))
      after = rows.at(-1)
      done += rows.length
      onProgress?.({ table, done, total: Math.max(done, total), moved: this.#moved.get(table) ?? 0 })
      // The embedded store answers without a turn of the event loop: calls must have theirs.
      await setImmediate()
      if (rows.length < sliceSize) return
    }
  }

  async #rotateRows(rows: readonly SealedRow[]): Promise<void> {
    for (let start = 0; start < rows.length && !this.#options.signal?.aborted; start += lanes) {
      await Promise.all(rows.slice(start, start + lanes).map(row => this.#rotateRow(row)))
      await setImmediate()
    }
  }

  async #rotateRow({ header: _, ...place }: SealedRow): Promise<void> {
    for (let swap = 0; swap < maxSwaps; swap++) {
      const sealed = await this.#store.read(place)
      const rewrapped = sealed && this.#rewrap(place, sealed)
      if (sealed === undefined || rewrapped === undefined) return
      if (await this.#store.replace(place, sealed, rewrapped)) {
        this.#moved.set(place.table, (this.#moved.get(place.table) ?? 0) + 1)
        return
      }
    }
  }

  #rewrap(place: SealedPlace, sealed: Buffer) {
    const id = JSON.stringify([place.table, place.workspaceId, place.key])
    try {
      const rewrapped = this.#vault.rewrap(bindingOf(place), sealed)
      this.#failures.delete(id)
      return rewrapped
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      // A key of this store that the ring lacks is no damage: all its rows are counted in the end. One that nobody has
      // ever used here is.
      if (error.reason === 'unknown-key' && this.#knownKeys.has(this.#vault.keyIdOf(sealed) ?? '')) return undefined
      const failure = { ...place, message: error.message }
      if (!this.#failures.has(id)) this.#options.onFailure?.(failure)
      this.#failures.set(id, failure)
      return undefined
    }
  }
}

/** What the secret at a place was sealed for. */
function bindingOf({ table, workspaceId, key }: SealedPlace): SecretBinding {
  const [first = '', second = ''] = key
  switch (table) {
    case 'connections':
    case 'connection_deletions':
      return connectionBinding(workspaceId, first)
    case 'integrations':
      return oauthClientBinding(workspaceId, first)
    case 'webhook_endpoints':
      return webhookEndpointBinding(workspaceId, first)
    case 'idempotency_keys':
      return idempotentAnswerBinding(workspaceId, first, second)
    case 'connect_flights':
      return connectFlightBinding(workspaceId, Buffer.from(first, 'hex'))
    case 'signing_keys':
      return signingKeyBinding(workspaceId, first)
  }
}
