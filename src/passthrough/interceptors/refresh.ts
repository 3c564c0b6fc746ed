/** Answers a 401 once with a new token and the same request; when there is no new token, the 401 is the answer. */
import type { Dispatcher } from 'undici'
import { type Call, callOf } from '../call.ts'
import { judgedBytes } from '../retry-policy.ts'
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
          isReplayable ? () => dispatchOrRefuse(dispatch, options, handler) : undefined,
        ),
      )
    }
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
      this.#held = { headers, statusText, chunks: [], length: 0 }
      return
    }
    // For the next call: this one cannot be sent again.
    if (status === 401) this.#renew().catch(() => {})
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
    if (held.length > judgedBytes) this.#letGo(controller, held)
  }

  override onResponseEnd(controller: Controller, trailers: Headers): void {
    const held = this.#held
    if (held === undefined) {
      super.onResponseEnd(controller, trailers)
      return
    }
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

  #letGo(controller: Controller, held: HeldAnswer): void {
    this.#held = undefined
    super.onResponseStart(controller, 401, held.headers, held.statusText)
    for (const chunk of held.chunks) super.onResponseData(controller, chunk)
  }
}
