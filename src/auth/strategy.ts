/** How a request is proved to an upstream: a strategy turns a credential into what is added to the request. */
import { createApiKey } from './api-key.ts'
import { createBasic } from './basic.ts'
import { createBearer } from './bearer.ts'
import type { Credential } from './credential.ts'
import { createNone } from './none.ts'
import { createOAuth2 } from './oauth2.ts'
import { type AuthEntry, injectOf } from './scheme.ts'

/** What is added to one request; header names are lower case. */
export interface Injection {
  readonly headers: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, string>>
}

/**
 * @throws {TypeError} on a credential of another scheme
 * @throws {GatewayError} INVALID_INPUT on a credential that cannot be written where the entry puts it (never shows it)
 */
export type AuthStrategy = (credential: Credential) => Injection

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
  }
}

export function injectedNames(entry: AuthEntry): InjectedNames {
  const inject = injectOf(entry)
  return {
    headers: Object.keys(inject.headers ?? {}),
    query: Object.keys(inject.query ?? {}),
    body: Object.keys(inject.body ?? {}),
  }
}
