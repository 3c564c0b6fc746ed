/** Browsing integrations: what a search finds and in which order, and what every further choice would leave. */
import { describe, expect, test } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import {
  checkIntegrationFilter,
  countFacets,
  type IntegrationFilter,
  pageOfIntegrations,
} from '../../src/connections/integration-list.ts'
import type { Integration } from '../../src/connections/integrations.ts'
import { refusal, refusalOf } from '../store/fixtures.ts'

const schemes = {
  bearer: { scheme: 'bearer' },
  apiKey: { scheme: 'apiKey', inject: { headers: { 'x-key': '{apiKey}' } } },
  oauth2: { scheme: 'oauth2', tokenUrl: 'https://id.example/token' },
}

function make(
  slug: string,
  facts: { name?: string; description?: string; categories?: string[]; by?: (keyof typeof schemes)[] },
): Integration {
  const { name = slug, description, categories = [], by = ['bearer'] } = facts
  const auth = by.map(scheme => schemes[scheme])
  const definition = parseIntegration({ slug, name, description, categories, baseUrl: 'https://api.example', auth })
  const configured = by.some(scheme => scheme !== 'oauth2')
  return {
    id: slug,
    workspaceId: 'ws',
    slug,
    definition,
    builtIn: true,
    refusal: null,
    configured,
    quota: null,
    rules: [],
    callBodies: null,
    changedAt: null,
  }
}

const integrations = [
  make('acme-mail', { name: 'Acme Mail', categories: ['email'], description: 'Sends newsletters.' }),
  make('google-mail', { name: 'Gmail', categories: ['email', 'communication'], by: ['oauth2'] }),
  make('google-sheets', { name: 'Google Sheets', categories: ['productivity'], by: ['oauth2', 'apiKey'] }),
  make('hubspot', {
    name: 'HubSpot',
    categories: ['crm', 'marketing'],
    by: ['oauth2', 'bearer'],
    description: 'Contacts, deals and mail.',
  }),
  make('mailchimp', { name: 'Mailchimp', categories: ['marketing'], by: ['apiKey'] }),
  make('pipedrive', { name: 'Pipedrive', categories: ['crm'] }),
  make('smorgasbord', { name: 'Smørgåsbord', categories: ['constructor'] }),
]

const isConnected = (slug: string) => slug === 'hubspot' || slug === 'mailchimp'
const slugsOf = (filter: IntegrationFilter) =>
  pageOfIntegrations(integrations, filter, isConnected, { first: 100 }).edges.map(({ node }) => node.slug)

describe('a search', () => {
  test('puts names that begin with it first, then words, then parts, then what is said of them', () => {
    expect(slugsOf({ search: 'mail' })).toEqual(['mailchimp', 'acme-mail', 'google-mail', 'hubspot'])
    expect(slugsOf({ search: 'spot' })).toEqual(['hubspot'])
    expect(slugsOf({ search: 'news' })).toEqual(['acme-mail'])
    expect(slugsOf({ search: 'letter' })).toEqual([])
  })

  test.each([
    ['HUBS', ['hubspot']],
    ['smorgasbord', ['smorgasbord']],
    ['SMØR', ['smorgasbord']],
    ['Smo\u0308rga\u030a', ['smorgasbord']],
    ['googlesheets', ['google-sheets']],
    ['google-sheets', ['google-sheets']],
    ['sheets google', ['google-sheets']],
    ['customer', []],
    ['crm', ['hubspot', 'pipedrive']],
    ['crm deals', ['hubspot']],
    ['E-mail', ['acme-mail', 'google-mail']],
    ['Email', ['acme-mail', 'google-mail']],
    ['  ', integrations.map(({ slug }) => slug)],
    ['', integrations.map(({ slug }) => slug)],
    ['%', []],
    ['.*', []],
    ['mail -', ['acme-mail', 'google-mail']],
  ])('for %j finds %j', (search, slugs) => {
    expect(slugsOf({ search })).toEqual(slugs)
  })

  test('is paged in its order, both ways, and a cursor of the whole list is none of it', async () => {
    const page = (args: object, search: string | null = 'mail') => {
      const { edges, ...info } = pageOfIntegrations(integrations, { search }, isConnected, args)
      return { slugs: edges.map(({ node }) => node.slug), cursor: edges.at(-1)?.cursor, ...info }
    }
    const first = page({ first: 2 })
    expect(first).toMatchObject({ slugs: ['mailchimp', 'acme-mail'], hasNextPage: true, totalCount: 4 })
    const second = page({ first: 2, after: first.cursor })
    expect(second).toMatchObject({ slugs: ['google-mail', 'hubspot'], hasNextPage: false, totalCount: 4 })
    expect(page({ last: 1, before: first.cursor })).toMatchObject({ slugs: ['mailchimp'], hasPreviousPage: false })
    const message = 'after takes a cursor of this list in this order; got another text.'
    const refused = refusalOf((async () => page({ after: page({ first: 1 }, null).cursor }))())
    expect(await refused).toEqual(refusal('after', message))
  })
})

