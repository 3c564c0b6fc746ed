/** Environment in three steps: read what is set, derive what is not, keep the secrets apart. */
import { isIP } from 'node:net'
import path from 'node:path'
import { inspect } from 'node:util'
import { StartError } from './errors.ts'
import { AddressList, HostAllowlist } from './hosts.ts'
import { type LogLevel, logLevels } from './log.ts'
import { hideUserinfo, quote, unknownVariables, type VariableName, wrong } from './variables.ts'

/** What may be printed. */
export interface Config {
  readonly host: string
  /** 0 lets the system choose; `publicUrl` then keeps port 0 until the listener says which it is. */
  readonly port: number
  /** Ends in a slash, so that `new URL('oauth/callback', publicUrl)` keeps a path prefix. */
  readonly publicUrl: URL
  /** False when `publicUrl` is only where this process listens. */
  readonly hasPublicUrl: boolean
  /** The root listener's port, 0 for one that the system chooses; undefined when there is none. */
  readonly rootPort: number | undefined
  readonly dataDir: string
  readonly store: 'embedded' | 'postgres'
  readonly egressAllow: HostAllowlist
  readonly corsOrigins: readonly string[]
  /** Whose word is taken for where a request comes from. */
  readonly trustedProxies: AddressList
  readonly sandbox: boolean
  /** Whether anyone may ask what the schema is. */
  readonly introspection: boolean
  readonly graphiql: boolean
  readonly logLevel: LogLevel
  /** What this process is called where its traces are collected. */
  readonly serviceName: string
  /** Which part of all traces is kept, from 0 to 1. */
  readonly traceRatio: number
  /** Whether vendors are told which trace a request belongs to. */
  readonly traceUpstream: boolean
  /** How long requests are still taken once the process is told to stop. */
  readonly drainDelayMs: number
  /** How long requests under way may then go on. */
  readonly drainTimeoutMs: number
}

export interface SecretValues {
  readonly databaseUrl?: string | undefined
  readonly redisUrl?: string | undefined
  readonly adminKey?: string | undefined
  /** What whoever reads `/metrics` has to send; anyone may when there is none. */
  readonly metricsToken?: string | undefined
  /** Where a collector takes traces; nobody collects them when there is none. */
  readonly tracesUrl?: string | undefined
  /** The first seals, all open; `key` is 32 bytes. */
  readonly encryptionKeys?: readonly { readonly id: string; readonly key: Buffer }[] | undefined
}

/** What may not be printed: logging, inspecting, serialising or copying the object shows no value. */
export class Secrets implements SecretValues {
  readonly #values: SecretValues

  constructor(values: SecretValues = {}) {
    this.#values = values
  }

  get databaseUrl(): string | undefined {
    return this.#values.databaseUrl
  }

  get redisUrl(): string | undefined {
    return this.#values.redisUrl
  }

  get adminKey(): string | undefined {
    return this.#values.adminKey
  }

  get metricsToken(): string | undefined {
    return this.#values.metricsToken
  }

  get tracesUrl(): string | undefined {
    return this.#values.tracesUrl
  }

  get encryptionKeys(): SecretValues['encryptionKeys'] {
    return this.#values.encryptionKeys
  }

  toJSON(): string {
    return '[secrets]'
  }

  toString(): string {
    return '[secrets]'
  }

  [inspect.custom](): string {
    return '[secrets]'
  }
}

/**
 * An empty value counts as unset.
 * @throws {StartError} one sentence that names the first wrong variable, what it got (never a secret's value) and what it takes
 */
