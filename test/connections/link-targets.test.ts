/** A connect link leads to something that can be connected, or is not made. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createVisitor } from '../support/visitor.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway
const ids: Record<string, string> = {}

const link = 'mutation($i: CreateConnectSessionInput!) { createConnectSession(input: $i) { url } }'
const refuse = async (input: object) => (await gateway.run(link, { i: { endUserId: 'ann', ...input } })).errors?.[0]
const urlOf = async (input: object) =>
  (await gateway.ask(link, { i: { endUserId: 'ann', ...input } })).createConnectSession.url

beforeAll(async () => {
  gateway = stack.use(await createGateway())
  const urls = { authorizationUrl: 'https://a.example/authorize', tokenUrl: 'https://a.example/token' }
  const define = (slug: string, auth: object[]) =>
    gateway.createIntegration({ slug, name: slug, baseUrl: 'https://a.example', auth })
  await define('one', [{ scheme: 'oauth2', ...urls }])
  await define('two', [{ scheme: 'oauth2', ...urls }])
  await define('either', [{ scheme: 'oauth2', ...urls }, { scheme: 'bearer' }])
  const credential = { oauth2: { accessToken: 't' } }
  for (const integration of ['one', 'either']) {
    ids[integration] = await gateway.createConnection({ integration, endUserId: 'ann', credential })
  }
})
afterAll(() => stack.disposeAsync())

const takes =
  'has no way to connect yet: its schemes need an OAuth client and the addresses of its service; use configureIntegration.'

describe('integrations that cannot be connected', () => {
  test('are named when there is no other', async () => {
    const error = await refuse({ integrations: ['one', 'two'] })
    expect(error?.extensions.code).toBe('INTEGRATION_NOT_CONFIGURED')
    expect(error?.message).toBe(`The integration "one" ${takes} The integration "two" ${takes}`)
    expect(error?.extensions.details).toEqual([
      { field: 'integrations.0', message: `The integration "one" ${takes}` },
      { field: 'integrations.1', message: `The integration "two" ${takes}` },
    ])
  })

  test('are named when they are the one to repair', async () => {
    const error = await refuse({ connectionId: ids.one })
    expect(error?.extensions).toMatchObject({
      code: 'INTEGRATION_NOT_CONFIGURED',
      details: [{ field: 'connectionId', message: `The integration "one" ${takes}` }],
    })
  })

  test.each([{ integrations: ['one', 'either'] }, { integrations: ['either'] }, { integrations: ['one', 'github'] }])(
    'hinder no others: %j',
    async input => {
      const page = await createVisitor().visit(await urlOf(input))
      expect(page.status).toBe(200)
      expect(page.html).not.toContain('value="one"')
    },
  )

  test('can be once they are configured', async () => {
    const configure =
      'mutation { configureIntegration(input: {slug: "two", oauthClient: {clientId: "c", clientSecret: "s"}}) { integration { id } } }'
    await gateway.ask(configure)
    expect((await createVisitor().visit(await urlOf({ integrations: ['two'] }))).status).toBe(200)
  })
})

test('each integration that is not there is named', async () => {
  const error = await refuse({ integrations: ['either', 'nope', 'NOPE', 'gone'] })
  expect(error?.extensions).toMatchObject({
    code: 'INTEGRATION_NOT_FOUND',
    details: [{ field: 'integrations.1' }, { field: 'integrations.2' }, { field: 'integrations.3' }],
  })
  expect(error?.message).toBe('The workspace has no integration "nope", "NOPE", "gone".')
})

test('the integration of the connection to repair is one of those that are named', async () => {
  const error = await refuse({ connectionId: ids.either, integrations: ['one', 'github'] })
  const message = 'integrations got "one", "github"; it takes the integration of the connection, "either", or nothing.'
  expect(error?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'integrations', message }] })
  expect(await urlOf({ connectionId: ids.either, integrations: ['one', 'either'] })).toContain('/connect/')
})

test.each([
  [{ integrations: [] }, 'integrations takes 1 to 100 slugs; leave it out for all that are configured. It got 0.'],
  [
    { integrations: Array.from({ length: 101 }, () => 'either') },
    'integrations takes 1 to 100 slugs; leave it out for all that are configured. It got 101.',
  ],
])('the list has bounds', async (input, message) => {
  const error = await refuse(input)
  expect(error?.message).toBe(message)
  expect(error?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'integrations' }] })
})

test('another end user than the connection’s is told what was given', async () => {
  const error = await refuse({ connectionId: ids.either, endUserId: 'bob' })
  expect(error?.message).toBe('endUserId got "bob", who is not the end user whose connection is to be repaired.')
})
