/** Lets an attempt out when the limits that apply to it have room, and learns from every answer what the vendor has left. */
import type { Dispatcher } from 'undici'
import type { Limits, Turn } from '../../limits/limits.ts'
import { type Call, callOf } from '../call.ts'
import { createHeaderReader } from '../raw-headers.ts'
import { ForwardingHandler } from './forwarding-handler.ts'
import { refuse } from './refuse.ts'

type Controller = Dispatcher.DispatchController

export function createRateLimit(limits: Limits): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function waitForTurn(options, handler) {
      const call = callOf(options)
      if (call.subject === undefined) return dispatch(options, handler)
      const turn = limits.enter(call.subject, call)
      if (!(turn instanceof Promise)) return dispatchOrRefuse(dispatch, options, new TurnHandler(handler, turn, call))
      turn.then(
        taken => {
          if (call.failure === undefined) dispatchOrRefuse(dispatch, options, new TurnHandler(handler, taken, call))
          else taken.withdraw()
        },
        (error: unknown) => refuse(handler, error),
      )
      return true
    }
}

/** After a wait nobody is left to catch what undici throws. */
export function dispatchOrRefuse(
  dispatch: Dispatcher.Dispatch,
  options: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
): boolean {
  try {
    return dispatch(options, handler)
  } catch (error) {
    return refuse(handler, error)
  }
}

/** Ends the turn with the head of the answer; withdraws it when nothing went out. */
class TurnHandler extends ForwardingHandler {
  readonly #call: Call
  readonly #attemptsBefore: number
  #turn: Turn | undefined

  constructor(inner: Dispatcher.DispatchHandler, turn: Turn, call: Call) {
    super(inner)
    this.#turn = turn
    this.#call = call
    this.#attemptsBefore = call.attemptCount
  }

  override onResponseStart(
    controller: Controller,
    status: number,
    headers: Record<string, string | string[]>,
    statusText?: string,
  ): void {
    if (status >= 200) {
      const { retry: hints } = this.#call.plan.connection
      this.#finish()?.end({ status, header: createHeaderReader(headers), hints })
    }
    super.onResponseStart(controller, status, headers, statusText)
  }

  override onResponseError(controller: Controller, error: Error): void {
    const turn = this.#finish()
    if (this.#call.attemptCount > this.#attemptsBefore) turn?.end(undefined)
    else turn?.withdraw()
    super.onResponseError(controller, error)
  }

  #finish(): Turn | undefined {
    const turn = this.#turn
    this.#turn = undefined
    return turn
  }
}
