/** Where a request goes: base URL, path and query become one URL inside the pin set, as it is on the wire. */
import { type GatewayError, invalidInput } from '../errors.ts'
import type { HostAllowlist } from '../hosts.ts'
import type { ResolvedConnection } from './connection.ts'
import { refuseDestination } from './egress.ts'
import { checkUrlText, encodeIllegal, fillPathParams, maxUrlLength, refuseDotSegments, tooLong } from './path.ts'
import { encodeParameters, type ParameterStyle, refuseInjectedNames } from './query.ts'
import { trimTrailing } from './scalar.ts'

export interface PlannedUrl {
  /** `https://host[:port]`, normalised. */
  readonly origin: string
  /** Path and query as they go on the wire, without the credential. */
  readonly path: string
  /** Why nothing may be sent there: outside the pin set, no public address, or plain http; undefined when it may. */
  readonly refusal: GatewayError | undefined
}

export interface UrlInput {
  readonly path: unknown
  readonly query?: unknown
  readonly baseUrl?: unknown
  readonly pathParams?: unknown
}

/**
 * Judges the place too: outside the pin set, a literal address that is not public, or plain http that the operator did not list.
 * @throws {GatewayError} INVALID_INPUT naming the field
 */
export function planUrl(
  connection: ResolvedConnection,
  input: UrlInput,
  style: ParameterStyle,
  allow: HostAllowlist,
): PlannedUrl {
  const base = input.baseUrl == null ? connection.baseUrl : readBaseUrl('options.baseUrl', input.baseUrl)
  const { origin, prefix, rest } = locate(checkUrlText('path', input.path), base)
  const refusal = (input.baseUrl == null ? [origin] : [base, origin])
    .map(url => refuseDestination(url, connection.hosts, allow))
    .find(found => found !== undefined)
  const mark = rest.indexOf('?')
  const path = encodeIllegal(fillPathParams(mark === -1 ? rest : rest.slice(0, mark), input.pathParams))
  refuseDotSegments('path', path)
  const written = mark === -1 ? undefined : encodeIllegal(rest.slice(mark + 1))
  const target = joinPath(prefix, path) + joinQuery(written, encodeParameters('query', input.query, style))
  refuseInjectedNames(target, connection.injected.query)
  if (origin.origin.length + target.length > maxUrlLength) throw tooLong('path')
  return { origin: origin.origin, path: target, refusal }
}

interface Located {
  readonly origin: URL
  /** The base URL's own path without trailing slash; empty for an absolute URL. */
  readonly prefix: string
  readonly rest: string
}

function locate(text: string, base: URL): Located {
  if (text.startsWith('//')) {
    throw invalidInput(
      'path',
      'path starts with //, which names a host; write one slash, or the whole URL with https://.',
    )
  }
  if (!/^(?:https?:|[a-z][a-z0-9+.-]*:\/\/)/i.test(text)) {
    return { origin: base, prefix: trimTrailing(base.pathname, '/'), rest: text }
  }
  return { ...readAbsolute('path', text), prefix: '' }
}

/** Cut by hand, because URL parsers repair what they read: `https:/host`, `https:host` and empty hosts are refused here. */
function readAbsolute(field: string, text: string): { origin: URL; rest: string } {
  const [, scheme, authority, rest = ''] = /^(https?):\/\/([^/?]+)(.*)$/i.exec(text) ?? []
  if (scheme === undefined || authority === undefined) {
    throw invalidInput(
      field,
      `${field} takes an absolute URL only as https://host/… (or http:// where that is allowed).`,
    )
  }
  if (authority.includes('@')) {
    throw invalidInput(field, `${field} has a user name before its host; the credential comes from the connection.`)
  }
  if (!URL.canParse(`${scheme}://${authority}/`)) {
    throw invalidInput(field, `${field} has no valid host; write https://host[:port]/….`)
  }
  return { origin: new URL(`${scheme}://${authority}/`), rest }
}

/** @throws {GatewayError} INVALID_INPUT naming the field */
export function readBaseUrl(field: string, value: unknown): URL {
  const text = checkUrlText(field, value)
  if (text.includes('?')) throw invalidInput(field, `${field} has a query; put parameters in query.`)
  const { origin, rest } = readAbsolute(field, text)
  if (/[{}]/.test(rest)) throw invalidInput(field, `${field} has braces; only path takes {name} placeholders.`)
  refuseDotSegments(field, rest)
  // Joined as text: resolved against the origin, a path of `//other.example` would name another host.
  return new URL(origin.origin + encodeIllegal(rest))
}

function joinPath(prefix: string, path: string): string {
  if (path === '') return prefix === '' ? '/' : prefix
  return `${prefix}/${path.replace(/^\//, '')}`
}

function joinQuery(written: string | undefined, parameters: readonly string[]): string {
  if (parameters.length === 0) return written === undefined ? '' : `?${written}`
  const separator = written === undefined || written === '' || written.endsWith('&') ? '' : '&'
  return `?${written ?? ''}${separator}${parameters.join('&')}`
}
