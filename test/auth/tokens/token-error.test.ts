/** Why there is no token: what ends a connection, what the workspace has to mend, and what is only for now. */
import type { ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { requestTwoStep } from '../../../src/auth/tokens/assertions.ts'
import { refreshTokens } from '../../../src/auth/tokens/grants.ts'
import type { TokenError } from '../../../src/auth/tokens/token-endpoint.ts'
import { loopbackFetch } from '../../support/loopback-fetch.ts'
import { createUpstream, type Upstream } from '../../support/upstream.ts'
import { tokenRefusal } from './token-refusal.ts'

let vendor: Upstream
let reply: (response: ServerResponse) => void

beforeAll(async () => {
  vendor = await createUpstream((_request, response) => reply(response))
})
afterAll(() => vendor[Symbol.asyncDispose]())
afterEach(() => vi.useRealTimers())

describe('the end user has to connect again', () => {
  test.each([
    [400, { error: 'invalid_grant' }, 'invalid_grant'],
    [401, { error: 'invalid_grant' }, 'invalid_grant'],
    [403, { error: 'invalid_grant' }, 'invalid_grant'],
    [200, { error: 'invalid_grant' }, 'invalid_grant'],
    [400, 'error=invalid_grant&error_description=over', 'invalid_grant'],
    [400, { error: { code: 'invalid_grant', message: 'over' } }, 'invalid_grant'],
    [400, { status: 'BAD_REFRESH_TOKEN', message: 'missing or unknown refresh token' }, 'bad_refresh_token'],
    [400, { error: 'interaction_required', error_codes: [50076] }, 'interaction_required'],
    [200, { error: 'bad_refresh_token', error_description: 'The refresh token is incorrect' }, 'bad_refresh_token'],
    [200, { ok: false, error: 'invalid_refresh_token' }, 'invalid_refresh_token'],
    [200, { ok: false, error: 'invalid_code' }, 'invalid_code'],
    [200, { ok: false, error: 'token_revoked' }, 'token_revoked'],
  ])('%i %j', async (status, body, error) => {
    expect(await refused(status, body)).toMatchObject({ kind: 'refused', error, status })
  })
})

describe('the workspace has to mend its settings', () => {
  test.each([
    [401, { error: 'invalid_client' }, 'invalid_client'],
    [400, { error: 'invalid_client' }, 'invalid_client'],
    [400, { error: 'unauthorized_client' }, 'unauthorized_client'],
    [400, { error: 'invalid_scope' }, 'invalid_scope'],
    [400, { error: 'unsupported_grant_type' }, 'unsupported_grant_type'],
    [400, { error: 'invalid_request' }, 'invalid_request'],
    [403, { error: 'access_denied' }, 'access_denied'],
    [200, { error: 'incorrect_client_credentials' }, 'incorrect_client_credentials'],
    [200, { ok: false, error: 'bad_client_secret' }, 'bad_client_secret'],
    [401, '', undefined],
    [401, '<html>Unauthorized</html>', undefined],
  ])('%i %j', async (status, body, error) => {
    expect(await refused(status, body)).toMatchObject({ kind: 'misconfigured', error, status })
  })
})

describe('it is to be tried again', () => {
  test.each([
    [400, ''],
    [400, '{}'],
    [400, { message: 'Bad Request' }],
    [400, { error: 'something_new' }],
    [400, { error: { code: 400, message: 'Invalid grant, they say in words' } }],
    [400, { error_description: 'invalid_grant' }],
    [403, '<html>blocked</html>'],
    [404, 'not found'],
    [408, { error: 'invalid_grant' }],
    [429, { error: 'invalid_grant' }],
    [500, { error: 'invalid_grant' }],
    [502, '<html>bad gateway</html>'],
    [503, { error: 'invalid_client' }],
    [200, { ok: false, error: 'ratelimited' }],
    [200, { error: { message: 'try later' } }],
  ])('%i %j', async (status, body) => {
    expect(await refused(status, body)).toMatchObject({ kind: 'unavailable', status })
  })
})

describe('a log-in with user name and password', () => {
  test.each([
    [401, '', 'refused'],
    [401, { message: 'Bad credentials' }, 'refused'],
    [401, { error: 'invalid_client' }, 'misconfigured'],
    [403, { message: 'Forbidden' }, 'unavailable'],
    [400, { message: 'Bad Request' }, 'unavailable'],
    [500, '', 'unavailable'],
  ])('%i %j', async (status, body, kind) => {
    answerWith(status, body)
    const request = { method: 'POST', url: `${vendor.url}/login`, headers: {}, body: 'user=bob&password=pass-of-bob' }
    const asked = requestTwoStep(request, { tokenUrl: request.url }, loopbackFetch)
    expect(await tokenRefusal(asked)).toMatchObject({ kind, status })
  })
})

describe('a vendor’s wish to be left alone', () => {
  test.each([
    ['30', 30_000],
    ['0', undefined],
    ['-5', undefined],
    ['soon', undefined],
    ['Sat, 21 Nov 2026 12:00:20 GMT', 20_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', undefined],
    ['86400', 3_600_000],
    ['99999999999999999999', 3_600_000],
  ])('%s', async (header, retryAfterMs) => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-21T12:00:00Z') })
    expect((await refused(429, '', { 'retry-after': header })).retryAfterMs).toBe(retryAfterMs)
  })
})

describe('the message', () => {
  test.each([
    [{ error: 'invalid_grant', error_description: 'Token was revoked.' }, 'invalid_grant: Token was revoked.'],
    [{ error: 'invalid_grant' }, 'invalid_grant'],
    [{ error: { code: 400, status: 'INVALID', message: 'Not so.' } }, 'INVALID: Not so.'],
    [{ error: { type: 'OAuthException', message: 'Session ended.' } }, 'OAuthException: Session ended.'],
    [{ message: 'Not so.' }, 'Not so.'],
    [{ errorCode: 'E1', errorSummary: 'Not so.' }, 'Not so.'],
  ])('of %j', async (body, told) => {
    expect((await refused(400, body)).message).toBe(`The token endpoint answered 400: ${told}`)
  })

  test('forges no line, turns no text and is cut', async () => {
    const body = {
      error: `in\u0000valid\r\n${'x'.repeat(200)}`,
      error_description: `a\r\nb\u202ec\u2028${'d'.repeat(5000)}`,
    }
    const { error, message } = await refused(400, body)
    expect(error).toHaveLength(100)
    expect(error).toMatch(/^in valid x+$/)
    expect(message).toMatch(/: a b c d+$/)
    expect(message.length).toBeLessThanOrEqual(300)
    expect(`${error}${message}`).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u)
  })

  test.each([200, 201])('holds no half of a character where it is cut, %i before', async length => {
    const { message } = await refused(400, { message: `${'x'.repeat(length)}${'🦉'.repeat(50)}` })
    expect(message.isWellFormed()).toBe(true)
  })
})

async function refused(status: number, body: unknown, headers: Record<string, string> = {}): Promise<TokenError> {
  answerWith(status, body, headers)
  const endpoint = { tokenUrl: `${vendor.url}/token`, clientAuthentication: 'body' as const }
  const client = { clientId: 'c', clientSecret: 'a-client-secret' }
  return await tokenRefusal(refreshTokens(endpoint, client, 'an-old-refresh-token', {}, loopbackFetch))
}

function answerWith(status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  reply = response => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}
