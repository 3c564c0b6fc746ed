/** Every built-in entry: its facts have sources, it points at its own hosts, and its credentials land where it says. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Credential } from '../../src/auth/credential.ts'
import { createStrategy, injectedNames } from '../../src/auth/strategy.ts'
import { Catalog } from '../../src/catalog/catalog.ts'
import { categoryTitles } from '../../src/catalog/categories.ts'
import type { IntegrationDefinition } from '../../src/catalog/entry.ts'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { applySettings } from '../../src/catalog/settings.ts'
import { parseConfig, resolveTarget } from '../../src/catalog/target.ts'
import { matchesHost } from '../../src/hosts.ts'
import { refusal } from '../auth/refusal.ts'

const entries = Catalog.load().list()
const vendors = entries.filter(entry => entry.slug !== 'sandbox')
const named = (list: readonly IntegrationDefinition[]) => list.map(entry => [entry.slug, entry] as const)

/** Their account holders run the servers themselves: any host is theirs to name. */
const selfHosted = ['woocommerce', 'wordpress']

/** Every name below these is answered by the vendor alone, and nobody could list them. */
const wildcards: Readonly<Record<string, readonly string[]>> = {
  'aws-s3': ['*.s3.{region}.amazonaws.com'],
  'backblaze-b2': ['*.s3.{region}.backblazeb2.com'],
  crowdin: ['*.api.crowdin.com'],
  pinecone: ['*.pinecone.io'],
  sanity: ['*.api.sanity.io'],
}

/** What leads elsewhere when it takes the place of a whole host, of its end, or of a URL's start. */
function hostilesOf(example: string): string[] {
  return ['evil.example', `${example}.evil.example`, `evil.example.${example}.evil.example`, 'https://evil.example']
}

const minted = { accessToken: 'TOKEN' }

const samples: Record<Credential['scheme'], Credential> = {
  none: { scheme: 'none' },
  apiKey: { scheme: 'apiKey', key: 'KEY' },
  basic: { scheme: 'basic', username: 'USER', password: 'PASS' },
  bearer: { scheme: 'bearer', token: 'TOKEN' },
  oauth2: { scheme: 'oauth2', accessToken: 'TOKEN' },
  clientCredentials: { scheme: 'clientCredentials', clientId: 'ID', clientSecret: 'SECRET', minted },
  twoStep: { scheme: 'twoStep', fields: {}, minted },
  jwt: { scheme: 'jwt', fields: {}, minted },
  jwtBearer: { scheme: 'jwtBearer', fields: {}, minted },
  oauth1: { scheme: 'oauth1', token: 'TOKEN', tokenSecret: 'SECRET', consumerKey: 'KEY', consumerSecret: 'SECRET' },
  awsSigV4: { scheme: 'awsSigV4', accessKeyId: 'KEY', secretAccessKey: 'SECRET' },
  headers: { scheme: 'headers', fields: {} },
  mtls: { scheme: 'mtls', certificate: '', privateKey: '' },
}

const anyRequest = {
  method: 'GET',
  origin: 'https://a.example',
  path: '/',
  headers: [],
  body: null,
  isStreamed: false,
}

function examplesOf(entry: IntegrationDefinition): Record<string, string> {
  return Object.fromEntries(Object.entries(entry.config ?? {}).map(([name, field]) => [name, field.example ?? '']))
}

