/** What an entry's templates need of a credential whose fields the integration names: it may have been changed since. */
import { GatewayError } from '../errors.ts'
import type { FieldValues } from './credential.ts'
import type { CredentialFields } from './entry-fields.ts'
import { placeholdersOf } from './template.ts'

/** Templates of one request or token by the names that they are for. */
type Templates = Readonly<Record<string, string>> | undefined

/**
 * Finds out once what the templates name; optional fields are left out with their templates.
 * @returns what checks one credential: it throws {GatewayError} CONNECTION_NEEDS_REAUTH by the titles of what it has not
 */
export function createFieldCheck(
  fields: CredentialFields,
  templates: readonly Templates[],
): (values: FieldValues) => void {
  const named = new Set(templates.flatMap(each => Object.values(each ?? {}).flatMap(placeholdersOf)))
  const needed = Object.entries(fields).filter(([name, { optional }]) => named.has(name) && !optional)
  return values => {
    const missing = needed.filter(([name]) => !Object.hasOwn(values, name))
    if (missing.length === 0) return
    const titles = missing.map(([, { title }]) => title).join(', ')
    const message = `The integration asks for more than the credential has, which lacks ${titles}; its end user has to connect again.`
    throw new GatewayError('CONNECTION_NEEDS_REAUTH', message)
  }
}
