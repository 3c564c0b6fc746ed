/** A workspace's own integrations are defined, defined anew and deleted; what hangs on them is kept or asked about. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway

beforeAll(async () => {
  upstream = await createUpstream()
  gateway = await createGateway({ allow: [upstream.host] })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const action = { description: 'Says hello.', method: 'GET', path: '/hello' }

function definitionOf(slug: string, values: object = {}) {
  return { slug, name: 'Own', baseUrl: `${upstream.url}/v1`, auth: [{ scheme: 'bearer' }], ...values }
}

const update = (definition: object, key?: string) =>
  gateway.run(
    'mutation($definition: JSONObject!) { updateIntegration(input: {definition: $definition}) { integration { slug name baseUrl quota { requests } } } }',
    { definition },
    key,
  )
const remove = (slug: string, key?: string) =>
  gateway.run(
    'mutation($slug: String!) { deleteIntegration(input: {slug: $slug}) { deletedIntegrationId } }',
    { slug },
    key,
  )
const pathOf = async (id: string) => {
  await gateway.ask(`{ passthrough(connectionId: "${id}", path: "/things") { status } }`)
  return upstream.seen.at(-1)?.url
}
const connect = (integration: string) =>
  gateway.createConnection({ integration, endUserId: 'u', credential: { bearer: { token: 't' } } })

describe('another definition', () => {
  test('counts from the next call on, and settings and connections stay', async () => {
    await gateway.createIntegration(definitionOf('moved'))
    const id = await connect('moved')
    await gateway.ask(
      'mutation { configureIntegration(input: {slug: "moved", quota: {requests: 9, perSeconds: 1}}) { integration { id } } }',
    )
    expect(await pathOf(id)).toBe('/v1/things')
    const moved = await update(definitionOf('moved', { name: 'Moved', baseUrl: `${upstream.url}/v2` }))
    expect(moved.data).toEqual({
      updateIntegration: {
        integration: { slug: 'moved', name: 'Moved', baseUrl: `${upstream.url}/v2`, quota: { requests: 9 } },
      },
    })
    expect(await pathOf(id)).toBe('/v2/things')
  })

  test('without the scheme of a connection asks for a new connection, and with it again does not', async () => {
    await gateway.createIntegration(definitionOf('rescheme'))
    const id = await connect('rescheme')
    await update(definitionOf('rescheme', { auth: [{ scheme: 'basic' }] }))
    const { errors } = await gateway.run(`{ passthrough(connectionId: "${id}", path: "/things") { status } }`)
    expect(errors?.[0]).toMatchObject({
      message: 'The integration "rescheme" no longer takes bearer credentials; connect again.',
      extensions: { code: 'CONNECTION_NEEDS_REAUTH' },
    })
    await update(definitionOf('rescheme'))
    expect(await pathOf(id)).toBe('/v1/things')
  })

  test('is refused whole when it is wrong, is for a built-in integration or for none', async () => {
    await gateway.createIntegration(definitionOf('kept'))
    const refusals = await Promise.all([
      update({ ...definitionOf('kept'), baseUrl: 'nonsense' }),
      update(definitionOf('github')),
      update(definitionOf('nobody-has-it')),
    ])
    expect(refusals.map(({ errors }) => [errors?.[0]?.extensions?.code, errors?.[0]?.message])).toEqual([
      ['INVALID_INPUT', expect.stringContaining('definition.baseUrl')],
      [
        'INVALID_INPUT',
        '"github" is built in; only the workspace\'s own integrations are changed so. Use configureIntegration.',
      ],
      ['INTEGRATION_NOT_FOUND', 'The workspace has no integration "nobody-has-it".'],
    ])
    expect(await gateway.ask('{ integration(slug: "kept") { baseUrl } }')).toEqual({
      integration: { baseUrl: `${upstream.url}/v1` },
    })
  })
})

describe('deletion', () => {
  test('takes the definition, its settings and imported actions, and the slug is free again', async () => {
    const auth = [{ scheme: 'oauth2', authorizationUrl: `${upstream.url}/a`, tokenUrl: `${upstream.url}/t` }]
    await gateway.createIntegration(definitionOf('gone', { auth, actions: { hello: action } }))
    await gateway.ask(
      'mutation { configureIntegration(input: {slug: "gone", oauthClient: {clientId: "c", clientSecret: "s"}, scopes: ["a"]}) { integration { id } } }',
    )
    const document = JSON.stringify({
      openapi: '3.1.0',
      info: { title: 'T', version: '1' },
      paths: { '/imported': { get: { operationId: 'imported', responses: {} } } },
    })
    await gateway.ask(
      'mutation($document: JSON!) { importOpenApi(input: {integration: "gone", source: {document: $document}}) { openApiImport { taken } } }',
      { document },
    )
    const actions = () => gateway.ask('{ integration(slug: "gone") { id actions(first: 5) { nodes { name } } } }')
    const before = await actions()
    expect(before.integration.actions).toEqual({ nodes: [{ name: 'hello' }, { name: 'imported' }] })
    const { data } = await remove('gone')
    expect(data).toEqual({ deleteIntegration: { deletedIntegrationId: before.integration.id } })
    expect(await actions()).toEqual({ integration: null })
    const again = await remove('gone')
    expect(again.errors?.[0]?.extensions?.code).toBe('INTEGRATION_NOT_FOUND')
    await gateway.createIntegration(definitionOf('gone'))
    expect(await actions()).toEqual({ integration: { id: before.integration.id, actions: { nodes: [] } } })
    const settings = await gateway.database.db.$count(
      sql`integrations`,
      sql`slug = 'gone' and (settings is not null or sealed_client_secret is not null)`,
    )
    expect(settings).toBe(0)
  })

  test('waits until there are no connections any more', async () => {
    await gateway.createIntegration(definitionOf('busy'))
    const id = await connect('busy')
    expect((await remove('busy')).errors?.[0]).toMatchObject({
      message: 'The integration "busy" has connections; delete them before it.',
      extensions: { code: 'INVALID_INPUT', details: [{ field: 'slug' }] },
    })
    expect(await pathOf(id)).toBe('/v1/things')
    await gateway.ask(`mutation { deleteConnection(input: {id: "${id}"}) { deletedConnectionId } }`)
    expect((await remove('busy')).errors).toBeUndefined()
  })

  test('is for the own workspace’s own ones only', async () => {
    await gateway.createIntegration(definitionOf('ours'))
    const stranger = await gateway.createWorkspace()
    const codes = [
      remove('ours', stranger),
      update(definitionOf('ours'), stranger),
      remove('github'),
      remove('No Slug'),
    ]
    expect((await Promise.all(codes)).map(({ errors }) => errors?.[0]?.extensions?.code)).toEqual([
      'INTEGRATION_NOT_FOUND',
      'INTEGRATION_NOT_FOUND',
      'INVALID_INPUT',
      'INTEGRATION_NOT_FOUND',
    ])
    expect(await gateway.ask('{ integration(slug: "ours") { baseUrl } }')).toEqual({
      integration: { baseUrl: `${upstream.url}/v1` },
    })
  })
})

describe('a definition that was stored by older rules', () => {
  test('loses the actions that are refused today, and nothing else', async () => {
    await gateway.createIntegration(definitionOf('older', { actions: { hello: action } }))
    await gateway.database.db.execute(
      sql`update integrations set definition = jsonb_set(definition, '{actions,broken}', '{"method": "FETCH"}') where slug = 'older'`,
    )
    await expect
      .poll(() => gateway.ask('{ integration(slug: "older") { actions { nodes { name } } } }'))
      .toEqual({ integration: { actions: { nodes: [{ name: 'hello' }] } } })
  })

  test('that is refused as a whole is named in the log, hides no other, and can be defined anew', async () => {
    await gateway.createIntegration(definitionOf('refused'))
    const id = await connect('refused')
    await gateway.database.db.execute(
      sql`update integrations set definition = definition - 'baseUrl' where slug = 'refused'`,
    )
    const listed = () =>
      gateway.ask(
        '{ integrations(first: 9, filter: {search: "own"}) { nodes { slug } } refused: integration(slug: "refused") { slug configured baseUrl } connections(filter: {integration: "refused"}) { nodes { integration { slug } } } }',
      )
    await expect
      .poll(listed)
      .toMatchObject({ refused: { slug: 'refused', configured: false, baseUrl: 'https://refused.invalid' } })
    const { errors } = await gateway.run(`{ passthrough(connectionId: "${id}", path: "/things") { status } }`)
    expect(errors?.[0]).toMatchObject({
      message: expect.stringMatching(
        /^What is stored of the integration "refused" is refused today: .*definition\.baseUrl/,
      ),
      extensions: { code: 'INTEGRATION_NOT_CONFIGURED' },
    })
    const line = gateway
      .log()
      .split('\n')
      .find(text => text.includes('a stored integration is refused today'))
    expect(line).toContain('definition.baseUrl')
    await update(definitionOf('refused'))
    expect(await listed()).toMatchObject({ refused: { baseUrl: `${upstream.url}/v1` } })
    expect(await pathOf(id)).toBe('/v1/things')
  })
})