export function readConfig(env: NodeJS.ProcessEnv): { config: Config; secrets: Secrets; warnings: string[] } {
  const read = (name: VariableName): string | undefined => env[name] || undefined
  const databaseUrl = read('DATABASE_URL')
  const store = databaseUrl === undefined ? 'embedded' : 'postgres'
  const host = parseHost(read('HOST') ?? '127.0.0.1')
  const port = parsePort('PORT', read('PORT') ?? '4000')
  const rootPort = read('PASSGATE_ROOT_PORT')
  const publicUrl = read('PASSGATE_PUBLIC_URL')
  const sandbox = read('PASSGATE_SANDBOX')
  const config: Config = {
    host,
    port,
    publicUrl: publicUrl === undefined ? formatListeningUrl(host, port) : parsePublicUrl(publicUrl),
    hasPublicUrl: publicUrl !== undefined,
    rootPort: rootPort === undefined ? undefined : parsePort('PASSGATE_ROOT_PORT', rootPort),
    dataDir: parseDataDir(read('PASSGATE_DATA_DIR') ?? '.passgate'),
    store,
    egressAllow: parseEgressAllow(read('PASSGATE_EGRESS_ALLOW') ?? ''),
    corsOrigins: parseOrigins(read('PASSGATE_CORS_ORIGINS') ?? ''),
    trustedProxies: parseTrustedProxies(read('PASSGATE_TRUSTED_PROXIES') ?? ''),
    sandbox: sandbox === undefined ? store === 'embedded' : parseSwitch('PASSGATE_SANDBOX', sandbox),
    introspection: parseSwitch('PASSGATE_INTROSPECTION', read('PASSGATE_INTROSPECTION') ?? 'on'),
    graphiql: parseSwitch('PASSGATE_GRAPHIQL', read('PASSGATE_GRAPHIQL') ?? 'on'),
    logLevel: parseLogLevel(read('LOG_LEVEL') ?? 'info'),
    serviceName: read('OTEL_SERVICE_NAME') ?? 'passgate',
    traceRatio: parseRatio('OTEL_TRACES_SAMPLER_ARG', read('OTEL_TRACES_SAMPLER_ARG') ?? '1'),
    traceUpstream: parseSwitch('PASSGATE_TRACE_UPSTREAM', read('PASSGATE_TRACE_UPSTREAM') ?? 'off'),
    drainDelayMs: parseMs('PASSGATE_DRAIN_DELAY_MS', read('PASSGATE_DRAIN_DELAY_MS') ?? '0'),
    drainTimeoutMs: parseMs('PASSGATE_DRAIN_TIMEOUT_MS', read('PASSGATE_DRAIN_TIMEOUT_MS') ?? '30000'),
  }
  const redisUrl = read('REDIS_URL')
  const adminKey = read('PASSGATE_ADMIN_KEY')
  const metricsToken = read('PASSGATE_METRICS_TOKEN')
  const encryptionKeys = read('PASSGATE_ENCRYPTION_KEYS')
  if (databaseUrl !== undefined && encryptionKeys === undefined) {
    throw wrong('PASSGATE_ENCRYPTION_KEYS', 'not set', `${encryptionKeysForm}: with DATABASE_URL it is required`)
  }
  const secrets = new Secrets({
    databaseUrl: databaseUrl && parseDatabaseUrl(databaseUrl),
    redisUrl: redisUrl && parseRedisUrl(redisUrl),
    adminKey: adminKey && parseKey('PASSGATE_ADMIN_KEY', adminKey, 32),
    metricsToken: metricsToken && parseKey('PASSGATE_METRICS_TOKEN', metricsToken, 16),
    tracesUrl: findTracesUrl(read),
    encryptionKeys: encryptionKeys === undefined ? undefined : parseEncryptionKeys(encryptionKeys),
  })
  return { config, secrets, warnings: unknownVariables(env) }
}

/** The URL under which a browser on this machine reaches the listener. */
export function formatListeningUrl(host: string, port: number): URL {
  const bracketed = new URL(`http://${isIP(host) === 6 ? `[${host}]` : host}`).hostname
  const reachable = { '0.0.0.0': '127.0.0.1', '[::]': 'localhost' }[bracketed] ?? bracketed
  return new URL(`http://${reachable}:${port}/`)
}

function parseHost(text: string): string {
  if (isIP(text) !== 0 && !text.includes('%')) return text
  const name =
    /^[a-z0-9_.-]{1,253}$/i.test(text) && URL.canParse(`http://${text}`) && new URL(`http://${text}`).hostname
  if (name !== text.toLowerCase()) {
    throw wrong('HOST', quote(text), 'an address or a host name to listen on, such as 127.0.0.1, ::1 or localhost')
  }
  return text
}

function parsePort(name: VariableName, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw wrong(name, quote(text), 'a port number from 0 (any free one) to 65535')
  return port
}

function parsePublicUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const plain = url !== undefined && /^https?:$/.test(url.protocol) && !/[?#\s]/.test(text)
  if (!plain || url.username !== '' || url.password !== '') {
    const takes = 'an http: or https: URL without user, query and fragment, such as https://passgate.example.com'
    throw wrong('PASSGATE_PUBLIC_URL', quote(text), takes)
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function parseDataDir(text: string): string {
  if (text.includes('\0')) throw wrong('PASSGATE_DATA_DIR', quote(text), 'the path of a directory')
  return path.resolve(text)
}

function parseEgressAllow(text: string): HostAllowlist {
  return parseList('PASSGATE_EGRESS_ALLOW', () => HostAllowlist.parse(text))
}

function parseTrustedProxies(text: string): AddressList {
  return parseList('PASSGATE_TRUSTED_PROXIES', () => AddressList.parse(text))
}

/** @param parse throws a TypeError that names the wrong item */
function parseList<List>(name: VariableName, parse: () => List): List {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new StartError(`${name} is wrong: ${hideUserinfo(error.message)}`, { cause: error })
  }
}

function parseOrigins(text: string): readonly string[] {
  const origins = text.split(/[\s,]+/).filter(item => item !== '')
  for (const item of origins) {
    const got = `${quote(item)}${origins.length > 1 ? ' in its list' : ''}`
    if (item === '*') {
      const why = 'the origins by name, because * would let every web page a caller opens use the gateway'
      throw wrong('PASSGATE_CORS_ORIGINS', got, why)
    }
    const url = URL.canParse(item) ? new URL(item) : undefined
    if (url?.origin === item && /^https?:$/.test(url.protocol)) continue
    const takes = 'exact origins, scheme and host and no path, such as https://app.example.com, separated by commas'
    throw wrong('PASSGATE_CORS_ORIGINS', got, takes)
  }
  return [...new Set(origins)]
}

function parseSwitch(name: VariableName, text: string): boolean {
  if (/^(?:1|true|on)$/i.test(text)) return true
  if (/^(?:0|false|off)$/i.test(text)) return false
  throw wrong(name, quote(text), '1 or 0, true or false, on or off')
}

function parseRatio(name: VariableName, text: string): number {
  const ratio = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(ratio >= 0 && ratio <= 1)) throw wrong(name, quote(text), 'a part of all traces, from 0 to 1')
  return ratio
}

