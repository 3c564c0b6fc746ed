/** The address that an end user's browser is sent to says exactly what the protocol wants, whatever an entry adds. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  type AuthorizationRequestParts,
  createAuthorizationRequest,
} from '../../../src/auth/tokens/authorization-request.ts'

const plain: AuthorizationRequestParts = {
  authorizationUrl: 'https://acme.example/authorize',
  clientId: 'client 1',
  redirectUri: 'https://gate.example/oauth/callback',
  scopes: ['a.read', 'b:write'],
}

test('the protocol’s parameters', () => {
  const { url, state, codeVerifier = '' } = createAuthorizationRequest(plain)
  expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
    response_type: 'code',
    client_id: 'client 1',
    redirect_uri: 'https://gate.example/oauth/callback',
    scope: 'a.read b:write',
    state,
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  expect(url).toContain('scope=a.read%20b%3Awrite')
  expect(url).toContain('client_id=client%201')
})

test('state and verifier are 256 random bits each', () => {
  const made = Array.from({ length: 200 }, () => createAuthorizationRequest(plain))
  const secrets = made.flatMap(({ state, codeVerifier }) => [state, codeVerifier ?? ''])
  expect(new Set(secrets).size).toBe(400)
  expect(secrets.filter(secret => Buffer.from(secret, 'base64url').length !== 32)).toEqual([])
})

test('plain sends the verifier itself, none sends nothing', () => {
  const simple = createAuthorizationRequest({ ...plain, pkce: 'plain' })
  expect(new URL(simple.url).searchParams.get('code_challenge')).toBe(simple.codeVerifier)
  expect(new URL(simple.url).searchParams.get('code_challenge_method')).toBe('plain')
  const none = createAuthorizationRequest({ ...plain, pkce: 'none' })
  expect(none.codeVerifier).toBeUndefined()
  expect(none.url).not.toContain('code_challenge')
})

test('a query that the address has stays', () => {
  const { url } = createAuthorizationRequest({
    ...plain,
    authorizationUrl: 'https://acme.example/a?tenant=x%20y&n=1%2B1',
  })
  expect(new URL(url).searchParams.get('tenant')).toBe('x y')
  expect(new URL(url).searchParams.get('n')).toBe('1+1')
})

test('scopes go where the vendor wants them, and nowhere when there are none', () => {
  const slack = createAuthorizationRequest({ ...plain, scopeParam: 'user_scope', scopeSeparator: ',' })
  expect(new URL(slack.url).searchParams.get('user_scope')).toBe('a.read,b:write')
  expect(new URL(slack.url).searchParams.has('scope')).toBe(false)
  expect(createAuthorizationRequest({ ...plain, scopes: [] }).url).not.toContain('scope')
})

describe('an entry’s parameters', () => {
  test('come along', () => {
    const { url } = createAuthorizationRequest({ ...plain, params: { access_type: 'offline', prompt: 'consent' } })
    expect(new URL(url).searchParams.get('access_type')).toBe('offline')
    expect(new URL(url).searchParams.get('prompt')).toBe('consent')
  })

  const mean = {
    state: 'chosen',
    redirect_uri: 'https://evil.example',
    code_challenge: 'known',
    code_challenge_method: 'plain',
    response_type: 'token',
    client_id: 'other',
    scope: 'admin',
  }

  test.each(['params', 'address', 'scopeParam'])('take the place of none of the protocol’s: by %s', way => {
    const request = createAuthorizationRequest({
      ...plain,
      ...(way === 'params' ? { params: mean } : {}),
      ...(way === 'address' ? { authorizationUrl: `${plain.authorizationUrl}?${new URLSearchParams(mean)}` } : {}),
      ...(way === 'scopeParam' ? { scopeParam: 'redirect_uri' } : {}),
    })
    const query = new URL(request.url).searchParams
    expect(query.getAll('state')).toEqual([request.state])
    expect(query.getAll('redirect_uri')).toEqual([plain.redirectUri])
    expect(query.getAll('client_id')).toEqual([plain.clientId])
    expect(query.getAll('response_type')).toEqual(['code'])
    expect(query.getAll('code_challenge_method')).toEqual(['S256'])
    expect(query.getAll('code_challenge')).not.toContain('known')
    if (way !== 'scopeParam') expect(query.getAll('scope')).toEqual(['a.read b:write'])
  })

  test('bring no challenge where there is none', () => {
    const { url } = createAuthorizationRequest({ ...plain, pkce: 'none', params: mean })
    expect(url).not.toContain('code_challenge')
  })
})
