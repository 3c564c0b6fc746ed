/** The authorization code grant with PKCE against a real authorization server: each kind of client, and each thing that may be wrong. */
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchangeCode } from '../../../src/auth/tokens/grants.ts'
import type { TokenEndpoint } from '../../../src/auth/tokens/token-endpoint.ts'
import { loopbackFetch } from '../../support/loopback-fetch.ts'
import { type OidcServer, startOidc } from '../../support/oidc.ts'
import { askUserinfo, connectAt, consentAt, redirectUri } from './oidc-session.ts'
import { tokenRefusal } from './token-refusal.ts'

let server: OidcServer
let endpoint: TokenEndpoint
const { privateKey: rsa, publicKey: rsaPublic } = generateKeyPairSync('rsa', { modulusLength: 2048 })

beforeAll(async () => {
  const byRsa = {
    client_id: 'rsa-client',
    application_type: 'native',
    redirect_uris: ['http://127.0.0.1/oauth/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...rsaPublic.export({ format: 'jwk' }), kid: 'of-2026', use: 'sig' }] },
  }
  server = await startOidc({ accessTokenSeconds: 60, clients: [byRsa] })
  endpoint = { tokenUrl: server.tokenUrl }
})
afterAll(() => server[Symbol.asyncDispose]())

describe('a code becomes tokens that the vendor takes', () => {
  test.each([
    ['basic', 'basic'],
    ['basic', undefined],
    ['odd', 'basic'],
    ['odd', undefined],
    ['post', 'body'],
    ['post', undefined],
    ['public', 'none'],
    ['public', undefined],
    ['jwt', 'privateKeyJwt'],
    ['jwt', undefined],
  ] as const)('for the %s client, authenticated by %s', async (name, clientAuthentication) => {
    const before = Date.now()
    const grant = await connectAt(server, server.clients[name], { ...endpoint, clientAuthentication })
    expect(await askUserinfo(server, grant.accessToken)).toEqual({
      status: 200,
      body: { sub: 'bob', email: 'bob@example.com' },
    })
    expect(grant.scopes).toEqual(['openid', 'email', 'contacts.read'])
    expect(grant.expiresAt?.getTime()).toBeGreaterThanOrEqual(before + 60_000)
    expect(grant.expiresAt?.getTime()).toBeLessThanOrEqual(Date.now() + 60_000)
  })

  test.each([
    ['PKCS#8', rsa.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['PKCS#1', rsa.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['PEM with escaped line ends', rsa.export({ type: 'pkcs8', format: 'pem' }).toString().replaceAll('\n', '\\n')],
    ['JWK', JSON.stringify(rsa.export({ format: 'jwk' }))],
  ])('for an RSA key as %s, named by its id', async (_form, privateKey) => {
    const client = { clientId: 'rsa-client', privateKey, keyId: 'of-2026' }
    const grant = await connectAt(server, client, endpoint)
    expect((await askUserinfo(server, grant.accessToken)).status).toBe(200)
  })
})

describe('no token', () => {
  test('for a wrong verifier, and the code is void then', async () => {
    const client = server.clients.basic
    const { code, codeVerifier } = await consentAt(server, client)
    const wrong = { code, codeVerifier: 'x'.repeat(43), redirectUri }
    const error = await tokenRefusal(exchangeCode(endpoint, client, wrong, loopbackFetch))
    expect(error).toMatchObject({ kind: 'refused', error: 'invalid_grant', status: 400 })
    expect(error.message).toBe('The token endpoint answered 400: invalid_grant: grant request is invalid')
    const missing = { code, redirectUri }
    expect(await tokenRefusal(exchangeCode(endpoint, client, missing, loopbackFetch))).toMatchObject({
      kind: 'refused',
    })
    expect(codeVerifier).toHaveLength(43)
  })

  test('for a code that was used, and what came of it ends', async () => {
    const client = server.clients.basic
    const back = { ...(await consentAt(server, client)), redirectUri }
    const grant = await exchangeCode(endpoint, client, back, loopbackFetch)
    const error = await tokenRefusal(exchangeCode(endpoint, client, back, loopbackFetch))
    expect(error).toMatchObject({ kind: 'refused', error: 'invalid_grant' })
    expect((await askUserinfo(server, grant.accessToken)).status).toBe(401)
  })

  test('for another redirect URI than the one that was asked with', async () => {
    const client = server.clients.basic
    const back = { ...(await consentAt(server, client)), redirectUri: 'http://127.0.0.1:4000/elsewhere' }
    const error = await tokenRefusal(exchangeCode(endpoint, client, back, loopbackFetch))
    expect(error).toMatchObject({ kind: 'refused', error: 'invalid_grant' })
  })

  test('for the code of another client', async () => {
    const back = { ...(await consentAt(server, server.clients.basic)), redirectUri }
    const error = await tokenRefusal(exchangeCode(endpoint, server.clients.post, back, loopbackFetch))
    expect(error).toMatchObject({ kind: 'refused', error: 'invalid_grant' })
  })

  test.each(['basic', 'body', undefined] as const)(
    'for a wrong secret (%s), which the workspace has to mend; the code stays good',
    async clientAuthentication => {
      const client = clientAuthentication === 'body' ? server.clients.post : server.clients.basic
      const back = { ...(await consentAt(server, client)), redirectUri }
      const wrong = { ...client, clientSecret: 'not-the-secret-of-this-client' }
      const asked = exchangeCode({ ...endpoint, clientAuthentication }, wrong, back, loopbackFetch)
      const error = await tokenRefusal(asked)
      expect(error).toMatchObject({ kind: 'misconfigured', error: 'invalid_client', status: 401 })
      expect(error.message).not.toContain('not-the-secret')
      const grant = await exchangeCode({ ...endpoint, clientAuthentication }, client, back, loopbackFetch)
      expect((await askUserinfo(server, grant.accessToken)).status).toBe(200)
    },
  )

  test('for a signature by another key', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const client = { clientId: 'jwt-client', privateKey: privateKey.export({ type: 'sec1', format: 'pem' }).toString() }
    const back = { ...(await consentAt(server, client)), redirectUri }
    const error = await tokenRefusal(exchangeCode(endpoint, client, back, loopbackFetch))
    expect(error).toMatchObject({ kind: 'misconfigured', error: 'invalid_client' })
  })

  test('for an end user who says no', async () => {
    server.consent = 'deny'
    const error = await tokenRefusal(consentAt(server, server.clients.basic)).finally(() => {
      server.consent = 'give'
    })
    expect(error).toMatchObject({ kind: 'refused', error: 'access_denied' })
    expect(error.message).toBe('The vendor gave no consent: access_denied: The end user said no.')
  })
})
