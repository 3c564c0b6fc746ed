/** Several secret texts at once, each put where the entry says. */
import { expectScheme } from './expect-scheme.ts'
import { createInjector } from './inject.ts'
import { type EntryOf, injectOf } from './scheme.ts'
import type { AuthStrategy } from './strategy.ts'

export function createHeaderFields(entry: EntryOf<'headers'>): AuthStrategy {
  const inject = createInjector(injectOf(entry))
  return credential => {
    expectScheme(credential, 'headers')
    return inject(credential.fields)
  }
}
