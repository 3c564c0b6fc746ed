/** A token that somebody issued by hand and that does not expire (RFC 6750 unless the entry says otherwise). */
import { createTokenInjector } from './access-token.ts'
import { expectScheme } from './expect-scheme.ts'
import type { AuthEntry } from './scheme.ts'
import type { AuthStrategy } from './strategy.ts'

export function createBearer(entry: Extract<AuthEntry, { scheme: 'bearer' }>): AuthStrategy {
  const inject = createTokenInjector(entry)
  return credential => {
    expectScheme(credential, 'bearer')
    return inject(credential.token)
  }
}