const maxMs = 3_600_000

function parseMs(name: VariableName, text: string): number {
  const ms = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN
  if (!(ms <= maxMs)) throw wrong(name, quote(text), `milliseconds, a whole number from 0 to ${maxMs}`)
  return ms
}

function parseLogLevel(text: string): LogLevel {
  const level = logLevels.find(known => known === text.toLowerCase())
  if (level === undefined) throw wrong('LOG_LEVEL', quote(text), `one of ${logLevels.join(', ')}`)
  return level
}

const encryptionKeysForm = '32-byte keys in base64, each with an id, as k1:BASE64,k2:BASE64'

function parseEncryptionKeys(text: string): { id: string; key: Buffer }[] {
  const keys = text.split(',').map((item, index) => {
    const [id = '', encoded, ...rest] = item.trim().split(':')
    // By position, never by text: whoever forgets the id has written the key in its place.
    const refuse = (problem: string) =>
      wrong('PASSGATE_ENCRYPTION_KEYS', `wrong at key ${index + 1} (${problem})`, encryptionKeysForm)
    if (encoded === undefined || rest.length > 0) throw refuse('not of the form id:key')
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(id)) throw refuse('its id is not 1 to 32 letters, digits, _ or -')
    if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(encoded)) throw refuse('its key is not base64')
    const key = Buffer.from(encoded, 'base64')
    if (key.length !== 32) throw refuse(`its key has ${key.length} bytes`)
    return { id, key }
  })
  const repeated = keys.findIndex((key, index) => keys.findIndex(other => other.id === key.id) < index)
  if (repeated === -1) return keys
  throw wrong('PASSGATE_ENCRYPTION_KEYS', `wrong at key ${repeated + 1} (its id was used before)`, encryptionKeysForm)
}

function parseKey(name: VariableName, text: string, minLength: number): string {
  const isPlain = /^[\x21-\x7e]*$/.test(text)
  if (isPlain && text.length >= minLength && text.length <= 512) return text
  const got = isPlain ? `${text.length} characters long` : 'a text with spaces, control characters or non-ASCII letters'
  throw wrong(name, got, `${minLength} to 512 visible ASCII characters`)
}

/** The one for traces is taken as it is; the one for all signals is where their paths begin. */
function findTracesUrl(read: (name: VariableName) => string | undefined): string | undefined {
  const own = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  if (own !== undefined) return parseCollectorUrl('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', own).href
  const common = read('OTEL_EXPORTER_OTLP_ENDPOINT')
  if (common === undefined) return undefined
  const url = parseCollectorUrl('OTEL_EXPORTER_OTLP_ENDPOINT', common)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`
  return url.href
}

/** It may hold a password or a token. */
function parseCollectorUrl(name: VariableName, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url
  throw wrong(
    name,
    `${text.length} characters of another form`,
    'the http: or https: URL of a collector (OTLP over HTTP)',
  )
}

/** Only the form: several hosts (`a:1,b:2`) and a socket directory are the driver's to read. */
function parseDatabaseUrl(text: string): string {
  const first = text.replace(/,[^/?@]*(?=[/?]|$)/, '')
  if (!/^postgres(?:ql)?:\/\//.test(text) || /\s/.test(text) || !URL.canParse(first)) {
    throw wrong(
      'DATABASE_URL',
      `${text.length} characters of another form`,
      'a URL such as postgres://user:password@host:5432/database',
    )
  }
  return text
}

function parseRedisUrl(text: string): string {
  if (/^rediss?:\/\/\S+$/.test(text) && URL.canParse(text)) return text
  throw wrong(
    'REDIS_URL',
    `${text.length} characters of another form`,
    'a URL such as redis://:password@host:6379/0 or rediss://…',
  )
}
