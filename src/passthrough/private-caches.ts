/** One private cache (RFC 9111) per connection and credential, all of them together within a bound. */
import { cacheStores } from 'undici'
import type { ResolvedConnection } from './connection.ts'

/** undici's types leave out how many bytes it holds. */
type MemoryCacheStore = InstanceType<typeof cacheStores.MemoryCacheStore> & { readonly size: number }

const maxEntryBytes = 2 * 1024 * 1024
const maxBytesPerConnection = 8 * 1024 * 1024
const maxBytes = 128 * 1024 * 1024
const maxConnections = 10_000

interface Kept {
  readonly store: MemoryCacheStore
  readonly credentialVersion: number
  /** As of the last call. */
  bytes: number
}

export class PrivateCaches {
  /** The one that was used last stands last. */
  readonly #kept = new Map<string, Kept>()
  readonly #maxBytes: number
  #bytes = 0

  constructor(options: { readonly maxBytes?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? maxBytes
  }

  /** @returns undefined when nothing is remembered and nothing was asked to be */
  find(connection: ResolvedConnection): MemoryCacheStore | undefined {
    const key = keyOf(connection.workspaceId, connection.id)
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    if (kept.credentialVersion === connection.credentialVersion) return kept.store
    this.#drop(key, kept)
    return undefined
  }

  open(connection: ResolvedConnection): MemoryCacheStore {
    const known = this.find(connection)
    const key = keyOf(connection.workspaceId, connection.id)
    const kept = this.#kept.get(key) ?? {
      store: createStore(),
      credentialVersion: connection.credentialVersion,
      bytes: 0,
    }
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    this.#shrink(kept)
    return known ?? kept.store
  }

  /** To be called when an answer may have been added. */
  measure(connection: ResolvedConnection): void {
    const kept = this.#kept.get(keyOf(connection.workspaceId, connection.id))
    if (kept === undefined) return
    this.#bytes += kept.store.size - kept.bytes
    kept.bytes = kept.store.size
    this.#shrink(kept)
  }

  forget(workspaceId: string, connectionId: string): void {
    const key = keyOf(workspaceId, connectionId)
    const kept = this.#kept.get(key)
    if (kept !== undefined) this.#drop(key, kept)
  }

  /** Those that were not used for longest go first. */
  #shrink(used: Kept): void {
    for (const [key, kept] of this.#kept) {
      if (this.#bytes <= this.#maxBytes && this.#kept.size <= maxConnections) return
      if (kept !== used) this.#drop(key, kept)
    }
  }

  #drop(key: string, kept: Kept): void {
    this.#bytes -= kept.bytes
    this.#kept.delete(key)
  }
}

function createStore(): MemoryCacheStore {
  const limits = { maxEntrySize: maxEntryBytes, maxSize: maxBytesPerConnection }
  return new cacheStores.MemoryCacheStore(limits) as MemoryCacheStore
}

function keyOf(workspaceId: string, connectionId: string): string {
  return `${workspaceId} ${connectionId}`
}
