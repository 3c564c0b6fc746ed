/** Config values come from callers: none of them can move a request to another host or another path. */
import { describe, expect, it } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { configFields, parseConfig, resolveTarget } from '../../src/catalog/target.ts'
import { refusal } from '../auth/refusal.ts'
import { definition } from './definition.ts'

const mailchimp = parseIntegration(
  definition({
    baseUrl: 'https://{dc}.api.mailchimp.com',
    hosts: ['{dc}.api.mailchimp.com'],
    config: { dc: { title: 'Data center', pattern: '^[a-z]{2,3}[0-9]{1,3}$', example: 'us9' } },
  }),
)
const loose = parseIntegration(
  definition({ baseUrl: 'https://{sub}.acme.example', config: { sub: { title: 'Subdomain', pattern: '.*' } } }),
)
const anyUrl = parseIntegration(definition({ baseUrl: '{url}/api', config: { url: { title: 'URL' } } }))
const salesforce = parseIntegration(
  definition({
    baseUrl: '{instanceUrl}',
    hosts: ['*.salesforce.com'],
    config: { instanceUrl: { title: 'URL', pattern: 'https://(?:[a-z0-9-]+\\.)+salesforce\\.com' } },
  }),
)
const inPath = parseIntegration(
  definition({ baseUrl: 'https://acme.example/t/{tenant}/v1', config: { tenant: { title: 'Tenant' } } }),
)

const hostTakes = 'a part of a host name (letters, digits, hyphens, dots)'
const urlTakes = 'an http(s) URL without user, query or fragment'

function hrefOf(of: typeof mailchimp, config: Record<string, unknown>): string {
  return resolveTarget(of, parseConfig(of, config)).baseUrl.href
}

