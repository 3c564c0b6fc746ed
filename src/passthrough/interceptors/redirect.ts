/** Follows redirects of a safe call inside the pin set; any other is the answer, as the vendor sent it. */
import type { Dispatcher } from 'undici'
import type { HostAllowlist } from '../../hosts.ts'
import { type Call, callOf } from '../call.ts'
import { nextHop } from '../redirect-target.ts'
import { ForwardingHandler } from './forwarding-handler.ts'
import { dispatchOrRefuse } from './rate-limit.ts'
import { UnwantedAnswer } from './unwanted-answer.ts'

type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[]>

export function createRedirect(allow: HostAllowlist): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function followRedirects(options, handler) {
      const call = callOf(options)
      if (call.plan.redirects === 0) return dispatch(options, handler)
      const hops = { dispatch, allow, call, left: call.plan.redirects }
      return dispatch(options, new RedirectHandler(hops, options, handler))
    }
}

interface Hops {
  readonly dispatch: Dispatcher.Dispatch
  readonly allow: HostAllowlist
  readonly call: Call
  left: number
}

class RedirectHandler extends ForwardingHandler {
  readonly #hops: Hops
  readonly #options: Dispatcher.DispatchOptions
  #next: Dispatcher.DispatchOptions | undefined
  #unwanted: UnwantedAnswer | undefined

  constructor(hops: Hops, options: Dispatcher.DispatchOptions, inner: Dispatcher.DispatchHandler) {
    super(inner)
    this.#hops = hops
    this.#options = options
  }

  override onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void {
    const { allow, call, left } = this.#hops
    const target =
      left > 0 ? nextHop(this.#options, { status, location: headers.location }, call.plan, allow) : undefined
    if (target === undefined) {
      super.onResponseStart(controller, status, headers, statusText)
      return
    }
    call.replaceAttempt(`redirect ${status}`)
    this.#next = { ...this.#options, ...target }
    this.#unwanted = new UnwantedAnswer(controller)
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#next === undefined) super.onResponseData(controller, chunk)
    else this.#unwanted?.take(chunk)
  }

  override onResponseEnd(controller: Controller, trailers: Headers): void {
    this.#unwanted?.end()
    if (this.#next === undefined) super.onResponseEnd(controller, trailers)
    else this.#follow(this.#next)
  }

  /** A redirect whose body breaks off, or is cut off, has said where to go. */
  override onResponseError(controller: Controller, error: Error): void {
    this.#unwanted?.end()
    if (this.#next === undefined || this.#hops.call.failure !== undefined) super.onResponseError(controller, error)
    else this.#follow(this.#next)
  }

  #follow(options: Dispatcher.DispatchOptions): void {
    this.#hops.left -= 1
    if (this.#hops.call.failure !== undefined) return
    dispatchOrRefuse(this.#hops.dispatch, options, new RedirectHandler(this.#hops, options, this.inner))
  }
}
