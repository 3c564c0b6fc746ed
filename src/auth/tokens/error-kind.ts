/** What the error codes of token endpoints mean for a grant: those of RFC 6749 §5.2, and what vendors call the same. */
import type { TokenErrorKind } from './token-error.ts'

/** The client is not known or not proved; whoever asked has not looked at the grant. */
const clientErrors: ReadonlySet<string> = new Set([
  'invalid_client',
  // GitHub
  'incorrect_client_credentials',
  // Slack
  'bad_client_secret',
  'invalid_client_id',
])

/** Errors after which the same grant may work, once the workspace or the vendor has mended something. */
const misconfigured: ReadonlySet<string> = new Set([
  ...clientErrors,
  'unauthorized_client',
  'invalid_scope',
  'unsupported_grant_type',
  'invalid_request',
  // RFC 7009 §2.2.1
  'unsupported_token_type',
  // RFC 8707
  'invalid_target',
  // A rule of the vendor's admin forbids it, which the same admin can change (Auth0, Okta).
  'access_denied',
  'redirect_uri_mismatch',
  'bad_redirect_uri',
])

/** The grant is over, in so many words. */
const refused: ReadonlySet<string> = new Set([
  'invalid_grant',
  // OpenID Connect Core §3.1.2.6: the end user has to do something.
  'interaction_required',
  'consent_required',
  'login_required',
  // GitHub
  'bad_refresh_token',
  'bad_verification_code',
  // Slack
  'invalid_code',
  'code_already_used',
  'invalid_refresh_token',
  'token_expired',
  'token_revoked',
  'account_inactive',
])

/** Whether the code is one of a list, and so repeats nothing that was sent. */
export function isKnownError(error: string): boolean {
  return refused.has(error) || misconfigured.has(error)
}

/** Whether another way to prove the client is worth a try. */
export function isClientError(status: number | undefined, error: string | undefined): boolean {
  return error === undefined ? status === 401 : clientErrors.has(error)
}

/** Whether the code says, in so many words, that the client may not have what it asks for, whatever the grant is worth. */
export function isClientRefusal(error: string | undefined): boolean {
  return error === 'unauthorized_client' || (error !== undefined && clientErrors.has(error))
}

/** Whether the vendor asks to come back later. */
export function isAway(status: number): boolean {
  return status >= 500 || status === 429 || status === 408
}

/**
 * Only what the vendor says in so many words ends a connection: never a doubt.
 * @param unauthorized what a 401 means that says no more
 */
export function kindOfError(status: number, error: string | undefined, unauthorized: TokenErrorKind): TokenErrorKind {
  if (isAway(status)) return 'unavailable'
  if (error !== undefined && refused.has(error)) return 'refused'
  if (error !== undefined && misconfigured.has(error)) return 'misconfigured'
  return status === 401 ? unauthorized : 'unavailable'
}
