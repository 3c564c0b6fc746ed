/** Schemes whose token the gateway asks for itself, against servers that check what they are sent. */
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'

const call = 'query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status attempts } }'
const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'

/** A vendor whose token endpoint is `/token`; the newest token opens everything else. */
async function createVendor(
  isGood: (request: Recorded) => boolean,
  expiresIn: number | undefined = 3600,
): Promise<Upstream & { readonly state: { token: string; minted: number } }> {
  const state = { token: '', minted: 0 }
  const upstream = await createUpstream((request, response: ServerResponse) => {
    if (!request.url.startsWith('/token')) {
      const isKnown = request.headers.authorization === `Bearer ${state.token}`
      return sendJson(response, { ok: isKnown }, isKnown ? 200 : 401)
    }
    if (!isGood(request)) return sendJson(response, { error: 'invalid_client' }, 401)
    state.minted += 1
    state.token = `minted-${state.minted}`
    sendJson(response, { access_token: state.token, token_type: 'bearer', expires_in: expiresIn })
  })
  return Object.assign(upstream, { state })
}

async function open(vendor: Upstream, auth: object, more: object = {}): Promise<TestGateway> {
  const gateway = await createGateway({ allow: [vendor.host] })
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, auth: [auth], ...more })
  return gateway
}

describe('clientCredentials', () => {
  const credential = { clientCredentials: { clientId: 'id-1', clientSecret: 'sécret:1+ 2', scopes: ['a', 'b'] } }

  const isClient = ({ headers, text }: Recorded) => {
    // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
    const [id, secret] = Buffer.from(headers.authorization?.slice(6) ?? '', 'base64')
      .toString()
      .split(':')
    const decoded = new URLSearchParams(`id=${id}&secret=${secret}`)
    const form = new URLSearchParams(text)
    const isProved = decoded.get('id') === 'id-1' && decoded.get('secret') === 'sécret:1+ 2'
    return isProved && form.get('grant_type') === 'client_credentials' && form.get('scope') === 'a b'
  }

  test('asks at creation, and again when the token ended or is refused', async () => {
    await using vendor = await createVendor(isClient)
    await using gateway = await open(vendor, { scheme: 'clientCredentials', tokenUrl: `${vendor.url}/token` })
    const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
    expect(vendor.state.minted).toBe(1)
    expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
    vendor.state.token = 'revoked meanwhile'
    expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, attempts: 2 })
    expect(vendor.state.minted).toBe(2)
    const refresh = 'mutation($id: ID!) { refreshConnection(input: { id: $id }) { connection { status } } }'
    expect((await gateway.ask(refresh, { id })).refreshConnection.connection.status).toBe('ACTIVE')
    expect(vendor.state.minted).toBe(3)
  })

  test('with a wrong secret is refused before anything is stored', async () => {
    await using vendor = await createVendor(() => false)
    await using gateway = await open(vendor, { scheme: 'clientCredentials', tokenUrl: `${vendor.url}/token` })
    const { errors, text } = await gateway.run(create, { i: { integration: 'acme', endUserId: 'ann', credential } })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'credential' }] })
    expect(text).toContain('invalid_client')
    expect(text + gateway.log()).not.toContain('sécret')
    expect((await gateway.ask('{ connections(first: 1) { nodes { id } } }')).connections.nodes).toEqual([])
  })

  test('is stored while the token endpoint is away, and the first call asks', async () => {
    let isAway = true
    await using vendor = await createUpstream((request, response) => {
      if (!request.url.startsWith('/token'))
        return sendJson(response, {}, request.headers.authorization === 'Bearer t' ? 200 : 401)
      if (isAway) return sendJson(response, {}, 503)
      sendJson(response, { access_token: 't', token_type: 'bearer' })
    })
    await using gateway = await open(vendor, { scheme: 'clientCredentials', tokenUrl: `${vendor.url}/token` })
    const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
    isAway = false
    expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
  })
})

