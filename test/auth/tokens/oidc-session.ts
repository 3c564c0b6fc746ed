/** An end user who connects at the tests' authorization server, as far as a test wants to go. */
import { readAuthorizationAnswer } from '../../../src/auth/tokens/authorization-answer.ts'
import { createAuthorizationRequest } from '../../../src/auth/tokens/authorization-request.ts'
import { exchangeCode } from '../../../src/auth/tokens/grants.ts'
import type { TokenEndpoint, TokenGrant } from '../../../src/auth/tokens/token-endpoint.ts'
import { loopbackFetch } from '../../support/loopback-fetch.ts'
import type { OidcClient, OidcServer } from '../../support/oidc.ts'

export const redirectUri = 'http://127.0.0.1:4000/oauth/callback'

export interface Consent {
  readonly code: string
  readonly codeVerifier: string | undefined
}

/** Up to the code. @throws {TokenError} when the end user does not agree */
export async function consentAt(server: OidcServer, client: OidcClient): Promise<Consent> {
  const { url, state, codeVerifier } = createAuthorizationRequest({
    authorizationUrl: server.authorizationUrl,
    clientId: client.clientId,
    redirectUri,
    scopes: ['openid', 'email', 'contacts.read'],
    params: { login_hint: 'bob' },
  })
  const back = await server.browse(url)
  const { code } = readAuthorizationAnswer(back.searchParams, { state, issuer: server.url })
  return { code, codeVerifier }
}

/** Up to the tokens. */
export async function connectAt(
  server: OidcServer,
  client: OidcClient,
  endpoint: TokenEndpoint = { tokenUrl: server.tokenUrl },
): Promise<TokenGrant & { readonly refreshToken: string }> {
  const consent = await consentAt(server, client)
  const { refreshToken, ...grant } = await exchangeCode(endpoint, client, { ...consent, redirectUri }, loopbackFetch)
  if (refreshToken === undefined) throw new Error('the server gave no refresh token')
  return { ...grant, refreshToken }
}

export async function askUserinfo(server: OidcServer, accessToken: string): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(server.userinfoUrl, { headers: { authorization: `Bearer ${accessToken}` } })
  return { status: answer.status, body: await answer.json() }
}
