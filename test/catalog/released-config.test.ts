/** Config fields that a workspace's settings take the place of, or whose hosts an admin pins, are held to those settings. */
import { describe, expect, it } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { applySettings } from '../../src/catalog/settings.ts'
import { parseConfig, resolveTarget, usableConfig } from '../../src/catalog/target.ts'
import { refusal } from '../auth/refusal.ts'
import { definition } from './definition.ts'

const pattern = 'https://(?:[a-z0-9-]+\\.)+vendor\\.example'
const auth = [
  { scheme: 'bearer' },
  {
    scheme: 'oauth2',
    authorizationUrl: 'https://login.vendor.example/a',
    tokenUrl: 'https://login.vendor.example/t',
    revocationUrl: '{site}/revoke',
    captures: { site: { tokenAnswer: '$.site' } },
  },
  { scheme: 'clientCredentials', tokenUrl: '{site}/token' },
]
const vendor = parseIntegration(
  definition({
    baseUrl: '{site}',
    config: { site: { title: 'Site', pattern, example: 'https://a.vendor.example' } },
    auth,
  }),
)
const [bearer, oauth2, client] = vendor.auth
const mock = 'http://127.0.0.1:9999'

describe('a base URL without the field', () => {
  const moved = applySettings(vendor, { baseUrl: mock })

  it.each([mock, 'https://a.vendor.example', 'anything'])(
    'takes %s as it is where nothing needs it, and sends there nothing',
    site => {
      for (const entry of [bearer, oauth2]) {
        expect(parseConfig(moved, { site }, entry)).toEqual({ site })
        expect(parseConfig(moved, {}, entry)).toEqual({})
        const target = resolveTarget(moved, { site }, entry)
        expect([target.baseUrl.href, ...target.hosts]).toEqual([`${mock}/`, '127.0.0.1:9999'])
      }
    },
  )

  it('is bounded all the same', () => {
    for (const site of ['', 'a'.repeat(513), 'a\nb', 'a\u0000', {}, ['x']]) {
      expect(refusal(() => parseConfig(moved, { site }, bearer)).details).toEqual([
        { field: 'config.site', message: expect.stringMatching(/^config\.site got .*; it takes a text of 1 to 512 /) },
      ])
    }
  })

  it('leaves the pattern where a token request still goes', () => {
    const message = expect.stringContaining(`that matches ${pattern}`)
    expect(refusal(() => parseConfig(moved, { site: mock }, client)).details).toEqual([
      { field: 'config.site', message },
    ])
    expect(parseConfig(moved, { site: 'https://a.vendor.example' }, client)).toEqual({
      site: 'https://a.vendor.example',
    })
    const all = applySettings(vendor, { baseUrl: mock, tokenUrl: `${mock}/token` })
    for (const entry of all.auth) expect(parseConfig(all, { site: mock }, entry)).toEqual({ site: mock })
  })

  it('hands no value to an address that the pattern refuses', () => {
    expect(usableConfig(moved, { site: mock })).toEqual({})
    expect(usableConfig(moved, { site: 'https://a.vendor.example' })).toEqual({ site: 'https://a.vendor.example' })
  })

  it('asks for the pattern again when it is gone', () => {
    for (const entry of [bearer, oauth2, client]) {
      expect(refusal(() => parseConfig(vendor, { site: mock }, entry)).code).toBe('INVALID_INPUT')
      expect(refusal(() => resolveTarget(vendor, { site: mock }, entry)).code).toBe('INVALID_INPUT')
    }
  })
})

describe('hosts over a base URL that is a whole field', () => {
  const pinned = applySettings(vendor, { hosts: ['127.0.0.1:9999', '*.mock.example'] })

  it.each([
    [mock, mock],
    [`${mock}/a/`, `${mock}/a`],
    ['https://A.B.mock.example', 'https://a.b.mock.example'],
  ])('take %s', (site, stored) => {
    for (const entry of [bearer, oauth2, client]) {
      const config = parseConfig(pinned, { site }, entry)
      expect(config).toEqual({ site: stored })
      expect(resolveTarget(pinned, config, entry).hosts).toEqual(['127.0.0.1:9999', '*.mock.example'])
      expect(usableConfig(pinned, config)).toEqual(config)
    }
  })

  it.each([
    'https://a.vendor.example',
    'http://127.0.0.1:9998',
    'http://127.0.0.1',
    'https://mock.example',
    'https://a.mock.example:8443',
    'https://a.mock.example.evil.example',
    'https://a.mock.example@evil.example',
    'https://evil.example/a.mock.example',
    'https://evil.example?a.mock.example',
    'a.mock.example',
  ])('refuse %s', site => {
    const message = `config.site got ${JSON.stringify(site)}; it takes an http(s) URL without user, query or fragment whose host is one of 127.0.0.1:9999, *.mock.example.`
    for (const entry of [bearer, oauth2, client]) {
      expect(refusal(() => parseConfig(pinned, { site }, entry)).details).toEqual([{ field: 'config.site', message }])
      expect(refusal(() => resolveTarget(pinned, { site }, entry)).code).toBe('INVALID_INPUT')
    }
    expect(usableConfig(pinned, { site })).toEqual({})
  })

  it('are taken with the same base URL in so many words, and beside a path', () => {
    const same = applySettings(vendor, { baseUrl: '{site}/v2', hosts: ['127.0.0.1:9999'] })
    expect(resolveTarget(same, parseConfig(same, { site: mock }, bearer), bearer).baseUrl.href).toBe(`${mock}/v2`)
  })

  it('are as well written as any', () => {
    expect(refusal(() => applySettings(vendor, { hosts: ['*.com'] })).details?.[0]?.field).toBe('hosts.0')
    expect(refusal(() => applySettings(vendor, { hosts: ['{site}'] })).details?.[0]?.field).toBe('hosts.0')
  })

  it('leave the definition as it was', () => {
    expect(vendor.config?.site).toEqual({ title: 'Site', pattern, example: 'https://a.vendor.example' })
  })
})
