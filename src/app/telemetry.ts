/** What a gateway is watched by: its events, what they count, its traces, and what of a trace goes on to vendors. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppOptions } from '../app.ts'
import { createEvents, type Events } from '../events.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { CallTracing } from '../gateway/trace-call.ts'
import type { Passthrough } from '../passthrough/passthrough.ts'
import { traceHeaders } from '../passthrough/raw-request.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { startTracing } from '../telemetry/start-tracing.ts'

export interface Telemetry extends CallTracing, AsyncDisposable {
  readonly events: Events
  readonly metrics: Metrics
  /** What of the raw route's requests goes no further. */
  readonly strippedHeaders: ReadonlySet<string>
}

/** @param isBuiltIn whether a slug is the catalog's; asked from the first call on */
export async function startTelemetry(
  { config, secrets, log }: Pick<AppOptions, 'config' | 'secrets' | 'log'>,
  isBuiltIn: (slug: string) => boolean,
): Promise<Telemetry> {
  const version = readVersion()
  const metrics = new Metrics({ version, isBuiltIn })
  const events = createEvents(log, metrics)
  const { serviceName, traceRatio: ratio, traceUpstream: isSentUpstream } = config
  const onFailure = (error: unknown) => events.tracesNotExported(error)
  const started = await startTracing({ url: secrets.tracesUrl, serviceName, version, ratio, onFailure })
  const { tracing } = started
  return {
    events,
    metrics,
    tracing,
    isSentUpstream,
    strippedHeaders: strippedOf(isSentUpstream, tracing.isOn),
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  }
}

/** To be called once these are there. */
export function watchLevels(
  metrics: Metrics,
  { gateway, passthrough, recorder }: { gateway: Gateway; passthrough: Passthrough; recorder: { waiting: number } },
): void {
  metrics.watch(() => ({
    callsUnderWay: gateway.callsUnderWay,
    upstreamSlots: passthrough.slotsInUse,
    heldBytes: gateway.memory.heldBytes,
    maxHeldBytes: gateway.memory.maxBytes,
    waitingRecords: recorder.waiting,
  }))
}

/** Where the gateway has spans of its own, a vendor's belong below them and not below the caller's. */
function strippedOf(isSentUpstream: boolean, isTracing: boolean): ReadonlySet<string> {
  if (!isSentUpstream) return traceHeaders
  return new Set(isTracing ? ['traceparent', 'tracestate'] : [])
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string
  }
  return version
}
