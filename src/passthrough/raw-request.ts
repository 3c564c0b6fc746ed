/** A raw request's plan: the caller's own bytes towards the upstream, but for the gateway's names and the credential's. */
import { headerNamePattern, isFramingHeader } from '../auth/header-names.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { HostAllowlist } from '../hosts.ts'
import { collectBody, formType, refuseInjectedFields } from './body.ts'
import type { ResolvedConnection } from './connection.ts'
import { parseMediaType } from './media-type.ts'
import { planRawUrl } from './raw-url.ts'
import {
  type CachePlan,
  defaultTimeoutMs,
  isSafeMethod,
  maxCacheSeconds,
  maxRetries,
  maxTimeoutMs,
  type RequestPlan,
  standardRetries,
} from './request.ts'
import type { RetryPlan } from './retry-policy.ts'

export interface RawInput {
  readonly method: string
  /** Path and query as they came, below the connection; starts with `/` unless it is empty or only a query. */
  readonly target: string
  /** True when the target is the vendor's whole path, not one below the base URL. */
  readonly isWholePath: boolean
  /** Name, value, name, value: as they came. */
  readonly rawHeaders: readonly string[]
  readonly body: AsyncIterable<Buffer> | null
  /** The caller's access key: it goes nowhere. */
  readonly token: string
}

/** What a caller's request carries of the trace it belongs to (https://www.w3.org/TR/trace-context/, https://www.w3.org/TR/baggage/). */
export const traceHeaders: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'baggage'])

/** The headers that the gateway itself reads; whoever hands the answer on reads the first. */
const controls = ['x-passgate-rewrite', 'x-passgate-timeout-ms', 'x-passgate-retries', 'x-passgate-cache'] as const

type Control = (typeof controls)[number]

export interface RawRules {
  readonly allow: HostAllowlist
  /** Names in lower case of headers that go no further, beside those that never do. */
  readonly stripped: ReadonlySet<string>
}

/** @throws {GatewayError} INVALID_INPUT, REQUEST_TOO_LARGE */
export async function planRawRequest(
  connection: ResolvedConnection,
  input: RawInput,
  { allow, stripped }: RawRules,
): Promise<RequestPlan> {
  checkMethod(input.method)
  const url = planRawUrl(connection, input, allow)
  const { headers, settings } = splitHeaders(connection, input, stripped)
  checkRewrite(settings)
  // What will be refused is not waited for.
  const body = url.refusal === undefined ? await readBody(connection, input, headers) : input.body
  return {
    connection,
    method: input.method,
    url,
    headers,
    body,
    bodyFormat: null,
    timeoutMs: readNumber('x-passgate-timeout-ms', settings, maxTimeoutMs) ?? defaultTimeoutMs,
    maxResponseBytes: Number.POSITIVE_INFINITY,
    isStreamed: true,
    retry: planRetry(input.method, body, readNumber('x-passgate-retries', settings, maxRetries)),
    redirects: 0,
    cache: readCache(settings),
  }
}

/** The longest body that is taken in to be signed: 10 MB is also what AWS's API Gateway takes. */
const maxSignedBytes = 10 * 1024 * 1024

/** A body is streamed, unless the credential goes into it or its signature covers it. */
async function readBody(
  { injected, signedBodies }: ResolvedConnection,
  { body }: RawInput,
  headers: [string, string][],
): Promise<AsyncIterable<Buffer> | Buffer | null> {
  if (body === null) return null
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1]
  const isSigned = signedBodies === 'all' || (signedBodies === 'forms' && parseMediaType(type).essence === formType)
  if (!isSigned && injected.body.length === 0) return body
  const length = headers.findIndex(([name]) => name === 'content-length')
  if (isSigned && Number(headers[length]?.[1] ?? 0) > maxSignedBytes) throw signedBodyTooLarge()
  const bytes = await collectBody(isSigned ? boundSigned(body) : body)
  refuseInjectedFields(bytes, type, injected.body)
  if (length !== -1) headers.splice(length, 1)
  return bytes
}

/** For a body that does not say how long it is. */
async function* boundSigned(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxSignedBytes) throw signedBodyTooLarge()
    yield chunk
  }
}

function signedBodyTooLarge(): GatewayError {
  const message = `The credential's signature covers the body, which is taken in whole for it: at most ${maxSignedBytes} bytes are.`
  const details = [{ field: 'body', message: `body has more than ${maxSignedBytes} bytes` }]
  return new GatewayError('REQUEST_TOO_LARGE', message, { details })
}

/**
 * What the vendor answered is the SDK's to see and to try again, unless the caller asks; what was never sent is sent again.
 * A streamed body is gone once it was read: it is never sent twice.
 */
