/** Notes every request that really goes out: when it had a connection and an answer, its bytes, how it ended, and its span. */
import type { Dispatcher } from 'undici'
import { GatewayError } from '../../errors.ts'
import type { AttemptTrace } from '../../telemetry/call-trace.ts'
import { type Call, callOf, type OpenAttempt } from '../call.ts'
import { explainFailure } from '../failure.ts'
import { ForwardingHandler } from './forwarding-handler.ts'

type Controller = Dispatcher.DispatchController

export function createAttempts(): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function noteAttempt(options, handler) {
      const call = callOf(options)
      if (call.trace === undefined) return dispatch(options, new AttemptHandler(call, handler, undefined))
      const trace = call.trace.startAttempt()
      return dispatch(withTraceparent(options, trace?.traceparent), new AttemptHandler(call, handler, trace))
    }
}

/** What the caller says itself of its trace stays. */
function withTraceparent(
  options: Dispatcher.DispatchOptions,
  traceparent: string | undefined,
): Dispatcher.DispatchOptions {
  const headers = options.headers as string[]
  const isSaid = headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'traceparent')
  return traceparent === undefined || isSaid
    ? options
    : { ...options, headers: [...headers, 'traceparent', traceparent] }
}

class AttemptHandler extends ForwardingHandler {
  readonly #call: Call
  readonly #attempt: OpenAttempt
  readonly #trace: AttemptTrace | undefined

  constructor(call: Call, inner: Dispatcher.DispatchHandler, trace: AttemptTrace | undefined) {
    super(inner)
    this.#call = call
    this.#attempt = call.startAttempt()
    this.#trace = trace
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
    this.#attempt.endedAt ??= performance.now()
    this.#trace?.end(this.#attempt.status, undefined)
    super.onResponseEnd(controller, trailers)
  }

  override onResponseError(controller: Controller, error: Error): void {
    this.#attempt.endedAt ??= performance.now()
    this.#trace?.end(this.#attempt.status, explainFailure(error)?.code)
    // Refused where its name was looked up: nothing went out.
    if (error instanceof GatewayError && this.#attempt.connectedAt === undefined) this.#call.withdrawAttempt()
    super.onResponseError(controller, error)
  }

  override onBodySent(chunk: Buffer): void {
    this.#call.bytesSent += chunk.length
    super.onBodySent(chunk)
  }
}
