/** One private cache (RFC 9111) per connection and credential, all of them together within a bound. */
import type CachePolicy from 'http-cache-semantics'
import type { ResolvedConnection } from './connection.ts'

/** What is remembered of one answer. */
export interface StoredAnswer {
  readonly policy: CachePolicy
  readonly status: number
  readonly statusText: string
  /** Names in lower case, as the policy judges them. */
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: Buffer
  /** The request headers that `Vary` names, as they were; or all of them, when `isExact`. */
  readonly variant: readonly (readonly [name: string, value: string | undefined])[]
  /** True where the vendor said nothing of what its answer depends on. */
  readonly isExact: boolean
}

export const maxEntryBytes = 2 * 1024 * 1024
const maxBytesPerConnection = 8 * 1024 * 1024
const maxBytes = 128 * 1024 * 1024
const maxConnections = 10_000
const maxVariants = 16
/** What an answer costs beside its body. */
const entryCost = 2048

/** The answers of one connection, by URL; the one that was used last stands last. */
export class PrivateCache {
  readonly credentialVersion: number
  readonly #byUrl = new Map<string, StoredAnswer[]>()
  bytes = 0

  constructor(credentialVersion: number) {
    this.credentialVersion = credentialVersion
  }

  /** The answer to a request with these headers, fresh or not. */
  find(url: string, headers: Readonly<Record<string, string>>): StoredAnswer | undefined {
    const answers = this.#byUrl.get(url)
    return answers?.find(
      ({ variant, isExact }) =>
        variant.every(([name, value]) => headers[name] === value) &&
        (!isExact || tellingHeaders(headers).length === variant.length),
    )
  }

  put(url: string, answer: StoredAnswer): void {
    const same = JSON.stringify(answer.variant)
    const others = (this.#byUrl.get(url) ?? []).filter(({ variant }) => JSON.stringify(variant) !== same)
    this.delete(url)
    const kept = [answer, ...others].slice(0, maxVariants)
    this.#byUrl.set(url, kept)
    this.bytes += costOf(kept)
    for (const [oldest] of this.#byUrl) {
      if (this.bytes <= maxBytesPerConnection) return
      this.delete(oldest)
    }
  }

  delete(url: string): void {
    const kept = this.#byUrl.get(url)
    if (kept === undefined) return
    this.#byUrl.delete(url)
    this.bytes -= costOf(kept)
  }
}

export class PrivateCaches {
  readonly #caches = new Map<string, PrivateCache>()
  readonly #maxBytes: number

  constructor(options: { readonly maxBytes?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? maxBytes
  }

  /** @returns undefined when nothing is remembered for this credential */
  find(connection: ResolvedConnection): PrivateCache | undefined {
    const key = keyOf(connection.workspaceId, connection.id)
    const cache = this.#caches.get(key)
    if (cache === undefined || cache.credentialVersion === connection.credentialVersion) return cache
    this.#caches.delete(key)
    return undefined
  }

  open(connection: ResolvedConnection): PrivateCache {
    const cache = this.find(connection) ?? new PrivateCache(connection.credentialVersion)
    const key = keyOf(connection.workspaceId, connection.id)
    this.#caches.delete(key)
    this.#caches.set(key, cache)
    return cache
  }

  put(connection: ResolvedConnection, url: string, answer: StoredAnswer): void {
    const used = this.open(connection)
    used.put(url, answer)
    let bytes = 0
    for (const cache of this.#caches.values()) bytes += cache.bytes
    // Those that were not used for longest go first.
    for (const [key, cache] of this.#caches) {
      if (bytes <= this.#maxBytes && this.#caches.size <= maxConnections) return
      if (cache === used) continue
      this.#caches.delete(key)
      bytes -= cache.bytes
    }
  }

  forget(workspaceId: string, connectionId: string): void {
    this.#caches.delete(keyOf(workspaceId, connectionId))
  }
}

/** Headers are there as strings, and once more for the policy. */
const copiesOfHeaders = 4

function costOf(answers: readonly StoredAnswer[]): number {
  return answers.reduce((sum, { body, headers, variant }) => {
    const fields = [...Object.entries(headers), ...variant].flat(2)
    const text = fields.reduce((length, part) => length + (part?.length ?? 0), 0)
    return sum + body.length + entryCost + copiesOfHeaders * text
  }, 0)
}

/** Headers of a request that say nothing of what is asked for. */
const plainHeaders: ReadonlySet<string> = new Set([
  ...['baggage', 'cache-control', 'connection', 'host', 'keep-alive', 'pragma', 'traceparent', 'tracestate'],
  ...['user-agent', 'x-request-id'],
])

/** Those that an answer may depend on, sorted. */
export function tellingHeaders(headers: Readonly<Record<string, string>>): [name: string, value: string][] {
  return Object.entries(headers)
    .filter(([name]) => !plainHeaders.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

function keyOf(workspaceId: string, connectionId: string): string {
  return `${workspaceId} ${connectionId}`
}
