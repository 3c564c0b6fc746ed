/** Answers a 401 once with a new token and the same request; when there is no new token, the 401 is the answer. */
import type { Dispatcher } from 'undici'
import { type Call, callOf } from '../call.ts'
import { ForwardingHandler } from './forwarding-handler.ts'
import { dispatchOrRefuse } from './rate-limit.ts'
import { refuse } from './refuse.ts'
import { UnwantedAnswer } from './unwanted-answer.ts'

type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[]>

export function createRefresh(): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function sendWithNewToken(options, handler) {
      const call = callOf(options)
      const { renew } = call
      if (renew === undefined) return dispatch(options, handler)
      const isReplayable = call.plan.body === null || Buffer.isBuffer(call.plan.body)
      return dispatch(
        options,
        new RefreshHandler(
          handler,
          call,
          renew,
          isReplayable ? () => dispatchOrRefuse(dispatch, options, new AcceptedHandler(handler, call)) : undefined,
        ),
      )
    }
}

/** What of a 401 is held while a new token is got; the rest waits at its source. */
const heldBytes = 64 * 1024

/** Of the request with the new token. */
class AcceptedHandler extends ForwardingHandler {
  readonly #call: Call

  constructor(inner: Dispatcher.DispatchHandler, call: Call) {
    super(inner)
    this.#call = call
  }

  override onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void {
    noteAccepted(this.#call, status)
    super.onResponseStart(controller, status, headers, statusText)
  }
}

/** An error of the vendor's own says nothing of the token. */
function noteAccepted(call: Call, status: number): void {
  if (status >= 200 && status < 500 && status !== 401) call.accepted?.()
}

/** A 401 of which nobody knows yet whether it is the answer. */
interface HeldAnswer {
  readonly headers: Headers
  readonly statusText: string | undefined
  readonly chunks: Buffer[]
  length: number
  /** Once it is known to be the answer. */
  isAnswer: boolean
  /** Once it has ended. */
  trailers: Headers | undefined
  /** Once it has broken off. */
  error: Error | undefined
}

/** The new token is asked for as soon as the head of a 401 is there: its body may never end. */
class RefreshHandler extends ForwardingHandler {
  readonly #call: Call
  readonly #renew: () => Promise<boolean>
  /** Absent for a body that is gone once it is sent. */
  readonly #again: (() => void) | undefined
  #held: HeldAnswer | undefined
  /** True once another request, or a refusal, took its place. */
  #isDone = false
  #unwanted: UnwantedAnswer | undefined

  constructor(
    inner: Dispatcher.DispatchHandler,
    call: Call,
    renew: () => Promise<boolean>,
    again: (() => void) | undefined,
  ) {
    super(inner)
    this.#call = call
    this.#renew = renew
    this.#again = again
  }

  override onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void {
    const again = this.#again
    if (status === 401 && again !== undefined) {
      const held: HeldAnswer = {
        headers,
        statusText,
        chunks: [],
        length: 0,
        isAnswer: false,
        trailers: undefined,
        error: undefined,
      }
      this.#held = held
      this.#renew().then(
        isNew => this.#settle(controller, held, isNew ? again : undefined),
        (error: unknown) => {
          this.#drop(controller, held)
          refuse(this.inner, error)
        },
      )
      return
    }
    // For the next call: this one is not sent again.
    if (status === 401) this.#renew().catch(() => {})
    else noteAccepted(this.#call, status)
    super.onResponseStart(controller, status, headers, statusText)
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    const held = this.#held
    if (this.#isDone) {
      this.#unwanted?.take(chunk)
    } else if (held === undefined) {
      super.onResponseData(controller, chunk)
    } else {
      held.chunks.push(chunk)
      held.length += chunk.length
      if (held.length > heldBytes && !held.isAnswer) controller.pause()
    }
  }

  override onResponseEnd(controller: Controller, trailers: Headers): void {
    this.#unwanted?.end()
    if (this.#isDone) return
    if (this.#held !== undefined) this.#held.trailers = trailers
    else super.onResponseEnd(controller, trailers)
  }

  override onResponseError(controller: Controller, error: Error): void {
    this.#unwanted?.end()
    if (this.#isDone) return
    if (this.#held !== undefined && this.#call.failure === undefined) this.#held.error = error
    else super.onResponseError(controller, error)
  }

  #settle(controller: Controller, held: HeldAnswer, again: (() => void) | undefined): void {
    // Whoever gave the call up has ended the answer, too.
    if (this.#call.failure !== undefined) return
    if (again === undefined) {
      this.#letGo(controller, held)
      return
    }
    this.#call.replaceAttempt('status 401, sent again with a new token')
    this.#drop(controller, held)
    again()
  }

  #drop(controller: Controller, held: HeldAnswer): void {
    this.#isDone = true
    if (held.trailers !== undefined || held.error !== undefined) return
    this.#unwanted = new UnwantedAnswer(controller)
    controller.resume()
  }

  /** What had broken off before it was handed on may still be sent again further out. */
  #letGo(controller: Controller, held: HeldAnswer): void {
    // First, since whoever takes the answer may ask for a pause of its own; what this brings at once is held, too.
    held.isAnswer = true
    controller.resume()
    this.#held = undefined
    if (held.error !== undefined) {
      super.onResponseError(controller, held.error)
      return
    }
    super.onResponseStart(controller, 401, held.headers, held.statusText)
    for (const chunk of held.chunks) super.onResponseData(controller, chunk)
    if (held.trailers !== undefined) super.onResponseEnd(controller, held.trailers)
  }
}
