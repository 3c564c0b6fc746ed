/** The token answers of Google, GitHub, Slack, Microsoft, Okta and Linear, as the package `emulate` has them. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readAuthorizationAnswer } from '../../../src/auth/tokens/authorization-answer.ts'
import {
  type AuthorizationRequestParts,
  createAuthorizationRequest,
} from '../../../src/auth/tokens/authorization-request.ts'
import { exchangeCode, refreshTokens } from '../../../src/auth/tokens/grants.ts'
import type { TokenEndpoint } from '../../../src/auth/tokens/token-endpoint.ts'
import { loopbackFetch } from '../../support/loopback-fetch.ts'
import { tokenRefusal } from './token-refusal.ts'

const redirectUri = 'https://gate.example/oauth/callback'
const client = { clientId: 'the-client-id', clientSecret: 'the-client-secret' }
const registered = {
  client_id: client.clientId,
  client_secret: client.clientSecret,
  name: 'Gate',
  redirect_uris: [redirectUri],
}

interface Vendor {
  readonly seed: object
  readonly authorize: string
  readonly token: string
  readonly request: Pick<AuthorizationRequestParts, 'scopes'> & Partial<AuthorizationRequestParts>
  /** Absent: no refresh tokens. */
  readonly rotates?: boolean
  readonly scopes: readonly string[] | undefined
  readonly checksPkce: boolean
  readonly lives: boolean
}

const vendors: Readonly<Record<string, Vendor>> = {
  google: {
    seed: { users: [{ email: 'bob@example.com' }], oauth_clients: [registered] },
    authorize: '/o/oauth2/v2/auth',
    token: '/oauth2/token',
    request: { scopes: ['openid', 'email'], params: { access_type: 'offline', prompt: 'consent' } },
    rotates: false,
    scopes: ['openid', 'email'],
    checksPkce: true,
    lives: true,
  },
  github: {
    seed: { users: [{ login: 'bob' }], oauth_apps: [registered] },
    authorize: '/login/oauth/authorize',
    token: '/login/oauth/access_token',
    request: { scopes: ['repo', 'read:user'], pkce: 'none' },
    scopes: ['repo', 'read:user'],
    checksPkce: false,
    lives: false,
  },
  slack: {
    seed: { users: [{ name: 'bob' }], oauth_apps: [{ ...registered, scopes: ['chat:write', 'channels:read'] }] },
    authorize: '/oauth/v2/authorize',
    token: '/api/oauth.v2.access',
    request: { scopes: ['chat:write', 'channels:read'], scopeSeparator: ',', pkce: 'none' },
    scopes: ['chat:write', 'channels:read'],
    checksPkce: false,
    lives: false,
  },
  microsoft: {
    seed: { users: [{ email: 'bob@example.com' }], oauth_clients: [registered] },
    authorize: '/oauth2/v2.0/authorize',
    token: '/oauth2/v2.0/token',
    request: { scopes: ['openid', 'email', 'offline_access', 'User.Read'] },
    rotates: true,
    scopes: ['openid', 'email', 'offline_access', 'User.Read'],
    checksPkce: true,
    lives: true,
  },
  okta: {
    seed: {
      users: [{ login: 'bob@example.com', email: 'bob@example.com', first_name: 'Bob', last_name: 'B' }],
      authorization_servers: [{ id: 'default', name: 'default', audiences: ['api://default'] }],
      oauth_clients: [{ ...registered, auth_server_id: 'default' }],
    },
    authorize: '/oauth2/default/v1/authorize',
    token: '/oauth2/default/v1/token',
    request: { scopes: ['openid', 'email', 'offline_access'] },
    rotates: true,
    scopes: ['openid', 'email', 'offline_access'],
    checksPkce: true,
    lives: true,
  },
  linear: {
    seed: {
      users: [{ email: 'bob@example.com', name: 'Bob' }],
      oauth_apps: [{ ...registered, scopes: ['read', 'write'], actor: 'user' }],
    },
    authorize: '/oauth/authorize',
    token: '/oauth/token',
    request: { scopes: ['read', 'write'], scopeSeparator: ',' },
    rotates: true,
    scopes: ['read', 'write'],
    checksPkce: true,
    lives: true,
  },
}

