/** Several secret texts at once, each put where the entry says. */
import { expectScheme } from './expect-scheme.ts'
import { createInjector } from './inject.ts'
import { createFieldCheck } from './needed-fields.ts'
import { type EntryOf, injectOf } from './scheme.ts'
import type { AuthStrategy } from './strategy.ts'

export function createHeaderFields(entry: EntryOf<'headers'>): AuthStrategy {
  const templates = injectOf(entry)
  const inject = createInjector(templates)
  const check = createFieldCheck(entry.fields, Object.values(templates))
  return credential => {
    expectScheme(credential, 'headers')
    check(credential.fields)
    return inject(credential.fields)
  }
}
