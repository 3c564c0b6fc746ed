/** Whether spans are made at all: only where a collector is named is what sends them loaded. */
import type { TraceExport, TraceExportOptions } from './export-traces.ts'
import { Tracing } from './tracing.ts'

export interface StartedTracing extends AsyncDisposable {
  readonly tracing: Tracing
}

export interface TracingOptions extends Omit<TraceExportOptions, 'url'> {
  /** Undefined when nobody collects. */
  readonly url: string | undefined
}

/** Its end sends what waits. */
export async function startTracing({ url, ...options }: TracingOptions): Promise<StartedTracing> {
  if (url === undefined) return { tracing: new Tracing(), async [Symbol.asyncDispose]() {} }
  const { startTraceExport } = await import('./export-traces.ts')
  const exported: TraceExport = startTraceExport({ url, ...options })
  return {
    tracing: new Tracing(exported.tracer),
    [Symbol.asyncDispose]: () => exported[Symbol.asyncDispose](),
  }
}
