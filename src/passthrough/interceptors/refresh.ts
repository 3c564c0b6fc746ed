/** Answers a 401 once with a new token and the same request; when there is no new token, the 401 is the answer. */
import type { Dispatcher } from 'undici'
import { type Call, callOf } from '../call.ts'
import { ForwardingHandler } from './forwarding-handler.ts'
import { dispatchOrRefuse } from './rate-limit.ts'
import { refuse } from './refuse.ts'

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

/** A 401 is held until it is whole; a longer or slower one is the answer. */
const heldBytes = 1024 * 1024
const heldMs = 2_000

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

interface HeldAnswer {
  readonly headers: Headers
  readonly statusText: string | undefined
  readonly chunks: Buffer[]
  length: number
}

class RefreshHandler extends ForwardingHandler {
  readonly #call: Call
  readonly #renew: () => Promise<boolean>
  /** Absent for a body that is gone once it is sent. */
  readonly #again: (() => void) | undefined
  #held: HeldAnswer | undefined
  #patience: NodeJS.Timeout | undefined

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
    if (status === 401 && this.#again !== undefined) {
      const held: HeldAnswer = { headers, statusText, chunks: [], length: 0 }
      this.#held = held
      this.#patience = setTimeout(() => this.#giveUpOn(controller, held), heldMs)
      return
    }
    if (status === 401) this.#renewForNext()
    else noteAccepted(this.#call, status)
    super.onResponseStart(controller, status, headers, statusText)
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    const held = this.#held
    if (held === undefined) {
      super.onResponseData(controller, chunk)
      return
    }
    held.chunks.push(chunk)
    held.length += chunk.length
    if (held.length > heldBytes) this.#giveUpOn(controller, held)
  }

  override onResponseEnd(controller: Controller, trailers: Headers): void {
    const held = this.#held
    if (held === undefined) {
      super.onResponseEnd(controller, trailers)
      return
    }
    clearTimeout(this.#patience)
    const { attempt } = this.#call
    this.#renew().then(
      isNew => {
        if (this.#call.failure !== undefined) return
        if (isNew) {
          if (attempt !== undefined) attempt.reason = 'status 401, sent again with a new token'
          this.#again?.()
          return
        }
        this.#letGo(controller, held)
        super.onResponseEnd(controller, trailers)
      },
      (error: unknown) => refuse(this.inner, error),
    )
  }

  override onResponseError(controller: Controller, error: Error): void {
    clearTimeout(this.#patience)
    super.onResponseError(controller, error)
  }

  /** What is too long or too slow to be held is the answer. */
  #giveUpOn(controller: Controller, held: HeldAnswer): void {
    if (this.#held !== held) return
    this.#renewForNext()
    this.#letGo(controller, held)
  }

  /** For the next call: this one is not sent again. */
  #renewForNext(): void {
    this.#renew().catch(() => {})
  }

  #letGo(controller: Controller, held: HeldAnswer): void {
    clearTimeout(this.#patience)
    this.#held = undefined
    super.onResponseStart(controller, 401, held.headers, held.statusText)
    for (const chunk of held.chunks) super.onResponseData(controller, chunk)
  }
}
