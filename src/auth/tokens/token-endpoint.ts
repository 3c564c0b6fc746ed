/** What is known of a vendor's token endpoint, who asks it, how, and what it gives. */
import type { ProofMemory } from './proof-memory.ts'

export { TokenError } from './token-error.ts'

/**
 * Sends one request to a token endpoint. Follows no redirect; the body is bounded already.
 * Rejects with a GatewayError (UPSTREAM_UNREACHABLE, UPSTREAM_TIMEOUT, DESTINATION_NOT_ALLOWED …) when there is no answer.
 */
export type TokenFetch = (url: string, init: TokenRequestInit) => Promise<Response>

export interface TokenRequestInit {
  method: string
  headers: Record<string, string>
  body?: string | undefined
}

export interface OAuthClientFacts {
  readonly clientId: string
  readonly clientSecret?: string | undefined
  /** PEM or JWK, for `privateKeyJwt`. */
  readonly privateKey?: string | undefined
  readonly keyId?: string | undefined
}

export type ClientAuthentication = 'basic' | 'body' | 'none' | 'privateKeyJwt'

/** Where an answer has its parts, when not where RFC 6749 §5.1 says: singular JSONPaths (RFC 9535 §2.3.5.1). */
export interface AnswerPaths {
  readonly accessToken?: string | undefined
  readonly refreshToken?: string | undefined
  readonly expiresIn?: string | undefined
  readonly expiresAt?: string | undefined
  readonly scope?: string | undefined
}

/** What an entry says of its token endpoint; all URLs have their config values filled in. */
export interface TokenEndpoint {
  readonly tokenUrl: string
  /** `tokenUrl` unless given. */
  readonly refreshUrl?: string | undefined
  /** Absent: basic (RFC 6749 §2.3.1), and once more with body when the client is refused. */
  readonly clientAuthentication?: ClientAuthentication | undefined
  /** What worked last, where nothing is said of it. */
  readonly proofs?: ProofMemory | undefined
  /** `form` unless given. */
  readonly requestFormat?: 'form' | 'json' | undefined
  /** More parameters of every token request; none of them takes the place of one of the protocol's. */
  readonly tokenParams?: Readonly<Record<string, string>> | undefined
  readonly refreshParams?: Readonly<Record<string, string>> | undefined
  /** Headers of every token request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** A space unless given. */
  readonly scopeSeparator?: string | undefined
  readonly answer?: AnswerPaths | undefined
  /** Used when the answer does not say when the token ends. */
  readonly lifetimeSeconds?: number | undefined
}

/** What a token endpoint gave. */
export interface TokenGrant {
  readonly accessToken: string
  /** Absent: the old one stays. */
  readonly refreshToken?: string | undefined
  readonly expiresAt?: Date | undefined
  readonly scopes?: readonly string[] | undefined
  /** The whole answer, for what else the entry takes from it; whole numbers beyond a double are raw JSON values. Never logged. */
  readonly answer: unknown
}
