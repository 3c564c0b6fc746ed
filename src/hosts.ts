/** Host patterns of the pin set and the operator's egress allowlist: how each is written and what it matches. */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

interface HostPattern {
  /** Lower case, IPv6 in brackets, as `URL.hostname` prints it; for a wildcard the suffix with its leading dot. */
  readonly host: string
  readonly wildcard: boolean
  /** Absent: the default port of the URL's own scheme. */
  readonly port: number | undefined
}

/**
 * True for `host`, `host:port`, `*.suffix`, `*.suffix:port`, `[v6]` and `[v6]:port`. Names are ASCII (IDN as `xn--…`),
 * IPv4 is four plain decimals, a suffix has at least two labels (`*.com` would pin half the internet).
 */
export function isHostPattern(text: string): boolean {
  return parsePattern(text) !== undefined
}

/**
 * Whether the URL's host and port are covered by the pattern. Without a port the pattern covers only the scheme's default
 * port; `*.suffix` covers one or more labels before the suffix, never the suffix itself. A trailing dot never matches.
 */
export function matchesHost(pattern: string, url: URL): boolean {
  const parsed = knownPattern(pattern)
  const defaultPort = defaultPorts[url.protocol]
  if (parsed === undefined || defaultPort === undefined) return false
  const port = url.port === '' ? defaultPort : Number(url.port)
  if (port !== (parsed.port ?? defaultPort)) return false
  const host = url.hostname.toLowerCase()
  if (!parsed.wildcard) return host === parsed.host
  return host.length > parsed.host.length && host.endsWith(parsed.host) && isHostName(host)
}

/**
 * An address as a resolver or a socket spells it, without its zone; an IPv4-mapped one as the IPv4 it carries. In the URL's
 * spelling, because ipaddr.js takes `::8.8.8.8` for a mapped address.
 */
export function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (isIP(text) === 0) return undefined
  return ipaddr.process(isIPv4(text) ? text : bracket(text).slice(1, -1))
}

/** Networks and addresses that the operator listed. */
export class AddressList {
  readonly #networks: [ipaddr.IPv4 | ipaddr.IPv6, number][] = []

  /**
   * Reads CIDR networks and bare addresses, separated by commas or white space.
   * @throws {TypeError} a sentence that names the first wrong item
   */
  static parse(text: string): AddressList {
    const list = new AddressList()
    for (const item of text.split(/[\s,]+/)) {
      if (item !== '' && !list.add(item))
        throw new TypeError(`"${item}" is neither a network (10.0.0.0/8, fd00::/8) nor an address (10.1.2.3).`)
    }
    return list
  }

  /** False, and nothing added, for what is neither. */
  add(item: string): boolean {
    const network = parseNetwork(item)
    if (network !== undefined) this.#networks.push(network)
    return network !== undefined
  }

  addAll(other: AddressList): void {
    this.#networks.push(...other.#networks)
  }

  get isEmpty(): boolean {
    return this.#networks.length === 0
  }

  /** An IPv4-mapped address counts as its IPv4; what is no address is in no list. */
  contains(address: string): boolean {
    if (this.#networks.length === 0) return false
    const parsed = parseAddress(address)
    if (parsed === undefined) return false
    return this.#networks.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
  }
}

/** What the operator exempts from the rule that only public addresses are dialled (`PASSGATE_EGRESS_ALLOW`). */
export class HostAllowlist {
  readonly #items: string[] = []
  readonly #origins = new Set<string>()
  readonly #addresses = new AddressList()

  /**
   * Reads `host:port`, CIDR networks and bare addresses, separated by commas or white space.
   * @throws {TypeError} a sentence that names the first wrong item
   */
  static parse(text: string): HostAllowlist {
    const list = new HostAllowlist()
    for (const item of text.split(/[\s,]+/)) if (item !== '') list.#add(item)
    return list
  }

