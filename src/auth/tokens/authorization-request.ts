/** The address of a vendor's consent page (RFC 6749 §4.1.1), with PKCE (RFC 7636). */
import { createHash, randomBytes } from 'node:crypto'

export interface AuthorizationRequest {
  readonly url: string
  /** 256 random bits. */
  readonly state: string
  /** 256 random bits; absent without PKCE. */
  readonly codeVerifier?: string | undefined
}

export interface AuthorizationRequestParts {
  /** May have a query, which stays. */
  readonly authorizationUrl: string
  readonly clientId: string
  readonly redirectUri: string
  readonly scopes: readonly string[]
  /** A space unless given. */
  readonly scopeSeparator?: string | undefined
  /** The parameter that the scopes go into; `scope` unless given. */
  readonly scopeParam?: string | undefined
  /** S256 unless given. */
  readonly pkce?: 'S256' | 'plain' | 'none' | undefined
  /** More parameters; none of them takes the place of one of the protocol's. */
  readonly params?: Readonly<Record<string, string>> | undefined
}

export function createAuthorizationRequest(parts: AuthorizationRequestParts): AuthorizationRequest {
  const { scopes, scopeSeparator = ' ', scopeParam = 'scope', pkce = 'S256', params = {} } = parts
  const url = new URL(parts.authorizationUrl)
  const query = url.searchParams
  const state = randomBytes(32).toString('base64url')
  const codeVerifier = pkce === 'none' ? undefined : randomBytes(32).toString('base64url')
  for (const [name, value] of Object.entries(params)) query.set(name, value)
  if (scopes.length > 0) query.set(scopeParam, scopes.join(scopeSeparator))
  query.set('response_type', 'code')
  query.set('client_id', parts.clientId)
  query.set('redirect_uri', parts.redirectUri)
  query.set('state', state)
  query.delete('code_challenge')
  query.delete('code_challenge_method')
  if (codeVerifier !== undefined) {
    query.set('code_challenge', pkce === 'S256' ? challengeOf(codeVerifier) : codeVerifier)
    query.set('code_challenge_method', pkce)
  }
  // `+` means a space in a form; in a query some vendors take it for a plus.
  url.search = query.toString().replaceAll('+', '%20')
  return { url: url.href, state, codeVerifier }
}

function challengeOf(codeVerifier: string): string {
  return createHash('sha256').update(codeVerifier).digest('base64url')
}
