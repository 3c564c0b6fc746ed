/** One request of a client from its head to the end of its answer: its id, its route, who sent it, and what became of it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ErrorCode, GatewayError } from '../errors.ts'
import type { Events } from '../events.ts'
import { methodLabel } from '../telemetry/labels.ts'
import type { Face } from '../telemetry/metrics.ts'
import { markFailed, type Span, type Tracing } from '../telemetry/tracing.ts'
import { requestIdOf } from './request-id.ts'
import { isProbe } from './route-template.ts'

export interface PassageParts {
  readonly events: Pick<Events, 'operationStarted' | 'requestRefused' | 'requestFinished'>
  readonly tracing: Tracing
}

export class Passage {
  readonly requestId: string
  readonly #parts: PassageParts
  readonly #method: string
  readonly #route: string
  readonly #startedAt = performance.now()
  readonly #span: Span | undefined
  readonly #errorCodes: ErrorCode[] = []
  #callerId: string | null = null

  constructor({ method = '', headers }: IncomingMessage, route: string, parts: PassageParts) {
    this.requestId = requestIdOf(headers['x-request-id'])
    this.#parts = parts
    this.#method = method
    this.#route = route
    if (parts.tracing.isOn && !isProbe(route)) this.#span = startSpan(parts.tracing, method, route, headers.traceparent)
  }

  /** Runs what answers it: spans that this makes are below that of the request. */
  run(answer: () => void): void {
    this.#parts.tracing.run(this.#span, answer)
  }

  /** Notes who sent it. @param callerId null for one who is known by a link only */
  prove(callerId: string | null, face: Face): void {
    this.#callerId = callerId
    this.#parts.events.operationStarted(face)
  }

  /** Notes what the caller is told; what is no GatewayError is `INTERNAL`. */
  refuse(error: unknown): void {
    this.refuseBy(error instanceof GatewayError ? error.code : 'INTERNAL')
  }

  refuseBy(code: ErrorCode): void {
    this.#parts.events.requestRefused(code)
    // An operation may be refused the same thing many times.
    if (!this.#errorCodes.includes(code)) this.#errorCodes.push(code)
  }

  /** To be called once, when the answer is out or nobody waits for it any more. */
  finish({ headersSent, statusCode }: ServerResponse): void {
    const status = headersSent ? statusCode : null
    const [errorCode] = this.#errorCodes
    this.#parts.events.requestFinished({
      requestId: this.requestId,
      route: this.#route,
      method: this.#method,
      status,
      durationMs: Math.round((performance.now() - this.#startedAt) * 1000) / 1000,
      callerId: this.#callerId,
      traceId: this.#span?.spanContext().traceId,
      errorCodes: this.#errorCodes,
    })
    if (this.#span === undefined) return
    if (status !== null) this.#span.setAttribute('http.response.status_code', status)
    if (errorCode !== undefined) markFailed(this.#span, errorCode)
    this.#span.end()
  }
}

const passages = new WeakMap<IncomingMessage, Passage>()

/** The passage of a request that has just come. @param route a template, never a path */
export function openPassage(request: IncomingMessage, route: string, parts: PassageParts): Passage {
  const passage = new Passage(request, route, parts)
  passages.set(request, passage)
  return passage
}

/** Undefined for a request that came by another listener than the gateway's own. */
export function passageOf(request: IncomingMessage): Passage | undefined {
  return passages.get(request)
}

function startSpan(tracing: Tracing, method: string, route: string, traceparent: unknown): Span | undefined {
  const name = methodLabel(method)
  const attributes = { 'http.request.method': name, 'http.route': route }
  return tracing.startRequest({ name: `${name} ${route}`, attributes }, String(traceparent ?? ''))
}
