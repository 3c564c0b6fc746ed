/** Turns a vendor's own URLs in `Link`, `Location` and `Content-Location` into the gateway's, so that a client which follows them stays inside. */
import { matchesHost } from '../hosts.ts'

/** Where the caller finds what the vendor speaks of. */
export interface LinkPlace {
  /** The connection's base URL. */
  readonly baseUrl: URL
  readonly hosts: readonly string[]
  /** Where the request went. */
  readonly origin: string
  /** The gateway's address for the connection, without slash at its end: `http://gateway/passthrough/conn_…`. */
  readonly gateway: URL
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

/** A relative reference says nothing of a host: no key leaves with it, and it stays as the vendor wrote it. */
function rewriteReference(reference: string, place: LinkPlace): string {
  const [, scheme, authority, rest = ''] = /^(https?:)?\/\/([^/?#]+)(.*)$/i.exec(reference) ?? []
  if (authority === undefined || authority.includes('@')) return reference
  const origin = `${scheme ?? new URL(place.origin).protocol}//${authority}`
  if (!URL.canParse(origin)) return reference
  const url = new URL(origin)
  if (!place.hosts.some(pattern => matchesHost(pattern, url))) return reference
  return trimSlash(place.gateway.origin + place.gateway.pathname) + underGateway(url, rest, place)
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

function trimSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text
}
