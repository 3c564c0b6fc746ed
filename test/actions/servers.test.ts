/** An operation is taken when its server is the integration's base URL or another pinned host, and its path is relative to it. */
import { describe, expect, test } from 'vitest'
import { applySettings } from '../../src/catalog/settings.ts'
import { HostAllowlist } from '../../src/hosts.ts'
import { acme, importInto } from './document.ts'

const slack = { baseUrl: 'https://slack.com/api', hosts: ['slack.com', 'files.slack.com'] }
const perAccount = {
  baseUrl: 'https://{dc}.api.acme.example',
  config: { dc: { title: 'Data center', pattern: '[a-z]{2}[0-9]', example: 'us1' } },
}
const wholeUrl = {
  baseUrl: '{instanceUrl}',
  config: {
    instanceUrl: { title: 'Instance', pattern: 'https://[a-z]+\\.acme\\.example', example: 'https://x.acme.example' },
  },
}

interface Server {
  readonly url: string
  readonly variables?: object
}

/** Where `/things` ends up, or why it is skipped. */
function place(definition: object, servers: readonly Server[] | undefined, serverUrl?: string): string {
  const document = { openapi: '3.0.3', info: {}, servers, paths: { '/things': { get: {} } } }
  const { actions, skipped } = importInto(acme(definition), document, serverUrl)
  return actions[0]?.path ?? `skipped: ${skipped[0]?.reason}`
}

describe('the path of an operation', () => {
  test.each<[string, object, readonly Server[] | undefined, string]>([
    ['no server', {}, undefined, '/things'],
    ['a server of nothing', {}, [{ url: '/' }], '/things'],
    ['the base URL', {}, [{ url: 'https://api.acme.example/' }], '/things'],
    ['below the base URL', {}, [{ url: 'https://api.acme.example/v2/' }], '/v2/things'],
    ['without a scheme', {}, [{ url: '//api.acme.example/v2' }], '/v2/things'],
    ['with http, as old documents say', {}, [{ url: 'http://api.acme.example' }], '/things'],
    ['a base URL with a path', slack, [{ url: 'https://slack.com/api' }], '/things'],
    ['below it', slack, [{ url: 'https://slack.com/api/v2' }], '/v2/things'],
    ['beside it', slack, [{ url: 'https://slack.com/apix' }], 'https://slack.com/apix/things'],
    ['a relative server', slack, [{ url: '/api' }], '/things'],
    ['a relative server elsewhere', slack, [{ url: '/other' }], 'https://slack.com/other/things'],
    ['another pinned host', slack, [{ url: 'https://files.slack.com/up' }], 'https://files.slack.com/up/things'],
    [
      'the second of several',
      {},
      [{ url: 'https://eu.example' }, { url: 'https://api.acme.example/v1' }],
      '/v1/things',
    ],
    [
      'the base URL before another host',
      slack,
      [{ url: 'https://files.slack.com' }, { url: 'https://slack.com/api' }],
      '/things',
    ],
    ['a host of an account', perAccount, [{ url: 'https://server.api.acme.example/3.0' }], '/3.0/things'],
    ['a variable', perAccount, [{ url: 'https://{x}.api.acme.example' }], '/things'],
    ['an instance', wholeUrl, [{ url: 'https://demo.acme.example/services' }], '/services/things'],
  ])('%s', (_what, definition, servers, expected) => {
    expect(place(definition, servers)).toBe(expected)
  })

  test('is of an instance at the hosts that a workspace pins, in place of the vendor’s', () => {
    const pinned = applySettings(acme(wholeUrl), { hosts: ['*.mock.example'] })
    const from = (url: string) =>
      importInto(pinned, { openapi: '3.0.3', info: {}, servers: [{ url }], paths: { '/things': { get: {} } } })
    expect(from('https://a.mock.example/services').actions[0]?.path).toBe('/services/things')
    expect(from('https://demo.acme.example/services').skipped[0]?.reason).toContain('is outside the pinned hosts')
  })

  test('variables have their defaults, or other values they may have', () => {
    const variables = { host: { default: 'sandbox', enum: ['sandbox', 'api'] }, version: { default: 'v3' } }
    const url = 'https://{host}.acme.example/{version}'
    expect(place({}, [{ url, variables }])).toBe('/v3/things')
    expect(
      place({ baseUrl: 'https://constructor.acme.example' }, [{ url: 'https://{constructor}.acme.example' }]),
    ).toMatch(/^skipped/)
  })

  test('that of the operation comes before that of its path, and both before that of the document', () => {
    const at = (path: string) => [{ url: `https://api.acme.example/${path}` }]
    const paths = {
      '/a': { get: {} },
      '/b': { get: {}, servers: at('path') },
      '/c': { get: { servers: at('operation') }, servers: at('path') },
    }
    const { actions } = importInto(acme(), { openapi: '3.1.0', info: {}, servers: at('document'), paths })
    expect(actions.map(({ path }) => path)).toEqual(['/document/a', '/path/b', '/operation/c'])
  })

  test('2.0 says it in three fields', () => {
    const document = {
      swagger: '2.0',
      info: {},
      host: 'api.acme.example',
      basePath: '/v1',
      schemes: ['http', 'https'],
      paths: { '/things': { get: {} } },
    }
    expect(importInto(acme(), document).actions[0]?.path).toBe('/v1/things')
    const { host: _, ...relative } = document
    expect(importInto(acme(), relative).actions[0]?.path).toBe('/v1/things')
  })
})

