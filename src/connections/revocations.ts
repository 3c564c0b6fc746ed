/** Revocations that failed for the moment: tried again in the background, a bounded number of times, while nobody waits. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Credential } from '../auth/credential.ts'
import { isAway } from '../auth/tokens/error-kind.ts'
import { TokenError } from '../auth/tokens/token-endpoint.ts'
import { GatewayError } from '../errors.ts'
import type { AskToRevoke, Revocable } from './revocation-request.ts'

interface RevocationParts {
  readonly ask: AskToRevoke
  /** Told of what was given up. */
  readonly onFailed: (row: Revocable, error: unknown) => void
  /** Before each further try, in milliseconds. */
  readonly pausesMs?: readonly number[]
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

const usualPausesMs: readonly number[] = [1_000, 5_000, 30_000, 120_000]
/** However late the vendor asks to come back: the tokens are kept in memory alone. */
const longestPauseMs = 300_000
const maxWaiting = 1_000

export class Revocations implements AsyncDisposable {
  readonly #parts: RevocationParts
  readonly #flights = new Set<Promise<void>>()
  readonly #ended = new AbortController()

  constructor(parts: RevocationParts) {
    this.#parts = parts
  }

  /** Whether {@link tryAgain} would try again. */
  mayTryAgain(failure: unknown): boolean {
    return this.#flights.size < maxWaiting && !this.#ended.signal.aborted && isPassing(failure)
  }

  /** Once, and then as {@link tryAgain} has it. Resolves after the first try; does not reject. */
  async revoke(row: Revocable, credential: Credential): Promise<void> {
    const attempt = this.#parts.ask(row, credential).then(
      () => {},
      failure => this.tryAgain(row, credential, failure),
    )
    this.#watch(attempt)
    await attempt
  }

  /**
   * After a try that failed. What can only fail again is given up at once.
   * @param onRevoked called when it is done after all; may reject
   */
  tryAgain(row: Revocable, credential: Credential, failure: unknown, onRevoked?: () => Promise<void>): void {
    if (this.mayTryAgain(failure)) this.#watch(this.#goOn(row, credential, failure, onRevoked))
    else this.#parts.onFailed(row, failure)
  }

  /** Whoever waits gives up; what is sent already is waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await Promise.allSettled(this.#flights)
  }

  #watch(flight: Promise<void>): void {
    this.#flights.add(flight)
    void flight.finally(() => this.#flights.delete(flight))
  }

  /** Never rejects. */
  async #goOn(row: Revocable, credential: Credential, failure: unknown, onRevoked?: () => Promise<void>) {
    const { ask, onFailed, pausesMs = usualPausesMs, wait = waitAround } = this.#parts
    let last = failure
    try {
      for (const pauseMs of pausesMs) {
        await wait(Math.min(longestPauseMs, Math.max(pauseMs, askedOf(last))), this.#ended.signal)
        try {
          await ask(row, credential)
          await onRevoked?.()
          return
        } catch (error) {
          last = error
          if (!isPassing(error)) break
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
