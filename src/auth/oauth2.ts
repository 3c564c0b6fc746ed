/** An OAuth 2 access token as it is now; whether it is still good is the business of whoever hands it over. */
import { createTokenInjector } from './access-token.ts'
import { expectScheme } from './expect-scheme.ts'
import type { AuthEntry } from './scheme.ts'
import type { AuthStrategy } from './strategy.ts'

export function createOAuth2(entry: Extract<AuthEntry, { scheme: 'oauth2' }>): AuthStrategy {
  const inject = createTokenInjector(entry)
  return credential => {
    expectScheme(credential, 'oauth2')
    return inject(credential.accessToken)
  }
}
