/** Where the operations of a document are, seen from an integration: below its base URL, at another pinned host, or outside. */
import type { TemplatePart } from '../../auth/template.ts'
import { parseBaseUrl } from '../../catalog/base-url.ts'
import type { IntegrationDefinition } from '../../catalog/entry.ts'
import { matchesWhole } from '../../catalog/pattern.ts'
import { type HostAllowlist, matchesHost } from '../../hosts.ts'
import { refuseDestination } from '../../passthrough/egress.ts'
import { trimTrailing } from '../../passthrough/scalar.ts'
import { listOf, type Node, objectOf } from './document.ts'

/** What is put in front of an operation's path, or why there is nothing to put. */
export type ServerPlace = { readonly prefix: string } | { readonly reason: string }

export type PlaceServers = (servers: unknown) => ServerPlace

const maxCandidates = 50

/**
 * @param serverUrl the server of the document that stands for the integration's base URL, whatever its host
 */
export function createServerPlacer(
  definition: IntegrationDefinition,
  serverUrl: string | undefined,
  allow: HostAllowlist,
): PlaceServers {
  const parts: PlaceParts = { definition, base: readBase(definition), serverUrl, allow }
  return servers => {
    const places = listOf(servers)
      .slice(0, maxCandidates)
      .flatMap(server => placeServer(objectOf(server), parts))
    if (places.length === 0) places.push(placeUrl('/', parts))
    return (
      places.find(place => 'prefix' in place && !place.prefix.startsWith('http')) ??
      places.find(place => 'prefix' in place && place.prefix.startsWith('https')) ??
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

interface PlaceParts {
  readonly definition: IntegrationDefinition
  readonly base: Base
  readonly serverUrl: string | undefined
  readonly allow: HostAllowlist
}

/** With the placeholders of the server that is meant filled as those of the server itself. */
function placeServer(server: Node, parts: PlaceParts): ServerPlace[] {
  const [filled] = urlsOf({ url: parts.serverUrl, variables: server.variables })
  return urlsOf(server).map(url => placeUrl(url, { ...parts, serverUrl: filled ?? parts.serverUrl }))
}

const wayOut = 'serverUrl would say that it stands for the base URL'

function placeUrl(url: string, { definition, base, serverUrl, allow }: PlaceParts): ServerPlace {
  if (serverUrl !== undefined) {
    const start = trimTrailing(serverUrl, '/')
    const isMeant = trimTrailing(url, '/') === start || url.startsWith(`${start}/`)
    if (isMeant) return { prefix: trimTrailing(url.slice(start.length), '/') }
  }
  if (!/^[a-z][a-z0-9+.-]*:|^\/\//i.test(url)) {
    if (hasDotSegments(url))
      return { reason: `its server ${show(url)} is relative to where the document was; ${wayOut}` }
    return placePath(url.startsWith('/') ? url : `/${url}`, base)
  }
  const parsed = URL.parse(url.startsWith('//') ? `https:${url}` : url) ?? undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    return { reason: `its server ${show(url)} is no http(s) URL` }
  if (isBaseHost(parsed, definition, base)) return placePath(parsed.pathname, base)
  if (isPinned(parsed, definition)) {
    const refusal = refuseDestination(parsed, pinsOf(definition), allow)
    if (refusal === undefined) return { prefix: `${parsed.origin}${trimTrailing(parsed.pathname, '/')}` }
    return { reason: `its server ${show(url)} is at a pinned host, but is not sent to: ${refusal.message}` }
  }
  const pins = definition.hosts?.join(', ') ?? `the host of ${definition.baseUrl}`
  const reason = `its server ${show(url)} is outside the pinned hosts (${pins}); ${wayOut}`
  return { reason }
}

/** A document knows one account's host at best: any that a connection could give will do. */
function isBaseHost(url: URL, { baseUrl, config }: IntegrationDefinition, { host }: Base): boolean {
  if (host !== undefined) return host.test(url.host)
  const field = config?.[parseBaseUrl(baseUrl)?.whole ?? '']
  if (field?.hosts !== undefined) return field.hosts.some(pin => matchesHost(pin, url))
  return field?.pattern === undefined || matchesWhole(field.pattern, url.origin)
}

function isPinned(url: URL, definition: IntegrationDefinition): boolean {
  return pinsOf(definition).some(pin => matchesHost(pin, url))
}

/** Those that are the same for every connection. */
function pinsOf({ hosts = [] }: IntegrationDefinition): string[] {
  return hosts.filter(pin => !pin.includes('{')).map(pin => pin.toLowerCase())
}

function hasDotSegments(path: string): boolean {
  return /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)
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
