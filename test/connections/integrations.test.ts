/** A workspace's integrations: its own definitions, and its settings over any of them. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Catalog } from '../../src/catalog/catalog.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await createGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const define = (definition: unknown) =>
  gateway.run(
    'mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id slug baseUrl hosts configured builtIn authSchemes } } }',
    { input: { definition } },
  )
const configure = (input: object) =>
  gateway.run(
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id baseUrl hosts configured } } }',
    { input },
  )
const acme = { slug: 'acme', name: 'Acme', baseUrl: 'https://api.acme.example', auth: [{ scheme: 'bearer' }] }

describe('createIntegration', () => {
  test('defines one that is found by slug, by id and in the list', async () => {
    const { integration } = (await define(acme)).data.createIntegration
    expect(integration).toMatchObject({
      slug: 'acme',
      configured: true,
      builtIn: false,
      authSchemes: ['BEARER'],
      hosts: [],
    })
    const data = await gateway.ask(
      `{ integration(slug: "acme") { id } node(id: "${integration.id}") { id ... on Integration { slug } } integrations(filter: {search: "ACM"}) { nodes { slug } } }`,
    )
    expect(data).toEqual({
      integration: { id: integration.id },
      node: { id: integration.id, slug: 'acme' },
      integrations: { nodes: [{ slug: 'acme' }] },
    })
  })

  test.each([
    ['a slug that is taken', { ...acme, slug: 'acme' }, 'definition.slug'],
    ['a slug that is built in', { ...acme, slug: 'github' }, 'definition.slug'],
    ['an unknown field', { ...acme, slug: 'a1', secret: 'x' }, 'definition.secret'],
    ['a host outside its base URL', { ...acme, slug: 'a2', hosts: ['evil.example'] }, 'definition.hosts'],
    ['no way to authenticate', { ...acme, slug: 'a3', auth: [] }, 'definition.auth'],
    ['an unknown scheme', { ...acme, slug: 'a4', auth: [{ scheme: 'digest' }] }, 'definition.auth.0.scheme'],
    [
      'a template of another scheme',
      { ...acme, slug: 'a5', auth: [{ scheme: 'bearer', inject: { headers: { a: '{password}' } } }] },
      'definition.auth.0.inject.headers.a',
    ],
  ])('refuses %s', async (_what, definition, field) => {
    const answer = await define(definition)
    expect(answer.errors?.[0]?.extensions.code).toBe('INVALID_INPUT')
    expect(answer.errors?.[0]?.extensions.details).toEqual([{ field, message: expect.stringMatching(/\.$/) }])
  })
})

describe('configureIntegration', () => {
  test('points a built-in one elsewhere, keeps what is absent, and goes back with null', async () => {
    const moved = (await configure({ slug: 'gitlab-like', baseUrl: 'https://x.example' })).errors
    expect(moved).toMatchObject([{ extensions: { code: 'INTEGRATION_NOT_FOUND' } }])
    const first = (await configure({ slug: 'github', baseUrl: 'https://ghe.acme.example/api/v3' })).data
      .configureIntegration.integration
    expect(first).toMatchObject({ baseUrl: 'https://ghe.acme.example/api/v3', hosts: [] })
    const second = (await configure({ slug: 'github', hosts: ['ghe.acme.example', 'uploads.acme.example'] })).data
      .configureIntegration.integration
    expect(second).toMatchObject({
      baseUrl: 'https://ghe.acme.example/api/v3',
      hosts: ['ghe.acme.example', 'uploads.acme.example'],
    })
    const back = (await configure({ slug: 'github', baseUrl: null, hosts: null })).data.configureIntegration.integration
    expect(back).toMatchObject({
      id: first.id,
      baseUrl: 'https://api.github.com',
      hosts: ['api.github.com', 'uploads.github.com'],
    })
  })

  test('refuses settings that would not hold together, and keeps the old ones', async () => {
    const refused = await configure({ slug: 'slack', baseUrl: 'https://a.example', hosts: ['b.example'] })
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'hosts' }] })
    expect((await gateway.ask('{ integration(slug: "slack") { baseUrl } }')).integration.baseUrl).toBe(
      'https://slack.com/api',
    )
  })

  test('seals the client secret, and makes an OAuth-only integration usable', async () => {
    const isConfigured = async () =>
      (await gateway.ask('{ integration(slug: "oauth-only") { configured } }')).integration.configured
    await define({
      ...acme,
      slug: 'oauth-only',
      auth: [{ scheme: 'oauth2', tokenUrl: 'https://id.acme.example/token' }],
    })
    expect(await isConfigured()).toBe(false)
    await configure({ slug: 'oauth-only', oauthClient: { clientId: 'client', clientSecret: 'canary-client-secret' } })
    expect(await isConfigured()).toBe(true)
    const rows = JSON.stringify(
      await gateway.database.db.execute(
        sql`select settings, encode(sealed_client_secret, 'escape') as sealed from integrations where slug = 'oauth-only'`,
      ),
    )
    expect(rows).toContain('"oauthClientId":"client"')
    expect(rows).not.toContain('canary')
    await configure({ slug: 'oauth-only', oauthClient: null })
    expect(await isConfigured()).toBe(false)
  })
})

test('integrations are filtered by category, by connections, and paged by slug in both directions', async () => {
  await gateway.createConnection({
    integration: 'stripe',
    endUserId: 'u',
    credential: { bearer: { token: 't' } },
    verify: false,
  })
  const slugs = async (args: string) =>
    (await gateway.ask(`{ integrations(${args}) { nodes { slug } } }`)).integrations.nodes.map(
      (node: { slug: string }) => node.slug,
    )
  expect(await slugs('first: 100, filter: {connected: true}')).toEqual(['stripe'])
  expect(await slugs('first: 100, filter: {connected: false}')).not.toContain('stripe')
  const crms = Catalog.load()
    .list()
    .filter(({ categories }) => categories.includes('crm'))
  expect(await slugs('first: 100, filter: {categories: ["crm"]}')).toEqual(crms.map(({ slug }) => slug).slice(0, 100))
  const all = await slugs('first: 100')
  const { integrations } = await gateway.ask(
    '{ integrations(first: 3) { edges { cursor } pageInfo { hasNextPage hasPreviousPage } } }',
  )
  expect(integrations.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false })
  expect(await slugs(`first: 2, after: "${integrations.edges[2].cursor}"`)).toEqual(all.slice(3, 5))
  expect(await slugs(`last: 2, before: "${integrations.edges[2].cursor}"`)).toEqual(all.slice(0, 2))
})
