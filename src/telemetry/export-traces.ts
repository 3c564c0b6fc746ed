/** Sends finished spans to a collector, by OTLP over HTTP: loaded only where the operator named one. */
import type { Tracer } from '@opentelemetry/api'
import { ExportResultCode } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace'

export interface TraceExportOptions {
  /** Where the collector takes traces; may hold a password. */
  readonly url: string
  readonly serviceName: string
  readonly version: string
  /** Which part of all traces is kept, from 0 to 1. */
  readonly ratio: number
  /** Told why spans were lost, at most once a minute. */
  readonly onFailure: (error: unknown) => void
}

export interface TraceExport extends AsyncDisposable {
  readonly tracer: Tracer
}

/** For one delivery with its repeats, and for the last one before the process ends. */
const exportTimeoutMs = 5_000
/** Spans that wait; more are dropped. */
const maxQueueSize = 2048
const reportEveryMs = 60_000

export function startTraceExport({ url, serviceName, version, ratio, onFailure }: TraceExportOptions): TraceExport {
  // The collector is the operator's own, named in the environment: the egress guard is for what callers name.
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs })
  const drawn = createDraw(ratio)
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(detectResources({ detectors: [envDetector] }))
      .merge(resourceFromAttributes({ 'service.name': serviceName, 'service.version': version })),
    // A caller may ask not to be traced; one who asks to be traced gets no more than the operator's part.
    sampler: new ParentBasedSampler({ root: drawn, remoteParentSampled: drawn }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: reporting(exporter, onFailure),
        maxQueueSize,
        exportTimeoutMillis: exportTimeoutMs,
      }),
    ],
  })
  return {
    tracer: provider.getTracer('passgate', version),
    async [Symbol.asyncDispose]() {
      // What could not be sent has been reported.
      await provider.shutdown().catch(() => {})
    },
  }
}

/** By lot and not by the id of the trace, which a caller may choose. */
function createDraw(ratio: number): Sampler {
  const { RECORD_AND_SAMPLED, NOT_RECORD } = SamplingDecision
  return { shouldSample: () => ({ decision: Math.random() < ratio ? RECORD_AND_SAMPLED : NOT_RECORD }) }
}

/** Says what the processor keeps to itself. */
function reporting(exporter: SpanExporter, onFailure: (error: unknown) => void): SpanExporter {
  let reportedAt = Number.NEGATIVE_INFINITY
  return {
    export(spans, done) {
      exporter.export(spans, result => {
        if (result.code !== ExportResultCode.SUCCESS && performance.now() - reportedAt >= reportEveryMs) {
          reportedAt = performance.now()
          onFailure(result.error)
        }
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
}
