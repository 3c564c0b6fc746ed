/** What is counted and measured, for Prometheus: few labels, and none that names a tenant, a connection, a person or a path. */
import { Counter, Gauge, Registry } from 'prom-client'
import { type ErrorCode, errorCodes } from '../errors.ts'
import { CallMetrics } from './call-metrics.ts'
import { processMetrics } from './process-metrics.ts'
import { RequestMetrics } from './request-metrics.ts'

/** By which way operations come. */
export const faces = ['graphql', 'raw', 'download'] as const
export type Face = (typeof faces)[number]

const outcomes = ['ok', 'failed'] as const
export type AttemptOutcome = (typeof outcomes)[number]

export interface MetricsOptions {
  readonly version?: string
  /** Whether a slug may be a label; all others are `custom`. */
  readonly isBuiltIn?: (slug: string) => boolean
}

/** What is asked for whenever somebody reads the metrics. */
export interface Levels {
  readonly callsUnderWay: number
  readonly upstreamSlots: number
  readonly heldBytes: number
  readonly maxHeldBytes: number
  readonly waitingRecords: number
}

/** A text in the format that `contentType` names. */
export interface Exposition {
  readonly contentType: string
  readonly text: string
}

/** One registry per gateway: what one counts, another in the same process does not show. */
export class Metrics {
  readonly calls: CallMetrics
  readonly requests: RequestMetrics
  readonly refusals: Tally<ErrorCode>
  readonly operations: Tally<Face>
  readonly tokenRefreshes: Tally<AttemptOutcome>
  readonly webhookDeliveries: Tally<AttemptOutcome>
  readonly reauthsNeeded: Counter
  readonly recordsLost: Counter
  readonly #registry = new Registry()

  constructor({ version = 'unknown', isBuiltIn = () => false }: MetricsOptions = {}) {
    const registry = this.#registry
    this.calls = new CallMetrics(registry, isBuiltIn)
    this.requests = new RequestMetrics(registry)
    const codes = Object.keys(errorCodes) as ErrorCode[]
    this.refusals = tally(registry, 'passgate_refusals_total', 'What the gateway refused or failed at.', 'code', codes)
    const ofOperations = 'Operations of callers who proved who they are; of links that were opened.'
    this.operations = tally(registry, 'passgate_operations_total', ofOperations, 'face', faces)
    const ofRefreshes = 'Renewals of tokens that this process asked vendors for.'
    this.tokenRefreshes = tally(registry, 'passgate_token_refreshes_total', ofRefreshes, 'outcome', outcomes)
    const ofWebhooks = 'Attempts to deliver a webhook.'
    this.webhookDeliveries = tally(registry, 'passgate_webhook_deliveries_total', ofWebhooks, 'outcome', outcomes)
    const count = (name: string, help: string) => new Counter({ name, help, registers: [registry] })
    const ofReauths = 'Connections that came to need their end user again.'
    this.reauthsNeeded = count('passgate_connections_needing_reauth_total', ofReauths)
    this.recordsLost = count(
      'passgate_call_records_lost_total',
      'Records of calls given up because the queue was full.',
    )
    const labels = { version, node: process.versions.node }
    const help = 'Always 1; its labels say what runs.'
    new Gauge({ name: 'passgate_build_info', help, labelNames: Object.keys(labels), registers: [registry] }).set(
      labels,
      1,
    )
  }

  /** To be called once, when there is something to ask. */
  watch(read: () => Levels): void {
    const level = (name: string, help: string, pick: (levels: Levels) => number) =>
      new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect() {
          this.set(pick(read()))
        },
      })
    level('passgate_calls_in_flight', 'Calls under way.', levels => levels.callsUnderWay)
    level('passgate_upstream_slots_in_use', 'Requests that hold a connection upstream.', levels => levels.upstreamSlots)
    level('passgate_memory_held_bytes', 'Bytes of requests and answers in memory.', levels => levels.heldBytes)
    level('passgate_memory_limit_bytes', 'Beyond so many bytes requests are refused.', levels => levels.maxHeldBytes)
    level('passgate_call_records_waiting', 'Records of calls not in the store yet.', levels => levels.waitingRecords)
  }

  async read(): Promise<Exposition> {
    const all = Registry.merge([this.#registry, processMetrics()])
    return { contentType: all.contentType, text: await all.metrics() }
  }
}

/** A counter with one label of known values, which are there from the start: a rate needs a zero to rise from. */
export type Tally<Value extends string> = Readonly<Record<Value, Counter.Internal>>

function tally<Value extends string>(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  values: readonly Value[],
): Tally<Value> {
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry] })
  const children = values.map((value): [Value, Counter.Internal] => {
    const child = counter.labels(value)
    child.inc(0)
    return [value, child]
  })
  return Object.fromEntries(children) as Tally<Value>
}
