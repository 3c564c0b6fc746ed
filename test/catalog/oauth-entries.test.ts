/** The built-in entries that obtain tokens: their secrets go to the vendor alone, and what they say is what the vendor documents. */
import { describe, expect, it } from 'vitest'
import type { AuthEntry } from '../../src/auth/scheme.ts'
import { parseSingularPath, readSingularPath } from '../../src/auth/singular-path.ts'
import { placeholdersOf } from '../../src/auth/template.ts'
import { createAuthorizationRequest } from '../../src/auth/tokens/authorization-request.ts'
import { fillAddress } from '../../src/catalog/address.ts'
import { Catalog } from '../../src/catalog/catalog.ts'
import type { IntegrationDefinition } from '../../src/catalog/entry.ts'
import { parseConfig } from '../../src/catalog/target.ts'
import { refusal } from '../auth/refusal.ts'
import { idleDays, longestSignedSeconds, vendors, withoutRevocation } from './oauth-vendors.ts'

const entries = Catalog.load().list()
const obtaining = entries.filter(entry => entry.auth.some(auth => addressesOf(auth).length > 0))
const oauth2 = entries.flatMap(entry =>
  entry.auth.flatMap(auth => (auth.scheme === 'oauth2' ? [[entry.slug, auth, entry] as const] : [])),
)

function addressesOf(auth: AuthEntry): string[] {
  const addresses = [
    'authorizationUrl' in auth ? auth.authorizationUrl : undefined,
    'tokenUrl' in auth ? auth.tokenUrl : undefined,
    'requestTokenUrl' in auth ? auth.requestTokenUrl : undefined,
    'accessTokenUrl' in auth ? auth.accessTokenUrl : undefined,
    'refreshUrl' in auth ? auth.refreshUrl : undefined,
    'revocationUrl' in auth ? auth.revocationUrl : undefined,
    'revoke' in auth ? auth.revoke?.url : undefined,
  ]
  return addresses.filter(address => address !== undefined)
}

function examplesOf(entry: IntegrationDefinition): Record<string, string> {
  return Object.fromEntries(Object.entries(entry.config ?? {}).map(([name, field]) => [name, field.example ?? '']))
}

function isBelow(address: string, domains: readonly string[]): boolean {
  const { hostname } = new URL(address)
  return domains.some(domain => hostname === domain || hostname.endsWith(`.${domain}`))
}

function oauthOf(slug: string) {
  const found = oauth2.find(([name]) => name === slug)
  if (found === undefined) throw new TypeError(`${slug} takes no OAuth`)
  return found[1]
}

