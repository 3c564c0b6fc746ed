/** Whether a credential that somebody gave fits its integration, before anything is stored or sent. */
import type { Credential, FieldValues } from '../auth/credential.ts'
import type { CredentialFields } from '../auth/entry-fields.ts'
import type { AuthEntry, EntryOf } from '../auth/scheme.ts'
import { type AuthContext, createStrategy } from '../auth/strategy.ts'
import { placeholdersOf } from '../auth/template.ts'
import { type ErrorDetail, GatewayError, invalidFields, invalidInput } from '../errors.ts'
import { mintJwt } from './renewal.ts'

/** @throws {GatewayError} INVALID_INPUT naming the fields, never a value */
export async function checkCredential(entry: AuthEntry, credential: Credential, context: AuthContext): Promise<void> {
  if ('fields' in entry && 'fields' in credential) checkFields(entry.fields, credential)
  switch (entry.scheme) {
    case 'jwt':
    case 'jwtBearer': {
      if (!('fields' in credential)) break
      const minted = await nameKey(entry, () =>
        mintJwt(credential.fields, entry, new Date(), { scopes: 'x', tokenUrl: 'x' }),
      )
      createStrategy(entry)({ ...credential, minted } as Credential, context)
      return
    }
    case 'clientCredentials':
    case 'twoStep':
      createStrategy(entry)({ ...credential, minted: { accessToken: 'x' } } as Credential, context)
      return
  }
  createStrategy(entry)(credential, context)
}

/** A key that does not sign is refused as the field that holds it. */
async function nameKey<Result>(entry: EntryOf<'jwt' | 'jwtBearer'>, sign: () => Promise<Result>): Promise<Result> {
  try {
    return await sign()
  } catch (error) {
    const [name] = placeholdersOf(entry.key)
    const isAboutKey = error instanceof GatewayError && error.code === 'INVALID_INPUT' && name !== undefined
    throw isAboutKey ? invalidInput(`credential.${entry.scheme}.fields.${name}`, error.message) : error
  }
}

function checkFields(known: CredentialFields, { scheme, fields }: { scheme: string; fields: FieldValues }): void {
  const at = (name: string) => `credential.${scheme}.fields.${name}`
  const names = Object.keys(known).join(', ')
  const unknown = Object.keys(fields)
    .filter(name => !Object.hasOwn(known, name))
    .map((name): ErrorDetail => ({ field: at(name), message: `${at(name)} is unknown; the fields are ${names}.` }))
  const missing = Object.entries(known)
    .filter(([name, field]) => !field.optional && (fields[name] ?? '') === '')
    .map(([name, { title }]): ErrorDetail => ({ field: at(name), message: `${at(name)} (${title}) is missing.` }))
  if (unknown.length + missing.length > 0) throw invalidFields([...unknown, ...missing])
}
