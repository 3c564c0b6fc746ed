/** The requests of clients, by route. */
import { Counter, Histogram, type Registry } from 'prom-client'
import { Children } from './children.ts'
import { methodLabel, statusLabel } from './labels.ts'

export interface CountedRequest {
  /** A template, never a path. */
  readonly route: string
  readonly method: string
  /** Null when the client left before the head of its answer was sent. */
  readonly status: number | null
  readonly durationMs: number
}

/** Seconds; event streams and downloads end in the last. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export class RequestMetrics {
  readonly #requests: Children<Counter.Internal>
  readonly #durations: Children<Histogram.Internal<'route'>>

  constructor(registry: Registry) {
    const registers = [registry]
    this.#requests = new Children(
      new Counter({
        name: 'passgate_http_requests_total',
        help: 'Requests of clients, by route and class of the answer’s status; a vendor’s status on the raw route.',
        labelNames: ['route', 'method', 'status_class'],
        registers,
      }),
      ['other', 'OTHER', 'other'],
    )
    this.#durations = new Children(
      new Histogram({
        name: 'passgate_http_request_duration_seconds',
        help: 'From the head of a request to the last byte of its answer.',
        labelNames: ['route'],
        buckets: durationBuckets,
        registers,
      }),
      ['other'],
    )
  }

  finished({ route, method, status, durationMs }: CountedRequest): void {
    this.#requests.of(route, methodLabel(method), statusLabel(status)).inc()
    this.#durations.of(route).observe(durationMs / 1000)
  }
}
