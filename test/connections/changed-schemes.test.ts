/** A connection whose integration was changed so that its credential is not enough: refused unsent, with a page to connect again. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { createVisitor } from '../support/visitor.ts'

const call = 'query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status } }'
const refresh = 'mutation($id: ID!) { refreshConnection(input: { id: $id }) { connection { status } } }'
const inspect = 'query($id: ID!) { connection(id: $id) { status connectUrl } }'
const disable = 'mutation($id: ID!) { disableConnection(input: { id: $id }) { connection { connectUrl } } }'
const redefine =
  'mutation($d: JSONObject!) { updateIntegration(input: { definition: $d }) { integration { authSchemes } } }'

let vendor: Upstream
let gateway: TestGateway
beforeEach(async () => {
  vendor = await createUpstream((_request, response) =>
    sendJson(response, { access_token: 'minted', expires_in: 3600 }),
  )
  gateway = await createGateway({ allow: [vendor.host] })
})
afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})

const definition = (auth: object) => ({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, auth: [auth] })
const change = (auth: object) => gateway.ask(redefine, { d: definition(auth) })

async function connect(auth: object, credential: object): Promise<string> {
  await gateway.createIntegration(definition(auth))
  return await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
}

/** What the query is refused with, while nothing is sent. */
async function refusalOf(query: string, id: string) {
  const before = vendor.seen.length
  const [error] = (await gateway.run(query, { id })).errors ?? []
  expect(vendor.seen).toHaveLength(before)
  const { code, connectUrl } = { ...error?.extensions }
  return { code, message: error?.message, connectUrl }
}

describe('a scheme that was dropped', () => {
  const oauth2 = { scheme: 'oauth2', tokenUrl: 'https://acme.example/token' }
  const apiKey = { scheme: 'apiKey', inject: { headers: { 'x-api-key': '{apiKey}' } } }
  const basic = { scheme: 'basic' }
  const credential = { apiKey: { key: 'k-1' } }
  const message = 'The integration "acme" no longer takes apiKey credentials; connect again.'

  test('leads to a page on which the end user connects again', async () => {
    const id = await connect(apiKey, credential)
    expect((await gateway.ask(inspect, { id })).connection).toEqual({ status: 'ACTIVE', connectUrl: null })
    await change(basic)
    const { connectUrl, ...refusal } = await refusalOf(call, id)
    expect(refusal).toEqual({ code: 'CONNECTION_NEEDS_REAUTH', message })
    const visitor = createVisitor()
    const page = await visitor.visit(String(connectUrl))
    const input = { 'credential.username': 'ann', 'credential.password': 'p-1' }
    expect((await visitor.submit(page, { integration: 'acme', scheme: 'basic', ...input })).status).toBe(200)
    expect((await gateway.ask(call, { id })).passthrough.status).toBe(200)
    expect(vendor.seen.at(-1)?.headers.authorization).toBe(`Basic ${btoa('ann:p-1')}`)
    expect((await gateway.ask(inspect, { id })).connection).toEqual({ status: 'ACTIVE', connectUrl: null })
  })

  test('leads there from the connection, too, unless the workspace switched it off', async () => {
    const id = await connect(apiKey, credential)
    await change(basic)
    const { status, connectUrl } = (await gateway.ask(inspect, { id })).connection
    expect(status).toBe('ACTIVE')
    expect((await createVisitor().visit(connectUrl)).html).toContain('Password')
    expect((await gateway.ask(disable, { id })).disableConnection.connection.connectUrl).toBeNull()
  })

  test('leads there from refreshConnection', async () => {
    const id = await connect(oauth2, { oauth2: { accessToken: 'a-1', refreshToken: 'r-1' } })
    await change(basic)
    const { connectUrl, ...refusal } = await refusalOf(refresh, id)
    expect(refusal).toEqual({ code: 'CONNECTION_NEEDS_REAUTH', message: message.replace('apiKey', 'oauth2') })
    expect((await createVisitor().visit(String(connectUrl))).status).toBe(200)
  })

  test('leads nowhere while the integration has no way to connect', async () => {
    const id = await connect(apiKey, credential)
    await change(oauth2)
    expect(await refusalOf(call, id)).toEqual({ code: 'CONNECTION_NEEDS_REAUTH', message, connectUrl: undefined })
    expect((await gateway.ask(inspect, { id })).connection).toEqual({ status: 'ACTIVE', connectUrl: null })
  })
})

