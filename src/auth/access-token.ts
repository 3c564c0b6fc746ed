/** What bearer and oauth2 share: an access token filled into the entry's templates. */
import { createInjector, createUserPass } from './inject.ts'
import { type AuthEntry, injectOf } from './scheme.ts'
import type { Injection } from './strategy.ts'

export function createTokenInjector(
  entry: Extract<AuthEntry, { scheme: 'bearer' | 'oauth2' }>,
): (accessToken: string) => Injection {
  const inject = createInjector(injectOf(entry))
  const userPass = entry.userPass === undefined ? undefined : createUserPass(entry.userPass)
  return accessToken => {
    const values = { accessToken }
    return inject(userPass === undefined ? values : { ...values, basic: userPass(values) })
  }
}
