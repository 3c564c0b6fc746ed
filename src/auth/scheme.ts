/** The shape of one way to authenticate in an integration's definition: a scheme, and where its credential goes. */
import * as z from 'zod'
import {
  credentialFieldsSchema,
  type InjectTemplates,
  injectSchema,
  labels,
  parameters,
  template,
  urlTemplate,
  userPass,
} from './entry-fields.ts'
import { strictObject } from './strict-object.ts'
import { placeholdersOf } from './template.ts'
import { authorizationFields, oauthFields, tokenFields } from './token-entry.ts'

export type { InjectTemplates }

/** Every scheme the format knows. */
export const schemeNames = [
  'none',
  'apiKey',
  'basic',
  'bearer',
  'oauth2',
  'clientCredentials',
  'twoStep',
  'jwt',
  'jwtBearer',
  'oauth1',
  'awsSigV4',
  'headers',
  'mtls',
] as const

export type SchemeName = (typeof schemeNames)[number]

const none = strictObject({ scheme: z.literal('none') }).describe('Nothing is added to requests.')

const apiKey = strictObject({
  scheme: z.literal('apiKey'),
  inject: injectSchema,
  userPass,
  labels: labels(['apiKey']),
}).describe('One secret text. Placeholder: {apiKey}, and {basic} when userPass is given.')

const basic = strictObject({
  scheme: z.literal('basic'),
  inject: injectSchema.optional(),
  userPass,
  labels: labels(['username', 'password']),
}).describe(
  'User name and password. Placeholders: {username}, {password}, {basic}. Default: authorization: Basic {basic}.',
)

const bearer = strictObject({
  scheme: z.literal('bearer'),
  inject: injectSchema.optional(),
  userPass,
  labels: labels(['accessToken']),
}).describe('A token that does not expire. Placeholder: {accessToken}. Default: authorization: Bearer {accessToken}.')

const oauth2 = strictObject({
  scheme: z.literal('oauth2'),
  ...oauthFields,
  ...authorizationFields,
  inject: injectSchema.optional(),
  userPass,
  labels: labels(['accessToken']),
}).describe(
  'OAuth 2, authorization code grant (RFC 6749 §4.1). Placeholder: {accessToken}. Default: authorization: Bearer {accessToken}.',
)

const clientCredentials = strictObject({
  scheme: z.literal('clientCredentials'),
  ...oauthFields,
  inject: injectSchema.optional(),
  labels: labels(['clientId', 'clientSecret']),
}).describe(
  'OAuth 2, client credentials grant (RFC 6749 §4.4): each connection has its own client. Placeholder: {accessToken}.',
)

const twoStep = strictObject({
  scheme: z.literal('twoStep'),
  fields: credentialFieldsSchema,
  ...tokenFields,
  tokenMethod: z.enum(['POST', 'GET', 'PUT'], 'one of POST, GET, PUT').optional().describe('POST unless given.'),
  tokenQuery: parameters.describe('Query parameters of the token request; templates see the fields.'),
  inject: injectSchema.optional(),
}).describe(
  'The fields are posted (tokenParams is the body, tokenHeaders the headers) and a token comes back. Placeholders: the fields, and {accessToken} in inject.',
)

const jwtFields = {
  fields: credentialFieldsSchema,
  algorithm: z.enum(
    ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'],
    'a signature algorithm such as RS256 (RFC 7518)',
  ),
  key: template.describe('Template of the secret or private key (PEM), such as {privateKey}.'),
  keyEncoding: z
    .enum(['text', 'hex', 'base64'], 'one of text, hex, base64')
    .optional()
    .describe('How a shared secret is written; text unless given.'),
  jwtHeader: parameters.describe('More header parameters, such as kid.'),
  claims: parameters.describe('Claims besides iat and exp.'),
  jwtLifetimeSeconds: z
    .int('a lifetime in seconds')
    .min(10, 'at least 10 seconds')
    .max(86_400, 'at most a day')
    .optional()
    .describe('How long each token is good for; 300 unless given.'),
}

const jwt = strictObject({ scheme: z.literal('jwt'), ...jwtFields, inject: injectSchema.optional() }).describe(
  'A JWT that is signed here (RFC 7519), good for minutes. Placeholders: the fields, {uuid} in claims, {accessToken} in inject.',
)

const jwtBearer = strictObject({
  scheme: z.literal('jwtBearer'),
  ...jwtFields,
  ...oauthFields,
  exchange: z
    .enum(['assertion', 'bearer'], 'assertion or bearer')
    .optional()
    .describe(
      'How the JWT becomes a token: as an assertion (RFC 7523 §2.1), or as the bearer token of a POST to tokenUrl; assertion unless given.',
    ),
  inject: injectSchema.optional(),
}).describe(
  'A JWT that is signed here and exchanged for an access token. Placeholders: the fields, {uuid}, {scopes} and {tokenUrl} in claims, {accessToken} in inject.',
)

const oauth1 = strictObject({
  scheme: z.literal('oauth1'),
  requestTokenUrl: urlTemplate.optional().describe('RFC 5849 §2.1; may hold {config} placeholders.'),
  authorizationUrl: urlTemplate.optional().describe('RFC 5849 §2.2.'),
  accessTokenUrl: urlTemplate.optional().describe('RFC 5849 §2.3.'),
  authorizationParams: parameters.describe('More parameters of the authorization page.'),
  signatureMethod: z
    .enum(['HMAC-SHA1', 'HMAC-SHA256', 'RSA-SHA1', 'PLAINTEXT'], 'one of HMAC-SHA1, HMAC-SHA256, RSA-SHA1, PLAINTEXT')
    .optional()
    .describe('HMAC-SHA1 unless given.'),
  realm: template.optional().describe('May hold {config} placeholders.'),
}).describe('OAuth 1.0a (RFC 5849): each request is signed.')

