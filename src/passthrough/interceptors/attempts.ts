/** Notes every request that really goes out: when it had a connection and an answer, its bytes, and how it ended. */
import type { Dispatcher } from 'undici'
import { GatewayError } from '../../errors.ts'
import { type Call, callOf, type OpenAttempt } from '../call.ts'
import { ForwardingHandler } from './forwarding-handler.ts'

type Controller = Dispatcher.DispatchController

export function createAttempts(): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function noteAttempt(options, handler) {
      return dispatch(options, new AttemptHandler(callOf(options), handler))
    }
}

class AttemptHandler extends ForwardingHandler {
  readonly #call: Call
  readonly #attempt: OpenAttempt

  constructor(call: Call, inner: Dispatcher.DispatchHandler) {
    super(inner)
    this.#call = call
    this.#attempt = call.startAttempt()
  }

  override onRequestStart(controller: Controller, context: unknown): void {
    this.#attempt.connectedAt = performance.now()
    super.onRequestStart(controller, context)
  }

  override onResponseStart(
    controller: Controller,
    status: number,
    headers: Record<string, string | string[]>,
    statusText?: string,
  ): void {
    if (status >= 200) {
      this.#attempt.headAt = performance.now()
      this.#attempt.status = status
    }
    super.onResponseStart(controller, status, headers, statusText)
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    this.#call.bytesReceived += chunk.length
    super.onResponseData(controller, chunk)
  }

  override onResponseEnd(controller: Controller, trailers: Record<string, string | string[]>): void {
    this.#attempt.endedAt = performance.now()
    super.onResponseEnd(controller, trailers)
  }

  override onResponseError(controller: Controller, error: Error): void {
    this.#attempt.endedAt = performance.now()
    // Refused where its name was looked up: nothing went out.
    if (error instanceof GatewayError && this.#attempt.connectedAt === undefined) this.#call.withdrawAttempt()
    super.onResponseError(controller, error)
  }

  override onBodySent(chunk: Buffer): void {
    this.#call.bytesSent += chunk.length
    super.onBodySent(chunk)
  }
}
