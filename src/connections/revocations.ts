/** Revocations that failed for the moment: tried again in the background, a bounded number of times, while nobody waits. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Credential } from '../auth/credential.ts'
import { isAway } from '../auth/tokens/error-kind.ts'
import { TokenError } from '../auth/tokens/token-endpoint.ts'
import { GatewayError } from '../errors.ts'
import type { PlanRevocation, Revocable, Revocation } from './revocation-request.ts'

interface RevocationParts {
  readonly plan: PlanRevocation
  /** Told of what was given up. */
  readonly onFailed: (row: Revocable, error: unknown) => void
  /** Before each further try, in milliseconds. */
  readonly pausesMs?: readonly number[]
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
  /** How long a request that is under way may take when the process ends, in milliseconds. */
  readonly lastMs?: number
}

const usualPausesMs: readonly number[] = [1_000, 5_000, 30_000, 120_000]
/** However late the vendor asks to come back: the tokens are kept in memory alone. */
const longestPauseMs = 300_000
const maxWaiting = 1_000
const usualLastMs = 5_000

export class Revocations implements AsyncDisposable {
  readonly #parts: RevocationParts
  readonly #flights = new Set<Promise<void>>()
  /** Nothing is begun any more. */
  readonly #ended = new AbortController()
  /** Nothing is waited for any more. */
  readonly #left = new AbortController()

  constructor(parts: RevocationParts) {
    this.#parts = parts
  }

  /** Whether {@link tryAgain} would try again. */
  mayTryAgain(failure: unknown): boolean {
    return this.#flights.size < maxWaiting && !this.#ended.signal.aborted && isPassing(failure)
  }

  /** Once, and then as {@link tryAgain} has it. Resolves after the first try; does not reject. */
  async revoke(row: Revocable, credential: Credential): Promise<void> {
    const attempt = this.#tryFirst(row, credential)
    this.#watch(attempt)
    await attempt
  }

  /**
   * After a try that failed. What can only fail again is given up at once.
   * @param onRevoked called when it is done after all; may reject
   */
  tryAgain(row: Revocable, revocation: Revocation, failure: unknown, onRevoked?: () => Promise<void>): void {
    if (this.mayTryAgain(failure)) this.#watch(this.#goOn(row, revocation, failure, onRevoked))
    else this.#parts.onFailed(row, failure)
  }

  /**
   * Whoever waits gives up, and what is sent already gets a few seconds more; what is not done by then is told as failed.
   * Its sockets close with those of all other requests.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    const timer = setTimeout(() => this.#left.abort(), this.#parts.lastMs ?? usualLastMs)
    await Promise.allSettled(this.#flights)
    clearTimeout(timer)
  }

  #watch(flight: Promise<void>): void {
    this.#flights.add(flight)
    void flight.finally(() => this.#flights.delete(flight))
  }

  /** Never rejects. */
  async #tryFirst(row: Revocable, credential: Credential): Promise<void> {
    const { plan, onFailed } = this.#parts
    try {
      if (this.#ended.signal.aborted) throw stopped()
      const revocation = await this.#unlessLeft(plan(row, credential))
      if (typeof revocation === 'string') return
      await this.#unlessLeft(revocation()).catch(failure => this.tryAgain(row, revocation, failure))
    } catch (failure) {
      onFailed(row, failure)
    }
  }

  async #unlessLeft<Result>(asked: Promise<Result>): Promise<Result> {
    const { promise: left, reject } = Promise.withResolvers<never>()
    const leave = () => reject(stopped())
    this.#left.signal.addEventListener('abort', leave)
    try {
      return await Promise.race([asked, left])
    } finally {
      this.#left.signal.removeEventListener('abort', leave)
    }
  }

  /** Never rejects. */
  async #goOn(row: Revocable, revocation: Revocation, failure: unknown, onRevoked?: () => Promise<void>) {
    const { onFailed, pausesMs = usualPausesMs, wait = waitAround } = this.#parts
    let last = failure
    try {
      for (const pauseMs of pausesMs) {
        await wait(Math.min(longestPauseMs, Math.max(pauseMs, askedOf(last))), this.#ended.signal)
        try {
          await this.#unlessLeft(revocation())
          await onRevoked?.()
          return
        } catch (error) {
          last = error
          if (this.#ended.signal.aborted || !isPassing(error)) break
        }
      }
    } catch {
      // The process ends.
    }
    onFailed(row, last)
  }
}

/** Not all at once: a vendor that comes back has others to serve. */
function waitAround(ms: number, signal: AbortSignal): Promise<unknown> {
  return sleep(ms * (1 + Math.random() / 4), undefined, { signal, ref: false })
}

function isPassing(failure: unknown): boolean {
  if (failure instanceof TokenError) return failure.status !== undefined && isAway(failure.status)
  return failure instanceof GatewayError && failure.code.startsWith('UPSTREAM_')
}

function askedOf(failure: unknown): number {
  return failure instanceof TokenError ? (failure.retryAfterMs ?? 0) : 0
}

function stopped(): GatewayError {
  return new GatewayError('UPSTREAM_TIMEOUT', 'The gateway stopped before the vendor had answered.')
}
