/** What calls cost and how they end, by integration. */
import { Counter, Histogram, type Registry } from 'prom-client'
import { Children } from './children.ts'
import { methodLabel, statusLabel } from './labels.ts'

/** An executed call, as far as it is counted. */
export interface CountedCall {
  readonly integration: string
  readonly kind: string
  readonly method: string
  /** Null when no answer came; then there is an error code. */
  readonly status: number | null
  readonly errorCode: string | null
  readonly attempts: number
  readonly durationMs: number
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** Seconds: from an answer of a vendor next door to the longest that a call usually has. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** What stands for the integrations that workspaces define: their slugs are without number, and their own. */
const custom = 'custom'

export class CallMetrics {
  readonly #isBuiltIn: (slug: string) => boolean
  readonly #calls: Children<Counter.Internal>
  readonly #durations: Children<Histogram.Internal<'integration'>>
  readonly #attempts: Children<Counter.Internal>
  readonly #retries: Children<Counter.Internal>
  readonly #sentBytes: Children<Counter.Internal>
  readonly #receivedBytes: Children<Counter.Internal>

  constructor(registry: Registry, isBuiltIn: (slug: string) => boolean) {
    this.#isBuiltIn = isBuiltIn
    const registers = [registry]
    const count = (name: string, help: string) =>
      new Children(new Counter({ name, help, labelNames: ['integration'], registers }), [custom])
    this.#calls = new Children(
      new Counter({
        name: 'passgate_calls_total',
        help: 'Calls that were sent to an upstream, by how they ended: the class of the last status, or an error code.',
        labelNames: ['integration', 'method', 'kind', 'outcome'],
        registers,
      }),
      [custom, 'OTHER', 'other', 'other'],
    )
    const help = 'From the start of a call to the end of its answer, all attempts and pauses included.'
    const labelNames = ['integration'] as const
    this.#durations = new Children(
      new Histogram({ name: 'passgate_call_duration_seconds', help, labelNames, buckets: durationBuckets, registers }),
      [custom],
    )
    this.#attempts = count('passgate_call_attempts_total', 'Requests that were sent for calls.')
    this.#retries = count('passgate_call_retries_total', 'Requests that were sent for calls beyond the first of each.')
    this.#sentBytes = count('passgate_call_sent_bytes_total', 'Bytes of request bodies, of all attempts.')
    this.#receivedBytes = count('passgate_call_received_bytes_total', 'Bytes of answers’ bodies, as they came.')
  }

  finished(call: CountedCall): void {
    const integration = this.#isBuiltIn(call.integration) ? call.integration : custom
    const outcome = call.errorCode ?? statusLabel(call.status)
    this.#calls.of(integration, methodLabel(call.method), call.kind, outcome).inc()
    this.#durations.of(integration).observe(call.durationMs / 1000)
    this.#attempts.of(integration).inc(call.attempts)
    if (call.attempts > 1) this.#retries.of(integration).inc(call.attempts - 1)
    if (call.bytesSent > 0) this.#sentBytes.of(integration).inc(call.bytesSent)
    if (call.bytesReceived > 0) this.#receivedBytes.of(integration).inc(call.bytesReceived)
  }
}
