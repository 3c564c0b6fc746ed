/** The credentials a caller may import: one input per scheme, exactly one of them. */
import { type Credential, parseCredential } from '../auth/credential.ts'
import { builder } from './builder.ts'

const ApiKeyCredentialInput = builder.inputType('ApiKeyCredentialInput', {
  description: 'A key or token of the vendor; the integration says where it goes.',
  fields: t => ({ key: t.string({ required: true, description: 'The key.' }) }),
})

const BasicCredentialInput = builder.inputType('BasicCredentialInput', {
  description: 'A user name and password, or whatever pair the vendor asks for.',
  fields: t => ({
    username: t.string({ required: true, description: 'The first of the pair.' }),
    password: t.string({ description: 'The second of the pair; empty when absent.' }),
  }),
})

const BearerCredentialInput = builder.inputType('BearerCredentialInput', {
  description: 'A long-lived bearer token.',
  fields: t => ({ token: t.string({ required: true, description: 'The token, without the word Bearer.' }) }),
})

const OAuth2CredentialInput = builder.inputType('OAuth2CredentialInput', {
  description: 'The tokens of an OAuth 2.0 grant that was made elsewhere.',
  fields: t => ({
    accessToken: t.string({ required: true, description: 'The access token.' }),
    refreshToken: t.string({ description: 'The refresh token, if there is one.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'When the access token ends.' }),
    scopes: t.stringList({ description: 'The scopes that were granted.' }),
  }),
})

const NoneCredentialInput = builder.inputType('NoneCredentialInput', {
  description: 'No credential: for services that ask for none.',
  fields: t => ({ ok: t.boolean({ required: true, defaultValue: true, description: 'Says that this is meant.' }) }),
})

export const CredentialInput = builder.inputType('CredentialInput', {
  description: 'The credential by its scheme: exactly one of these.',
  isOneOf: true,
  fields: t => ({
    apiKey: t.field({ type: ApiKeyCredentialInput, description: 'A key.' }),
    basic: t.field({ type: BasicCredentialInput, description: 'User name and password.' }),
    bearer: t.field({ type: BearerCredentialInput, description: 'A bearer token.' }),
    oauth2: t.field({ type: OAuth2CredentialInput, description: 'OAuth 2.0 tokens.' }),
    none: t.field({ type: NoneCredentialInput, description: 'None.' }),
  }),
})

/** @throws GatewayError `INVALID_INPUT` naming the field; a value is never repeated. */
export function credentialOf(input: typeof CredentialInput.$inferInput): Credential {
  const { apiKey, basic, bearer, oauth2, none } = input
  if (apiKey) return parseCredential({ scheme: 'apiKey', key: apiKey.key })
  if (basic) return parseCredential({ scheme: 'basic', username: basic.username, password: basic.password ?? '' })
  if (bearer) return parseCredential({ scheme: 'bearer', token: bearer.token })
  if (oauth2) {
    return parseCredential({
      scheme: 'oauth2',
      accessToken: oauth2.accessToken,
      refreshToken: oauth2.refreshToken ?? undefined,
      expiresAt: oauth2.expiresAt?.toISOString(),
      scopes: oauth2.scopes ?? undefined,
    })
  }
  return parseCredential(none ? { scheme: 'none' } : {})
}