describe('a field that the credential has not', () => {
  const key = { title: 'API key' }
  const headers = (fields: object, inject: object) => ({ scheme: 'headers', fields, inject: { headers: inject } })
  const lacks = (titles: string) =>
    `The integration asks for more than the credential has, which lacks ${titles}; its end user has to connect again.`
  const given = { headers: { fields: { key: 'k-1' } } }

  test.each<[string, object, object, string]>([
    ['was renamed', { secret: { title: 'Secret key' } }, { 'x-key': '{secret}' }, 'Secret key'],
    ['was added', { key, org: { title: 'Org id' } }, { 'x-key': '{key}', 'x-org': '{org}' }, 'Org id'],
    [
      'is named as what every object has',
      { key, constructor: { title: 'Maker' }, toString: { title: 'Text' } },
      { 'x-key': '{key}', 'x-made': '{constructor}{toString}' },
      'Text, Maker',
    ],
  ])('because it %s stops the call before it is sent', async (_what, fields, inject, titles) => {
    const id = await connect(headers({ key }, { 'x-key': '{key}' }), given)
    await change(headers(fields, inject))
    const { connectUrl, ...refusal } = await refusalOf(call, id)
    expect(refusal).toEqual({ code: 'CONNECTION_NEEDS_REAUTH', message: lacks(titles) })
    expect((await createVisitor().visit(String(connectUrl))).status).toBe(200)
  })

  test('stops nothing when it is optional, or no template names it', async () => {
    const id = await connect(headers({ key }, { 'x-key': '{key}' }), given)
    const fields = { key, org: { title: 'Org id', optional: true }, spare: { title: 'Spare' } }
    await change(headers(fields, { 'x-key': '{key}', 'x-org': '{org}' }))
    expect((await gateway.ask(call, { id })).passthrough.status).toBe(200)
    const sent = vendor.seen.at(-1)?.headers
    expect([sent?.['x-key'], sent?.['x-org']]).toEqual(['k-1', undefined])
  })

  describe('of twoStep', () => {
    const login = (fields: object, tokenParams: object, inject: object = { 'x-token': '{accessToken}' }) => {
      const tokenUrl = `${vendor.url}/token`
      return { scheme: 'twoStep', fields, tokenUrl, tokenParams, lifetimeSeconds: 3600, inject: { headers: inject } }
    }
    const pin = { title: 'PIN' }

    test('stops the call where the request names it', async () => {
      const id = await connect(login({ key }, { k: '{key}' }), { twoStep: { fields: { key: 'k-1' } } })
      await change(login({ key, pin }, { k: '{key}' }, { 'x-token': '{accessToken}', 'x-pin': '{pin}' }))
      expect(await refusalOf(call, id)).toMatchObject({ code: 'CONNECTION_NEEDS_REAUTH', message: lacks('PIN') })
    })

    test('stops the next log-in where that names it, and no call before', async () => {
      const id = await connect(login({ key }, { k: '{key}' }), { twoStep: { fields: { key: 'k-1' } } })
      await change(login({ key, pin }, { k: '{key}', p: '{pin}' }))
      expect((await gateway.ask(call, { id })).passthrough.status).toBe(200)
      const { connectUrl, ...refusal } = await refusalOf(refresh, id)
      expect(refusal).toEqual({ code: 'CONNECTION_NEEDS_REAUTH', message: lacks('PIN') })
      expect((await createVisitor().visit(String(connectUrl))).status).toBe(200)
    })
  })

  test('of jwt stops the call before anything is signed', async () => {
    const entry = (key: string, fields: object) => ({ scheme: 'jwt', fields, algorithm: 'HS256', key })
    const id = await connect(entry('{key}', { key }), { jwt: { fields: { key: 'a secret of 32 characters or so.' } } })
    await change(entry('{secret}', { secret: { title: 'Secret key' } }))
    expect(await refusalOf(call, id)).toMatchObject({ code: 'CONNECTION_NEEDS_REAUTH', message: lacks('Secret key') })
  })
})
