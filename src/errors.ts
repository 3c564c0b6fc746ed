/** The table of codes and the one error class: what Passgate itself would or could not do. What an upstream answers is never an error. */

interface CodeEntry {
  /** HTTP status on the raw route (GraphQL answers keep their own status). */
  readonly status: number
  readonly meaning: string
}

export const errorCodes = {
  UNAUTHENTICATED: { status: 401, meaning: 'No access key was given, or it is unknown, expired or revoked.' },
  FORBIDDEN: { status: 403, meaning: 'The access key is valid but lacks the scope this needs.' },
  INVALID_INPUT: { status: 400, meaning: 'An argument is wrong; `details` names each field. Nothing was sent.' },
  INTEGRATION_NOT_FOUND: { status: 404, meaning: 'The workspace has no integration with this slug.' },
  INTEGRATION_NOT_CONFIGURED: {
    status: 409,
    meaning: 'The integration needs settings from an admin before it can be used.',
  },
  CONNECTION_NOT_FOUND: { status: 404, meaning: 'The workspace has no such connection.' },
  CONNECTION_AMBIGUOUS: {
    status: 409,
    meaning: 'The end user has several connections here; `details` names them. Use `connectionId`.',
  },
  CONNECTION_DISABLED: { status: 409, meaning: 'The connection was disabled; enable it first.' },
  CONNECTION_NEEDS_REAUTH: {
    status: 409,
    meaning: 'The credential no longer works or cannot be opened; the end user has to connect again.',
  },
  REFRESH_FAILED: { status: 502, meaning: 'The credential expired and could not be refreshed for now.' },
  DESTINATION_NOT_ALLOWED: {
    status: 403,
    meaning: 'The destination is outside the pinned hosts or is not a public address. Nothing was sent there.',
  },
  POLICY_DENIED: { status: 403, meaning: 'A rule forbids this call; the message names the rule.' },
  RATE_LIMITED: { status: 429, meaning: 'A limit is spent; `retryAfterMs` says when to come back.' },
  UPSTREAM_TIMEOUT: { status: 504, meaning: 'The upstream did not answer within the time allowed.' },
  UPSTREAM_UNREACHABLE: { status: 502, meaning: 'The upstream could not be connected to, or it broke the connection.' },
  UPSTREAM_TLS: { status: 502, meaning: 'The TLS handshake with the upstream failed or its certificate is not valid.' },
  UPSTREAM_PROTOCOL: { status: 502, meaning: 'The upstream answered something that is not valid HTTP.' },
  RESPONSE_TOO_LARGE: { status: 502, meaning: 'The answer is larger than `maxResponseBytes` allows.' },
  REQUEST_TOO_LARGE: { status: 413, meaning: 'The request is larger than the gateway takes.' },
  BUDGET_EXCEEDED: {
    status: 429,
    meaning: 'One operation asked for more upstream calls, bytes or time than it may use.',
  },
  ACTION_NOT_FOUND: { status: 404, meaning: 'The integration has no action with this name.' },
  IDEMPOTENCY_CONFLICT: {
    status: 409,
    meaning: 'The idempotency key was used with another request, is in use, or its answer can no longer be given.',
  },
  OVERLOADED: { status: 503, meaning: 'The gateway has no capacity left; try again shortly.' },
  INTERNAL: { status: 500, meaning: 'Something failed inside Passgate; the request id finds it in the log.' },
} as const satisfies Record<string, CodeEntry>

export type ErrorCode = keyof typeof errorCodes

/** One wrong field of the input: a path such as `query.limit` or `headers.host`, and a sentence. */
export interface ErrorDetail {
  readonly field: string
  readonly message: string
}

export interface GatewayErrorOptions {
  readonly details?: readonly ErrorDetail[]
  readonly retryAfterMs?: number
  readonly connectUrl?: string
  /** Stays inside: for the log, never for an answer. */
  readonly cause?: unknown
}

/** A refusal or failure of the gateway itself; `message` may be shown to the caller. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly details: readonly ErrorDetail[] | undefined
  readonly retryAfterMs: number | undefined
  readonly connectUrl: string | undefined

  constructor(code: Exclude<ErrorCode, 'INTERNAL'>, message: string, options: GatewayErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.details = options.details
    this.retryAfterMs = options.retryAfterMs
    this.connectUrl = options.connectUrl
  }
}

/** `INVALID_INPUT` about one field. */
export function invalidInput(field: string, message: string): GatewayError {
  return new GatewayError('INVALID_INPUT', message, { details: [{ field, message }] })
}

/** `INVALID_INPUT` about several fields at once; the message is the first sentence. */
export function invalidFields(details: readonly ErrorDetail[]): GatewayError {
  return new GatewayError('INVALID_INPUT', details.map(detail => detail.message).join(' '), { details })
}

/** What stops the start: its message is the one sentence shown to the operator. */
export class StartError extends Error {
  override readonly name = 'StartError'
}
