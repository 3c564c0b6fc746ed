/** The spans of one call: itself, and each request that it sends. */
import { markFailed, type Span, SpanKind, type Tracing, traceparentOf } from './tracing.ts'

export interface CallTraceOptions {
  readonly tracing: Tracing
  /** The span of the call. */
  readonly span: Span
  readonly method: string
  /** Whether the vendor is told which trace its request belongs to. */
  readonly isSentUpstream: boolean
}

export class CallTrace {
  readonly #options: CallTraceOptions
  #sent = 0

  constructor(options: CallTraceOptions) {
    this.#options = options
  }

  /** Runs something on the call's behalf: spans that it makes are below the call's. */
  run<Result>(action: () => Result): Result {
    return this.#options.tracing.run(this.#options.span, action)
  }

  /** Notes that a request goes out now. */
  startAttempt(): AttemptTrace | undefined {
    const { tracing, span, method, isSentUpstream } = this.#options
    const attributes = {
      'http.request.method': method,
      ...(this.#sent > 0 && { 'http.request.resend_count': this.#sent }),
    }
    this.#sent += 1
    const started = tracing.startBelow(span, { name: method, kind: SpanKind.CLIENT, attributes })
    return started && new AttemptTrace(started, isSentUpstream)
  }
}

export class AttemptTrace {
  readonly #span: Span
  /** What goes with the request, for the vendor's own spans. */
  readonly traceparent: string | undefined

  constructor(span: Span, isSentUpstream: boolean) {
    this.#span = span
    this.traceparent = isSentUpstream ? traceparentOf(span) : undefined
  }

  /** @param status null when no answer came. @param code why it is not whole, when that is known */
  end(status: number | null, code: string | undefined): void {
    if (status !== null) this.#span.setAttribute('http.response.status_code', status)
    if (code !== undefined || status === null) markFailed(this.#span, code ?? 'INTERNAL')
    this.#span.end()
  }
}
