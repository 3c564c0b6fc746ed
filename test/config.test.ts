import path from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { formatListeningUrl, readConfig } from '../src/config.ts'
import { StartError } from '../src/errors.ts'
import { createLogger } from '../src/log.ts'

const key = (fill: number) => Buffer.alloc(32, fill).toString('base64')
const postgres = { DATABASE_URL: 'postgres://u:p@db/x', PASSGATE_ENCRYPTION_KEYS: `k1:${key(1)}` }

function refusal(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env)
  } catch (error) {
    expect(error).toBeInstanceOf(StartError)
    return (error as StartError).message
  }
  throw new Error('the environment was accepted')
}

describe('an empty environment', () => {
  test('gives the defaults', () => {
    const { config, secrets } = readConfig({})
    const { egressAllow, publicUrl, trustedProxies, ...rest } = config
    expect(trustedProxies.isEmpty).toBe(true)
    expect(rest).toEqual({
      host: '127.0.0.1',
      port: 4000,
      hasPublicUrl: false,
      rootPort: undefined,
      dataDir: path.resolve('.passgate'),
      store: 'embedded',
      corsOrigins: [],
      sandbox: true,
      introspection: true,
      graphiql: true,
      logLevel: 'info',
      serviceName: 'passgate',
      traceRatio: 1,
      traceUpstream: false,
      drainDelayMs: 0,
      drainTimeoutMs: 30_000,
    })
    expect(publicUrl.href).toBe('http://127.0.0.1:4000/')
    expect(egressAllow.isEmpty).toBe(true)
    const { databaseUrl, redisUrl, adminKey, metricsToken, tracesUrl, encryptionKeys } = secrets
    const all = [databaseUrl, redisUrl, adminKey, metricsToken, tracesUrl, encryptionKeys]
    expect(all).toEqual(Array(6).fill(undefined))
  })

  test('and one of empty strings are the same', () => {
    const empty = {
      PORT: '',
      DATABASE_URL: '',
      PASSGATE_ADMIN_KEY: '',
      REDIS_URL: '',
      PASSGATE_SANDBOX: '',
      PASSGATE_TYPO: '',
    }
    expect(readConfig(empty).config).toEqual(readConfig({}).config)
  })
})