describe('the built-in catalog', () => {
  it('has the integrations of the first release', () => {
    const first = [
      'airtable',
      'github',
      'google-drive',
      'hubspot',
      'jira',
      'jira-site',
      'mailchimp',
      'notion',
      'pipedrive',
      'salesforce',
      'sandbox',
      'shopify',
      'slack',
      'stripe',
      'trello',
      'zendesk',
    ]
    expect(entries.map(entry => entry.slug)).toEqual(expect.arrayContaining(first))
  })

  it.each(named(entries))('%s is written in its final form', (slug, entry) => {
    const file = new URL(`../../src/catalog/entries/${slug}.json`, import.meta.url)
    const { $schema, ...document } = JSON.parse(readFileSync(file, 'utf8'))
    expect($schema).toBe('../../../schema/integration.schema.json')
    expect(parseIntegration(document)).toEqual(entry)
    expect(entry).toMatchObject(document)
    expect(entry.categories).not.toEqual([])
    for (const category of entry.categories) expect(Object.keys(categoryTitles)).toContain(category)
  })

  it.each(named(vendors))('%s says where its facts come from', (_, entry) => {
    expect(entry.docs).toMatch(/^https:/)
    expect(entry.sources).not.toHaveLength(0)
    expect(entry.sources).toBeDefined()
    for (const source of entry.sources ?? []) expect(source).toMatch(/^https:/)
  })

  it.each(named(vendors))('%s speaks HTTPS only', (_, entry) => {
    expect(entry.baseUrl).toMatch(/^(https:\/\/|\{)/)
    for (const auth of entry.auth) {
      if (auth.scheme !== 'oauth2') continue
      expect(auth.authorizationUrl).toMatch(/^https:/)
      expect(auth.tokenUrl).toMatch(/^https:/)
    }
  })

  it.each(named(entries))('%s resolves with its examples inside its pins', (_, entry) => {
    for (const field of Object.values(entry.config ?? {})) {
      expect(field.pattern).toBeDefined()
      expect(field.description).toBeDefined()
    }
    const config = parseConfig(entry, examplesOf(entry))
    expect(config).toEqual(examplesOf(entry))
    const { baseUrl, hosts } = resolveTarget(entry, config)
    expect(hosts.some(host => matchesHost(host, baseUrl))).toBe(true)
    expect(baseUrl.href).not.toContain('{')
  })

  it.each(named(entries.filter(entry => entry.config)))('%s keeps hostile config values out', (_, entry) => {
    for (const name of Object.keys(entry.config ?? {})) {
      for (const value of [
        'evil.example/',
        'a@evil.example',
        'a#',
        'a?',
        'A',
        'a.b/',
        'https://evil.example',
        '..',
        'a。b',
      ]) {
        expect(refusal(() => parseConfig(entry, { ...examplesOf(entry), [name]: value })).details?.[0]?.field).toBe(
          `config.${name}`,
        )
      }
    }
  })

  it.each(named(vendors.filter(entry => entry.config)))('%s leads to no other party', (slug, entry) => {
    const examples = examplesOf(entry)
    for (const [name, example] of Object.entries(examples)) {
      for (const value of hostilesOf(example)) {
        const values = { ...examples, [name]: value }
        let reached: readonly string[] = []
        try {
          const { baseUrl, hosts } = resolveTarget(entry, parseConfig(entry, values))
          reached = [baseUrl.hostname, ...hosts]
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_INPUT' })
        }
        const elsewhere = reached.filter(host => host.endsWith('.example'))
        expect([value, elsewhere]).toEqual([value, selfHosted.includes(slug) ? elsewhere : []])
      }
    }
  })

  it('pins whole domains only where the vendor alone answers below them', () => {
    const found = vendors.flatMap(({ slug, hosts = [] }) => {
      const wide = hosts.filter(host => host.startsWith('*'))
      return wide.length > 0 ? [[slug, wide] as const] : []
    })
    expect(Object.fromEntries(found)).toEqual(wildcards)
  })

  it.each(selfHosted)('%s says that the keys go where the account holder says', slug => {
    const fields = Object.values(entries.find(entry => entry.slug === slug)?.config ?? {})
    expect(fields).toHaveLength(1)
    expect(fields[0]?.description).toMatch(/^The host of the \w+, the account holder's own: the \w+ goe?s? there\. /)
  })

  it.each(named(entries))('%s takes a pasted token wherever it takes OAuth', (_, entry) => {
    const schemes = entry.auth.map(auth => auth.scheme)
    if (schemes.includes('oauth2')) expect(schemes).toContain('bearer')
  })

  it.each(named(entries))('%s injects every credential exactly where it says', (_, entry) => {
    for (const auth of entry.auth) {
      if (auth.scheme === 'mtls') continue
      const sample = samples[auth.scheme]
      const fields = 'fields' in auth ? Object.fromEntries(Object.keys(auth.fields).map(name => [name, 'KEY'])) : {}
      const credential = 'fields' in sample ? { ...sample, fields } : sample
      const { sign, headers, query, body } = createStrategy(auth)(credential, { config: examplesOf(entry) })
      if (sign !== undefined) {
        expect(Object.keys(sign(anyRequest, 0)).every(name => injectedNames(auth).headers.includes(name))).toBe(true)
        continue
      }
      const names = { headers: Object.keys(headers), query: Object.keys(query), body: Object.keys(body) }
      expect(names).toEqual(injectedNames(auth))
      const secrets = Object.values({ ...headers, ...query, ...body })
        .map(value => value.replace(/^Basic (.*)$/, (_all, text) => Buffer.from(text, 'base64').toString()))
        .join(' ')
      expect(secrets).toMatch(/KEY|PASS|TOKEN/)
    }
  })

  it.each(named(entries))('%s can be pointed at a mock', (_, entry) => {
    const mocked = applySettings(entry, { baseUrl: 'http://127.0.0.1:8080' })
    expect(resolveTarget(mocked, examplesOf(entry)).hosts).toEqual(['127.0.0.1:8080'])
  })

  it.each<[string, Credential, object]>([
    ['sandbox', samples.apiKey, { headers: { 'x-api-key': 'KEY' } }],
    ['mailchimp', samples.apiKey, { headers: { authorization: `Basic ${btoa('passgate:KEY')}` } }],
    ['hubspot', samples.bearer, { headers: { authorization: 'Bearer TOKEN' } }],
    ['pipedrive', samples.apiKey, { headers: { 'x-api-token': 'KEY' } }],
    ['stripe', samples.apiKey, { headers: { authorization: `Basic ${btoa('KEY:')}` } }],
    ['stripe', samples.bearer, { headers: { authorization: 'Bearer TOKEN' } }],
    ['shopify', samples.oauth2, { headers: { 'x-shopify-access-token': 'TOKEN' } }],
    ['zendesk', samples.basic, { headers: { authorization: `Basic ${btoa('USER/token:PASS')}` } }],
    ['trello', samples.basic, { query: { key: 'USER', token: 'PASS' } }],
    ['jira-site', samples.basic, { headers: { authorization: `Basic ${btoa('USER:PASS')}` } }],
  ])('%s proves a request as its vendor documents', (slug, credential, injection) => {
    const auth = entries.find(entry => entry.slug === slug)?.auth.find(({ scheme }) => scheme === credential.scheme)
    expect(auth && createStrategy(auth)(credential, { config: {} })).toEqual({
      headers: {},
      query: {},
      body: {},
      ...injection,
    })
  })

  it.each([
    ['mailchimp', { dc: 'us9' }, 'https://us9.api.mailchimp.com/'],
    [
      'salesforce',
      { instanceUrl: 'https://acme--dev.sandbox.my.salesforce.com/' },
      'https://acme--dev.sandbox.my.salesforce.com/',
    ],
    ['shopify', { shop: 'big-store' }, 'https://big-store.myshopify.com/'],
    ['slack', {}, 'https://slack.com/api'],
  ])('%s lives where its vendor documents', (slug, config, href) => {
    const entry = entries.find(candidate => candidate.slug === slug)
    expect(entry && resolveTarget(entry, config).baseUrl.href).toBe(href)
  })
})
