/** When a call may be sent again, and how long to wait before: the judging half of the retry interceptor. */
import { RE2JS } from 're2js'
import { GatewayError } from '../errors.ts'
import { type HeaderReader, readRetryAfter } from '../limits/vendor-headers.ts'
import { explainFailure } from './failure.ts'
import type { RequestPlan } from './request.ts'

/** How often and on what ground a call may be sent again. */
export interface RetryPlan {
  /** Attempts after the first. */
  readonly max: number
  /** True when it may have reached the upstream before: a safe method, or an idempotency key. */
  readonly isRepeatable: boolean
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-15 and RFC 8470 (425): worth another try after a while. */
const passingStatuses: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])

const firstWaitMs = 250
const longestBackoffMs = 8_000
/** A vendor may ask for more; the call then ends with the vendor's answer. */
const longestAskedMs = 60_000

export interface StatusVerdict {
  readonly again: boolean
  /** Milliseconds that the vendor asks to wait. */
  readonly askedMs?: number | undefined
  /** True when the entry has a pattern and only the body can say. */
  readonly dependsOnBody: boolean
}

/** True for the statuses that say "not now" of an otherwise good request. */
export function isPassingStatus(status: number): boolean {
  return passingStatuses.has(status)
}

export function mayRetryStatus(plan: RequestPlan, status: number, header: HeaderReader): StatusVerdict {
  const hints = plan.connection.retry
  if (!plan.retry.isRepeatable) return { again: false, dependsOnBody: false }
  const isSpent = hints?.remaining !== undefined && status >= 400 && header(hints.remaining)?.trim() === '0'
  const again = passingStatuses.has(status) || hints?.statuses?.includes(status) === true || isSpent
  if (again) return { again, askedMs: readRetryAfter(status, header, hints, Date.now()), dependsOnBody: false }
  return { again, dependsOnBody: hints?.bodyPattern !== undefined && mayHoldBack(plan, status, header) }
}

/** What may be a stream that somebody is watching is not held back. */
function mayHoldBack(plan: RequestPlan, status: number, header: HeaderReader): boolean {
  const isText = /json|xml|^text\/plain/i.test(header('content-type') ?? '')
  return isText && (!plan.isStreamed || status >= 400 || Number(header('content-length')) <= judgedBytes)
}

/** What of an answer is held back at most while its text decides. */
export const judgedBytes = 64 * 1024

/** True when the entry's pattern is found in the body. */
export function saysLimited(plan: RequestPlan, bytes: Buffer): boolean {
  const pattern = plan.connection.retry?.bodyPattern
  return pattern !== undefined && compile(pattern).matcher(bytes.toString()).find()
}

/**
 * What to note of a failure after which the call may be sent again; undefined when it may not.
 * @param isUnsent no connection had come about, so that nothing can have reached the upstream
 */
export function mayRetryFailure(plan: RequestPlan, error: Error, isUnsent: boolean): string | undefined {
  if (error instanceof GatewayError || !(isUnsent || plan.retry.isRepeatable)) return undefined
  const meaning = explainFailure(error)?.code
  // A name that does not exist will not exist in a second either.
  if (/^E(?:NOTFOUND|NODATA)$/.test(codeOf(error))) return undefined
  const isPassing = meaning === 'UPSTREAM_UNREACHABLE' || (isUnsent && meaning === 'UPSTREAM_TIMEOUT')
  return isPassing ? codeOf(error) : undefined
}

/**
 * Exponential with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), but never
 * sooner than the vendor asks; undefined when it asks for more than anybody should wait.
 */
export function backoffMs(attempts: number, askedMs: number | undefined): number | undefined {
  if (askedMs !== undefined && askedMs > longestAskedMs) return undefined
  const ceilingMs = Math.min(longestBackoffMs, firstWaitMs * 2 ** (attempts - 1))
  return Math.ceil(Math.random() * ceilingMs + (askedMs ?? 0))
}

const patterns = new Map<string, RE2JS>()

function compile(pattern: string): RE2JS {
  let compiled = patterns.get(pattern)
  if (compiled === undefined) {
    if (patterns.size >= 1000) patterns.clear()
    compiled = RE2JS.compile(pattern)
    patterns.set(pattern, compiled)
  }
  return compiled
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