describe('values', () => {
  test('are read and typed', () => {
    const { config, secrets } = readConfig({
      ...postgres,
      HOST: '::1',
      PORT: '8080',
      PASSGATE_DATA_DIR: 'some/../where',
      PASSGATE_ADMIN_KEY: 'k'.repeat(32),
      PASSGATE_PUBLIC_URL: 'https://gate.example/base',
      PASSGATE_EGRESS_ALLOW: 'localhost:9000, 10.0.0.0/8',
      PASSGATE_CORS_ORIGINS: 'https://a.example, http://localhost:3000 https://a.example',
      PASSGATE_TRUSTED_PROXIES: '10.0.0.0/8 ::1',
      PASSGATE_SANDBOX: 'On',
      LOG_LEVEL: 'DEBUG',
    })
    expect(config).toMatchObject({
      host: '::1',
      port: 8080,
      dataDir: path.resolve('where'),
      store: 'postgres',
      sandbox: true,
    })
    expect(config).toMatchObject({ corsOrigins: ['https://a.example', 'http://localhost:3000'], logLevel: 'debug' })
    expect(new URL('oauth/callback', config.publicUrl).href).toBe('https://gate.example/base/oauth/callback')
    expect(config.egressAllow.allowsHost('localhost', 9000)).toBe(true)
    expect(config.egressAllow.allowsAddress('10.1.2.3')).toBe(true)
    expect(config.trustedProxies.contains('10.1.2.3')).toBe(true)
    expect(config.trustedProxies.contains('::1')).toBe(true)
    expect(secrets.databaseUrl).toBe(postgres.DATABASE_URL)
    expect(secrets.adminKey).toBe('k'.repeat(32))
    expect(secrets.encryptionKeys).toEqual([{ id: 'k1', key: Buffer.alloc(32, 1) }])
  })

  test.each([
    ['127.0.0.1', 4000, 'http://127.0.0.1:4000/'],
    ['0.0.0.0', 4000, 'http://127.0.0.1:4000/'],
    ['::', 4000, 'http://localhost:4000/'],
    ['0:0:0:0:0:0:0:0', 4000, 'http://localhost:4000/'],
    ['::1', 4000, 'http://[::1]:4000/'],
    ['gate.internal', 80, 'http://gate.internal/'],
  ])('listening on %s, port %i, is reached at %s', (host, port, url) => {
    expect(formatListeningUrl(host, port).href).toBe(url)
    expect(readConfig({ HOST: host, PORT: String(port) }).config.publicUrl.href).toBe(url)
  })

  test('what watches the process is read and typed', () => {
    const { config, secrets } = readConfig({
      PASSGATE_METRICS_TOKEN: 'm'.repeat(16),
      OTEL_SERVICE_NAME: 'gate-eu',
      OTEL_TRACES_SAMPLER_ARG: '.25',
      PASSGATE_TRACE_UPSTREAM: 'on',
      PASSGATE_DRAIN_DELAY_MS: '5000',
      PASSGATE_DRAIN_TIMEOUT_MS: '3600000',
    })
    expect(config).toMatchObject({ serviceName: 'gate-eu', traceRatio: 0.25, traceUpstream: true })
    expect(config).toMatchObject({ drainDelayMs: 5000, drainTimeoutMs: 3_600_000 })
    expect(secrets.metricsToken).toBe('m'.repeat(16))
  })

  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318' }, 'http://otel:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://u:p@otel/base/' }, 'https://u:p@otel/base/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://otel:4318/mine?a=1' }, 'http://otel:4318/mine?a=1'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://common', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://own/' },
      'http://own/',
    ],
  ])('%j sends traces to %s', (env, url) => {
    expect(readConfig(env).secrets.tracesUrl).toBe(url)
  })

  test('the sandbox is on only when embedded, unless told', () => {
    expect(readConfig(postgres).config.sandbox).toBe(false)
    for (const text of ['1', 'true', 'on', 'ON'])
      expect(readConfig({ ...postgres, PASSGATE_SANDBOX: text }).config.sandbox).toBe(true)
    for (const text of ['0', 'false', 'off']) expect(readConfig({ PASSGATE_SANDBOX: text }).config.sandbox).toBe(false)
  })

  test('several encryption keys keep their order, base64url and missing padding included', () => {
    const url = Buffer.alloc(32, 255).toString('base64url')
    const { secrets } = readConfig({ PASSGATE_ENCRYPTION_KEYS: `new_2:${url}, old-1:${key(7)}` })
    expect(secrets.encryptionKeys?.map(({ id, key: { length } }) => [id, length])).toEqual([
      ['new_2', 32],
      ['old-1', 32],
    ])
    expect(secrets.encryptionKeys?.[0]?.key).toEqual(Buffer.alloc(32, 255))
  })

  test.each([
    'postgres://u:p@db:5432/x?sslmode=require',
    'postgresql://db/x',
    'postgres:///x?host=/run/pg',
    'postgres://a:1,b:2/x',
  ])('DATABASE_URL may be %s', url => {
    expect(readConfig({ ...postgres, DATABASE_URL: url }).secrets.databaseUrl).toBe(url)
  })
})

