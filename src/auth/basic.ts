/** HTTP Basic (RFC 7617), or a user name and password put where the entry says. */
import { invalidInput } from '../errors.ts'
import { expectScheme } from './expect-scheme.ts'
import { createInjector, createUserPass } from './inject.ts'
import { type AuthEntry, injectOf } from './scheme.ts'
import type { AuthStrategy } from './strategy.ts'
import { placeholdersOf } from './template.ts'

export function createBasic(entry: Extract<AuthEntry, { scheme: 'basic' }>): AuthStrategy {
  const templates = injectOf(entry)
  const inject = createInjector(templates)
  const userPass = createUserPass(entry.userPass ?? '{username}:{password}')
  const encodes = Object.values(templates).some(named =>
    Object.values(named ?? {}).some(template => placeholdersOf(template).includes('basic')),
  )
  return credential => {
    expectScheme(credential, 'basic')
    // RFC 7617 §2: the first colon ends the user name, so one inside it would move part of it into the password.
    if (encodes && credential.username.includes(':')) {
      throw invalidInput('credential.basic.username', 'A user name for HTTP Basic takes no colon.')
    }
    const values = { username: credential.username, password: credential.password }
    return inject(encodes ? { ...values, basic: userPass(values) } : values)
  }
}
