/** Why a vendor gave no token, in words that may be shown. */

/**
 * - `refused`: definite for this grant; the end user has to connect again.
 * - `misconfigured`: the workspace has to mend its settings; the grant may be fine.
 * - `unavailable`: no answer, or none that makes sense; to be tried again later.
 */
export type TokenErrorKind = 'refused' | 'misconfigured' | 'unavailable'

export interface TokenErrorFacts {
  /** One sentence that may be shown; holds nothing secret. */
  readonly message: string
  readonly error?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly status?: number | undefined
}

export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly kind: TokenErrorKind
  /** The vendor's error code (RFC 6749 §5.2), at most 100 visible characters. */
  readonly error: string | undefined
  readonly retryAfterMs: number | undefined
  /** The status of the vendor's answer, where there was one. */
  readonly status: number | undefined

  constructor(kind: TokenErrorKind, facts: TokenErrorFacts) {
    super(facts.message)
    this.kind = kind
    this.error = facts.error
    this.retryAfterMs = facts.retryAfterMs
    this.status = facts.status
  }
}