describe('a wrong value stops the start with one sentence:', () => {
  const originForm = 'exact origins, scheme and host and no path, such as https://app.example.com, separated by commas.'
  const publicForm = 'an http: or https: URL without user, query and fragment, such as https://passgate.example.com.'
  const hostForm = 'an address or a host name to listen on, such as 127.0.0.1, ::1 or localhost.'
  const table: [NodeJS.ProcessEnv, string][] = [
    [{ PORT: '80a' }, 'PORT is "80a", but takes a port number from 0 (any free one) to 65535.'],
    [{ PORT: '65536' }, 'PORT is "65536", but takes a port number from 0 (any free one) to 65535.'],
    [{ PORT: ' 1' }, 'PORT is " 1", but takes a port number from 0 (any free one) to 65535.'],
    [{ PORT: '-1' }, 'PORT is "-1", but takes a port number from 0 (any free one) to 65535.'],
    ...['[::1]', '256.1.1.1', '0x7f.1', 'a b', 'http://x', 'fe80::1%eth0'].map((host): [NodeJS.ProcessEnv, string] => [
      { HOST: host },
      `HOST is "${host}", but takes ${hostForm}`,
    ]),
    [{ PASSGATE_PUBLIC_URL: 'gate.example' }, `PASSGATE_PUBLIC_URL is "gate.example", but takes ${publicForm}`],
    [{ PASSGATE_PUBLIC_URL: 'ftp://x' }, `PASSGATE_PUBLIC_URL is "ftp://x", but takes ${publicForm}`],
    [{ PASSGATE_PUBLIC_URL: 'https://x?a' }, `PASSGATE_PUBLIC_URL is "https://x?a", but takes ${publicForm}`],
    [{ PASSGATE_PUBLIC_URL: 'https://u:pw@x' }, `PASSGATE_PUBLIC_URL is "https://***@x", but takes ${publicForm}`],
    [{ PASSGATE_DATA_DIR: 'a\0b' }, 'PASSGATE_DATA_DIR is "a\\u0000b", but takes the path of a directory.'],
    [{ PASSGATE_SANDBOX: 'yes' }, 'PASSGATE_SANDBOX is "yes", but takes 1 or 0, true or false, on or off.'],
    [
      { PASSGATE_TRUSTED_PROXIES: '10.0.0.1, proxy.example' },
      'PASSGATE_TRUSTED_PROXIES is wrong: "proxy.example" is neither a network (10.0.0.0/8, fd00::/8) nor an address (10.1.2.3).',
    ],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL is "loud", but takes one of fatal, error, warn, info, debug, trace, silent.'],
    [{ PASSGATE_CORS_ORIGINS: 'a.example' }, `PASSGATE_CORS_ORIGINS is "a.example", but takes ${originForm}`],
    [{ PASSGATE_CORS_ORIGINS: 'null' }, `PASSGATE_CORS_ORIGINS is "null", but takes ${originForm}`],
    [
      { PASSGATE_CORS_ORIGINS: 'https://a,https://b/' },
      `PASSGATE_CORS_ORIGINS is "https://b/" in its list, but takes ${originForm}`,
    ],
    [
      { PASSGATE_CORS_ORIGINS: '*' },
      'PASSGATE_CORS_ORIGINS is "*", but takes the origins by name, because * would let every web page a caller opens use the gateway.',
    ],
    [
      { PASSGATE_ROOT_PORT: '4000x' },
      'PASSGATE_ROOT_PORT is "4000x", but takes a port number from 0 (any free one) to 65535.',
    ],
    [
      { OTEL_TRACES_SAMPLER_ARG: '1.01' },
      'OTEL_TRACES_SAMPLER_ARG is "1.01", but takes a part of all traces, from 0 to 1.',
    ],
    [
      { OTEL_TRACES_SAMPLER_ARG: '5%' },
      'OTEL_TRACES_SAMPLER_ARG is "5%", but takes a part of all traces, from 0 to 1.',
    ],
    [
      { PASSGATE_TRACE_UPSTREAM: 'maybe' },
      'PASSGATE_TRACE_UPSTREAM is "maybe", but takes 1 or 0, true or false, on or off.',
    ],
    ...(['PASSGATE_DRAIN_DELAY_MS', 'PASSGATE_DRAIN_TIMEOUT_MS'] as const).flatMap(name =>
      ['30s', '-1', '3600001'].map((text): [NodeJS.ProcessEnv, string] => [
        { [name]: text },
        `${name} is "${text}", but takes milliseconds, a whole number from 0 to 3600000.`,
      ]),
    ),
    [
      { REDIS_URL: 'http://:secret@x' },
      'REDIS_URL is 16 characters of another form, but takes a URL such as redis://:password@host:6379/0 or rediss://….',
    ],
  ]

  test.each(table)('%j', (env, sentence) => {
    expect(refusal(env)).toBe(sentence)
  })

  test('an egress exemption, in the allowlist’s own words', () => {
    expect(refusal({ PASSGATE_EGRESS_ALLOW: '10.0.0.0/8 nonsense' })).toMatch(
      /^PASSGATE_EGRESS_ALLOW is wrong: .*nonsense/,
    )
    expect(refusal({ PASSGATE_EGRESS_ALLOW: 'http://u:pw@x' })).not.toContain('pw')
  })

  test('an endless value is cut', () => {
    expect(refusal({ PORT: 'x'.repeat(9999) }).length).toBeLessThan(200)
  })
})

