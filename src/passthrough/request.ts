/** From what a caller asks to what will be sent: every argument checked, nothing sent, no secret known. */
import { type ErrorDetail, invalidFields } from '../errors.ts'
import type { HostAllowlist } from '../hosts.ts'
import { type BodyFormat, bodyFormats, planBody, refuseInjectedFields } from './body.ts'
import type { ArrayFormat, ResolvedConnection } from './connection.ts'
import { planHeaders } from './headers.ts'
import { queryParameterLimit } from './query.ts'
import { type PlannedUrl, planUrl } from './url.ts'

export const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export type Method = (typeof methods)[number]

export interface PassthroughInput {
  readonly method: Method
  readonly path: string
  readonly query?: unknown
  readonly headers?: unknown
  readonly body?: unknown
  readonly options?: PassthroughOptions | undefined
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
}

/** A request as it goes on the wire, but for the credential. */
export interface RequestPlan {
  readonly connection: ResolvedConnection
  readonly method: Method
  readonly url: PlannedUrl
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer | null
  readonly timeoutMs: number
  readonly maxResponseBytes: number
}

const limits = {
  timeoutMs: { max: 300_000, standard: 30_000 },
  maxResponseBytes: { max: 50 * 1024 * 1024, standard: 10 * 1024 * 1024 },
} as const

/**
 * @throws {GatewayError} INVALID_INPUT with a detail per wrong field, DESTINATION_NOT_ALLOWED, REQUEST_TOO_LARGE
 */
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
  const { baseUrl, pathParams } = options
  const url = planUrl(connection, { path: input.path, query: input.query, baseUrl, pathParams }, style, allow)
  const headers = planHeaders(connection, input.headers)
  const body = await planBody({
    body: input.body,
    format: options.bodyFormat,
    contentType: headers.get('content-type'),
    arrayFormat: arrayFormat ?? connection.arrayFormat,
  })
  if (body !== undefined && (body.ownsContentType || !headers.has('content-type')))
    headers.set('content-type', body.contentType)
  refuseInjectedFields(body?.bytes, headers.get('content-type'), connection.injected.body)
  return {
    connection,
    method: input.method,
    url,
    headers: [...headers],
    body: body?.bytes ?? null,
    timeoutMs: options.timeoutMs ?? limits.timeoutMs.standard,
    maxResponseBytes: options.maxResponseBytes ?? limits.maxResponseBytes.standard,
  }
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
  for (const [name, { max }] of Object.entries(limits)) {
    const value: unknown = options[name as keyof typeof limits]
    if (value === undefined || (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max)) continue
    const field = `options.${name}`
    details.push({ field, message: `${field} takes a whole number from 1 to ${max}; got ${JSON.stringify(value)}.` })
  }
  if (details.length > 0) throw invalidFields(details)
}
