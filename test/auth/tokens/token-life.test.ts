/** What comes after the first token, against a real authorization server: refresh, rotation, reuse, revocation, outages. */
import { afterEach, expect, test, vi } from 'vitest'
import { refreshTokens, requestClientCredentials } from '../../../src/auth/tokens/grants.ts'
import { revokeToken } from '../../../src/auth/tokens/revocation.ts'
import { loopbackFetch } from '../../support/loopback-fetch.ts'
import { type OidcServer, startOidc } from '../../support/oidc.ts'
import { askUserinfo, connectAt } from './oidc-session.ts'
import { tokenRefusal } from './token-refusal.ts'

afterEach(() => vi.useRealTimers())

test('a refresh rotates the refresh token, and the new one is good for the next', async () => {
  await using server = await startOidc()
  const first = await connectAt(server, server.clients.basic)
  const second = await refresh(server, first.refreshToken)
  expect(second.refreshToken).not.toBe(first.refreshToken)
  expect(second.accessToken).not.toBe(first.accessToken)
  const third = await refresh(server, second.refreshToken)
  expect((await askUserinfo(server, third.accessToken)).status).toBe(200)
  expect(server.countTokenRequests('refresh_token')).toBe(2)
  expect(server.countTokenRequests()).toBe(3)
})

test('a refresh token that is used twice is refused, and takes the newest tokens along', async () => {
  await using server = await startOidc()
  const first = await connectAt(server, server.clients.basic)
  const second = await refresh(server, first.refreshToken)
  expect(await tokenRefusal(refresh(server, first.refreshToken))).toMatchObject({
    kind: 'refused',
    error: 'invalid_grant',
    status: 400,
  })
  expect((await askUserinfo(server, second.accessToken)).status).toBe(401)
  expect(await tokenRefusal(refresh(server, second.refreshToken))).toMatchObject({ kind: 'refused' })
})

test('within a grace the spent refresh token is taken again', async () => {
  await using server = await startOidc({ graceSeconds: 60 })
  const first = await connectAt(server, server.clients.basic)
  const second = await refresh(server, first.refreshToken)
  const again = await refresh(server, first.refreshToken)
  expect((await askUserinfo(server, second.accessToken)).status).toBe(200)
  expect((await askUserinfo(server, again.accessToken)).status).toBe(200)
})

test('a server that does not rotate gives the same refresh token again', async () => {
  await using server = await startOidc({ rotate: false })
  const first = await connectAt(server, server.clients.public)
  const second = await refreshTokens(
    { tokenUrl: server.tokenUrl },
    server.clients.public,
    first.refreshToken,
    {},
    loopbackFetch,
  )
  expect(second.refreshToken).toBe(first.refreshToken)
})

test('an access token that ended is a 401, and a refresh brings one that is good', async () => {
  await using server = await startOidc({ accessTokenSeconds: 60 })
  const first = await connectAt(server, server.clients.basic)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
  expect((await askUserinfo(server, first.accessToken)).status).toBe(401)
  const second = await refresh(server, first.refreshToken)
  expect((await askUserinfo(server, second.accessToken)).status).toBe(200)
})

test('fewer scopes can be asked for, more are the mistake of the settings', async () => {
  await using server = await startOidc()
  const client = server.clients.basic
  const first = await connectAt(server, client)
  const endpoint = { tokenUrl: server.tokenUrl }
  const more = refreshTokens(endpoint, client, first.refreshToken, { scopes: ['contacts.write'] }, loopbackFetch)
  expect(await tokenRefusal(more)).toMatchObject({ kind: 'misconfigured', error: 'invalid_scope' })
  const fewer = await refreshTokens(endpoint, client, first.refreshToken, { scopes: ['openid'] }, loopbackFetch)
  expect(fewer.scopes).toEqual(['openid'])
})

