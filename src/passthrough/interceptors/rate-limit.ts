/** Lets an attempt out when the limits that apply to it have room, and learns from every answer what the vendor has left. */
import type { Dispatcher } from 'undici'
import type { LearnedAnswer, LimitSubject, Limits } from '../../limits/limits.ts'
import type { RateHints } from '../../limits/vendor-headers.ts'
import { callOf } from '../call.ts'
import { createHeaderReader } from '../raw-headers.ts'
import { ForwardingHandler } from './forwarding-handler.ts'
import { refuse } from './refuse.ts'

type Controller = Dispatcher.DispatchController

export function createRateLimit(limits: Limits): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function waitForTurn(options, handler) {
      const call = callOf(options)
      const { subject } = call
      if (subject === undefined) return dispatch(options, handler)
      const learner = new LearningHandler(handler, limits, subject, call.plan.connection.retry)
      const turn = limits.enter(subject, call)
      if (turn === undefined) return dispatchOrRefuse(dispatch, options, learner)
      turn.then(
        () => {
          if (call.failure === undefined) dispatchOrRefuse(dispatch, options, learner)
          else learner.leave(undefined)
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

class LearningHandler extends ForwardingHandler {
  readonly #limits: Limits
  readonly #subject: LimitSubject
  readonly #hints: RateHints | undefined
  #isOut = true

  constructor(inner: Dispatcher.DispatchHandler, limits: Limits, subject: LimitSubject, hints: RateHints | undefined) {
    super(inner)
    this.#limits = limits
    this.#subject = subject
    this.#hints = hints
  }

  override onResponseStart(
    controller: Controller,
    status: number,
    headers: Record<string, string | string[]>,
    statusText?: string,
  ): void {
    if (status >= 200) this.leave({ status, header: createHeaderReader(headers), hints: this.#hints })
    super.onResponseStart(controller, status, headers, statusText)
  }

  override onResponseError(controller: Controller, error: Error): void {
    this.leave(undefined)
    super.onResponseError(controller, error)
  }

  leave(answer: LearnedAnswer | undefined): void {
    if (!this.#isOut) return
    this.#isOut = false
    this.#limits.leave(this.#subject, answer)
  }
}