  /** This list and one more item. @throws {TypeError} as {@link parse} */
  with(item: string): HostAllowlist {
    const list = new HostAllowlist()
    for (const origin of this.#origins) list.#origins.add(origin)
    list.#addresses.addAll(this.#addresses)
    list.#items.push(...this.#items)
    list.#add(item)
    return list
  }

  /** As {@link parse} reads it: a thread is told in text. */
  toString(): string {
    return this.#items.join(' ')
  }

  get isEmpty(): boolean {
    return this.#origins.size === 0 && this.#addresses.isEmpty
  }

  /** Whether exactly this host (a name or a literal address, as a URL or a resolver spells it) is listed with this port. */
  allowsHost(hostname: string, port: number): boolean {
    if (this.#origins.size === 0) return false
    const host = hostname.toLowerCase()
    return this.#origins.has(`${isIPv6(host) ? bracket(host) : host}:${port}`)
  }

  /** Whether a listed network or bare address contains this address; an IPv4-mapped address counts as its IPv4. */
  allowsAddress(address: string): boolean {
    return this.#addresses.contains(address)
  }

  #add(item: string): void {
    this.#items.push(item)
    if (this.#addresses.add(item)) return
    const pattern = parsePattern(item)
    if (pattern === undefined || pattern.wildcard || pattern.port === undefined) {
      throw new TypeError(
        `"${item}" is not an egress exemption: it takes host:port (localhost:8080, [::1]:8080), ` +
          'a network (10.0.0.0/8, fd00::/8) or an address (10.1.2.3).',
      )
    }
    this.#origins.add(`${pattern.host}:${pattern.port}`)
  }
}

/** Every request asks for the same few patterns. Bounded: a workspace can have any number of its own. */
const maxKnownPatterns = 4096
const knownPatterns = new Map<string, HostPattern | undefined>()

function knownPattern(text: string): HostPattern | undefined {
  const known = knownPatterns.get(text)
  if (known !== undefined || knownPatterns.has(text)) return known
  if (knownPatterns.size >= maxKnownPatterns) knownPatterns.clear()
  const parsed = parsePattern(text)
  knownPatterns.set(text, parsed)
  return parsed
}

function parsePattern(text: string): HostPattern | undefined {
  const groups = /^(?<wildcard>\*(?=\.))?(?<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?<port>[1-9][0-9]{0,4}))?$/i.exec(
    text,
  )?.groups
  if (groups === undefined) return undefined
  const wildcard = groups.wildcard !== undefined
  const port = groups.port === undefined ? undefined : Number(groups.port)
  if (port !== undefined && port > 65_535) return undefined
  const host = groups.host?.toLowerCase() ?? ''
  if (host.startsWith('[')) {
    const address = host.slice(1, -1)
    return isIPv6(address) ? { host: bracket(address), wildcard, port } : undefined
  }
  if (wildcard) {
    const suffix = host.slice(1)
    return suffix.includes('.') && isHostName(suffix) ? { host, wildcard, port } : undefined
  }
  return isIPv4(host) || isHostName(host) ? { host, wildcard, port } : undefined
}

/** A DNS name in ASCII. A last label that is numeric is refused: URL parsers read such a host as an IPv4 address. */
function isHostName(host: string): boolean {
  if (host.length > 253) return false
  const labels = host.split('.')
  if (!labels.every(label => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) return false
  return !/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')
}

/** The spelling `URL.hostname` uses: compressed, lower case, in brackets. */
function bracket(address: string): string {
  return new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname
}

/** A CIDR network or a bare address; the strict check first, because ipaddr.js also reads octal and short forms. */
function parseNetwork(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  const [address = '', bits, ...rest] = text.split('/')
  if (rest.length > 0 || isIP(address) === 0 || address.includes('%')) return undefined
  const parsed = parseAddress(address)
  if (parsed === undefined) return undefined
  const width = parsed.kind() === 'ipv4' ? 32 : 128
  if (bits === undefined) return [parsed, width]
  // A mapped network would never match: addresses are compared as the IPv4 they carry.
  if (isIPv6(address) && width === 32) return undefined
  return /^(?:0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= width ? [parsed, Number(bits)] : undefined
}
