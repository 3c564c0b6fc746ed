/** One call on its way through the stack: its plan, how it is proved, and what is noted of it. */
import type { Dispatcher } from 'undici'
import type { Injection } from '../auth/strategy.ts'
import type { RequestPlan } from './request.ts'

/** What became of a call, for its record and its result. */
export interface CallOutcome {
  /** False when it was refused before anything was dialled. */
  readonly executed: boolean
  /** Requests that were sent. */
  readonly attempts: number
  /** Bytes of the request's body, of all attempts. */
  readonly bytesSent: number
  /** Bytes of the answer's body as they came. */
  readonly bytesReceived: number
  readonly durationMs: number
}

export class Call {
  readonly plan: RequestPlan
  /** Opens the credential; only the credentials interceptor calls it, once per attempt. */
  readonly inject: () => Injection
  readonly #startedAt = performance.now()
  attempts = 0
  bytesSent = 0
  bytesReceived = 0

  constructor(plan: RequestPlan, inject: () => Injection) {
    this.plan = plan
    this.inject = inject
  }

  /** @param wasRefused true when the last attempt was refused before it was dialled */
  outcome(wasRefused: boolean): CallOutcome {
    const attempts = wasRefused ? Math.max(0, this.attempts - 1) : this.attempts
    const { bytesSent, bytesReceived } = this
    const durationMs = Math.round((performance.now() - this.#startedAt) * 1000) / 1000
    return { executed: attempts > 0, attempts, bytesSent, bytesReceived, durationMs }
  }
}

/** What every interceptor gets: undici's options and the call they belong to. */
export interface CallOptions extends Dispatcher.DispatchOptions {
  readonly call: Call
}

/** The call of a request. Every request enters through `send`, which puts it there. */
export function callOf(options: Dispatcher.DispatchOptions): Call {
  const { call } = options as Partial<CallOptions>
  if (!(call instanceof Call)) throw new TypeError('a request entered the stack without its call')
  return call
}
