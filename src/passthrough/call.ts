/** One call on its way through the stack: its plan, how it is proved, and what is noted of it. */
import type { Dispatcher } from 'undici'
import type { Injection } from '../auth/strategy.ts'
import type { LimitSubject } from '../limits/limits.ts'
import type { CallTrace } from '../telemetry/call-trace.ts'
import type { RequestPlan } from './request.ts'

/** One request that really went out. */
export interface Attempt {
  /** Null when no answer came. */
  readonly status: number | null
  /** Why it was not the last one, or why it failed; null for the answer that was given to the caller. */
  readonly reason: string | null
  readonly durationMs: number
}

/** Milliseconds; null for what never happened. */
export interface Timing {
  /** Waiting for a turn: limits, a free connection, and the pauses between attempts. */
  readonly queuedMs: number
  /** Until the last attempt had a connection. */
  readonly connectMs: number | null
  /** From the start of the call to the head of its answer. */
  readonly firstByteMs: number | null
  readonly totalMs: number
}

export type CacheVerdict = 'HIT' | 'MISS' | 'REVALIDATED'

/** What became of a call, for its record and its result. */
export interface CallOutcome {
  /** False when nothing was sent: it was refused, or its answer was remembered. */
  readonly executed: boolean
  /** Requests that were sent. */
  readonly attempts: number
  readonly attemptLog: readonly Attempt[]
  /** Bytes of the request's body, of all attempts. */
  readonly bytesSent: number
  /** Bytes of the answers' bodies as they came, of all attempts. */
  readonly bytesReceived: number
  readonly durationMs: number
  readonly timing: Timing
  /** Null when the call did not ask for the cache. */
  readonly cache: CacheVerdict | null
}

/** An attempt while it is under way. */
export interface OpenAttempt {
  readonly startedAt: number
  connectedAt: number | undefined
  headAt: number | undefined
  endedAt: number | undefined
  status: number | null
  reason: string | null
}

/** What comes with a call. */
export interface CallParts {
  /** Opens the credential, once per attempt. */
  readonly inject: () => Injection
  /** Gets a new token after a 401; false when there is none to be had now. */
  readonly renew?: (() => Promise<boolean>) | undefined
  /** Told when the vendor took the credential. */
  readonly accepted?: (() => void) | undefined
  /** Whose limits count. */
  readonly subject?: LimitSubject | undefined
  /** Where its attempts are traced; nowhere when nobody collects traces. */
  readonly trace?: CallTrace | undefined
  /** By `performance.now()`; now unless given. Its time and its deadline count from here. */
  readonly startedAt?: number | undefined
}

export class Call {
  readonly plan: RequestPlan
  /** Opens the credential; only the credentials interceptor calls it, once per attempt. */
  readonly inject: () => Injection
  /** Gets a new token after a 401; false when there is none to be had. */
  readonly renew: (() => Promise<boolean>) | undefined
  readonly accepted: (() => void) | undefined
  /** Whose limits count; none for a call that is not limited. */
  readonly subject: LimitSubject | undefined
  readonly trace: CallTrace | undefined
  readonly #startedAt: number
  readonly #attempts: OpenAttempt[] = []
  #abort: AbortController | undefined
  #failure: Error | undefined
  bytesSent = 0
  bytesReceived = 0
  cache: CacheVerdict | null = null

  constructor(plan: RequestPlan, parts: CallParts) {
    const { inject, renew, accepted, subject, trace, startedAt = performance.now() } = parts
    this.plan = plan
    this.#startedAt = startedAt
    this.inject = inject
    this.renew = renew
    this.accepted = accepted
    this.subject = subject
    this.trace = trace
  }

  /** Set once the call was given up: its deadline passed, its caller left, its answer was too large. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Ends every wait of this call; made when somebody first waits. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#failure !== undefined) this.#abort.abort(this.#failure)
    return this.#abort.signal
  }

  /** Milliseconds of the epoch at which waiting makes no sense any more. */
  get deadlineMs(): number {
    return Date.now() + this.plan.timeoutMs - (performance.now() - this.#startedAt)
  }

  get attempt(): OpenAttempt | undefined {
    return this.#attempts.at(-1)
  }

  get attemptCount(): number {
    return this.#attempts.length
  }

  giveUp(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#abort?.abort(error)
  }

  /** Notes that a request goes out now. */
  startAttempt(): OpenAttempt {
    const startedAt = performance.now()
    const attempt = {
      startedAt,
      connectedAt: undefined,
      headAt: undefined,
      endedAt: undefined,
      status: null,
      reason: null,
    }
    this.#attempts.push(attempt)
    return attempt
  }

  /** Notes why another request takes the place of the last one, whose answer may still be coming in. */
  replaceAttempt(reason: string): void {
    const { attempt } = this
    if (attempt === undefined) return
    attempt.reason = reason
    attempt.endedAt ??= performance.now()
  }

  /** The last attempt was refused before anything was dialled. */
  withdrawAttempt(): void {
    this.#attempts.pop()
  }

  /** @param failedAs why there is no answer */
  outcome(failedAs: string | undefined): CallOutcome {
    const now = performance.now()
    const { bytesSent, bytesReceived, cache } = this
    return {
      executed: this.#attempts.length > 0,
      attempts: this.#attempts.length,
      attemptLog: this.#attempts.map((attempt, index) => ({
        status: attempt.status,
        reason: attempt.reason ?? (index === this.#attempts.length - 1 ? (failedAs ?? null) : null),
        durationMs: round((attempt.endedAt ?? now) - attempt.startedAt),
      })),
      bytesSent,
      bytesReceived,
      durationMs: round(now - this.#startedAt),
      timing: this.#timing(now),
      cache,
    }
  }

  #timing(now: number): Timing {
    let queuedMs = 0
    let freeSince = this.#startedAt
    for (const attempt of this.#attempts) {
      queuedMs += attempt.startedAt - freeSince
      freeSince = attempt.endedAt ?? now
    }
    const last = this.attempt
    return {
      queuedMs: round(queuedMs),
      connectMs: last?.connectedAt === undefined ? null : round(last.connectedAt - last.startedAt),
      firstByteMs: last?.headAt === undefined ? null : round(last.headAt - this.#startedAt),
      totalMs: round(now - this.#startedAt),
    }
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

/** What every interceptor gets: undici's options and the call they belong to. */
export interface CallOptions extends Dispatcher.DispatchOptions {
  readonly call: Call
}

/** The call of a request. Every request enters through `send` or `relay`, which put it there. */
export function callOf(options: Dispatcher.DispatchOptions): Call {
  const { call } = options as Partial<CallOptions>
  if (!(call instanceof Call)) throw new TypeError('a request entered the stack without its call')
  return call
}
