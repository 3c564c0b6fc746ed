/** The credentials a caller may import: one input per scheme, exactly one of them. */
import { type Credential, parseCredential } from '../auth/credential.ts'
import { invalidInput } from '../errors.ts'
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

const ClientCredentialsInput = builder.inputType('ClientCredentialsInput', {
  description: 'An OAuth 2.0 client of the account’s own; the gateway asks for its tokens.',
  fields: t => ({
    clientId: t.string({ required: true, description: 'The client id.' }),
    clientSecret: t.string({
      required: true,
      description: 'The client secret; a private key in PEM where the service wants a signed assertion.',
    }),
    scopes: t.stringList({ description: 'The scopes to ask for; the integration’s when absent.' }),
  }),
})

const FieldsCredentialInput = builder.inputType('FieldsCredentialInput', {
  description: 'The fields that the integration’s scheme names; `Integration.authFields` lists them.',
  fields: t => ({
    fields: t.field({ type: 'JSONObject', required: true, description: 'Texts by the name of the field.' }),
    scopes: t.stringList({ description: 'For `jwtBearer`: the scopes to ask for; the integration’s when absent.' }),
  }),
})

const OAuth1CredentialInput = builder.inputType('OAuth1CredentialInput', {
  description: 'A token of OAuth 1.0a (RFC 5849), and the client it was given to.',
  fields: t => ({
    token: t.string({ required: true, description: 'The access token.' }),
    tokenSecret: t.string({ required: true, description: 'Its secret.' }),
    consumerKey: t.string({ description: 'The client; the workspace’s own when absent.' }),
    consumerSecret: t.string({ description: 'The client’s secret.' }),
    privateKey: t.string({ description: 'In PEM, for RSA-SHA1.' }),
  }),
})

const AwsSigV4CredentialInput = builder.inputType('AwsSigV4CredentialInput', {
  description: 'An AWS access key.',
  fields: t => ({
    accessKeyId: t.string({ required: true, description: 'The access key id.' }),
    secretAccessKey: t.string({ required: true, description: 'The secret access key.' }),
    sessionToken: t.string({ description: 'For temporary keys.' }),
  }),
})

const MtlsCredentialInput = builder.inputType('MtlsCredentialInput', {
  description: 'A client certificate.',
  fields: t => ({
    certificate: t.string({ required: true, description: 'In PEM; may hold the chain.' }),
    privateKey: t.string({ required: true, description: 'In PEM.' }),
    passphrase: t.string({ description: 'Of an encrypted private key.' }),
  }),
})

const NoneCredentialInput = builder.inputType('NoneCredentialInput', {
  description: 'No credential: for services that ask for none.',
  fields: t => ({
    ok: t.boolean({ required: true, defaultValue: true, description: 'True: says that this is meant.' }),
  }),
})

export const CredentialInput = builder.inputType('CredentialInput', {
  description: 'The credential by its scheme: exactly one of these.',
  isOneOf: true,
  fields: t => ({
    apiKey: t.field({ type: ApiKeyCredentialInput, description: 'A key.' }),
    basic: t.field({ type: BasicCredentialInput, description: 'User name and password.' }),
    bearer: t.field({ type: BearerCredentialInput, description: 'A bearer token.' }),
    oauth2: t.field({ type: OAuth2CredentialInput, description: 'OAuth 2.0 tokens.' }),
    clientCredentials: t.field({ type: ClientCredentialsInput, description: 'An OAuth 2.0 client.' }),
    twoStep: t.field({ type: FieldsCredentialInput, description: 'What is exchanged for a token.' }),
    jwt: t.field({ type: FieldsCredentialInput, description: 'A key that signs tokens.' }),
    jwtBearer: t.field({ type: FieldsCredentialInput, description: 'A key that signs what is exchanged for a token.' }),
    oauth1: t.field({ type: OAuth1CredentialInput, description: 'An OAuth 1.0a token.' }),
    awsSigV4: t.field({ type: AwsSigV4CredentialInput, description: 'An AWS access key.' }),
    headers: t.field({ type: FieldsCredentialInput, description: 'Several secret texts.' }),
    mtls: t.field({ type: MtlsCredentialInput, description: 'A client certificate.' }),
    none: t.field({ type: NoneCredentialInput, description: 'None.' }),
  }),
})

/** @throws GatewayError `INVALID_INPUT` naming the field; a value is never repeated. */
export function credentialOf(input: typeof CredentialInput.$inferInput): Credential {
  const { basic, oauth2, none, ...others } = input
  if (none?.ok === false) {
    const message = 'credential.none.ok got false; it takes true, which says that no credential is meant.'
    throw invalidInput('credential.none.ok', message)
  }
  if (basic) return parseCredential({ scheme: 'basic', username: basic.username, password: basic.password ?? '' })
  if (oauth2) return parseCredential({ scheme: 'oauth2', ...given(oauth2), expiresAt: oauth2.expiresAt?.toISOString() })
  const [other] = Object.entries(others).flatMap(([scheme, value]) => (value ? [{ scheme, ...given(value) }] : []))
  return parseCredential(other ?? (none ? { scheme: 'none' } : {}))
}

/** GraphQL's null is no value here. */
function given(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field != null))
}