const awsSigV4 = strictObject({
  scheme: z.literal('awsSigV4'),
  service: template.describe('The signing name of the service, such as execute-api; may hold {config} placeholders.'),
  region: template.describe('Such as eu-west-1 or {region}.'),
  unsignedPayload: z
    .boolean('true or false')
    .optional()
    .describe('True for a service that takes UNSIGNED-PAYLOAD, so that bodies can be streamed.'),
}).describe('AWS Signature Version 4: each request is signed.')

const headers = strictObject({
  scheme: z.literal('headers'),
  fields: credentialFieldsSchema,
  inject: injectSchema,
}).describe('Several secret texts at once. Placeholders: the fields.')

const mtls = strictObject({
  scheme: z.literal('mtls'),
}).describe('A client certificate (RFC 8446 §4.4.2): certificate and private key in PEM.')

const anyEntry = z.discriminatedUnion(
  'scheme',
  [none, apiKey, basic, bearer, oauth2, clientCredentials, twoStep, jwt, jwtBearer, oauth1, awsSigV4, headers, mtls],
  { error: describeScheme },
)

export type AuthEntry = z.output<typeof anyEntry>

export const authEntrySchema = anyEntry.superRefine(checkTemplates)

/** The entry of one scheme. */
export type EntryOf<Scheme extends SchemeName> = Extract<AuthEntry, { scheme: Scheme }>

/** Where the entry's credential goes, with the scheme's default filled in. */
export function injectOf(entry: AuthEntry): InjectTemplates {
  switch (entry.scheme) {
    case 'none':
    case 'oauth1':
    case 'awsSigV4':
    case 'mtls':
      return {}
    case 'basic':
      return entry.inject ?? { headers: { authorization: 'Basic {basic}' } }
    default:
      return entry.inject ?? { headers: { authorization: 'Bearer {accessToken}' } }
  }
}

/** The names that templates of `inject` may use. */
function placesOf(entry: AuthEntry): string[] {
  switch (entry.scheme) {
    case 'none':
    case 'oauth1':
    case 'awsSigV4':
    case 'mtls':
      return []
    case 'apiKey':
      return ['apiKey']
    case 'basic':
      return ['username', 'password']
    case 'headers':
      return Object.keys(entry.fields)
    case 'twoStep':
    case 'jwt':
    case 'jwtBearer':
      return ['accessToken', ...Object.keys(entry.fields)]
    default:
      return ['accessToken']
  }
}

function describeScheme(issue: { readonly code?: string | undefined }): string {
  const takes = `one of ${schemeNames.join(', ')}`
  return issue.code === 'invalid_union' ? takes : `an object whose scheme is ${takes}`
}

/** What templates of a signed token may name beside the fields: `uuid` is new each time. */
const jwtNames = { jwt: ['uuid'], jwtBearer: ['uuid', 'scopes', 'tokenUrl'] } as const

type Report = (path: (string | number)[], takes: string) => void

/** Each template names only what its place knows, and together they use the credential. */
function checkTemplates(entry: AuthEntry, context: z.RefinementCtx): void {
  if (context.issues.length > 0) return
  const report: Report = (path, message) => context.addIssue({ code: 'custom', path, message })
  checkInject(entry, report)
  checkRequests(entry, report)
}

function checkInject(entry: AuthEntry, report: Report): void {
  const known = placesOf(entry)
  if (known.length === 0) return
  const userPassTemplate = 'userPass' in entry ? entry.userPass : undefined
  const encodes = entry.scheme === 'basic' || userPassTemplate !== undefined
  const used = new Set<string>()
  for (const [place, named] of Object.entries(injectOf(entry)))
    for (const [name, text] of Object.entries(named ?? {})) {
      for (const placeholder of placeholdersOf(text)) used.add(placeholder)
      checkNames(['inject', place, name], text, encodes ? [...known, 'basic'] : known, report)
    }
  if (userPassTemplate !== undefined) checkNames(['userPass'], userPassTemplate, known, report)
  if (used.size === 0) report(['inject'], 'templates that use the credential')
  if (userPassTemplate !== undefined && !used.has('basic'))
    report(['userPass'], 'a value only where a template of inject uses {basic}')
}

/** The templates of the requests and tokens that the gateway itself makes. */
function checkRequests(entry: AuthEntry, report: Report): void {
  if (entry.scheme !== 'twoStep' && entry.scheme !== 'jwt' && entry.scheme !== 'jwtBearer') return
  const fields = Object.keys(entry.fields)
  const named: Record<string, Readonly<Record<string, string>> | undefined> =
    entry.scheme === 'twoStep'
      ? { tokenParams: entry.tokenParams, tokenHeaders: entry.tokenHeaders, tokenQuery: entry.tokenQuery }
      : { jwtHeader: entry.jwtHeader, claims: entry.claims }
  const known = entry.scheme === 'twoStep' ? fields : [...fields, ...jwtNames[entry.scheme]]
  for (const [place, templates] of Object.entries(named))
    for (const [name, text] of Object.entries(templates ?? {})) checkNames([place, name], text, known, report)
  if (entry.scheme !== 'twoStep') checkNames(['key'], entry.key, fields, report)
}

function checkNames(path: (string | number)[], text: string, known: readonly string[], report: Report): void {
  const unknown = placeholdersOf(text).find(name => !known.includes(name))
  if (unknown === undefined) return
  const takes = known.map(name => `{${name}}`).join(', ')
  report(path, `placeholders of its scheme only (${takes}): {${unknown}} is unknown`)
}
