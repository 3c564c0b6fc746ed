/** From what a caller asks to what will be sent: every argument checked, nothing sent, no secret known. */
import { type ErrorDetail, type GatewayError, invalidFields } from '../errors.ts'
import type { HostAllowlist } from '../hosts.ts'
import { type BodyFormat, bodyFormats, planBody, refuseInjectedFields } from './body.ts'
import type { ArrayFormat, ResolvedConnection } from './connection.ts'
import { planHeaders } from './headers.ts'
import type { LoadFile } from './multipart.ts'
import { queryParameterLimit } from './query.ts'
import { maxRedirects } from './redirect-target.ts'
import type { RetryPlan } from './retry-policy.ts'
import { type PlannedUrl, planUrl } from './url.ts'

export const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export type Method = (typeof methods)[number]

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** RFC 9110 §9.2.1: asks for nothing to change. */
export function isSafeMethod(method: string): boolean {
  return safeMethods.has(method)
}

export interface PassthroughInput {
  /** A read may be sent again by itself; a write only when its key makes that safe. */
  readonly mode: 'READ' | 'WRITE'
  readonly method: Method
  readonly path: string
  readonly query?: unknown
  readonly headers?: unknown
  readonly body?: unknown
  readonly options?: PassthroughOptions | undefined
  /** Fetches the files of a multipart body that are given by URL, once everything else is known to be right. */
  readonly loadFile?: LoadFile | undefined
}

export interface PassthroughOptions {
  readonly baseUrl?: string
  readonly pathParams?: unknown
  readonly bodyFormat?: BodyFormat
  readonly arrayFormat?: Uppercase<ArrayFormat>
  /** Milliseconds for the whole call. */
  readonly timeoutMs?: number
  /** Bytes of the answer, after decoding. */
  readonly maxResponseBytes?: number
  /** Attempts after the first. */
  readonly retries?: number
  readonly idempotencyKey?: string
  readonly cache?: CachePlan
}

/** That an answer may come from the connection's private cache. */
export interface CachePlan {
  /** The oldest that will do, and how long one lives whose vendor does not say. */
  readonly maxAgeSeconds?: number | undefined
}

/** A request as it goes on the wire, but for the credential. */
export interface RequestPlan {
  readonly connection: ResolvedConnection
  readonly method: string
  readonly url: PlannedUrl
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** A stream is read at most once. */
  readonly body: Buffer | AsyncIterable<Buffer> | null
  /** How the body was written; null when there is none, or it came as it is. */
  readonly bodyFormat: BodyFormat | null
  /** For the whole call; for a streamed one until its answer starts. */
  readonly timeoutMs: number
  readonly maxResponseBytes: number
  /** True when the answer is handed on while it comes in. */
  readonly isStreamed: boolean
  readonly retry: RetryPlan
  /** How many are followed. */
  readonly redirects: number
  /** Undefined when the call did not ask for the cache. */
  readonly cache: CachePlan | undefined
  /** What speaks against a hop of a redirect. */
  readonly judgeHop?: ((hop: { method: string; origin: string; path: string }) => GatewayError | undefined) | undefined
}

export const maxTimeoutMs = 300_000
export const defaultTimeoutMs = 30_000
/** Attempts after the first, unless the caller says otherwise. */
export const standardRetries = 2
export const maxRetries = 5
export const maxCacheSeconds = 86_400
export const defaultMaxResponseBytes = 10 * 1024 * 1024

const numbers = {
  timeoutMs: { min: 1, max: maxTimeoutMs },
  maxResponseBytes: { min: 1, max: 50 * 1024 * 1024 },
  retries: { min: 0, max: maxRetries },
} as const

/** @throws {GatewayError} INVALID_INPUT with a detail per wrong field, REQUEST_TOO_LARGE */
export async function planRequest(
  connection: ResolvedConnection,
  input: PassthroughInput,
  allow: HostAllowlist,
): Promise<RequestPlan> {
  const { options = {} } = input
  checkOptions(input.method, options)
  const arrayFormat = options.arrayFormat?.toLowerCase() as ArrayFormat | undefined
  const style = {
    arrayFormat: arrayFormat ?? connection.arrayFormat,
    maxParameters: queryParameterLimit,
    space: '%20',
  } as const
  const { baseUrl, pathParams, idempotencyKey } = options
  const url = planUrl(connection, { path: input.path, query: input.query, baseUrl, pathParams }, style, allow)
  const headers = planHeaders(connection, input.headers)
  const body = await planBody({
    body: input.body,
    format: options.bodyFormat,
    contentType: headers.get('content-type'),
    arrayFormat: arrayFormat ?? connection.arrayFormat,
    loadFile: url.refusal === undefined ? input.loadFile : undefined,
  })
  if (body !== undefined && (body.ownsContentType || !headers.has('content-type')))
    headers.set('content-type', body.contentType)
  const { idempotencyHeader } = connection
  if (idempotencyKey !== undefined && idempotencyHeader !== undefined && !headers.has(idempotencyHeader))
    headers.set(idempotencyHeader, idempotencyKey)
  refuseInjectedFields(body?.bytes, headers.get('content-type'), connection.injected.body)
  return {
    connection,
    method: input.method,
    url,
    headers: [...headers],
    body: body?.bytes ?? null,
    bodyFormat: body?.format ?? null,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    maxResponseBytes: options.maxResponseBytes ?? defaultMaxResponseBytes,
    isStreamed: false,
    retry: planRetry(input),
    redirects: isSafeMethod(input.method) ? maxRedirects : 0,
    cache: options.cache,
  }
}

/** What was never sent may always be sent again; what may have arrived only when that changes nothing. */
function planRetry({ mode, method, options = {} }: PassthroughInput): RetryPlan {
  const isWanted = mode === 'READ' || (isSafeMethod(method) && options.retries !== undefined)
  return { max: options.retries ?? standardRetries, isRepeatable: isWanted || options.idempotencyKey !== undefined }
}

function checkOptions(method: string, options: PassthroughOptions): void {
  const details: ErrorDetail[] = []
  const oneOf = (field: string, value: unknown, values: readonly string[]) => {
    if (value === undefined || values.some(known => known === value)) return
    details.push({ field, message: `${field} takes one of ${values.join(', ')}; got ${JSON.stringify(value)}.` })
  }
  oneOf('method', method, methods)
  oneOf('options.bodyFormat', options.bodyFormat, bodyFormats)
  oneOf('options.arrayFormat', options.arrayFormat, ['REPEAT', 'COMMA', 'BRACKETS', 'INDICES'])
  for (const [name, { min, max }] of Object.entries(numbers)) {
    const value: unknown = options[name as keyof typeof numbers]
    if (value === undefined || (Number.isInteger(value) && Number(value) >= min && Number(value) <= max)) continue
    const field = `options.${name}`
    details.push({
      field,
      message: `${field} takes a whole number from ${min} to ${max}; got ${JSON.stringify(value)}.`,
    })
  }
  const maxAge: unknown = options.cache?.maxAgeSeconds
  if (maxAge !== undefined && !(Number.isInteger(maxAge) && Number(maxAge) >= 0 && Number(maxAge) <= maxCacheSeconds)) {
    const field = 'options.cache.maxAgeSeconds'
    const takes = `a whole number from 0 to ${maxCacheSeconds}`
    details.push({ field, message: `${field} takes ${takes}; got ${JSON.stringify(maxAge)}.` })
  }
  if (details.length > 0) throw invalidFields(details)
}
