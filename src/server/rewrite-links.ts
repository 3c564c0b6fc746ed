/** Turns a vendor's own URLs in `Link`, `Location` and `Content-Location` into the gateway's, so that a client which follows them stays inside. */
import { matchesHost } from '../hosts.ts'

/** Where the caller finds what the vendor speaks of. */
export interface LinkPlace {
  /** The connection's base URL. */
  readonly baseUrl: URL
  readonly hosts: readonly string[]
  /** Where the request went. */
  readonly origin: string
  /** Path and query at that origin. */
  readonly path: string
  /** The gateway's address for the connection, without slash at its end: `http://gateway/passthrough/conn_…`. */
  readonly gateway: URL
  /** What the caller wrote behind that address: path and query. */
  readonly target: string
  /** True when the vendor's whole path is the gateway's path. */
  readonly isWholePath: boolean
}

const rewritten: ReadonlySet<string> = new Set(['link', 'location', 'content-location'])

/** @param name in lower case */
export function isLinkHeader(name: string): boolean {
  return rewritten.has(name)
}

/** What leads nowhere inside the pin set stays as it is. @param name in lower case */
export function rewriteLinks(name: string, value: string, place: LinkPlace): string {
  if (name !== 'link') return rewriteReference(value, place)
  // RFC 8288 §3: the target stands in angle brackets.
  return value.replace(/<([^<>]*)>/g, (_, reference: string) => `<${rewriteReference(reference, place)}>`)
}

/** Empty, or only a fragment: the same document wherever it is (RFC 3986 §4.4). */
const sameDocument = /^(?:#|$)/
/** A scheme that no client of the web follows. */
const otherScheme = /^(?!https?:)[a-z][a-z\d+.-]*:/i

function rewriteReference(reference: string, place: LinkPlace): string {
  if (sameDocument.test(reference)) return reference
  const [, scheme, authority, rest = ''] = /^(https?:)?\/\/([^/?#]+)(.*)$/i.exec(reference) ?? []
  if (authority === undefined) return otherScheme.test(reference) ? reference : rewriteRelative(reference, place)
  if (authority.includes('@')) return reference
  const origin = `${scheme ?? new URL(place.origin).protocol}//${authority}`
  if (!URL.canParse(origin)) return reference
  return addressOf(new URL(origin), withoutDots(origin, rest), place) ?? reference
}

/** Stays as the vendor wrote it where a client finds the right place by itself: the same below the gateway's address as at the vendor. */
function rewriteRelative(reference: string, place: LinkPlace): string {
  const isPath = /^\/(?![/\\])/.test(reference)
  const base = isPath ? place.origin : place.origin + place.path
  if (!URL.canParse(reference, base)) return reference
  const resolved = new URL(reference, base)
  if (resolved.username !== '' || resolved.password !== '') return reference
  // A path is taken as it is written: `new URL` would encode what some clients leave as it is.
  const rest = isPath ? withoutDots(place.origin, reference) : resolved.pathname + resolved.search + resolved.hash
  const meant = addressOf(new URL(resolved.origin), rest, place)
  if (meant === undefined) return reference
  const seen = isPath ? place.gateway.origin : gatewayAddress(place) + place.target
  const found = URL.canParse(reference, seen) ? new URL(reference, seen).href : undefined
  return found === new URL(meant).href ? reference : meant
}

/** Of a path with what follows it at a pinned host, the gateway's absolute URL; undefined for any other host. */
function addressOf(origin: URL, rest: string, place: LinkPlace): string | undefined {
  if (!place.hosts.some(pattern => matchesHost(pattern, origin))) return undefined
  return gatewayAddress(place) + underGateway(origin, rest, place)
}

function underGateway(url: URL, rest: string, { baseUrl, isWholePath }: LinkPlace): string {
  const path = rest === '' ? '/' : rest
  const base = isWholePath ? '' : trimSlash(baseUrl.pathname)
  const isBelow = path.startsWith(base) && /^[/?#]|^$/.test(path.slice(base.length))
  if (url.origin === baseUrl.origin && isBelow) return path.slice(base.length)
  const hash = path.indexOf('#')
  const [target, fragment] = hash === -1 ? [path, ''] : [path.slice(0, hash), path.slice(hash)]
  const separator = target.includes('?') ? '&' : '?'
  return `${target}${separator}__domain=${encodeURIComponent(url.origin)}${fragment}`
}

/** Dot segments are resolved at the vendor: below the gateway's address they would lead out of it. */
function withoutDots(origin: string, rest: string): string {
  if (!/^[^?#]*\/(?:\.|%2e){1,2}(?:[/?#]|$)/i.test(rest)) return rest
  const { pathname, search, hash } = new URL(origin + rest)
  return pathname + search + hash
}

function gatewayAddress({ gateway }: LinkPlace): string {
  return trimSlash(gateway.origin + gateway.pathname)
}

function trimSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text
}
