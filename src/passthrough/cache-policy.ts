/** What RFC 9111 says of an answer and a request: the judging half of the cache interceptor. */
import CachePolicy from 'http-cache-semantics'
import { type StoredAnswer, tellingHeaders } from './private-caches.ts'

type Headers = Readonly<Record<string, string | string[]>>

export interface CachedRequest {
  readonly method: string
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

const options = { shared: false } as const

/** What a caller's own condition or range asks for is between it and the vendor. */
const ownConditions = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range']

/** True when the caller wants an answer only if no request is needed for it. */
export function isMissing(headers: CachedRequest['headers']): boolean {
  return /(?:^|[,\s])only-if-cached(?:$|[,\s])/i.test(headers['cache-control'] ?? '')
}

/**
 * The headers with which the stored answer may be given without asking anybody; undefined when the vendor is to be asked.
 * @param maxAgeSeconds the oldest that will do
 */
export function findReusable(
  stored: StoredAnswer,
  request: CachedRequest,
  maxAgeSeconds: number | undefined,
): Record<string, string | string[]> | undefined {
  if (ownConditions.some(name => name in request.headers)) return undefined
  if (maxAgeSeconds !== undefined && stored.policy.age() >= maxAgeSeconds) return undefined
  const asked = hasToken(stored.headers['cache-control'], 'must-revalidate') ? withoutMaxStale(request) : request
  if (stored.policy.evaluateRequest(asked).revalidation !== undefined) return undefined
  return { ...stored.headers, age: String(Math.round(stored.policy.age())) }
}

/** Header names and values in turn that ask whether the stored answer still holds (RFC 9110 §13.1). */
export function validators({ headers }: StoredAnswer, asked: CachedRequest['headers']): string[] {
  if (ownConditions.some(name => name in asked)) return []
  const { etag, 'last-modified': modified } = headers
  return [
    ...(typeof etag === 'string' ? ['if-none-match', etag] : []),
    ...(typeof modified === 'string' ? ['if-modified-since', modified] : []),
  ]
}

/** Undefined for what may not be kept, or could never be used. @param lifetimeSeconds when the vendor says nothing of it */
export function toStored(
  request: CachedRequest,
  answer: Pick<StoredAnswer, 'status' | 'statusText' | 'headers' | 'body'>,
  lifetimeSeconds: number | undefined,
): StoredAnswer | undefined {
  if (ownConditions.some(name => name in request.headers)) return undefined
  if (hasToken(answer.headers['cache-control'], 'must-understand') && !understood.has(answer.status)) return undefined
  const policy = new CachePolicy(
    request,
    { status: answer.status, headers: judged(answer.headers, lifetimeSeconds) },
    options,
  )
  const { etag, 'last-modified': modified, vary } = answer.headers
  const isOfUse = policy.timeToLive() > 0 || etag !== undefined || modified !== undefined
  if (!policy.storable() || !isOfUse || String(vary ?? '').includes('*')) return undefined
  // Where the lifetime is the caller's invention, nobody has said what else the answer may be used for.
  const isExact = lifetimeSeconds !== undefined && !saysLifetime(answer.headers)
  const variant = isExact ? tellingHeaders(request.headers) : variantOf(request, vary)
  return { ...answer, headers: withoutHop(answer.headers), policy, variant, isExact }
}

/**
 * The stored answer with what a 304 says anew (RFC 9111 §3.2 and §4.3.4). It was asked about by its own validators, so a 304
 * speaks of no other.
 */
export function freshen(stored: StoredAnswer, request: CachedRequest, said: Headers): StoredAnswer {
  const updates = Object.entries(withoutHop(said)).filter(([name]) => !ofTheBody.has(name))
  const headers = { ...stored.headers, ...Object.fromEntries(updates) }
  const policy = new CachePolicy(request, { status: stored.status, headers: judged(headers, undefined) }, options)
  return { ...stored, headers, policy, variant: stored.isExact ? stored.variant : variantOf(request, headers.vary) }
}

/** What a write to `url` leaves stale: nothing when it failed. */
export function outdatedBy(url: string, status: number, headers: Headers): string[] {
  if (status < 200 || status >= 400) return []
  const named = [headers.location, headers['content-location']].flatMap(reference => {
    if (typeof reference !== 'string' || !URL.canParse(reference, url)) return []
    const other = new URL(reference, url)
    return other.origin === new URL(url).origin ? [other.origin + other.pathname + other.search] : []
  })
  return [url, ...named]
}

/** The final statuses of RFC 9110 §15, whose meaning is known here. */
const understood: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

/** Fields that describe the stored bytes stay with them. */
const ofTheBody: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-md5',
  'content-range',
  'etag',
  'transfer-encoding',
])

const ofTheHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Also without the fields that `Connection` lists (RFC 9110 §7.6.1). */
function withoutHop(headers: Headers): Record<string, string | string[]> {
  const listed = tokensOf(headers.connection)
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ofTheHop.has(name) && !listed.includes(name)))
}

/**
 * The headers as the policy reads them: directives in lower case, an `Age` that is none as old age, and for a vendor that
 * says nothing of how long an answer lives, what the caller says. That `must-revalidate` forbids stale answers is
 * seen to where they are asked for; the policy would not even give fresh ones.
 */
function judged(headers: Headers, lifetimeSeconds: number | undefined): Record<string, string | string[]> {
  const control = [headers['cache-control'] ?? []].flat().join(',').toLowerCase()
  const read: Record<string, string | string[]> = { ...headers }
  if (control !== '') read['cache-control'] = control.replace(/(?:^|(?<=,))\s*must-revalidate\s*(?=,|$)/g, '')
  if (!saysLifetime(headers) && lifetimeSeconds !== undefined) read['cache-control'] = `max-age=${lifetimeSeconds}`
  if (headers.age !== undefined && !/^\d{1,9}$/.test(String(headers.age))) read.age = String(oldAge)
  return read
}

function saysLifetime(headers: Headers): boolean {
  return ['cache-control', 'expires', 'pragma'].some(name => headers[name] !== undefined)
}

/** RFC 9111 §1.2.2: what is beyond every lifetime. */
const oldAge = 2 ** 31

function withoutMaxStale(request: CachedRequest): CachedRequest {
  const { 'cache-control': control, ...headers } = request.headers
  if (control === undefined) return request
  return { ...request, headers: { ...headers, 'cache-control': control.replace(/max-stale(?:\s*=\s*"?\d*"?)?/gi, '') } }
}

function variantOf(request: CachedRequest, vary: string | string[] | undefined): StoredAnswer['variant'] {
  const names = [vary ?? []].flat().join(',').toLowerCase().split(',')
  return names
    .map(name => name.trim())
    .filter(name => name !== '')
    .sort()
    .map(name => [name, request.headers[name]])
}

function hasToken(value: string | string[] | undefined, token: string): boolean {
  return tokensOf(value).includes(token)
}

function tokensOf(value: string | string[] | undefined): string[] {
  return [value ?? []]
    .flat()
    .join(',')
    .toLowerCase()
    .split(',')
    .map(item => item.trim())
}