describe('twoStep', () => {
  const fields = {
    username: { title: 'User', secret: false },
    password: { title: 'Password' },
    tenant: { title: 'Tenant', optional: true },
  }
  const credential = { twoStep: { fields: { username: 'ann', password: 'pä"ss' } } }

  test('posts the fields as JSON, finds the token where the entry says, and logs in again when it ended', async () => {
    await using vendor = await createUpstream((request, response) => {
      if (request.url === '/session?kind=api') {
        const body = JSON.parse(request.text)
        const isGood =
          body.user === 'ann' && body.pass === 'pä"ss' && !('tenant' in body) && request.headers['x-app'] === 'gate'
        return sendJson(response, isGood ? { data: { session: { key: 'k-1' } } } : { error: 'no' }, isGood ? 200 : 401)
      }
      sendJson(response, {}, request.headers['x-session'] === 'k-1' && request.headers['x-user'] === 'ann' ? 200 : 401)
    })
    const auth = {
      scheme: 'twoStep',
      fields,
      tokenUrl: `${vendor.url}/session`,
      tokenQuery: { kind: 'api' },
      tokenHeaders: { 'x-app': 'gate' },
      tokenParams: { user: '{username}', pass: '{password}', tenant: '{tenant}' },
      tokenRequest: 'json',
      tokenAnswer: { accessToken: '$.data.session.key' },
      lifetimeSeconds: 1,
      inject: { headers: { 'x-session': '{accessToken}', 'x-user': '{username}' } },
    }
    await using gateway = await open(vendor, auth)
    const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
    expect((await gateway.ask(call, { id })).passthrough.status).toBe(200)
    await new Promise(resolve => setTimeout(resolve, 1_100))
    expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
    expect(vendor.seen.filter(({ url }) => url.startsWith('/session'))).toHaveLength(2)
  })

  test.each([
    [{ username: 'ann' }, 'credential.twoStep.fields.password'],
    [{ username: 'ann', password: 'x', other: 'y' }, 'credential.twoStep.fields.other'],
  ])('refuses %o', async (given, field) => {
    await using vendor = await createVendor(() => true)
    const auth = { scheme: 'twoStep', fields, tokenUrl: `${vendor.url}/token`, tokenParams: { p: '{password}' } }
    await using gateway = await open(vendor, auth)
    const input = { integration: 'acme', endUserId: 'ann', credential: { twoStep: { fields: given } } }
    const { errors } = await gateway.run(create, { i: input })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field }] })
    expect(vendor.seen).toHaveLength(0)
  })
})

describe('headers', () => {
  test('puts each text in its place, and leaves out what is absent', async () => {
    await using upstream = await createUpstream()
    const auth = {
      scheme: 'headers',
      fields: { apiKey: { title: 'API key' }, appKey: { title: 'App key' }, org: { title: 'Org', optional: true } },
      inject: { headers: { 'dd-api-key': '{apiKey}', 'dd-application-key': '{appKey}', 'dd-org': '{org}' } },
    }
    await using gateway = await open(upstream, auth)
    const credential = { headers: { fields: { apiKey: 'a-1', appKey: 'b-2' } } }
    const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
    await gateway.ask(call, { id })
    expect(upstream.seen[0]?.headers).toMatchObject({ 'dd-api-key': 'a-1', 'dd-application-key': 'b-2' })
    expect(upstream.seen[0]?.headers).not.toHaveProperty('dd-org')
  })
})

test('the address of a token endpoint needs what it names', async () => {
  await using vendor = await createVendor(() => true)
  const config = { tenant: { title: 'Tenant', pattern: '[a-z]+', example: 'acme' } }
  const auth = { scheme: 'clientCredentials', tokenUrl: `${vendor.url}/token/{tenant}` }
  await using gateway = await open(vendor, auth, { config })
  const credential = { clientCredentials: { clientId: 'i', clientSecret: 's' } }
  const input = { integration: 'acme', endUserId: 'ann', credential }
  const { errors } = await gateway.run(create, { i: input })
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'config.tenant' }] })
  await gateway.createConnection({ ...input, config: { tenant: 'acme' } })
  expect(vendor.seen[0]?.url).toBe('/token/acme')
})

test('an end user’s value never decides to which host a client secret goes', async () => {
  await using vendor = await createVendor(() => true)
  await using gateway = await createGateway({ allow: [vendor.host] })
  const define = 'mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { slug } } }'
  const definition = {
    slug: 'open-host',
    name: 'Open host',
    baseUrl: 'https://api.example.com',
    config: { host: { title: 'Host', example: 'a.example.com' } },
    auth: [{ scheme: 'clientCredentials', tokenUrl: 'https://{host}/token' }],
  }
  const { errors } = await gateway.run(define, { d: definition })
  expect(errors?.[0]?.extensions).toMatchObject({
    code: 'INVALID_INPUT',
    details: [{ field: 'definition.auth.0.tokenUrl' }],
  })
})
