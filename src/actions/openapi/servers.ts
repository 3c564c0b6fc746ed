/** Where the operations of a document are, seen from an integration: below its base URL, at another pinned host, or outside. */
import type { TemplatePart } from '../../auth/template.ts'
import { parseBaseUrl } from '../../catalog/base-url.ts'
import type { IntegrationDefinition } from '../../catalog/entry.ts'
import { matchesWhole } from '../../catalog/pattern.ts'
import { matchesHost } from '../../hosts.ts'
import { trimTrailing } from '../../passthrough/scalar.ts'
import { listOf, type Node, objectOf } from './document.ts'

/** What is put in front of an operation's path, or why there is nothing to put. */
export type ServerPlace = { readonly prefix: string } | { readonly reason: string }

export type PlaceServers = (servers: unknown) => ServerPlace

const maxCandidates = 50

/**
 * @param serverUrl the server of the document that stands for the integration's base URL, whatever its host
 */
export function createServerPlacer(definition: IntegrationDefinition, serverUrl: string | undefined): PlaceServers {
  const base = readBase(definition)
  return servers => {
    const urls = listOf(servers)
      .slice(0, maxCandidates)
      .flatMap(server => urlsOf(objectOf(server)))
    const candidates = urls.length === 0 ? ['/'] : urls
    const places = candidates.map(url => placeUrl(url, definition, base, serverUrl))
    return (
      places.find(place => 'prefix' in place && !place.prefix.startsWith('http')) ??
      places.find(place => 'prefix' in place) ??
      places[0] ?? { reason: 'it has no server' }
    )
  }
}

interface Base {
  /** The whole host; undefined when a connection gives the whole URL. */
  readonly host: RegExp | undefined
  /** The start of a path; its match is what the base URL has already. */
  readonly path: RegExp
  readonly isStatic: boolean
  readonly origin: string
}

function readBase({ baseUrl }: IntegrationDefinition): Base {
  const template = parseBaseUrl(baseUrl)
  const parts = template?.authority ?? []
  const path = trimTrailing((template?.path ?? []).map(part => patternOf(part, '[^/]+')).join(''), '/')
  return {
    host:
      template?.whole === undefined
        ? new RegExp(`^${parts.map(part => patternOf(part, '[^/@:]+')).join('')}$`, 'i')
        : undefined,
    path: new RegExp(`^${path}(?=/|$)`),
    isStatic: template?.whole === undefined && parts.every(part => 'text' in part),
    origin: `${template?.scheme}//${parts.map(part => ('text' in part ? part.text : '')).join('')}`,
  }
}

function placeUrl(
  url: string,
  definition: IntegrationDefinition,
  base: Base,
  serverUrl: string | undefined,
): ServerPlace {
  if (serverUrl !== undefined) {
    const start = trimTrailing(serverUrl, '/')
    const isMeant = trimTrailing(url, '/') === start || url.startsWith(`${start}/`)
    if (isMeant) return { prefix: trimTrailing(url.slice(start.length), '/') }
  }
  if (!/^[a-z][a-z0-9+.-]*:|^\/\//i.test(url)) return placePath(url.startsWith('/') ? url : `/${url}`, base)
  const parsed = URL.parse(url.startsWith('//') ? `https:${url}` : url) ?? undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    return { reason: `its server ${show(url)} is no http(s) URL` }
  if (isBaseHost(parsed, definition, base)) return placePath(parsed.pathname, base)
  if (isPinned(parsed, definition)) return { prefix: `${parsed.origin}${trimTrailing(parsed.pathname, '/')}` }
  const pins = definition.hosts?.join(', ') ?? `the host of ${definition.baseUrl}`
  const reason = `its server ${show(url)} is outside the pinned hosts (${pins}); serverUrl would say that it stands for the base URL`
  return { reason }
}

/** A document knows one account's host at best: any that a connection could give will do. */
function isBaseHost(url: URL, { baseUrl, config }: IntegrationDefinition, { host }: Base): boolean {
  if (host !== undefined) return host.test(url.host)
  const field = config?.[parseBaseUrl(baseUrl)?.whole ?? '']
  return field?.pattern === undefined || matchesWhole(field.pattern, url.origin)
}

function isPinned(url: URL, { hosts = [] }: IntegrationDefinition): boolean {
  return url.protocol === 'https:' && hosts.some(pin => !pin.includes('{') && matchesHost(pin.toLowerCase(), url))
}

function placePath(path: string, { path: start, isStatic, origin }: Base): ServerPlace {
  const plain = trimTrailing(path, '/')
  if (plain === '') return { prefix: '' }
  if (start.test(plain)) return { prefix: plain.replace(start, '') }
  if (isStatic) return { prefix: `${origin}${plain}` }
  return { reason: `its server ${show(path)} is not below the base URL` }
}

/** Each variable as its default says, and with the other values it may have. */
function urlsOf({ url, variables }: Node): string[] {
  if (typeof url !== 'string' || url.length > 2048) return []
  const known = objectOf(variables)
  const names = [...url.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name)
  const defaultOf = (name: string) => {
    const usual = objectOf(known[name]).default
    return usual === undefined || usual === null || usual === '' ? 'x' : String(usual)
  }
  const fill = (own: Readonly<Record<string, string>>) =>
    url.replace(/\{([^{}]+)\}/g, (_, name: string) => (Object.hasOwn(own, name) ? (own[name] ?? '') : defaultOf(name)))
  const others = names.flatMap(name =>
    listOf(objectOf(known[name]).enum)
      .slice(0, 20)
      .map(value => fill({ [name]: String(value) })),
  )
  return [...new Set([fill({}), ...others])]
}

function patternOf(part: TemplatePart, value: string): string {
  return 'text' in part ? RegExp.escape(part.text) : value
}

function show(url: string): string {
  return JSON.stringify(url.slice(0, 200))
}
