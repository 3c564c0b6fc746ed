/** Token answers as vendors really write them, from a server over a socket: what is a token, when it ends, and what is none. */
import type { ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { refreshTokens } from '../../../src/auth/tokens/grants.ts'
import type { TokenEndpoint, TokenGrant } from '../../../src/auth/tokens/token-endpoint.ts'
import { loopbackFetch } from '../../support/loopback-fetch.ts'
import { createUpstream, type Upstream } from '../../support/upstream.ts'
import { tokenRefusal } from './token-refusal.ts'

const now = new Date('2026-11-21T12:00:00.000Z')
let vendor: Upstream
let reply: (response: ServerResponse) => void

beforeAll(async () => {
  vendor = await createUpstream((_request, response) => reply(response))
})
afterAll(() => vendor[Symbol.asyncDispose]())
beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now }))
afterEach(() => vi.useRealTimers())

describe('a token is found', () => {
  test.each([
    ['application/json', '{"access_token":"t1","refresh_token":"r1","token_type":"Bearer"}'],
    ['text/html; charset=utf-8', '{"access_token":"t1","refresh_token":"r1","token_type":"bearer"}'],
    ['text/plain', '\ufeff {"access_token":"t1","refresh_token":"r1","token_type":"BEARER"}\n'],
    ['application/json', '{"access_token":"t1","refresh_token":"r1"}'],
    ['application/json', '{"access_token":"t1","refresh_token":"r1","token_type":"mac"}'],
    ['application/x-www-form-urlencoded', 'access_token=t1&refresh_token=r1&token_type=bearer'],
    ['text/plain', 'access_token=t1&scope=a%2Cb&refresh_token=r1'],
  ])('in %s: %s', async (type, body) => {
    expect(await answered(body, { type })).toMatchObject({ accessToken: 't1', refreshToken: 'r1' })
  })

  test('with any status of success', async () => {
    expect((await answered({ access_token: 't1' }, { status: 201 })).accessToken).toBe('t1')
  })

  test.each([{}, { refresh_token: '' }, { refresh_token: null }, { refresh_token: 7 }, { refresh_token: 'a\nb' }])(
    'and the old refresh token stays: %j',
    async more => expect((await answered({ access_token: 't1', ...more })).refreshToken).toBeUndefined(),
  )

  test('where the entry says that it is', async () => {
    const body = {
      ok: true,
      access_token: 'of the bot',
      authed_user: { access_token: 'of the user', refresh_token: 'r2', scope: 'chat:write,users:read', life: '600' },
    }
    const answer = {
      accessToken: '$.authed_user.access_token',
      refreshToken: "$['authed_user']['refresh_token']",
      scope: '$.authed_user.scope',
      expiresIn: '$.authed_user.life',
    }
    expect(await answered(body, {}, { answer })).toEqual({
      accessToken: 'of the user',
      refreshToken: 'r2',
      scopes: ['chat:write', 'users:read'],
      expiresAt: after(600),
      answer: body,
    })
  })

  test('and the whole answer is kept, its large numbers aside', async () => {
    const body = { access_token: 't1', instance_url: 'https://eu1.acme.example', id: 7 }
    expect((await answered(body)).answer).toEqual(body)
  })

  test('at most 16384 characters long', async () => {
    expect((await answered({ access_token: 'x'.repeat(16_384) })).accessToken).toHaveLength(16_384)
  })
})

