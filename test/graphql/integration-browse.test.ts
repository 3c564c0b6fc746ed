/** Browsing integrations: counts, facets and logos, each as far as the caller sees. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Catalog } from '../../src/catalog/catalog.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'

// Switched off, the sandbox is not listed.
const catalog = Catalog.load().unlist('sandbox').list()
const own = { baseUrl: 'https://api.own.example', auth: [{ scheme: 'bearer' }] }

let gateway: TestGateway
let stranger = ''
let annSession = ''
let boundKey = ''

beforeAll(async () => {
  gateway = await createGateway()
  await gateway.createIntegration({ ...own, slug: 'own-crm', name: 'Own CRM', categories: ['crm'], icon: 'stripe' })
  await gateway.createIntegration({
    ...own,
    slug: 'own-thing',
    name: 'Own thing',
    categories: ['things'],
    icon: 'nosuchicon',
  })
  await connect('stripe', 'bob')
  await connect('own-crm', 'ann')
  const id = await connect('own-thing', 'carl')
  stranger = await gateway.createWorkspace()
  const session = 'mutation { createSession(input: {endUserId: "ann", scopes: [CONNECTIONS_READ]}) { token } }'
  annSession = (await gateway.ask(session)).createSession.token
  const key = `mutation { createAccessKey(input: {name: "bound", scopes: [PASSTHROUGH_READ], connectionId: "${id}"}) { secret } }`
  boundKey = (await gateway.ask(key)).createAccessKey.secret
})
afterAll(() => gateway[Symbol.asyncDispose]())

function connect(integration: string, endUserId: string): Promise<string> {
  return gateway.createConnection({ integration, endUserId, credential: { bearer: { token: 't' } }, verify: false })
}

async function browse(filter: object, key: string = adminKey) {
  const query =
    'query($filter: IntegrationFilter) { integrations(first: 3, filter: $filter) { totalCount nodes { slug } } }'
  const { totalCount, nodes } = (await gateway.ask(query, { filter }, key)).integrations
  return [totalCount, ...nodes.map((node: { slug: string }) => node.slug)]
}

async function facets(filter: object, key: string = adminKey) {
  const query = `query($filter: IntegrationFilter) { integrationFacets(filter: $filter) {
    totalCount connected notConnected configured notConfigured
    categories { category title count } authSchemes { authScheme count } } }`
  return (await gateway.ask(query, { filter }, key)).integrationFacets
}

describe('the list of integrations', () => {
  test('tells how many there are on all pages', async () => {
    expect((await browse({}))[0]).toBe(catalog.length + 2)
    expect((await browse({}, stranger))[0]).toBe(catalog.length)
    expect(await browse({ search: 'own', categories: ['things', 'crm'] })).toEqual([2, 'own-crm', 'own-thing'])
    expect(await browse({ search: 'own', authSchemes: ['API_KEY'], categories: ['things'] })).toEqual([0])
    expect(await browse({ search: 'own', authSchemes: ['BEARER', 'BASIC'], categories: ['things'] })).toEqual([
      1,
      'own-thing',
    ])
  })

  test('knows what is connected as far as the caller sees', async () => {
    expect(await browse({ connected: true })).toEqual([3, 'own-crm', 'own-thing', 'stripe'])
    expect(await browse({ connected: true }, annSession)).toEqual([1, 'own-crm'])
    expect((await browse({ connected: false }, annSession))[0]).toBe(catalog.length + 1)
    expect(await browse({ connected: true }, boundKey)).toEqual([1, 'own-thing'])
    expect(await browse({ connected: true }, stranger)).toEqual([0])
  })

  test.each([
    [{ search: 'a'.repeat(101) }, 'filter.search takes at most 100 characters; got 101.'],
    [{ categories: Array(51).fill('crm') }, 'filter.categories takes at most 50 items; got 51.'],
  ])('and its facets refuse too long a filter: %#', async (filter, message) => {
    for (const field of [
      'integrations(filter: $filter) { totalCount }',
      'integrationFacets(filter: $filter) { totalCount }',
    ]) {
      const { errors } = await gateway.run(`query($filter: IntegrationFilter) { ${field} }`, { filter })
      expect(errors?.map(error => [error.extensions.code, error.message])).toEqual([['INVALID_INPUT', message]])
    }
  })
})

describe('facets', () => {
  test('count what each choice would leave', async () => {
    const all = await facets({})
    const oauth = catalog.filter(({ auth }) => auth.some(({ scheme }) => scheme === 'oauth2' || scheme === 'oauth1'))
    const crms = catalog.filter(({ categories }) => categories.includes('crm'))
    expect(all).toMatchObject({ totalCount: catalog.length + 2, connected: 3, notConnected: catalog.length - 1 })
    expect(all).toMatchObject({ notConfigured: oauth.length, configured: catalog.length + 2 - oauth.length })
    expect(all.categories).toContainEqual({ category: 'crm', title: 'CRM', count: crms.length + 1 })
    expect(all.categories).toContainEqual({ category: 'things', title: 'things', count: 1 })
    expect(await facets({ search: 'own', categories: ['things'] })).toMatchObject({
      totalCount: 1,
      connected: 1,
      notConnected: 0,
      authSchemes: [{ authScheme: 'BEARER', count: 1 }],
      categories: expect.arrayContaining([
        { category: 'crm', title: 'CRM', count: 1 },
        { category: 'things', title: 'things', count: 1 },
      ]),
    })
  })

  test('know what is connected, and what there is, as far as the caller sees', async () => {
    expect(await facets({}, annSession)).toMatchObject({ connected: 1, notConnected: catalog.length + 1 })
    const theirs = await facets({}, stranger)
    expect(theirs).toMatchObject({ totalCount: catalog.length, connected: 0, notConnected: catalog.length })
    expect(theirs.categories.map(({ category }: { category: string }) => category)).not.toContain('things')
  })

  test('are for callers only', async () => {
    const { errors } = await gateway.run('{ integrationFacets { totalCount } }', {}, null)
    expect(errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  })
})

describe('a logo', () => {
  const logoOf = async (slug: string) =>
    (await gateway.ask(`{ integration(slug: "${slug}") { logo { url color license source } } }`)).integration.logo

  test('is told with its licence, and served at its address', async () => {
    const logo = await logoOf('stripe')
    expect(logo).toEqual({
      url: `${gateway.url}logos/stripe.svg`,
      color: '#635BFF',
      license: 'CC0-1.0',
      source: expect.stringMatching(/^https:\/\//),
    })
    expect(await (await fetch(logo.url)).text()).toContain('<title>Stripe</title>')
    expect(await logoOf('own-crm')).toEqual(logo)
  })

  test('is null where there is none', async () => {
    expect(await logoOf('sandbox')).toBeNull()
    expect(await logoOf('own-thing')).toBeNull()
  })
})
