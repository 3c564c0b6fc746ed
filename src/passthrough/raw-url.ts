/** Where a raw request goes: the caller's path and query, byte for byte, below the base URL and inside the pin set. */
import { invalidInput } from '../errors.ts'
import type { HostAllowlist } from '../hosts.ts'
import type { ResolvedConnection } from './connection.ts'
import { refuseDestination } from './egress.ts'
import { holdsToken } from './own-token.ts'
import { checkUrlText, encodeIllegal, maxUrlLength, refuseDotSegments, tooLong } from './path.ts'
import { decodeName, parameterNames } from './query.ts'
import type { RawInput } from './raw-request.ts'
import { trimTrailing } from './scalar.ts'
import { type PlannedUrl, readBaseUrl } from './url.ts'

/** The one query name that the gateway reads itself. */
export const domainParameter = '__domain'

/** @throws {GatewayError} INVALID_INPUT naming the field */
export function planRawUrl(connection: ResolvedConnection, input: RawInput, allow: HostAllowlist): PlannedUrl {
  const text = decodeWhole(checkUrlText('path', withoutExtraSlash(input)))
  if (holdsToken(text, input.token)) {
    throw invalidInput('path', 'The access key is in the URL; send it as the header `authorization: Bearer …`.')
  }
  const mark = text.indexOf('?')
  const path = mark === -1 ? text : text.slice(0, mark)
  const written = mark === -1 ? undefined : text.slice(mark + 1)
  const query = written === undefined ? undefined : readQuery(written, connection.injected.query)
  const base = query?.domain === undefined ? connection.baseUrl : overrideBase(connection.baseUrl, query.domain)
  const refusal = refuseDestination(base, connection.hosts, allow)
  refuseDotSegments('path', path)
  const prefix = input.isWholePath ? '' : trimTrailing(base.pathname, '/')
  const target = joinRaw(prefix, path) + (query?.kept === undefined ? '' : `?${query.kept}`)
  if (base.origin.length + target.length > maxUrlLength) throw tooLong('path')
  return { origin: base.origin, path: target, refusal }
}

/** A client that fills `/{path}` in with a path which has its own slash means one slash. */
function withoutExtraSlash({ target, isWholePath }: RawInput): string {
  return !isWholePath && target.startsWith('//') ? target.slice(1) : target
}

/**
 * A client that sends the whole path as one encoded segment (`repos%2Fo%2Fr%3Fx%3D1`) means the decoded one: without any
 * literal slash there is nothing else it could mean.
 */
function decodeWhole(target: string): string {
  const mark = target.indexOf('?')
  const path = (mark === -1 ? target : target.slice(0, mark)).replace(/^\//, '')
  if (path.includes('/') || !/%2f/i.test(path)) return target
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    throw invalidInput('path', 'path has percent-encoding that is no UTF-8; send its slashes as they are.')
  }
  const whole = decoded.startsWith('/') ? decoded : `/${decoded}`
  const rest = mark === -1 ? '' : target.slice(mark + 1)
  const joined = rest === '' ? whole : whole + (whole.includes('?') ? '&' : '?') + rest
  return encodeIllegal(checkUrlText('path', joined))
}

interface RawQuery {
  /** The pairs that go on, as they were written; undefined when none is left of those there were. */
  readonly kept: string | undefined
  readonly domain: string | undefined
}

function readQuery(written: string, injected: readonly string[]): RawQuery {
  if (injected.length === 0 && !/__domain|%/.test(written)) return { kept: written, domain: undefined }
  const taken = new Set(injected.map(name => name.toLowerCase()))
  const domains: string[] = []
  const kept = written.split('&').filter(pair => {
    // The vendor may have a name of its own that differs in case; of the credential's names it may not mind the case.
    if (decodeName(pair.split('=', 1)[0] ?? '') !== domainParameter) {
      const [name = ''] = parameterNames(pair)
      return !taken.has(name)
    }
    domains.push(pair.slice(pair.indexOf('=') + 1))
    return false
  })
  const [domain, second] = domains
  if (second !== undefined) throw invalidInput(`query.${domainParameter}`, `query.${domainParameter} is given twice.`)
  return { kept: kept.length === 0 && written !== '' ? undefined : kept.join('&'), domain }
}

/** `__domain` is a whole base URL, or just a host for the base URL there is. */
function overrideBase(base: URL, encoded: string): URL {
  const field = `query.${domainParameter}`
  let value: string
  try {
    value = decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    throw invalidInput(field, `${field} takes a host or a base URL; its percent-encoding is no UTF-8.`)
  }
  if (/^https?:\/\//i.test(value)) return readBaseUrl(field, value)
  return readBaseUrl(field, `${base.protocol}//${value.replace(/\/$/, '')}${base.pathname}`)
}

function joinRaw(prefix: string, path: string): string {
  if (path === '') return prefix === '' ? '/' : prefix
  return path.startsWith('/') ? prefix + path : `${prefix}/${path}`
}