function planRetry(method: string, body: RequestPlan['body'], asked: number | undefined): RetryPlan {
  const canRepeat = isSafeMethod(method) && (body === null || Buffer.isBuffer(body))
  return { max: asked ?? standardRetries, isRepeatable: asked !== undefined && canRepeat }
}

/** TRACE would send the credential back to the caller in the answer (RFC 9110 §9.3.8); CONNECT is no request. */
function checkMethod(method: string): void {
  if (method !== 'TRACE' && method !== 'CONNECT') return
  throw invalidInput('method', `The method ${method} is not sent: its answer would show the credential.`)
}

/** Any key of a workspace, as `access/secret.ts` writes them: a client may send another one than it is known by. */
const accessKey = /pgk_[\w-]{49}/

/**
 * All headers but those that frame or route the message for this hop (RFC 9110 §7.6.1), the caller's access key wherever
 * it stands, and what the credential sets.
 */
function splitHeaders(
  connection: ResolvedConnection,
  { rawHeaders, token }: RawInput,
  stripped: ReadonlySet<string>,
): { headers: [string, string][]; settings: Map<string, string> } {
  const headers: [string, string][] = []
  const settings = new Map<string, string>()
  const seen = new Set<string>()
  const perHop = namesOfConnection(rawHeaders)
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const written = rawHeaders[at] ?? ''
    const value = rawHeaders[at + 1] ?? ''
    const name = written.toLowerCase()
    if (name.startsWith('x-passgate-')) {
      // As Node joins them for whoever reads a control of the answer.
      const before = settings.get(name)
      settings.set(name, before === undefined ? value : `${before}, ${value}`)
    } else if (name === 'content-length' || !isDropped(connection, name, perHop)) {
      if (value.includes(token) || accessKey.test(value) || stripped.has(name)) continue
      seen.add(name)
      headers.push([name === 'content-length' ? name : written, value])
    }
  }
  for (const [name, value] of Object.entries(connection.headers)) if (!seen.has(name)) headers.push([name, value])
  const unknown = [...settings.keys()].find(name => !controls.some(control => control === name))
  if (unknown !== undefined) {
    const field = headerNamePattern.test(unknown) ? `headers.${unknown}` : 'headers'
    throw invalidInput(field, `${field} is unknown; the gateway takes ${controls.join(', ')}.`)
  }
  return { headers, settings }
}

function isDropped({ injected }: ResolvedConnection, name: string, perHop: ReadonlySet<string> | undefined): boolean {
  return (
    isFramingHeader(name) ||
    name === 'authorization' ||
    name === 'http2-settings' ||
    injected.headers.includes(name) ||
    perHop?.has(name) === true
  )
}

/** The names that `Connection` lists belong to this hop too. */
function namesOfConnection(rawHeaders: readonly string[]): Set<string> | undefined {
  let names: Set<string> | undefined
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length !== 10 || rawHeaders[at]?.toLowerCase() !== 'connection') continue
    const listed = (rawHeaders[at + 1] ?? '').toLowerCase()
    if (listed === 'keep-alive' || listed === 'close') continue
    names ??= new Set()
    for (const name of listed.split(',')) names.add(name.trim())
  }
  // Framing is not the caller's to strip.
  names?.delete('content-length')
  return names
}

/** `on`: as the vendor says; a number: no older than so many seconds. */
function readCache(settings: ReadonlyMap<string, string>): CachePlan | undefined {
  if (settings.get('x-passgate-cache') === 'on') return {}
  const maxAgeSeconds = readNumber('x-passgate-cache', settings, maxCacheSeconds, 'on, or ')
  return maxAgeSeconds === undefined ? undefined : { maxAgeSeconds }
}

/** Whoever hands the answer on reads it by itself. */
function checkRewrite(settings: ReadonlyMap<string, string>): void {
  const text = settings.get('x-passgate-rewrite')
  if (text !== undefined && text !== 'on' && text !== 'off') throw wrongControl('x-passgate-rewrite', 'on or off', text)
}

function readNumber(
  name: Control,
  settings: ReadonlyMap<string, string>,
  max: number,
  besides = '',
): number | undefined {
  const text = settings.get(name)
  if (text === undefined) return undefined
  const min = name === 'x-passgate-timeout-ms' ? 1 : 0
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1
  if (value >= min && value <= max) return value
  throw wrongControl(name, `${besides}a whole number from ${min} to ${max}`, text)
}

/** Characters of a wrong value that are shown: fewer than any key has. */
const shownLength = 20

function wrongControl(name: Control, takes: string, text: string): GatewayError {
  const got = text.length > shownLength ? `a text of ${text.length} characters` : JSON.stringify(text)
  return invalidInput(`headers.${name}`, `headers.${name} takes ${takes}; got ${got}.`)
}