describe('parseConfig', () => {
  it('asks for the fields that base URL and hosts name, and only for them', () => {
    const unused = parseIntegration(
      definition({ config: { extra: { title: 'Extra' }, more: { title: 'More', default: 'm' } } }),
    )
    expect(configFields(mailchimp)).toEqual(['dc'])
    expect(configFields(unused)).toEqual([])
    expect(parseConfig(unused, undefined)).toEqual({ more: 'm' })
    expect(parseConfig(unused, { extra: 'x' })).toEqual({ extra: 'x', more: 'm' })
  })

  it('fills in defaults and turns numbers into text', () => {
    const shard = parseIntegration(
      definition({
        baseUrl: 'https://s{shard}.acme.example/{version}',
        config: { shard: { title: 'Shard', pattern: '[0-9]+' }, version: { title: 'Version', default: 'v2' } },
      }),
    )
    expect(parseConfig(shard, { shard: 12, version: null })).toEqual({ shard: '12', version: 'v2' })
    expect(parseConfig(shard, { shard: 9007199254740993n })).toMatchObject({ shard: '9007199254740993' })
    expect(hrefOf(shard, { shard: 12 })).toBe('https://s12.acme.example/v2')
  })

  it.each([undefined, {}, { dc: null }])('names the field that is missing from %o', config => {
    const error = refusal(() => parseConfig(mailchimp, config))
    expect(error.code).toBe('INVALID_INPUT')
    const message = `config.dc got nothing; it takes ${hostTakes} that matches ^[a-z]{2,3}[0-9]{1,3}$, such as us9.`
    expect(error.details).toEqual([{ field: 'config.dc', message }])
  })

  it('names unknown values and what there is', () => {
    const error = refusal(() => parseConfig(mailchimp, { dc: 'us9', region: 'eu', old: 1 }))
    expect(error.details).toEqual([
      { field: 'config.region', message: 'config.region is unknown; Acme takes the config values dc.' },
      { field: 'config.old', message: 'config.old is unknown; Acme takes the config values dc.' },
    ])
    const none = refusal(() => parseConfig(parseIntegration(definition()), { a: 1 }))
    expect(none.message).toBe('config.a is unknown; Acme takes no config values.')
  })

  const attacks = [
    'evil.example/',
    'us9@evil',
    'us9#',
    'us9?',
    'us9/',
    'us9\\',
    'us9:443',
    'us9%2f',
    'us9\n',
    '\tus9',
    'us9\0',
    ' us9',
    'us9。evil',
    'us9．evil',
    'us９',
    'ｕs9',
    'us9\u00ad',
    'us9{dc}',
    '',
    'x'.repeat(513),
  ]
  it.each([...attacks, 'US9', 'us9.evil', '-', 'xus9x'])('refuses the data center %j', dc => {
    const error = refusal(() => parseConfig(mailchimp, { dc }))
    expect(error.code).toBe('INVALID_INPUT')
    expect(error.details?.map(detail => detail.field)).toEqual(['config.dc'])
    expect(error.message).toMatch(/^config\.dc got ".*…?; it takes a part of a host name .* such as us9\.$/)
  })

  it.each([...attacks, '.', '..', 'a..b', '.a', 'a.', '[::1]', '*'])(
    'refuses %j in a host whatever its pattern allows',
    sub => {
      const error = refusal(() => parseConfig(loose, { sub }))
      expect(error.details?.[0]?.message).toMatch(
        /; it takes a part of a host name \(letters, digits, hyphens, dots\) that matches \.\*\.$/,
      )
    },
  )

  it.each([true, {}, [], ['us9'], Number.NaN, Number.POSITIVE_INFINITY, 9n, [9n]])('refuses %o as a value', dc => {
    expect(refusal(() => parseConfig(mailchimp, { dc })).code).toBe('INVALID_INPUT')
  })

  it.each([
    'x.salesforce.com',
    'http://x.salesforce.com',
    'https://x.salesforce.com.evil.com',
    'https://salesforce.com',
    'https://evilsalesforce.com',
    'https://x.salesforce.com@evil.com',
    'https://user:pw@x.salesforce.com',
    'https://evil.com/x.salesforce.com',
    'https://evil.com#.salesforce.com',
    'https://evil.com?.salesforce.com',
    'https://evil.com\\.salesforce.com',
    'https://evil.com%2f.salesforce.com',
    'https://evil.com／.salesforce.com',
    'https://x.salesforce.com:8443',
    'https://x.salesforce.com/path',
    'https://x.salesforce.com.',
    'https:x.salesforce.com',
    'https:///x.salesforce.com',
    'https:/x.salesforce.com',
    '//x.salesforce.com',
    ' https://x.salesforce.com',
    'https://x.sales\nforce.com',
    'https://x。salesforce.com',
    'https://х.salesforce.com',
    'javascript:x.salesforce.com',
    'file:///x.salesforce.com',
  ])('refuses the instance URL %j', instanceUrl => {
    const error = refusal(() => parseConfig(salesforce, { instanceUrl }))
    expect(error.code).toBe('INVALID_INPUT')
    expect(error.message).toMatch(
      /^config\.instanceUrl got ".*"; it takes an http\(s\) URL without user, query or fragment that matches /,
    )
  })

  it.each([
    ['https://x.salesforce.com', 'https://x.salesforce.com'],
    ['https://x.salesforce.com/', 'https://x.salesforce.com'],
    ['HTTPS://X.My.Salesforce.com:443//', undefined],
    ['HTTPS://X.My.Salesforce.com:443/', 'https://x.my.salesforce.com'],
  ])('stores %s in its usual spelling', (instanceUrl, stored) => {
    if (stored === undefined) expect(refusal(() => parseConfig(salesforce, { instanceUrl })).code).toBe('INVALID_INPUT')
    else expect(parseConfig(salesforce, { instanceUrl })).toEqual({ instanceUrl: stored })
  })

  it.each([
    ['https://git.acme.example/gitlab/', 'https://git.acme.example/gitlab/api'],
    ['http://10.0.0.1:8080', 'http://10.0.0.1:8080/api'],
    ['https://acme.example/a/../b', 'https://acme.example/b/api'],
  ])('takes %s as a whole URL without a pattern', (url, href) => {
    expect(hrefOf(anyUrl, { url })).toBe(href)
  })

  it.each([
    'https://a.example//b',
    'https://a.example/?x',
    'https://a.example/%2e%2e/',
    'https://u@a.example',
    'ftp://a.example',
  ])('refuses %s as a whole URL without a pattern', url => {
    const message = `config.url got ${JSON.stringify(url)}; it takes ${urlTakes}.`
    expect(refusal(() => parseConfig(anyUrl, { url })).details).toEqual([{ field: 'config.url', message }])
  })

  it.each([
    ['a b/c?d#e', 'https://acme.example/t/a%20b%2Fc%3Fd%23e/v1'],
    ['%2e%2e', 'https://acme.example/t/%252e%252e/v1'],
    ['...', 'https://acme.example/t/.../v1'],
    ['ü', 'https://acme.example/t/%C3%BC/v1'],
    ['{tenant}', 'https://acme.example/t/%7Btenant%7D/v1'],
    ['\\..\\', 'https://acme.example/t/%5C..%5C/v1'],
  ])('writes %j into the path as one segment', (tenant, href) => {
    expect(hrefOf(inPath, { tenant })).toBe(href)
  })

  it.each(['.', '..', 'a\nb', '\ud800'])('refuses %j in the path', tenant => {
    expect(refusal(() => parseConfig(inPath, { tenant })).message).toMatch(
      /^config\.tenant got ".*"; it takes a text of 1 to 512 characters without control characters\.$/,
    )
  })
})
