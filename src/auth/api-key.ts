/** One secret text, put wherever the entry says: a header, the query, the body, or one half of HTTP Basic. */
import { expectScheme } from './expect-scheme.ts'
import { createInjector, createUserPass } from './inject.ts'
import { type AuthEntry, injectOf } from './scheme.ts'
import type { AuthStrategy } from './strategy.ts'

export function createApiKey(entry: Extract<AuthEntry, { scheme: 'apiKey' }>): AuthStrategy {
  const inject = createInjector(injectOf(entry))
  const userPass = entry.userPass === undefined ? undefined : createUserPass(entry.userPass)
  return credential => {
    expectScheme(credential, 'apiKey')
    const values = { apiKey: credential.key }
    return inject(userPass === undefined ? values : { ...values, basic: userPass(values) })
  }
}
