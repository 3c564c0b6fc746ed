/** An access token that the gateway obtained or signed itself, with what the end user gave. */
import { createTokenInjector } from './access-token.ts'
import { createFieldCheck } from './needed-fields.ts'
import { type EntryOf, injectOf } from './scheme.ts'
import type { AuthStrategy } from './strategy.ts'

type MintingEntry = EntryOf<'clientCredentials' | 'twoStep' | 'jwt' | 'jwtBearer'>

export function createMintedToken(entry: MintingEntry): AuthStrategy {
  const inject = createTokenInjector(entry)
  const check = 'fields' in entry ? createFieldCheck(entry.fields, Object.values(injectOf(entry))) : undefined
  return credential => {
    if (!('minted' in credential) || credential.minted === undefined || credential.scheme !== entry.scheme) {
      throw new TypeError(`A ${credential.scheme} credential was used before its token was obtained.`)
    }
    const fields = 'fields' in credential ? credential.fields : undefined
    check?.(fields ?? {})
    return inject(credential.minted.accessToken, fields)
  }
}