describe('an operation is skipped', () => {
  test.each<[string, object, readonly Server[], string]>([
    [
      'whose server is outside the pins',
      {},
      [{ url: 'https://evil.example' }],
      'its server "https://evil.example" is outside the pinned hosts (the host of https://api.acme.example); serverUrl would say that it stands for the base URL',
    ],
    [
      'whose server only looks like a pinned one',
      slack,
      [{ url: 'https://slack.com.evil.example/api' }],
      'its server "https://slack.com.evil.example/api" is outside the pinned hosts (slack.com, files.slack.com); serverUrl would say that it stands for the base URL',
    ],
    [
      'whose server hides its host behind a user',
      {},
      [{ url: 'https://api.acme.example@evil.example' }],
      'outside the pinned hosts',
    ],
    ['at another port', {}, [{ url: 'https://api.acme.example:8443' }], 'outside the pinned hosts'],
    [
      'whose pinned host speaks http',
      slack,
      [{ url: 'http://files.slack.com' }],
      'its server "http://files.slack.com" is at a pinned host, but is not sent to: Plain http goes only to hosts that the operator lists in PASSGATE_EGRESS_ALLOW; files.slack.com is not listed.',
    ],
    [
      'whose server is told from where the document is',
      slack,
      [{ url: '../api' }],
      'its server "../api" is relative to where the document was; serverUrl would say that it stands for the base URL',
    ],
    [
      'whose server speaks no http',
      {},
      [{ url: 'wss://api.acme.example' }],
      'its server "wss://api.acme.example" is no http(s) URL',
    ],
    ['outside the pattern of an account', wholeUrl, [{ url: 'https://evil.example' }], 'outside the pinned hosts'],
    [
      'beside the path of an account',
      { ...perAccount, baseUrl: 'https://{dc}.api.acme.example/v1' },
      [{ url: '/v2' }],
      'its server "/v2" is not below the base URL',
    ],
  ])('%s', (_what, definition, servers, reason) => {
    expect(place(definition, servers)).toMatch(/^skipped: /)
    expect(place(definition, servers)).toContain(reason)
  })
})

describe('plain http', () => {
  const local = { baseUrl: 'http://127.0.0.1:8080', hosts: ['127.0.0.1:8080', '127.0.0.1:9090'] }
  const allowed = '127.0.0.1:8080 127.0.0.1:9090'
  const at = (servers: readonly Server[], allow: string) => {
    const document = { openapi: '3.0.3', info: {}, servers, paths: { '/things': { get: {} } } }
    const { actions, skipped } = importInto(acme(local), document, undefined, allow)
    return actions[0]?.path ?? skipped[0]?.reason
  }

  test('goes to a pinned host that the operator allows, as a passthrough does', () => {
    expect(at([{ url: 'http://127.0.0.1:9090/v2' }], allowed)).toBe('http://127.0.0.1:9090/v2/things')
    expect(at([{ url: 'http://127.0.0.1:9090/v2' }], '127.0.0.0/8')).toBe('http://127.0.0.1:9090/v2/things')
    expect(at([{ url: 'http://127.0.0.1:9090/v2' }], '127.0.0.1:8080')).toContain('Plain http goes only to hosts')
    expect(at([{ url: 'http://127.0.0.1:7070' }], allowed)).toContain('outside the pinned hosts')
  })

  test('is allowed in a thread as it is outside of it', () => {
    const allow = HostAllowlist.parse('a.example:1, 10.0.0.0/8').with('b.example:2')
    const told = HostAllowlist.parse(String(allow))
    for (const [host, port] of [
      ['a.example', 1],
      ['b.example', 2],
    ] as const)
      expect(told.allowsHost(host, port)).toBe(true)
    expect([told.allowsAddress('10.1.2.3'), told.allowsHost('a.example', 2)]).toEqual([true, false])
  })

  test('comes after https', () => {
    const servers = [{ url: 'http://127.0.0.1:9090' }, { url: 'https://127.0.0.1:9090' }]
    expect(at(servers, allowed)).toBe('https://127.0.0.1:9090/things')
  })
})

describe('serverUrl', () => {
  const servers = [
    { url: 'https://api.github.com' },
    { url: 'https://{host}/api', variables: { host: { default: 'x.example' } } },
  ]

  test('stands for the base URL, whatever its host', () => {
    expect(place({}, servers, 'https://api.github.com')).toBe('/things')
    expect(place({}, servers, 'https://api.github.com/')).toBe('/things')
    expect(place({}, servers, 'https://x.example')).toBe('/api/things')
    expect(place({}, [{ url: '../api' }], '../api')).toBe('/things')
  })

  test('may have the placeholders that it has in the document', () => {
    expect(place({}, servers, 'https://{host}')).toBe('/api/things')
    expect(place({}, servers, 'https://{host}/api')).toBe('/things')
    expect(place({}, servers, 'https://{other}/api')).toMatch(/^skipped: /)
  })

  test('that the document does not have changes nothing', () => {
    expect(place({}, servers, 'https://other.example')).toMatch(/^skipped: /)
    expect(place({}, servers, 'https://api.github.co')).toMatch(/^skipped: /)
  })
})
