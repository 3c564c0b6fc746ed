/** What leaves for a token endpoint: who asks and how it is proved, what is asked for, and in which format. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { exchangeCode, refreshTokens, requestClientCredentials } from '../../../src/auth/tokens/grants.ts'
import type { OAuthClientFacts, TokenEndpoint } from '../../../src/auth/tokens/token-endpoint.ts'
import { loopbackFetch } from '../../support/loopback-fetch.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../../support/upstream.ts'
import { tokenRefusal } from './token-refusal.ts'

const client: OAuthClientFacts = { clientId: 'my-client_1.x', clientSecret: 'se-cr_et.1*' }
let vendor: Upstream
let reply: (request: Recorded, response: ServerResponse) => void
let before = 0

beforeAll(async () => {
  vendor = await createUpstream((request, response) => reply(request, response))
})
afterAll(() => vendor[Symbol.asyncDispose]())
beforeEach(() => {
  before = vendor.seen.length
  reply = (_request, response) => sendJson(response, { access_token: 't1' })
})

describe('each grant', () => {
  test('of a code', async () => {
    const back = { code: 'c1', redirectUri: 'https://gate.example/cb', codeVerifier: 'v1' }
    await exchangeCode(endpoint({ clientAuthentication: 'body' }), client, back, loopbackFetch)
    const [request] = sent()
    expect(request).toMatchObject({ method: 'POST', url: '/token' })
    expect(request?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'passgate',
    })
    expect(formOf(request)).toEqual({
      grant_type: 'authorization_code',
      code: 'c1',
      redirect_uri: 'https://gate.example/cb',
      code_verifier: 'v1',
      client_id: client.clientId,
      client_secret: client.clientSecret,
    })
  })

  test('of a refresh token, at an address of its own and with parameters of its own', async () => {
    const more = {
      refreshUrl: `${vendor.url}/refresh?v=2`,
      refreshParams: { audience: 'api' },
      tokenParams: { tenant: 'x' },
    }
    await refreshTokens(
      endpoint({ ...more, clientAuthentication: 'none' }),
      client,
      'r1',
      { scopes: ['a', 'b'] },
      loopbackFetch,
    )
    const [request] = sent()
    expect(request?.url).toBe('/refresh?v=2')
    expect(formOf(request)).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'r1',
      scope: 'a b',
      audience: 'api',
      tenant: 'x',
      client_id: client.clientId,
    })
  })

  test('of a client, with scopes as the vendor separates them', async () => {
    const asked = { scopes: ['a', 'b'] }
    await requestClientCredentials(
      endpoint({ scopeSeparator: ',', refreshParams: { not: 'here' } }),
      client,
      asked,
      loopbackFetch,
    )
    expect(formOf(sent()[0])).toEqual({ grant_type: 'client_credentials', scope: 'a,b' })
  })

  test('no parameter of an entry takes the place of one of the protocol’s', async () => {
    const mean = { grant_type: 'password', refresh_token: 'mine', client_id: 'other', client_secret: 'other' }
    const asked = endpoint({ tokenParams: mean, refreshParams: mean, clientAuthentication: 'body' })
    await refreshTokens(asked, client, 'r1', {}, loopbackFetch)
    expect(formOf(sent()[0])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'r1',
      client_id: client.clientId,
      client_secret: client.clientSecret,
    })
  })

  test('as JSON, where the vendor wants that', async () => {
    await refreshTokens(
      endpoint({ requestFormat: 'json', clientAuthentication: 'body' }),
      client,
      'r1',
      {},
      loopbackFetch,
    )
    const [request] = sent()
    expect(request?.headers['content-type']).toBe('application/json')
    expect(JSON.parse(request?.text ?? '')).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'r1',
      client_id: client.clientId,
      client_secret: client.clientSecret,
    })
  })

  test('with the entry’s headers, whatever case they are in', async () => {
    const headers = { 'Notion-Version': '2022-06-28', Accept: 'application/vnd.acme+json', 'User-Agent': 'Acme/1' }
    await refreshTokens(endpoint({ headers }), client, 'r1', {}, loopbackFetch)
    expect(sent()[0]?.headers).toMatchObject({
      'notion-version': '2022-06-28',
      accept: 'application/vnd.acme+json',
      'user-agent': 'Acme/1',
    })
  })
})

describe('HTTP Basic', () => {
  test('leaves what forms leave, so that servers that decode nothing know the client', async () => {
    await ask({ clientAuthentication: 'basic' })
    expect(basicOf(sent()[0])).toBe('my-client_1.x:se-cr_et.1*')
    expect(formOf(sent()[0])).not.toHaveProperty('client_secret')
  })

  test('is encoded as a form is (RFC 6749 §2.3.1), then tried as it is', async () => {
    const odd = { clientId: 'a:b', clientSecret: 'c+d e/=' }
    reply = (request, response) =>
      basicOf(request) === 'a:b:c+d e/='
        ? sendJson(response, { access_token: 't1' })
        : sendJson(response, { error: 'invalid_client' }, 401)
    await ask({ clientAuthentication: 'basic' }, odd)
    expect(sent().map(basicOf)).toEqual(['a%3Ab:c%2Bd+e%2F%3D', 'a:b:c+d e/='])
  })

  test.each([
    [401, { error: 'invalid_client' }],
    [400, { error: 'invalid_client' }],
    [200, { ok: false, error: 'bad_client_secret' }],
    [401, 'who are you'],
  ])('gives way to the body where nothing was said and the client is refused: %i %j', async (status, body) => {
    reply = (request, response) =>
      'client_secret' in formOf(request)
        ? sendJson(response, { access_token: 't1' })
        : sendJson(response, JSON.stringify(body), status)
    expect(await ask({})).toMatchObject({ accessToken: 't1' })
    expect(sent().map(request => 'authorization' in request.headers)).toEqual([true, false])
  })

  test.each([
    [400, { error: 'invalid_grant' }, 'refused'],
    [400, {}, 'unavailable'],
    [400, { error: 'invalid_request' }, 'misconfigured'],
    [503, { error: 'invalid_client' }, 'unavailable'],
  ])('gives way to nothing when the grant may be spent: %i %j', async (status, body, kind) => {
    if (status === 503) reply = (_request, response) => response.writeHead(503).end()
    else reply = (_request, response) => sendJson(response, JSON.stringify(body), status)
    expect(await tokenRefusal(ask({}))).toMatchObject({ kind })
    expect(sent()).toHaveLength(1)
  })

  test('the second refusal counts where it says more', async () => {
    reply = (request, response) =>
      'client_secret' in formOf(request)
        ? sendJson(response, { error: 'invalid_grant' }, 400)
        : sendJson(response, { error: 'invalid_client' }, 401)
    expect(await tokenRefusal(ask({}))).toMatchObject({ kind: 'refused', error: 'invalid_grant' })
  })

  test('and the first where the second makes no sense', async () => {
    reply = (request, response) =>
      'client_secret' in formOf(request)
        ? sendJson(response, '<html>', 400)
        : sendJson(response, { error: 'invalid_client' }, 401)
    expect(await tokenRefusal(ask({}))).toMatchObject({ kind: 'misconfigured', error: 'invalid_client' })
  })

  test.each(['basic', 'body', 'none'] as const)('what the entry says (%s) is all that is tried', async how => {
    reply = (_request, response) => sendJson(response, { error: 'invalid_client' }, 401)
    expect(await tokenRefusal(ask({ clientAuthentication: how }))).toMatchObject({ kind: 'misconfigured' })
    expect(sent()).toHaveLength(1)
  })
})

describe('a signed assertion', () => {
  test.each([
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['ES512', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['EdDSA', generateKeyPairSync('ed25519').privateKey],
  ])('by %s names client, endpoint and a minute', async (alg, key) => {
    const signing = { clientId: 'c1', privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(), keyId: 'k1' }
    await ask({ clientAuthentication: 'privateKeyJwt' }, signing)
    const form = formOf(sent()[0])
    expect(form).toMatchObject({
      client_id: 'c1',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    const { client_assertion: assertion = '' } = form
    expect(decodeProtectedHeader(assertion)).toEqual({ alg, kid: 'k1' })
    const { payload } = await jwtVerify(assertion, createPublicKey(key), {
      audience: `${vendor.url}/token`,
      issuer: 'c1',
    })
    expect(payload).toMatchObject({ sub: 'c1', exp: (payload.iat ?? 0) + 60 })
    expect(payload).not.toHaveProperty('nbf')
  })

  test('is another one each time, and names the key as its JWK does', async () => {
    const jwk = {
      ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
      kid: 'own',
    }
    const signing = { clientId: 'c1', privateKey: JSON.stringify(jwk) }
    await ask({}, signing)
    await ask({}, signing)
    const [one = '', other = ''] = sent().map(request => {
      const { client_assertion: assertion } = formOf(request)
      return assertion
    })
    expect(decodeProtectedHeader(one)).toMatchObject({ kid: 'own' })
    expect(one).not.toBe(other)
  })

  test.each([
    ['no key', undefined],
    ['a text', 'hunter2hunter2'],
    ['an empty PEM', '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----'],
    ['broken JSON', '{"kty":"RSA"'],
    ['a key of another curve', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey],
    ['a key that cannot sign', generateKeyPairSync('x25519').privateKey],
  ])('with %s is the mistake of the settings, and nothing is sent', async (_case, key) => {
    const text = typeof key === 'object' ? key.export({ type: 'pkcs8', format: 'pem' }).toString() : key
    const error = await tokenRefusal(
      ask({ clientAuthentication: 'privateKeyJwt' }, { clientId: 'c1', privateKey: text }),
    )
    expect(error).toMatchObject({ kind: 'misconfigured', error: undefined })
    expect(error.message).not.toContain('hunter2')
    expect(sent()).toHaveLength(0)
  })
})

test.each(['basic', 'body'] as const)('a client without a secret cannot prove itself by %s', async how => {
  const error = await tokenRefusal(ask({ clientAuthentication: how }, { clientId: 'c1' }))
  expect(error).toMatchObject({ kind: 'misconfigured' })
  expect(error.message).toBe('The token endpoint asks for a client secret, and the client has none.')
  expect(sent()).toHaveLength(0)
})

test('an entry’s own authorization header is what is sent', async () => {
  await ask({ headers: { Authorization: 'Basic entry' }, clientAuthentication: 'body' })
  expect(sent()[0]?.headers.authorization).toBe('Basic entry')
})

test('what the gateway refuses to send stays its own error', async () => {
  const asked = refreshTokens(endpoint({ tokenUrl: 'http://10.0.0.1/token' }), client, 'r1', {}, loopbackFetch)
  await expect(asked).rejects.toMatchObject({ name: 'GatewayError', code: 'DESTINATION_NOT_ALLOWED' })
})

function endpoint(more: Partial<TokenEndpoint>): TokenEndpoint {
  return { tokenUrl: `${vendor.url}/token`, ...more }
}

function ask(more: Partial<TokenEndpoint>, by: OAuthClientFacts = client) {
  return refreshTokens(endpoint(more), by, 'an-old-refresh-token', {}, loopbackFetch)
}

function sent(): readonly Recorded[] {
  return vendor.seen.slice(before)
}

function formOf(request: Recorded | undefined): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(request?.text))
}

function basicOf(request: Recorded | undefined): string {
  return Buffer.from(request?.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString()
}