describe('the entries that obtain tokens', () => {
  it('are those whose vendors are known here', () => {
    expect(obtaining.map(entry => entry.slug).toSorted()).toEqual(Object.keys(vendors).toSorted())
  })

  it.each(obtaining.map(entry => [entry.slug, entry] as const))('%s asks its vendor alone, over TLS', (slug, entry) => {
    const values = { ...examplesOf(entry), clientId: 'client', accessToken: 'token', refreshToken: 'token' }
    for (const address of entry.auth.flatMap(addressesOf)) {
      const filled = fillAddress(address, values)
      expect(filled).toMatch(/^https:\/\//)
      expect(filled).not.toMatch(/[{}]/)
      expect([filled, isBelow(filled, vendors[slug]?.tokens ?? [])]).toEqual([filled, true])
    }
  })

  it.each(obtaining.map(entry => [entry.slug, entry] as const))('%s has its facts from its vendor', (slug, entry) => {
    const own = entry.sources?.filter(source => isBelow(source, vendors[slug]?.documents ?? []))
    expect(own).not.toHaveLength(0)
  })

  it.each(oauth2)('%s keeps parameters out of its addresses', (_, auth) => {
    const ours = ['client_id', 'code_challenge', 'code_challenge_method', 'redirect_uri', 'response_type', 'state']
    expect(auth.authorizationUrl).not.toContain('?')
    expect(auth.tokenUrl).not.toContain('?')
    for (const name of Object.keys(auth.authorizationParams ?? {})) expect(ours).not.toContain(name)
  })

  it.each(oauth2)('%s revokes where its vendor documents a way', (slug, { revocationUrl, revoke }) => {
    expect(revocationUrl !== undefined || revoke !== undefined).toBe(!withoutRevocation.includes(slug))
    expect(revocationUrl !== undefined && revoke !== undefined).toBe(false)
    if (revoke === undefined) return
    const known = ['accessToken', 'refreshToken', 'clientId', 'clientSecret', 'clientBasic']
    const templates = Object.values({ ...revoke.headers, ...revoke.query, ...revoke.body })
    const named = templates.flatMap(placeholdersOf)
    for (const name of named) expect(known).toContain(name)
    expect(named.some(name => name === 'accessToken' || name === 'refreshToken')).toBe(true)
    // A token in an address would stand in the vendor's logs.
    expect(placeholdersOf(revoke.url)).not.toEqual(expect.arrayContaining(['accessToken']))
    expect(placeholdersOf(revoke.url)).not.toEqual(expect.arrayContaining(['refreshToken']))
  })

  it.each(oauth2)('%s captures into config fields that say what they take', (_, { captures }, entry) => {
    for (const name of Object.keys(captures ?? {})) expect(entry.config?.[name]?.pattern).toBeDefined()
  })

  it.each(Object.entries(idleDays))('%s refreshes an unused connection before %i days are over', (slug, days) => {
    expect(oauthOf(slug).keepAliveDays ?? 20).toBeLessThan(days)
  })

  it('asks for a refresh token where the vendor gives none by itself', () => {
    expect(oauthOf('dropbox').authorizationParams).toEqual({ token_access_type: 'offline' })
    expect(oauthOf('shopify').tokenParams).toEqual({ expiring: '1' })
    const scopes = ['jira', 'microsoft-graph', 'okta', 'salesforce', 'tumblr', 'typeform', 'x', 'xero'].map(
      slug => oauthOf(slug).scopes?.find(scope => /^(?:offline([._]access)?|refresh_token)$/.test(scope)) ?? slug,
    )
    expect(new Set(scopes)).toEqual(new Set(['offline', 'offline_access', 'offline.access', 'refresh_token']))
  })

  it.each([
    ['google-drive', { access_type: 'offline', prompt: 'consent', scope: 'https://www.googleapis.com/auth/drive' }],
    ['jira', { audience: 'api.atlassian.com', prompt: 'consent', code_challenge_method: 'S256' }],
    ['linear', { prompt: 'consent', scope: 'read' }],
    ['notion', { owner: 'user', code_challenge: null, scope: null }],
    ['shopify', { scope: 'read_products,read_orders,read_customers' }],
    ['slack', { scope: 'channels:read,channels:manage,chat:write,users:read', code_challenge: null }],
    ['xero', { scope: 'offline_access accounting.contacts accounting.settings' }],
  ])('%s is asked for consent as it documents', (slug, expected) => {
    const auth = oauthOf(slug)
    const { url } = createAuthorizationRequest({
      authorizationUrl: fillAddress(auth.authorizationUrl ?? '', { shop: 'acme' }),
      clientId: 'client',
      redirectUri: 'https://app.example/callback',
      scopes: auth.scopes ?? [],
      scopeSeparator: auth.scopeSeparator ?? ' ',
      scopeParam: auth.scopeParam ?? 'scope',
      pkce: auth.pkce ?? 'S256',
      params: auth.authorizationParams ?? {},
    })
    const { searchParams } = new URL(url)
    expect(Object.fromEntries(Object.keys(expected).map(name => [name, searchParams.get(name)]))).toEqual(expected)
  })

  it('does without PKCE at the vendors that refuse it to a client with a secret, and nowhere else', () => {
    const without = oauth2.filter(([, auth]) => auth.pkce === 'none').map(([slug]) => slug)
    expect(without).toEqual(['aweber', 'linkedin', 'notion', 'slack', 'square', 'ups'])
  })

  it('separates scopes by commas where the vendor does', () => {
    const separated = oauth2.filter(([, auth]) => auth.scopeSeparator !== undefined)
    expect(separated.map(([slug, auth]) => slug + auth.scopeSeparator)).toEqual([
      'campaign-monitor,',
      'linear,',
      'pinterest,',
      'shopify,',
      'slack,',
      'squarespace,',
      'strava,',
      'todoist,',
      'withings,',
      'wrike,',
      'zoho-books,',
      'zoho-crm,',
      'zoho-desk,',
    ])
  })

  it('writes token requests as JSON where the vendor does', () => {
    const json = oauth2.filter(([, auth]) => auth.tokenRequest === 'json').map(([slug]) => slug)
    expect(json).toEqual([
      'confluence',
      'jira',
      'lokalise',
      'lucid',
      'notion',
      'razorpay',
      'square',
      'squarespace',
      'teamwork',
      'webflow',
      'zendesk',
      'zeplin',
    ])
  })
})

describe('what a connection brings', () => {
  it.each([
    ['salesforce', 'instanceUrl', { instance_url: 'https://acme.my.salesforce.com' }, 'https://acme.my.salesforce.com'],
    ['pipedrive', 'apiDomain', { api_domain: 'https://acme.pipedrive.com' }, 'https://acme.pipedrive.com'],
  ])('%s: %s, from the token answer', (slug, field, answer, value) => {
    const capture = oauthOf(slug).captures?.[field]
    const path = parseSingularPath(capture !== undefined && 'tokenAnswer' in capture ? capture.tokenAnswer : '')
    expect(path && readSingularPath(path, answer)).toBe(value)
    const entry = entries.find(candidate => candidate.slug === slug)
    expect(entry && parseConfig(entry, { [field]: value })).toMatchObject({ [field]: value })
    for (const elsewhere of [`${value}.evil.example`, 'https://evil.example', value.replace('https:', 'http:')])
      expect(entry && refusal(() => parseConfig(entry, { [field]: elsewhere })).details?.[0]?.field).toBe(
        `config.${field}`,
      )
  })

  it('quickbooks: the company, from the redirect', () => {
    expect(oauthOf('quickbooks').captures).toEqual({ realmId: { redirect: 'realmId' } })
  })

  it.each([
    ['datadog', 'site', ['datadoghq.com', 'us5.datadoghq.com', 'datadoghq.eu', 'ddog-gov.com']],
    ['okta', 'domain', ['acme.okta.com', 'dev-123.oktapreview.com']],
    ['microsoft-graph', 'tenant', ['common', 'contoso.com', '8eaef023-2b34-4da1-9baa-8bc8c9d6a490']],
    ['aws-s3', 'region', ['us-east-1', 'ap-southeast-2', 'us-gov-west-1']],
  ])('%s: %s takes what the vendor documents, and no other host', (slug, field, values) => {
    const entry = entries.find(candidate => candidate.slug === slug)
    if (entry === undefined) throw new TypeError(`${slug} is no entry`)
    const others = examplesOf(entry)
    for (const value of values) expect(parseConfig(entry, { ...others, [field]: value })[field]).toBe(value)
    for (const value of [`${values[0]}@evil.example`, `evil.example/${values[0]}`, `${values[0]}:8443`])
      expect(refusal(() => parseConfig(entry, { ...others, [field]: value })).code).toBe('INVALID_INPUT')
  })
})

describe('the tokens that are signed here', () => {
  const signing = entries.flatMap(entry =>
    entry.auth.flatMap(auth =>
      auth.scheme === 'jwt' || auth.scheme === 'jwtBearer' ? [[entry.slug, auth] as const] : [],
    ),
  )

  it('are those whose limits are known here', () => {
    expect(signing.map(([slug]) => slug).toSorted()).toEqual(Object.keys(longestSignedSeconds).toSorted())
  })

  it.each(signing)(
    '%s keeps below its vendor’s limit, with room for a clock that is half a minute off',
    (slug, auth) => {
      expect((auth.jwtLifetimeSeconds ?? 300) + 30).toBeLessThanOrEqual(Math.max(longestSignedSeconds[slug] ?? 0, 330))
    },
  )

  it.each(signing)('%s shows no secret in header or claims, and asks for every field it has', (_, auth) => {
    const shown = Object.values({ ...auth.jwtHeader, ...auth.claims }).flatMap(placeholdersOf)
    for (const [name, field] of Object.entries(auth.fields)) {
      expect([...shown, ...placeholdersOf(auth.key)]).toContain(name)
      expect([name, shown.includes(name) && field.secret]).toEqual([name, false])
    }
  })
})