describe('there is no token in', () => {
  test.each([
    ['an HTML page', '<html><body>access_token=t1</body></html>'],
    ['nothing', ''],
    ['a text', 'OK'],
    ['broken JSON', '{"access_token":"t1"'],
    ['null', 'null'],
    ['a list', '["access_token","t1"]'],
    ['a form without it', 'token=t1&x=y'],
    ['an empty token', { access_token: '' }],
    ['a number', { access_token: 12345678 }],
    ['an object', { access_token: { value: 't1' } }],
    ['a token with a line end', { access_token: 'a\r\nx-evil: 1' }],
    ['a token with a NUL', { access_token: 'a\u0000b' }],
    ['a token with half a character', '{"access_token":"a\\ud800b"}'],
    ['an endless token', { access_token: 'x'.repeat(16_385) }],
    ['a prototype', '{"__proto__":{"access_token":"t1"}}'],
    ['a deep nest', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ])('%s, which is no reason to give up', async (_case, body) => {
    expect(await tokenRefusal(answered(body))).toMatchObject({
      kind: 'unavailable',
      error: undefined,
      status: 200,
      message: 'The token endpoint answered 200 without a token.',
    })
  })

  test('a redirect', async () => {
    reply = response => response.writeHead(302, { location: `${vendor.url}/login` }).end()
    const before = vendor.seen.length
    expect(await tokenRefusal(ask())).toMatchObject({ kind: 'unavailable', status: 302 })
    expect(vendor.seen).toHaveLength(before + 1)
  })

  test('no answer at all: that is the gateway’s own error', async () => {
    reply = response => response.destroy()
    await expect(ask()).rejects.toMatchObject({ name: 'GatewayError', code: 'UPSTREAM_UNREACHABLE' })
  })
})

describe('a token ends', () => {
  test.each([
    [{ expires_in: 3600 }, after(3600)],
    [{ expires_in: '3600' }, after(3600)],
    [{ expires_in: 0.5 }, after(0.5)],
    [{ expires_at: '2026-11-21T13:00:00Z' }, after(3600)],
    [{ expires_at: '2026-11-21T13:00:00.000+00:00' }, after(3600)],
    [{ expires_at: '2026-11-21T15:00:00+02:00' }, after(3600)],
    [{ expires_at: '2026-11-21T13:00:00' }, after(3600)],
    [{ expires_at: '2026-11-21 13:00:00' }, after(3600)],
    [{ expires_at: now.getTime() / 1000 + 60 }, after(60)],
    [{ expires_at: now.getTime() + 60_000 }, after(60)],
    [{ expires_at: String(now.getTime() / 1000 + 60) }, after(60)],
    [{ expires_in: 60, expires_at: '2026-11-21T13:00:00Z' }, after(60)],
    [{ expires_in: -1, expires_at: '2026-11-21T13:00:00Z' }, after(3600)],
  ])('%j', async (more, expiresAt) => {
    expect((await answered({ access_token: 't1', ...more })).expiresAt).toEqual(expiresAt)
  })

  test.each([
    {},
    { expires_in: 0 },
    { expires_in: -3600 },
    { expires_in: 1e300 },
    { expires_in: 99_999_999_999 },
    { expires_in: null },
    { expires_in: true },
    { expires_in: [60] },
    { expires_in: '' },
    { expires_in: 'soon' },
    { expires_in: '0x10' },
    { expires_in: '-5' },
    { expires_at: '2026-11-21T11:59:59Z' },
    { expires_at: 1 },
    { expires_at: 'tomorrow' },
    { expires_at: '9999-12-31T23:59:59Z' },
    { expires_at: '2026-13-41T13:00:00Z' },
    { expires_at: {} },
  ])('nobody knows when, unless the entry says it: %j', async more => {
    expect((await answered({ access_token: 't1', ...more })).expiresAt).toBeUndefined()
    const known = await answered({ access_token: 't1', ...more }, {}, { lifetimeSeconds: 7200 })
    expect(known.expiresAt).toEqual(after(7200))
  })
})

describe('scopes', () => {
  test.each([
    ['a b', ['a', 'b']],
    ['a,b', ['a', 'b']],
    ['a, b  c', ['a', 'b', 'c']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    ['a a b', ['a', 'b']],
    [['a', 7, null, '', 'b\u0000'], ['a']],
    ['', undefined],
    [' ', undefined],
    [[], undefined],
    [7, undefined],
    [{ a: true }, undefined],
  ])('%j', async (scope, scopes) => {
    expect((await answered({ access_token: 't1', scope })).scopes).toEqual(scopes)
  })

  test('are split by the entry’s separator too', async () => {
    const grant = await answered({ access_token: 't1', scope: 'a;b c' }, {}, { scopeSeparator: ';' })
    expect(grant.scopes).toEqual(['a', 'b', 'c'])
  })

  test('are at most a thousand', async () => {
    const scope = Array.from({ length: 2000 }, (_, index) => `s${index}`).join(' ')
    expect((await answered({ access_token: 't1', scope })).scopes).toHaveLength(1000)
  })
})

interface How {
  readonly status?: number
  readonly type?: string
}

async function answered(body: unknown, how: How = {}, more: Partial<TokenEndpoint> = {}): Promise<TokenGrant> {
  const { status = 200, type = 'application/json' } = how
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  reply = response => response.writeHead(status, { 'content-type': type }).end(text)
  return await ask(more)
}

function ask(more: Partial<TokenEndpoint> = {}): Promise<TokenGrant> {
  const endpoint = { tokenUrl: `${vendor.url}/token`, clientAuthentication: 'body' as const, ...more }
  return refreshTokens(endpoint, { clientId: 'c', clientSecret: 'a-client-secret' }, 'an-old-token', {}, loopbackFetch)
}

function after(seconds: number): Date {
  return new Date(now.getTime() + seconds * 1000)
}