test('an outage ends nothing: the same refresh token is good afterwards', async () => {
  await using server = await startOidc()
  const first = await connectAt(server, server.clients.basic)
  server.failTokenRequests({ status: 503, headers: { 'retry-after': '7' }, body: '{"error":"invalid_grant"}' })
  expect(await tokenRefusal(refresh(server, first.refreshToken))).toMatchObject({
    kind: 'unavailable',
    status: 503,
    retryAfterMs: 7000,
  })
  server.heal()
  const second = await refresh(server, first.refreshToken)
  expect((await askUserinfo(server, second.accessToken)).status).toBe(200)
  expect(server.tokenRequests.map(({ status }) => status)).toEqual([200, 503, 200])
})

test('consent that was withdrawn is refused', async () => {
  await using server = await startOidc()
  const first = await connectAt(server, server.clients.basic)
  server.withdrawConsent('bob')
  expect(await tokenRefusal(refresh(server, first.refreshToken))).toMatchObject({
    kind: 'refused',
    error: 'invalid_grant',
  })
})

test.each(['basic', 'post', 'jwt'] as const)('the %s client gets a token of its own', async name => {
  await using server = await startOidc()
  const client = server.clients[name]
  const scopes = { scopes: ['contacts.read', 'contacts.write'] }
  const grant = await requestClientCredentials({ tokenUrl: server.tokenUrl }, client, scopes, loopbackFetch)
  expect(grant).toMatchObject({ scopes: ['contacts.read', 'contacts.write'], refreshToken: undefined })
  const { basic } = server.clients
  const answer = await fetch(server.introspectionUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${basic.clientId}:${basic.clientSecret}`)}` },
    body: new URLSearchParams({ token: grant.accessToken }),
  })
  expect(await answer.json()).toMatchObject({ active: true, client_id: client.clientId })
})

test('a public client gets none: it is not allowed to', async () => {
  await using server = await startOidc()
  const asked = requestClientCredentials({ tokenUrl: server.tokenUrl }, server.clients.public, {}, loopbackFetch)
  expect(await tokenRefusal(asked)).toMatchObject({ kind: 'misconfigured', error: 'invalid_request' })
})

test.each(['basic', 'post', 'public', 'jwt', 'odd'] as const)(
  'what the %s client revokes is over, and may be revoked twice',
  async name => {
    await using server = await startOidc()
    const client = server.clients[name]
    const { accessToken, refreshToken } = await connectAt(server, client)
    const revoke = (token: string, hint: 'access_token' | 'refresh_token') =>
      revokeToken(server.revocationUrl, client, token, hint, undefined, loopbackFetch)
    await revoke(accessToken, 'access_token')
    expect((await askUserinfo(server, accessToken)).status).toBe(401)
    await revoke(refreshToken, 'refresh_token')
    await revoke(refreshToken, 'refresh_token')
    const asked = refreshTokens({ tokenUrl: server.tokenUrl }, client, refreshToken, {}, loopbackFetch)
    expect(await tokenRefusal(asked)).toMatchObject({ kind: 'refused' })
  },
)

test('who has not the secret revokes nothing', async () => {
  await using server = await startOidc()
  const client = server.clients.basic
  const { accessToken } = await connectAt(server, client)
  const wrong = { ...client, clientSecret: 'not-the-secret-of-this-client' }
  const asked = revokeToken(server.revocationUrl, wrong, accessToken, 'access_token', 'basic', loopbackFetch)
  expect(await tokenRefusal(asked)).toMatchObject({ kind: 'misconfigured', error: 'invalid_client' })
  expect((await askUserinfo(server, accessToken)).status).toBe(200)
})

async function refresh(server: OidcServer, refreshToken: string) {
  const { basic } = server.clients
  const grant = await refreshTokens({ tokenUrl: server.tokenUrl }, basic, refreshToken, {}, loopbackFetch)
  if (grant.refreshToken === undefined) throw new Error('the server gave no refresh token')
  return { ...grant, refreshToken: grant.refreshToken }
}
