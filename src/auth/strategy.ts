/** How a request is proved to an upstream: a strategy turns a credential into what is added to the request. */
import { createApiKey } from './api-key.ts'
import { createAwsSigV4 } from './aws-sig-v4.ts'
import { createBasic } from './basic.ts'
import { createBearer } from './bearer.ts'
import { type ClientCertificate, createClientCertificate } from './client-certificate.ts'
import type { Credential } from './credential.ts'
import { createHeaderFields } from './header-fields.ts'
import { createMintedToken } from './minted-token.ts'
import { createNone } from './none.ts'
import { createOAuth1 } from './oauth1.ts'
import { createOAuth2 } from './oauth2.ts'
import type { RequestSigner } from './request-signer.ts'
import { type AuthEntry, injectOf } from './scheme.ts'

/** What is added to one request; header names are lower case. */
export interface Injection {
  readonly headers: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, string>>
  /** Called last, with the request as it goes out. */
  readonly sign?: RequestSigner | undefined
  /** Presented by the TLS connection that carries the request. */
  readonly certificate?: ClientCertificate | undefined
}

export const emptyInjection: Injection = { headers: {}, query: {}, body: {} }

/** What a strategy may need beside the credential. */
export interface AuthContext {
  /** The connection's config values. */
  readonly config: Readonly<Record<string, string>>
  /** The workspace's own client at the vendor. */
  readonly client?: { readonly clientId: string; readonly clientSecret?: string | undefined } | undefined
}

/**
 * @throws {TypeError} on a credential of another scheme
 * @throws {GatewayError} INVALID_INPUT on a credential that cannot be written where the entry puts it (never shows it)
 */
export type AuthStrategy = (credential: Credential, context: AuthContext) => Injection

/** The names a strategy writes to: a caller may not set them, and what is printed of a request leaves them out. */
export interface InjectedNames {
  readonly headers: readonly string[]
  readonly query: readonly string[]
  readonly body: readonly string[]
}

/** Templates are read here, once; the strategy only fills them. */
export function createStrategy(entry: AuthEntry): AuthStrategy {
  switch (entry.scheme) {
    case 'none':
      return createNone()
    case 'apiKey':
      return createApiKey(entry)
    case 'basic':
      return createBasic(entry)
    case 'bearer':
      return createBearer(entry)
    case 'oauth2':
      return createOAuth2(entry)
    case 'clientCredentials':
    case 'twoStep':
    case 'jwt':
    case 'jwtBearer':
      return createMintedToken(entry)
    case 'oauth1':
      return createOAuth1(entry)
    case 'awsSigV4':
      return createAwsSigV4(entry)
    case 'headers':
      return createHeaderFields(entry)
    case 'mtls':
      return createClientCertificate()
  }
}

const signedNames: Readonly<Partial<Record<AuthEntry['scheme'], readonly string[]>>> = {
  oauth1: ['authorization'],
  awsSigV4: ['authorization', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'],
}

export function injectedNames(entry: AuthEntry): InjectedNames {
  const inject = injectOf(entry)
  return {
    headers: signedNames[entry.scheme] ?? Object.keys(inject.headers ?? {}),
    query: Object.keys(inject.query ?? {}),
    body: Object.keys(inject.body ?? {}),
  }
}
