/** The span of a call: which integration, how, and what became of it; never where to or on whose behalf. */
import type { CallOutcome } from '../passthrough/call.ts'
import { CallFailure } from '../passthrough/passthrough.ts'
import { CallTrace } from '../telemetry/call-trace.ts'
import type { Span, Tracing } from '../telemetry/tracing.ts'
import type { Journey } from './gateway.ts'

export interface CallTracing {
  readonly tracing: Tracing
  /** Whether the vendor is told which trace its requests belong to. */
  readonly isSentUpstream: boolean
}

interface Ended {
  readonly status: number
  readonly outcome: CallOutcome
}

/** Runs a call; its trace is undefined when nobody collects. */
export async function traceCall<Result extends Ended>(
  { tracing, isSentUpstream }: CallTracing,
  { connection, plan: { method }, kind }: Journey,
  send: (trace: CallTrace | undefined) => Promise<Result>,
): Promise<Result> {
  if (!tracing.isOn) return await send(undefined)
  const { integration } = connection
  const attributes = { 'passgate.integration': integration, 'passgate.kind': kind, 'http.request.method': method }
  return await tracing.within({ name: `call ${integration}`, attributes }, async span => {
    if (span === undefined) return await send(undefined)
    try {
      const result = await send(new CallTrace({ tracing, span, method, isSentUpstream }))
      note(span, result.outcome)
      span.setAttribute('http.response.status_code', result.status)
      return result
    } catch (error) {
      if (error instanceof CallFailure) note(span, error.outcome)
      throw error
    }
  })
}

function note(span: Span, { attempts, cache }: CallOutcome): void {
  span.setAttribute('passgate.attempts', attempts)
  if (cache !== null) span.setAttribute('passgate.cache', cache)
}