describe('a wrong secret is told without its value:', () => {
  const form = 'but takes 32-byte keys in base64, each with an id, as k1:BASE64,k2:BASE64'
  const keys = (text: string, problem: string): [NodeJS.ProcessEnv, string] => [
    { PASSGATE_ENCRYPTION_KEYS: text },
    `PASSGATE_ENCRYPTION_KEYS is wrong at ${problem}, ${form}.`,
  ]
  const table: [NodeJS.ProcessEnv, string][] = [
    [
      { PASSGATE_ADMIN_KEY: 'canary' },
      'PASSGATE_ADMIN_KEY is 6 characters long, but takes 32 to 512 visible ASCII characters.',
    ],
    [
      { PASSGATE_ADMIN_KEY: `canary ${'k'.repeat(40)}` },
      'PASSGATE_ADMIN_KEY is a text with spaces, control characters or non-ASCII letters, but takes 32 to 512 visible ASCII characters.',
    ],
    [
      { PASSGATE_METRICS_TOKEN: 'canary' },
      'PASSGATE_METRICS_TOKEN is 6 characters long, but takes 16 to 512 visible ASCII characters.',
    ],
    ...(['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] as const).map(
      (name): [NodeJS.ProcessEnv, string] => [
        { [name]: 'grpc://u:canary@otel:4317' },
        `${name} is 25 characters of another form, but takes the http: or https: URL of a collector (OTLP over HTTP).`,
      ],
    ),
    keys('canarycanarycanarycanarycanarycanarycanary', 'key 1 (not of the form id:key)'),
    keys(`k1:${key(1)},canary:x:y`, 'key 2 (not of the form id:key)'),
    keys(`k1:${key(1)},`, 'key 2 (not of the form id:key)'),
    keys(`${key(3)}:canary`, 'key 1 (its id is not 1 to 32 letters, digits, _ or -)'),
    keys('k1:canary!', 'key 1 (its key is not base64)'),
    keys('k1:canary', 'key 1 (its key has 4 bytes)'),
    keys(`k1:${key(1)},canary:${key(2)},canary:${key(3)}`, 'key 3 (its id was used before)'),
    [
      { DATABASE_URL: postgres.DATABASE_URL },
      `PASSGATE_ENCRYPTION_KEYS is not set, ${form}: with DATABASE_URL it is required.`,
    ],
    ...['mysql://u:canary@x/y', 'canary', 'postgres://u:can ary@x', 'postgres://u:canary@x:99999/y'].map(
      (url): [NodeJS.ProcessEnv, string] => [
        { ...postgres, DATABASE_URL: url },
        `DATABASE_URL is ${url.length} characters of another form, but takes a URL such as postgres://user:password@host:5432/database.`,
      ],
    ),
  ]

  test.each(table)('%j', (env, sentence) => {
    expect(refusal(env)).toBe(sentence)
    expect(sentence).not.toMatch(/can ?ary/)
  })
})

describe('secrets', () => {
  const { secrets, config } = readConfig({
    DATABASE_URL: 'postgres://u:canary@db/x',
    PASSGATE_ADMIN_KEY: `canary${'k'.repeat(32)}`,
    PASSGATE_METRICS_TOKEN: 'canary'.repeat(3),
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://u:canary@otel',
    PASSGATE_ENCRYPTION_KEYS: `canary:${Buffer.from('canary'.repeat(6).slice(0, 32)).toString('base64')}`,
  })

  test('are not printed when inspected, serialised, spread, copied or put into a text', () => {
    const printed = [
      inspect(secrets, { depth: 9, showHidden: true }),
      inspect({ nested: [secrets] }, { depth: 9, customInspect: false, showHidden: true }),
      JSON.stringify({ secrets }),
      JSON.stringify({ ...secrets }),
      JSON.stringify(structuredClone(secrets)),
      `${secrets}`,
      String(Object.entries(secrets)),
      JSON.stringify(config),
    ].join('\n')
    expect(printed).toContain('[secrets]')
    expect(printed).not.toMatch(/canary|Y2FuYXJ5/)
  })

  test('are not printed by the logger', () => {
    const lines: string[] = []
    const logger = createLogger({ level: 'info', destination: { write: (text: string) => void lines.push(text) } })
    logger.info({ secrets, config }, '%s %j', secrets, secrets)
    expect(lines.join('')).toContain('[Secrets]')
    expect(lines.join('')).not.toMatch(/canary|Y2FuYXJ5/)
  })
})
