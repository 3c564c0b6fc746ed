/** Runs a write once per idempotency key: its answer is kept for a day and given again to the same request. */
import { createHash, randomUUID } from 'node:crypto'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { GatewayError, invalidInput } from '../errors.ts'
import type { IdempotencyPlace, IdempotencyRow, IdempotencyStore } from '../store/idempotency.ts'

/** What is kept of an answer. */
export interface StoredAnswer {
  readonly status: number
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly bytes: Buffer
}

/** Sealed at rest, bound to the key: an answer may hold anything that the vendor knows. */
export interface AnswerSeal {
  seal(place: IdempotencyPlace, text: string): Buffer
  /** @throws when the encryption key is gone or the bytes are not what was sealed for this place */
  open(place: IdempotencyPlace, sealed: Buffer): string
}

export interface Once<Result> extends IdempotencyPlace {
  /** Tells requests apart; see {@link hashRequest}. */
  readonly requestHash: Buffer
  /** Milliseconds of the epoch until which to wait for one that is under way. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  readonly send: () => Promise<Result>
  /** Undefined for an answer after which the caller may try again. */
  readonly keep: (result: Result) => StoredAnswer | undefined
  readonly replay: (answer: StoredAnswer) => Result
}

const keepMs = 24 * 3_600_000
const maxKeptBytes = 10 * 1024 * 1024
const sweepEveryMs = 60_000
const sweepSize = 500

export interface IdempotencyOptions {
  readonly store: IdempotencyStore
  readonly seal: AnswerSeal
  /** How long a key is held for a process that says nothing more; renewed three times in it. */
  readonly leaseMs?: number
  /** Told when an answer could not be kept; a repeat is then sent again when the lease is over. */
  readonly onFailure: (error: unknown) => void
  /** Rejects when the signal is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>
}

/** A key holds an answer, or a request under way, and nothing else. */
export class IdempotencyKeys {
  readonly #store: IdempotencyStore
  readonly #seal: AnswerSeal
  readonly #leaseMs: number
  readonly #onFailure: (error: unknown) => void
  readonly #waitFor: NonNullable<IdempotencyOptions['wait']>
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor({ store, seal, leaseMs = 60_000, onFailure, wait = waitFor }: IdempotencyOptions) {
    this.#store = store
    this.#seal = seal
    this.#leaseMs = leaseMs
    this.#onFailure = onFailure
    this.#waitFor = wait
  }

  /** @throws {GatewayError} IDEMPOTENCY_CONFLICT, INVALID_INPUT, or what `send` throws */
  async run<Result>(once: Once<Result>): Promise<Result> {
    checkIdempotencyKey(once.key)
    this.#sweep()
    const owner = randomUUID()
    const { workspaceId, connectionId, key, requestHash } = once
    const claim = { workspaceId, connectionId, key, requestHash, owner, leaseMs: this.#leaseMs, keepMs }
    for (let round = 0; ; round++) {
      const row = await this.#store.claim(claim)
      if (row.owner === owner) return await this.#send(once, owner)
      if (!row.requestHash.equals(requestHash)) throw conflict('was used before with another request')
      if (row.owner === null) return this.#replay(once, row)
      await this.#pause(once, Math.min(500, 100 + 50 * round))
    }
  }

  async #send<Result>(once: Once<Result>, owner: string): Promise<Result> {
    const renewal = setInterval(() => {
      // One that could not be renewed may be by the next; the lease is three of them long.
      this.#store.renew(once, owner, this.#leaseMs).catch(() => {})
    }, this.#leaseMs / 3)
    try {
      // The key may have come free for a caller who left while it waited.
      once.signal?.throwIfAborted()
      const result = await once.send()
      await this.#end(once, owner, once.keep(result))
      return result
    } catch (error) {
      await this.#end(once, owner, undefined)
      throw error
    } finally {
      clearInterval(renewal)
    }
  }

  /** The write itself is over: whoever made it gets its answer, whether or not the store can keep that. */
  async #end(place: IdempotencyPlace, owner: string, answer: StoredAnswer | undefined): Promise<void> {
    try {
      if (answer === undefined) await this.#store.release(place, owner)
      else
        await this.#store.finish(place, owner, { status: answer.status, sealedAnswer: this.#sealAnswer(place, answer) })
    } catch (error) {
      this.#onFailure(error)
    }
  }

  #sealAnswer(place: IdempotencyPlace, { status, headers, bytes }: StoredAnswer): Buffer | null {
    if (bytes.length > maxKeptBytes) return null
    return this.#seal.seal(place, JSON.stringify({ status, headers, bytes: bytes.toString('base64') }))
  }

  #replay<Result>(once: Once<Result>, { status, sealedAnswer }: IdempotencyRow): Result {
    if (sealedAnswer === null) throw conflict(`was executed with status ${status}; its answer was too long to keep`)
    let answer: StoredAnswer & { bytes: unknown }
    try {
      answer = JSON.parse(this.#seal.open(once, sealedAnswer))
    } catch (cause) {
      throw conflict(`was executed with status ${status}; its answer can no longer be read`, { cause })
    }
    return once.replay({ ...answer, bytes: Buffer.from(String(answer.bytes), 'base64') })
  }

  async #pause({ deadlineMs, signal }: Pick<Once<unknown>, 'deadlineMs' | 'signal'>, ms: number): Promise<void> {
    const leftMs = deadlineMs - Date.now()
    if (leftMs <= 0) throw conflict('is in use by a request that is still under way', { retryAfterMs: 1000 })
    // Rejects only when the caller left: then for the caller's own reason.
    await this.#waitFor(Math.min(ms, leftMs), signal).catch(() => {})
    signal?.throwIfAborted()
  }

  /** Off the hot path, and in slices: nobody waits for it. */
  #sweep(): void {
    const now = performance.now()
    if (now - this.#sweptAt < sweepEveryMs) return
    this.#sweptAt = now
    // What stays now goes with the next sweep.
    this.#deleteExpired().catch(() => {})
  }

  async #deleteExpired(): Promise<void> {
    // The embedded store answers at once: without a pause nobody else would have a turn before the last slice.
    while ((await this.#store.deleteExpired(sweepSize)) === sweepSize) await setImmediate()
  }
}

/** @throws {GatewayError} INVALID_INPUT */
export function checkIdempotencyKey(key: string): void {
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return
  const got = /^[\x21-\x7e]*$/.test(key) ? `${key.length} characters` : 'other characters'
  throw invalidInput(
    'options.idempotencyKey',
    `options.idempotencyKey takes 1 to 255 visible ASCII characters; got ${got}.`,
  )
}

/** SHA-256 over the parts with their lengths, so that no two requests read alike. */
export function hashRequest(parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  return hash.digest()
}

function conflict(what: string, options: { cause?: unknown; retryAfterMs?: number } = {}): GatewayError {
  return new GatewayError('IDEMPOTENCY_CONFLICT', `The idempotency key ${what}.`, options)
}

function waitFor(ms: number, signal: AbortSignal | undefined): Promise<unknown> {
  return sleep(ms, undefined, signal && { signal })
}
