/** Spans of what is under way: nothing at all unless somebody collects them, and never a path, a header or a name in one. */
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Attributes,
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { GatewayError } from '../errors.ts'

export { type Attributes, type Span, SpanKind } from '@opentelemetry/api'

export interface SpanFacts {
  readonly name: string
  readonly kind?: SpanKind
  readonly attributes?: Attributes
}

export class Tracing {
  readonly #tracer: Tracer | undefined
  readonly #active = new AsyncLocalStorage<Context>()

  /** @param tracer undefined when nobody collects spans: then none is made */
  constructor(tracer?: Tracer) {
    this.#tracer = tracer
  }

  get isOn(): boolean {
    return this.#tracer !== undefined
  }

  /** The span of a request from outside; undefined when nobody collects. @param traceparent the caller's, if it sent one */
  startRequest(facts: SpanFacts, traceparent: string | undefined): Span | undefined {
    return this.#start(facts, SpanKind.SERVER, remoteContext(traceparent))
  }

  /** A span below the one that is active; undefined when nobody collects. */
  start(facts: SpanFacts): Span | undefined {
    return this.#start(facts, SpanKind.INTERNAL, this.#active.getStore() ?? ROOT_CONTEXT)
  }

  /** A span below another. */
  startBelow(parent: Span, facts: SpanFacts): Span | undefined {
    return this.#start(facts, SpanKind.INTERNAL, trace.setSpan(ROOT_CONTEXT, parent))
  }

  /** Runs something whose spans are below this one. */
  run<Result>(span: Span | undefined, action: () => Result): Result {
    return span === undefined ? action() : this.#active.run(trace.setSpan(ROOT_CONTEXT, span), action)
  }

  /** A span for the time that something takes; when it throws, the span has the code of the error. */
  async within<Result>(facts: SpanFacts, action: (span: Span | undefined) => Promise<Result>): Promise<Result> {
    const span = this.start(facts)
    if (span === undefined) return await action(undefined)
    try {
      return await this.run(span, () => action(span))
    } catch (error) {
      markFailed(span, codeOf(error))
      throw error
    } finally {
      span.end()
    }
  }

  #start(facts: SpanFacts, kind: SpanKind, parent: Context): Span | undefined {
    return this.#tracer?.startSpan(facts.name, { kind, ...facts }, parent)
  }
}

function codeOf(error: unknown): string {
  if (error instanceof GatewayError) return error.code
  return error instanceof Error && error.cause instanceof GatewayError ? error.cause.code : 'INTERNAL'
}

/** A code of the list, and no message: that may repeat what a vendor or a caller said. */
export function markFailed(span: Span, code: string): void {
  span.setAttribute('error.type', code)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const traceparentForm = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?$/

/** Its `tracestate` is left where it is: what a caller writes there would be in every span. */
function remoteContext(traceparent: string | undefined): Context {
  const [, traceId = '', spanId = '', flags = ''] = traceparentForm.exec(traceparent ?? '') ?? []
  const remote = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
  return isSpanContextValid(remote) ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT
}

/** What makes an upstream's spans children of this one. */
export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${(traceFlags & 1).toString().padStart(2, '0')}`
}
