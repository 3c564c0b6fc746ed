/** Which destinations may be dialled: the pin set before the vault is opened, and the address at every connect. */
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { buildConnector } from 'undici'
import type { ClientCertificate } from '../auth/client-certificate.ts'
import { GatewayError } from '../errors.ts'
import { type HostAllowlist, matchesHost, parseAddress } from '../hosts.ts'
import { PinnedOrigins } from './pinned-origins.ts'

const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/**
 * What speaks against a request to this URL: undefined when it may be sent. Literal addresses are judged here, because no
 * name is looked up for them; names are judged by {@link createGuardedConnector} when they are dialled.
 */
export function refuseDestination(url: URL, hosts: readonly string[], allow: HostAllowlist): GatewayError | undefined {
  const known = passedOf(allow)
  // Not its `origin`, which a blob: URL takes from the URL inside it.
  const place = `${url.protocol}//${url.host}`
  if (known.has(hosts, place)) return undefined
  const found = judgeDestination(url, hosts, allow)
  if (found === undefined) known.add(hosts, place)
  return found
}

const passed = new WeakMap<HostAllowlist, PinnedOrigins>()

/** What did not pass is judged, and worded, anew. */
function passedOf(allow: HostAllowlist): PinnedOrigins {
  let known = passed.get(allow)
  if (known === undefined) {
    known = new PinnedOrigins()
    passed.set(allow, known)
  }
  return known
}

function judgeDestination(url: URL, hosts: readonly string[], allow: HostAllowlist): GatewayError | undefined {
  const port = url.port === '' ? defaultPorts[url.protocol] : Number(url.port)
  if (port === undefined) return refusal(`${url.protocol} URLs are not sent to; use https.`)
  if (!hosts.some(pattern => matchesHost(pattern, url))) {
    return refusal(`The host ${url.host} is not one of the integration's pinned hosts (${hosts.join(', ')}).`)
  }
  const address = literalAddress(url.hostname)
  const isListed = allow.allowsHost(url.hostname, port) || (address !== undefined && allow.allowsAddress(address))
  if (isListed) return undefined
  if (url.protocol !== 'https:') {
    return refusal(
      `Plain http goes only to hosts that the operator lists in PASSGATE_EGRESS_ALLOW; ${url.host} is not listed.`,
    )
  }
  return address === undefined || isPublicAddress(address) ? undefined : notPublic(url.host)
}

/** RFC 4291 §2.4. What ipaddr.js has no range for, such as `::8.8.8.8`, is outside of it. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

/** Public by its number only: the host of every Azure machine answers it, with the machine's own configuration. */
const azureHost = '168.63.129.16'

/** True for a globally routable unicast address; an IPv4 address inside an IPv6 one is judged as itself. */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text)
  if (address?.range() !== 'unicast') return false
  if (!(address instanceof ipaddr.IPv6)) return address.toString() !== azureHost
  return address.match(globalUnicast)
}

export interface ConnectorOptions {
  readonly allow: HostAllowlist
  readonly timeoutMs: number
  /** How names become addresses; the system's resolver when absent. */
  readonly lookup?: LookupFunction | undefined
  /** What the client presents when the server asks for it. */
  readonly certificate?: ClientCertificate | undefined
}

/**
 * Dials public addresses only, whatever a name resolves to at that very moment, unless the operator listed the host with
 * its port or the address. A name with any address that is not public is refused whole.
 */
export function createGuardedConnector(options: ConnectorOptions): buildConnector.connector {
  const { allow, timeoutMs, certificate, lookup = dnsLookup as LookupFunction } = options
  // Explicit, so that no environment variable of the process can switch verification off.
  const shared = { timeout: timeoutMs, allowH2: true, rejectUnauthorized: true, ...certificate }
  const open = buildConnector({ ...shared, lookup })
  const guarded = buildConnector({ ...shared, lookup: guardLookup(lookup, allow) })
  return (target, callback) => {
    const port = Number(target.port) || defaultPorts[target.protocol] || 0
    if (allow.allowsHost(target.hostname, port)) return open(target, callback)
    const address = literalAddress(target.hostname)
    if (address !== undefined && !mayDial(address, allow)) return callback(notPublic(target.hostname), null)
    guarded(target, (error, socket) => {
      if (error !== null) return callback(error, null)
      if (mayDial(socket.remoteAddress ?? '', allow)) return callback(null, socket)
      socket.destroy()
      callback(notPublic(target.hostname), null)
    })
  }
}

function guardLookup(lookup: LookupFunction, allow: HostAllowlist): LookupFunction {
  return (hostname: string, options: LookupOptions, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, [])
      const addresses = found as unknown as LookupAddress[]
      const [first] = addresses
      if (first === undefined || !addresses.every(({ address }) => mayDial(address, allow))) {
        return callback(notPublic(hostname) as NodeJS.ErrnoException, [])
      }
      if (options.all === true) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
  }
}

function mayDial(address: string, allow: HostAllowlist): boolean {
  return isPublicAddress(address) || allow.allowsAddress(address)
}

/** A URL's host as an address; undefined for a name. */
function literalAddress(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(bare) === 0 ? undefined : bare
}

function notPublic(host: string): GatewayError {
  return refusal(`${host} is no public address, or leads to none; the operator can list it in PASSGATE_EGRESS_ALLOW.`)
}

function refusal(message: string): GatewayError {
  return new GatewayError('DESTINATION_NOT_ALLOWED', message)
}
