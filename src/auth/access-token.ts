/** What all schemes with an access token share: it is filled into the entry's templates. */
import type { FieldValues } from './credential.ts'
import { createInjector, createUserPass } from './inject.ts'
import { type EntryOf, injectOf } from './scheme.ts'
import type { Injection } from './strategy.ts'

type TokenEntry = EntryOf<'bearer' | 'oauth2' | 'clientCredentials' | 'twoStep' | 'jwt' | 'jwtBearer'>

export function createTokenInjector(entry: TokenEntry): (accessToken: string, fields?: FieldValues) => Injection {
  const inject = createInjector(injectOf(entry))
  const template = 'userPass' in entry ? entry.userPass : undefined
  const userPass = template === undefined ? undefined : createUserPass(template)
  return (accessToken, fields) => {
    const values = { ...fields, accessToken }
    return inject(userPass === undefined ? values : { ...values, basic: userPass(values) })
  }
}
