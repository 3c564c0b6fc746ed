/** Revocation (RFC 7009) as vendors answer it: done, gone already, not now, not so. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { revokeToken } from '../../../src/auth/tokens/revocation.ts'
import type { ClientAuthentication, OAuthClientFacts } from '../../../src/auth/tokens/token-endpoint.ts'
import { loopbackFetch } from '../../support/loopback-fetch.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../../support/upstream.ts'
import { tokenRefusal } from './token-refusal.ts'

const client: OAuthClientFacts = { clientId: 'c1', clientSecret: 'a-client-secret' }
let vendor: Upstream
let reply: (request: Recorded, response: ServerResponse) => void
let before = 0

beforeAll(async () => {
  vendor = await createUpstream((request, response) => reply(request, response))
})
afterAll(() => vendor[Symbol.asyncDispose]())
beforeEach(() => {
  before = vendor.seen.length
  reply = (_request, response) => response.writeHead(200).end()
})

test('names the token, what it is, and who asks', async () => {
  await revoke('body')
  const [request] = vendor.seen.slice(before)
  expect(request).toMatchObject({ method: 'POST', url: '/revoke' })
  expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded')
  expect(Object.fromEntries(new URLSearchParams(request?.text))).toEqual({
    token: 'the-token-to-revoke',
    token_type_hint: 'refresh_token',
    client_id: 'c1',
    client_secret: 'a-client-secret',
  })
})

test('goes without a client where there is none', async () => {
  await revoke(undefined, null)
  const [request] = vendor.seen.slice(before)
  expect(request?.headers).not.toHaveProperty('authorization')
  expect(request?.text).toBe('token_type_hint=refresh_token&token=the-token-to-revoke')
})

test('gives way from basic to body where nothing was said', async () => {
  reply = (request, response) =>
    'authorization' in request.headers
      ? sendJson(response, { error: 'invalid_client' }, 401)
      : response.writeHead(200).end()
  await revoke(undefined)
  expect(vendor.seen.slice(before)).toHaveLength(2)
})

describe('is done', () => {
  test.each([
    [200, ''],
    [200, '<html>whatever</html>'],
    [200, '{"error":"invalid_grant"}'],
    [204, ''],
    [400, '{"error":"invalid_token","error_description":"Token expired or revoked"}'],
  ])('by %i %s', async (status, body) => {
    reply = (_request, response) => sendJson(response, body, status)
    await expect(revoke('basic')).resolves.toBeUndefined()
    expect(vendor.seen.slice(before)).toHaveLength(1)
  })
})

describe('is not done', () => {
  test.each([
    [503, '', 'unavailable', undefined],
    [500, '{"error":"invalid_token_store"}', 'unavailable', 'invalid_token_store'],
    [429, '', 'unavailable', undefined],
    [302, '', 'unavailable', undefined],
    [404, 'not found', 'unavailable', undefined],
    [400, '{"error":"unsupported_token_type"}', 'misconfigured', 'unsupported_token_type'],
    [401, '{"error":"invalid_client"}', 'misconfigured', 'invalid_client'],
    [403, '{"error":"unauthorized_client"}', 'misconfigured', 'unauthorized_client'],
  ])('by %i %s', async (status, body, kind, error) => {
    reply = (_request, response) => sendJson(response, body, status)
    expect(await tokenRefusal(revoke('basic'))).toMatchObject({ kind, error, status })
  })

  test('for now, and the vendor says until when', async () => {
    reply = (_request, response) => response.writeHead(503, { 'retry-after': '5' }).end('the-token-to-revoke')
    const error = await tokenRefusal(revoke('basic'))
    expect(error).toMatchObject({ kind: 'unavailable', retryAfterMs: 5000 })
    expect(error.message).toBe('The revocation endpoint answered 503 without saying why.')
  })

  test('when nobody answers: that is the gateway’s own error', async () => {
    reply = (_request, response) => response.destroy()
    await expect(revoke('basic')).rejects.toMatchObject({ name: 'GatewayError', code: 'UPSTREAM_UNREACHABLE' })
  })
})

function revoke(how: ClientAuthentication | undefined, by: OAuthClientFacts | null = client): Promise<void> {
  return revokeToken(
    `${vendor.url}/revoke`,
    by ?? undefined,
    'the-token-to-revoke',
    'refresh_token',
    how,
    loopbackFetch,
  )
}
