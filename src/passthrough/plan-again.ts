/** A safe request that was planned before, to be streamed this time; where it goes is judged anew. */
import type { HostAllowlist } from '../hosts.ts'
import type { ResolvedConnection } from './connection.ts'
import { refuseDestination } from './egress.ts'
import { maxRedirects } from './redirect-target.ts'
import { defaultTimeoutMs, type RequestPlan, standardRetries } from './request.ts'

export interface PlannedAgain {
  readonly method: string
  readonly origin: string
  readonly path: string
  readonly headers: RequestPlan['headers']
}

export function planAgain(
  connection: ResolvedConnection,
  { method, origin, path, headers }: PlannedAgain,
  allow: HostAllowlist,
): RequestPlan {
  return {
    connection,
    method,
    url: { origin, path, refusal: refuseDestination(new URL(origin), connection.hosts, allow) },
    headers,
    body: null,
    bodyFormat: null,
    timeoutMs: defaultTimeoutMs,
    maxResponseBytes: Number.POSITIVE_INFINITY,
    isStreamed: true,
    retry: { max: standardRetries, isRepeatable: true },
    redirects: maxRedirects,
    cache: undefined,
  }
}
