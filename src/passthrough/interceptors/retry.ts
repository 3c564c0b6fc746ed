/** Sends a call again when that is safe: after failures before anything was sent, and for repeatable calls after the usual statuses. */
import type { Dispatcher } from 'undici'
import { type Call, callOf } from '../call.ts'
import { createHeaderReader } from '../raw-headers.ts'
import { backoffMs, judgedBytes, mayRetryFailure, mayRetryStatus, saysLimited } from '../retry-policy.ts'
import { dispatchOrRefuse } from './rate-limit.ts'
import { UnwantedAnswer } from './unwanted-answer.ts'

type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[]>

export function createRetry(): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function sendAgain(options, handler) {
      const call = callOf(options)
      if (call.plan.retry.max === 0) return dispatch(options, handler)
      return new Attempts(dispatch, options, handler, call).start()
    }
}

/** The attempts of one call; each has a handler of its own, because an answer that is not wanted may still be coming in. */
class Attempts {
  readonly #dispatch: Dispatcher.Dispatch
  readonly #options: Dispatcher.DispatchOptions
  readonly outer: Dispatcher.DispatchHandler
  readonly call: Call
  #count = 0

  constructor(
    dispatch: Dispatcher.Dispatch,
    options: Dispatcher.DispatchOptions,
    outer: Dispatcher.DispatchHandler,
    call: Call,
  ) {
    this.#dispatch = dispatch
    this.#options = options
    this.outer = outer
    this.call = call
  }

  start(): boolean {
    this.#count += 1
    return this.#dispatch(this.#options, new RetryHandler(this))
  }

  /** Milliseconds until the next attempt; undefined when there is none, because of its number or the call's deadline. */
  nextInMs(askedMs: number | undefined): number | undefined {
    const { retry } = this.call.plan
    if (this.#count > retry.max || this.call.failure !== undefined) return undefined
    const waitMs = backoffMs(this.#count, askedMs)
    return waitMs !== undefined && Date.now() + waitMs < this.call.deadlineMs ? waitMs : undefined
  }

  /** @param reason for the attempt log */
  again(waitMs: number, reason: string): void {
    const { signal } = this.call
    this.call.replaceAttempt(reason)
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      this.#count += 1
      dispatchOrRefuse(this.#dispatch, this.#options, new RetryHandler(this))
    }, waitMs)
    const stop = () => clearTimeout(timer)
    signal.addEventListener('abort', stop, { once: true })
  }
}

interface HeldAnswer {
  readonly status: number
  readonly headers: Headers
  readonly statusText: string | undefined
  readonly chunks: Buffer[]
  length: number
}

class RetryHandler implements Dispatcher.DispatchHandler {
  readonly #attempts: Attempts
  #isConnected = false
  /** True once there is nothing more to hand on: it ended, or another attempt takes its place. */
  #isDone = false
  #isForwarding = false
  #unwanted: UnwantedAnswer | undefined
  #held: HeldAnswer | undefined

  constructor(attempts: Attempts) {
    this.#attempts = attempts
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#isConnected = true
    this.#attempts.outer.onRequestStart?.(controller, context)
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void {
    if (status < 200) {
      this.#attempts.outer.onResponseStart?.(controller, status, headers, statusText)
      return
    }
    const { plan } = this.#attempts.call
    const header = createHeaderReader(headers)
    const verdict = mayRetryStatus(plan, status, header)
    if (verdict.again) {
      const waitMs = this.#attempts.nextInMs(verdict.askedMs)
      if (waitMs !== undefined) {
        this.#unwanted = new UnwantedAnswer(controller)
        this.#drop(waitMs, `status ${status}`)
        return
      }
    } else if (verdict.dependsOnBody) {
      this.#held = { status, headers, statusText, chunks: [], length: 0 }
      return
    }
    this.#isForwarding = true
    this.#attempts.outer.onResponseStart?.(controller, status, headers, statusText)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#isDone) {
      this.#unwanted?.take(chunk)
    } else if (this.#held !== undefined) {
      this.#held.chunks.push(chunk)
      this.#held.length += chunk.length
      if (this.#held.length > judgedBytes) this.#letGo(controller, this.#held)
    } else {
      this.#attempts.outer.onResponseData?.(controller, chunk)
    }
  }

  onResponseEnd(controller: Controller, trailers: Headers): void {
    this.#unwanted?.end()
    if (this.#isDone) return
    const held = this.#held
    if (held !== undefined && saysLimited(this.#attempts.call.plan, Buffer.concat(held.chunks))) {
      const waitMs = this.#attempts.nextInMs(undefined)
      if (waitMs !== undefined) {
        this.#drop(waitMs, `status ${held.status}, a limit is spent`)
        return
      }
    }
    if (held !== undefined) this.#letGo(controller, held)
    this.#attempts.outer.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#unwanted?.end()
    if (this.#isDone) return
    const reason = this.#isForwarding ? undefined : mayRetryFailure(this.#attempts.call.plan, error, !this.#isConnected)
    const waitMs = reason === undefined ? undefined : this.#attempts.nextInMs(undefined)
    if (reason !== undefined && waitMs !== undefined) {
      this.#drop(waitMs, reason)
      return
    }
    this.#isDone = true
    this.#attempts.outer.onResponseError?.(controller, error)
  }

  onBodySent(chunk: Buffer): void {
    this.#attempts.outer.onBodySent?.(chunk)
  }

  #drop(waitMs: number, reason: string): void {
    this.#isDone = true
    this.#held = undefined
    this.#attempts.again(waitMs, reason)
  }

  #letGo(controller: Controller, held: HeldAnswer): void {
    this.#held = undefined
    this.#isForwarding = true
    this.#attempts.outer.onResponseStart?.(controller, held.status, held.headers, held.statusText)
    for (const chunk of held.chunks) this.#attempts.outer.onResponseData?.(controller, chunk)
  }
}
