/** How an entry describes its token endpoint: what every scheme that obtains tokens has in common. */
import * as z from 'zod'
import { headerTemplates, parameters, scopes, singularPath, urlTemplate } from './entry-fields.ts'
import { strictObject } from './strict-object.ts'

const seconds = (what: string, max: number) =>
  z.int(`${what} in seconds`).min(1, `${what} of at least 1 second`).max(max, `${what} of at most ${max} seconds`)

const yearInSeconds = 31_536_000

/** Fields of every scheme whose tokens end and are asked for anew. */
export const tokenFields = {
  tokenUrl: urlTemplate.describe('RFC 6749 token endpoint; may hold {config} placeholders.'),
  tokenParams: parameters.describe('More parameters of every token request.'),
  tokenHeaders: headerTemplates.optional().describe('More headers of every token request.'),
  tokenRequest: z
    .enum(['form', 'json'], 'form or json')
    .optional()
    .describe('How token requests are written; form (RFC 6749) unless given.'),
  tokenAnswer: strictObject({
    accessToken: singularPath.optional(),
    refreshToken: singularPath.optional(),
    expiresIn: singularPath.optional().describe('Seconds.'),
    expiresAt: singularPath.optional().describe('RFC 3339, or Unix seconds.'),
    scope: singularPath.optional(),
  })
    .optional()
    .describe('Where an answer has its parts, when not where RFC 6749 §5.1 says; singular JSONPaths.'),
  lifetimeSeconds: seconds('a lifetime', yearInSeconds)
    .optional()
    .describe('How long an access token is good for, when the answer does not say.'),
}

/** Fields of the OAuth 2 schemes, whose client is known to the vendor. */
export const oauthFields = {
  ...tokenFields,
  clientAuthentication: z
    .enum(['basic', 'body', 'none', 'privateKeyJwt'], 'one of basic, body, none, privateKeyJwt')
    .optional()
    .describe(
      'How the client proves itself to the token endpoint (RFC 6749 §2.3.1, RFC 7523). Unless given: basic, and body if that is refused.',
    ),
  scopes,
  scopeSeparator: z
    .string('a separator')
    .min(1, 'one or two characters')
    .max(2, 'one or two characters')
    .optional()
    .describe('What stands between scopes; a space unless given.'),
}

const revokeRequest = strictObject({
  method: z.enum(['GET', 'POST', 'DELETE'], 'one of GET, POST, DELETE'),
  url: urlTemplate,
  headers: headerTemplates.optional(),
  query: parameters,
  body: parameters,
  format: z.enum(['form', 'json'], 'form or json').optional().describe('How the body is written; form unless given.'),
}).describe(
  'For vendors without RFC 7009. Placeholders: {accessToken}, {refreshToken}, {clientId}, {clientSecret}, {clientBasic}, and config fields in the URL.',
)

/** Fields of the authorization code grant alone. */
export const authorizationFields = {
  authorizationUrl: urlTemplate.optional().describe('RFC 6749 authorization endpoint; may hold {config} placeholders.'),
  /** Absent where tokens are only imported. */
  tokenUrl: tokenFields.tokenUrl.optional(),
  refreshUrl: urlTemplate.optional().describe('Where tokens are refreshed; tokenUrl unless given.'),
  refreshParams: parameters.describe('More parameters of refresh requests.'),
  revocationUrl: urlTemplate.optional().describe('RFC 7009 revocation endpoint.'),
  revoke: revokeRequest.optional(),
  issuer: z
    .string('an issuer')
    .max(2048, 'an issuer of at most 2048 characters')
    .optional()
    .describe('What `iss` has to be when the vendor sends one back (RFC 9207); may hold {config} placeholders.'),
  sendsIssuer: z
    .boolean('true or false')
    .optional()
    .describe(
      'True where the server’s metadata has authorization_response_iss_parameter_supported (RFC 9207 §3): an answer without `iss` is refused, too.',
    ),
  pkce: z
    .enum(['S256', 'plain', 'none'], 'one of S256, plain, none')
    .optional()
    .describe('RFC 7636; S256 unless given.'),
  scopeParam: z
    .string('a parameter name')
    .regex(/^[a-z_]{1,64}$/, 'a parameter name of lower-case letters and underscores')
    .optional()
    .describe('The parameter for the scopes; scope unless given.'),
  authorizationParams: parameters.describe('More parameters of the authorization request.'),
  captures: z
    .record(
      z.string(),
      z.union(
        [
          strictObject({ tokenAnswer: singularPath }),
          strictObject({ redirect: z.string('a parameter name').min(1).max(64) }),
        ],
        'an object with tokenAnswer (a JSONPath) or redirect (a parameter name)',
      ),
      { error: 'an object with config fields as names' },
    )
    .optional()
    .describe('Config fields whose value the token answer or the redirect brings, such as the address of an account.'),
  keepAliveDays: z
    .int('a number of days')
    .min(1, 'at least 1 day')
    .max(365, 'at most 365 days')
    .optional()
    .describe(
      'An unused connection is refreshed after so many days, so that its refresh token lives; 20 unless given.',
    ),
}
