/** The grants of RFC 6749 that lead to a token: authorization code, refresh token, client credentials. */
import { isClientRefusal } from './error-kind.ts'
import type { OAuthClientFacts, TokenEndpoint, TokenFetch, TokenGrant } from './token-endpoint.ts'
import { TokenError } from './token-error.ts'
import { requestToken } from './token-request.ts'

/** RFC 6749 §4.1.3 with RFC 7636 §4.5. @throws {TokenError} */
export async function exchangeCode(
  endpoint: TokenEndpoint,
  client: OAuthClientFacts,
  back: { readonly code: string; readonly redirectUri: string; readonly codeVerifier?: string | undefined },
  fetch: TokenFetch,
): Promise<TokenGrant> {
  const { code, redirectUri, codeVerifier } = back
  const params = { code, redirect_uri: redirectUri, ...(codeVerifier && { code_verifier: codeVerifier }) }
  return await requestToken(endpoint, client, { type: 'authorization_code', params }, fetch)
}

/** RFC 6749 §6. @throws {TokenError} refused only when the vendor says that the refresh token is over */
export async function refreshTokens(
  endpoint: TokenEndpoint,
  client: OAuthClientFacts,
  refreshToken: string,
  { scopes }: { readonly scopes?: readonly string[] | undefined },
  fetch: TokenFetch,
): Promise<TokenGrant> {
  const params = { refresh_token: refreshToken, ...scopeParam(endpoint, scopes) }
  return await requestToken(endpoint, client, { type: 'refresh_token', params }, fetch)
}

/** RFC 6749 §4.4. @throws {TokenError} refused also when the vendor says that of the client: nothing else is granted */
export async function requestClientCredentials(
  endpoint: TokenEndpoint,
  client: OAuthClientFacts,
  { scopes }: { readonly scopes?: readonly string[] | undefined },
  fetch: TokenFetch,
): Promise<TokenGrant> {
  const grant = { type: 'client_credentials', params: scopeParam(endpoint, scopes) }
  return await requestToken(endpoint, client, grant, fetch).catch((error: unknown) => {
    const isOver = error instanceof TokenError && error.kind === 'misconfigured' && isClientRefusal(error.error)
    throw isOver ? new TokenError('refused', error) : error
  })
}

/** RFC 6749 §3.3; without scopes the parameter is left out. */
export function scopeParam(
  { scopeSeparator = ' ' }: Pick<TokenEndpoint, 'scopeSeparator'>,
  scopes: readonly string[] = [],
): Record<string, string> {
  return scopes.length === 0 ? {} : { scope: scopes.join(scopeSeparator) }
}