describe.each(Object.entries(vendors))('%s', (service, vendor) => {
  test('gives tokens for a code', async () => {
    await using emulated = await emulate(service, vendor)
    const grant = await exchangeCode(emulated.endpoint, client, await consent(emulated.url, vendor), loopbackFetch)
    expect(grant.accessToken).toMatch(/^\S{8,}$/)
    expect(grant.scopes).toEqual(vendor.scopes)
    expect(grant.refreshToken === undefined).toBe(vendor.rotates === undefined)
    expect(grant.expiresAt !== undefined && grant.expiresAt > new Date()).toBe(vendor.lives)
  })

  test('refuses a code that it does not know', async () => {
    await using emulated = await emulate(service, vendor)
    const back = { ...(await consent(emulated.url, vendor)), code: 'no-such-code' }
    const error = await tokenRefusal(exchangeCode(emulated.endpoint, client, back, loopbackFetch))
    expect(error).toMatchObject({ kind: 'refused' })
    expect(error.error).toBeDefined()
  })

  test('does not know a client with another secret', async () => {
    await using emulated = await emulate(service, vendor)
    const wrong = { ...client, clientSecret: 'another-secret' }
    const asked = exchangeCode(emulated.endpoint, wrong, await consent(emulated.url, vendor), loopbackFetch)
    const error = await tokenRefusal(asked)
    expect(error).toMatchObject({ kind: 'misconfigured' })
    expect(error.message).not.toContain('another-secret')
  })
})

describe.each(Object.entries(vendors).filter(([, { checksPkce }]) => checksPkce))('%s', (service, vendor) => {
  test('refuses a wrong verifier', async () => {
    await using emulated = await emulate(service, vendor)
    const back = { ...(await consent(emulated.url, vendor)), codeVerifier: 'x'.repeat(43) }
    expect(await tokenRefusal(exchangeCode(emulated.endpoint, client, back, loopbackFetch))).toMatchObject({
      kind: 'refused',
      error: 'invalid_grant',
    })
  })
})

describe.each(Object.entries(vendors).filter(([, { rotates }]) => rotates !== undefined))('%s', (service, vendor) => {
  test('refreshes', async () => {
    await using emulated = await emulate(service, vendor)
    const { endpoint } = emulated
    const first = await exchangeCode(endpoint, client, await consent(emulated.url, vendor), loopbackFetch)
    const old = first.refreshToken ?? ''
    const second = await refreshTokens(endpoint, client, old, {}, loopbackFetch)
    expect(second.accessToken).not.toBe('')
    expect((second.refreshToken ?? old) !== old).toBe(vendor.rotates)
    const again = refreshTokens(endpoint, client, old, {}, loopbackFetch)
    if (vendor.rotates) expect(await tokenRefusal(again)).toMatchObject({ kind: 'refused', error: 'invalid_grant' })
    else expect(await again).toHaveProperty('accessToken')
  })
})

type CreateEmulator = (options: {
  service: string
  port: number
  seed: object
}) => Promise<{ readonly url: string; close(): Promise<void> }>

async function emulate(service: string, vendor: Vendor) {
  const file = join(import.meta.dirname, '../../vendors/node_modules/emulate/dist/api.js')
  const { createEmulator }: { createEmulator: CreateEmulator } = await import(pathToFileURL(file).href)
  const emulator = await createEmulator({ service, port: 0, seed: { [service]: vendor.seed } })
  // It listens on 127.0.0.1 and calls itself localhost.
  const url = `http://127.0.0.1:${new URL(emulator.url).port}`
  const endpoint: TokenEndpoint = { tokenUrl: `${url}${vendor.token}` }
  return { url, endpoint, [Symbol.asyncDispose]: () => emulator.close() }
}

/** The vendor's page has a form for each account; the first one is sent. */
async function consent(url: string, vendor: Vendor) {
  const request = createAuthorizationRequest({
    authorizationUrl: `${url}${vendor.authorize}`,
    clientId: client.clientId,
    redirectUri,
    ...vendor.request,
  })
  const page = await fetch(request.url, { redirect: 'manual' })
  const html = await page.text()
  const [form = '', action = ''] = /<form[^>]*action="([^"]+)"[\s\S]*?<\/form>/.exec(html) ?? []
  const fields = [...form.matchAll(/name="([^"]+)" value="([^"]*)"/g)]
  const body = new URLSearchParams(fields.map(([, name = '', value = '']) => [name, unescapeHtml(value)]))
  const target = new URL(unescapeHtml(action), request.url)
  const answer = await fetch(`${url}${target.pathname}${target.search}`, { method: 'POST', body, redirect: 'manual' })
  const back = new URL(answer.headers.get('location') ?? '')
  const { code } = readAuthorizationAnswer(back.searchParams, { state: request.state })
  return { code, redirectUri, codeVerifier: request.codeVerifier }
}

function unescapeHtml(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&')
}
