/** A safe request that was planned before, once more; where it goes is judged anew. */
import type { HostAllowlist } from '../hosts.ts'
import type { ResolvedConnection } from './connection.ts'
import { refuseDestination } from './egress.ts'
import { maxRedirects } from './redirect-target.ts'
import { defaultMaxResponseBytes, defaultTimeoutMs, type RequestPlan, standardRetries } from './request.ts'

export interface PlannedAgain {
  readonly method: string
  readonly origin: string
  readonly path: string
  readonly headers: RequestPlan['headers']
  /** None unless given. */
  readonly body?: Buffer | null
  /** True unless told: the answer is handed on as it comes. */
  readonly isStreamed?: boolean
  /** How many are followed; as many as a safe call follows unless given. */
  readonly redirects?: number
}

export function planAgain(
  connection: ResolvedConnection,
  { method, origin, path, headers, body = null, isStreamed = true, redirects = maxRedirects }: PlannedAgain,
  allow: HostAllowlist,
): RequestPlan {
  return {
    connection,
    method,
    url: { origin, path, refusal: refuseDestination(new URL(origin), connection.hosts, allow) },
    headers,
    body,
    bodyFormat: null,
    timeoutMs: defaultTimeoutMs,
    maxResponseBytes: isStreamed ? Number.POSITIVE_INFINITY : defaultMaxResponseBytes,
    isStreamed,
    retry: { max: standardRetries, isRepeatable: true },
    redirects,
    cache: undefined,
  }
}
