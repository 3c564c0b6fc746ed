/** Tokens for what was signed or typed: the requests as vendors document them, and their answers. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { exchangeAssertion, exchangeBearerJwt, requestTwoStep } from '../../../src/auth/tokens/assertions.ts'
import type { TokenEndpoint } from '../../../src/auth/tokens/token-endpoint.ts'
import { loopbackFetch } from '../../support/loopback-fetch.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../../support/upstream.ts'
import { tokenRefusal } from './token-refusal.ts'

const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMjMifQ.c2lnbmF0dXJl'
let vendor: Upstream
let reply: (response: ServerResponse) => void

beforeAll(async () => {
  vendor = await createUpstream((_request, response) => reply(response))
})
afterAll(() => vendor[Symbol.asyncDispose]())
beforeEach(() => {
  reply = response => sendJson(response, { access_token: 't1', expires_in: 3600 })
})

describe('an assertion (RFC 7523 §2.1)', () => {
  test('goes without a client, as Google has it', async () => {
    const grant = await exchangeAssertion(endpoint(), jwt, {}, undefined, loopbackFetch)
    expect(grant.accessToken).toBe('t1')
    expect(last().headers).not.toHaveProperty('authorization')
    expect(form()).toEqual({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: jwt })
  })

  test('goes with a client and scopes, where the vendor wants them', async () => {
    const client = { clientId: 'c1', clientSecret: 'a-client-secret' }
    const asked = endpoint({ clientAuthentication: 'body', tokenParams: { requested_token_use: 'on_behalf_of' } })
    await exchangeAssertion(asked, jwt, { scopes: ['a', 'b'] }, client, loopbackFetch)
    expect(form()).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: jwt,
      scope: 'a b',
      requested_token_use: 'on_behalf_of',
      client_id: 'c1',
      client_secret: 'a-client-secret',
    })
  })

  test('that is refused is over', async () => {
    reply = response => sendJson(response, { error: 'invalid_grant', error_description: `bad ${jwt}` }, 400)
    const error = await tokenRefusal(exchangeAssertion(endpoint(), jwt, {}, undefined, loopbackFetch))
    expect(error).toMatchObject({ kind: 'refused', error: 'invalid_grant' })
    expect(error.message).toBe('The token endpoint answered 400: invalid_grant: bad ***')
  })
})

describe('a JWT as a bearer token', () => {
  const answer = { accessToken: '$.token', expiresAt: '$.expires_at' }

  test('is posted without a body, and GitHub’s answer is read', async () => {
    const expiresAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000)
    const body = { token: 'ghs_16C7e42F', expires_at: expiresAt.toISOString().replace('.000', ''), permissions: {} }
    reply = response => sendJson(response, body, 201)
    const headers = { accept: 'application/vnd.github+json', authorization: 'Basic entry' }
    const grant = await exchangeBearerJwt(endpoint({ answer, headers }), jwt, {}, loopbackFetch)
    expect(grant).toEqual({
      accessToken: 'ghs_16C7e42F',
      expiresAt,
      answer: body,
      refreshToken: undefined,
      scopes: undefined,
    })
    expect(last()).toMatchObject({ method: 'POST', url: '/token', text: '' })
    expect(last().headers).toMatchObject({
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${jwt}`,
      'user-agent': 'passgate',
    })
  })

  test.each([
    [undefined, '{"repositories":["a"]}'],
    ['PUT', '{}'],
  ])('with a body (%s): %s', async (method, body) => {
    await exchangeBearerJwt(endpoint(), jwt, { method, body }, loopbackFetch)
    expect(last()).toMatchObject({ method: method ?? 'POST', text: body })
    expect(last().headers['content-type']).toBe('application/json')
  })

  test.each([
    ['json', 'application/json', '{"tenant":"a b"}'],
    [undefined, 'application/x-www-form-urlencoded', 'tenant=a+b'],
  ] as const)('with the entry’s parameters as a body (%s)', async (requestFormat, type, text) => {
    await exchangeBearerJwt(endpoint({ tokenParams: { tenant: 'a b' }, requestFormat }), jwt, {}, loopbackFetch)
    expect(last()).toMatchObject({ text })
    expect(last().headers['content-type']).toBe(type)
  })

  test('that is refused without a code ends nothing: our clock may be wrong', async () => {
    reply = response => sendJson(response, { message: "'Expiration time' claim ('exp') is too far in the future" }, 401)
    const error = await tokenRefusal(exchangeBearerJwt(endpoint({ answer }), jwt, {}, loopbackFetch))
    expect(error).toMatchObject({ kind: 'misconfigured', status: 401 })
    expect(error.message).toContain("'Expiration time' claim")
  })
})

describe('a log-in of two steps', () => {
  test('is sent as it is written', async () => {
    reply = response => sendJson(response, { data: { session: { token: 't2', ttl: 90 } } })
    const answer = { accessToken: '$.data.session.token', expiresIn: '$.data.session.ttl' }
    const request = {
      method: 'PUT',
      url: `${vendor.url}/login?v=1`,
      headers: { 'Content-Type': 'application/json', 'X-Api-Key': 'k1' },
      body: '{"user":"bob","password":"pass"}',
    }
    const before = Date.now()
    const grant = await requestTwoStep(request, endpoint({ answer }), loopbackFetch)
    expect(grant.accessToken).toBe('t2')
    expect(grant.expiresAt?.getTime()).toBeGreaterThanOrEqual(before + 90_000)
    expect(last()).toMatchObject({ method: 'PUT', url: '/login?v=1', text: request.body })
    expect(last().headers).toMatchObject({
      'content-type': 'application/json',
      'x-api-key': 'k1',
      accept: 'application/json',
    })
  })

  test('may be a GET without a body, whose token is good for as long as the entry says', async () => {
    reply = response => sendJson(response, { access_token: 't3' })
    const before = Date.now()
    const request = { method: 'GET', url: `${vendor.url}/login?key=k1`, headers: {} }
    const grant = await requestTwoStep(request, endpoint({ lifetimeSeconds: 60 }), loopbackFetch)
    expect(grant.expiresAt?.getTime()).toBeGreaterThanOrEqual(before + 60_000)
    expect(last()).toMatchObject({ method: 'GET', url: '/login?key=k1', text: '' })
  })
})

function endpoint(more: Partial<TokenEndpoint> = {}): TokenEndpoint {
  return { tokenUrl: `${vendor.url}/token`, ...more }
}

function last(): Recorded {
  const request = vendor.seen.at(-1)
  if (request === undefined) throw new Error('nothing was sent')
  return request
}

function form(): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(last().text))
}