test('conditions all have to hold', () => {
  expect(slugsOf({ categories: ['crm', 'email'] })).toEqual(['acme-mail', 'google-mail', 'hubspot', 'pipedrive'])
  expect(slugsOf({ categories: ['nothing-has-this'] })).toEqual([])
  expect(slugsOf({ categories: [] })).toEqual([])
  expect(slugsOf({ authSchemes: ['oauth2'] })).toEqual(['google-mail', 'google-sheets', 'hubspot'])
  expect(slugsOf({ authSchemes: ['oauth2'], configured: true })).toEqual(['google-sheets', 'hubspot'])
  expect(slugsOf({ connected: true })).toEqual(['hubspot', 'mailchimp'])
  expect(slugsOf({ connected: false, configured: false })).toEqual(['google-mail'])
  expect(slugsOf({ search: 'mail', categories: ['marketing'], authSchemes: ['apiKey'], connected: true })).toEqual([
    'mailchimp',
  ])
})

describe('facets', () => {
  test('count all of it without a filter', () => {
    expect(countFacets(integrations, {}, isConnected)).toEqual({
      totalCount: 7,
      categories: [
        { category: 'crm', title: 'CRM', count: 2 },
        { category: 'email', title: 'Email', count: 2 },
        { category: 'marketing', title: 'Marketing', count: 2 },
        { category: 'communication', title: 'Communication', count: 1 },
        { category: 'constructor', title: 'constructor', count: 1 },
        { category: 'productivity', title: 'Productivity', count: 1 },
      ],
      authSchemes: [
        { authScheme: 'bearer', count: 4 },
        { authScheme: 'oauth2', count: 3 },
        { authScheme: 'apiKey', count: 2 },
      ],
      connected: 2,
      notConnected: 5,
      configured: 6,
      notConfigured: 1,
    })
  })

  test('each heed all conditions but their own', () => {
    const filter = { categories: ['crm'], connected: true, authSchemes: ['oauth2'] } as const
    expect(countFacets(integrations, filter, isConnected)).toEqual({
      totalCount: 1,
      categories: [
        { category: 'crm', title: 'CRM', count: 1 },
        { category: 'marketing', title: 'Marketing', count: 1 },
      ],
      authSchemes: [
        { authScheme: 'bearer', count: 1 },
        { authScheme: 'oauth2', count: 1 },
      ],
      connected: 1,
      notConnected: 0,
      configured: 1,
      notConfigured: 0,
    })
    const { configured, notConfigured, totalCount } = countFacets(
      integrations,
      { configured: true, search: 'g' },
      isConnected,
    )
    expect({ configured, notConfigured, totalCount }).toEqual({ configured: 2, notConfigured: 1, totalCount: 2 })
  })
})

test.each([
  [{ search: 'a'.repeat(101) }, 'filter.search', 'filter.search takes at most 100 characters; got 101.'],
  [
    { categories: Array<string>(51).fill('crm') },
    'filter.categories',
    'filter.categories takes at most 50 items; got 51.',
  ],
  [
    { authSchemes: Array<'none'>(51).fill('none') },
    'filter.authSchemes',
    'filter.authSchemes takes at most 50 items; got 51.',
  ],
])('a filter is bounded: %#', async (filter, field, message) => {
  expect(await refusalOf((async () => checkIntegrationFilter(filter))())).toEqual(refusal(field, message))
})
