/** The GraphQL face of every error: one code from the published list, where it came from, and the way out. */
import { GraphQLError } from 'graphql'
import { type ErrorCode, GatewayError } from '../errors.ts'
import { describeRequestError, type RequestError } from './request-error.ts'

export interface ErrorFace {
  readonly error: GraphQLError
  /** What was hidden behind `INTERNAL`; for the log only. */
  readonly hidden?: unknown
}

export interface FaceOptions {
  /** False where nobody may learn of the schema what their own document does not say. */
  readonly showsSchema?: boolean
}

/**
 * What a caller may see of an error. Gateway errors keep code and message; what the GraphQL layer itself refuses
 * (syntax, validation, variables) is `INVALID_INPUT`; all else is `INTERNAL` without a message of its own.
 */
export function faceOf(error: unknown, requestId: string, { showsSchema = true }: FaceOptions = {}): ErrorFace {
  const located = error instanceof GraphQLError ? error : undefined
  const cause = located === undefined ? error : rootCause(located)
  if (cause instanceof GatewayError) {
    const { code, details, retryAfterMs, connectUrl, message } = cause
    return { error: shape(located, message, code, requestId, { details, retryAfterMs, connectUrl }) }
  }
  if (located !== undefined && cause === located) {
    const { message, details } =
      showsSchema || isAboutRequest(located) ? describeRequestError(located.message, located.nodes) : hiddenReason
    return { error: shape(located, message, codeOfRequestError(located), requestId, { details, ...httpOf(located) }) }
  }
  return { error: shape(located, 'Internal error.', 'INTERNAL', requestId, httpOf(located)), hidden: cause ?? error }
}

function shape(
  located: GraphQLError | undefined,
  message: string,
  code: ErrorCode,
  requestId: string,
  extra: Readonly<Record<string, unknown>>,
): GraphQLError {
  const given = Object.entries(extra).filter(([, value]) => value !== undefined)
  const extensions = { code, origin: 'GATEWAY', requestId, ...Object.fromEntries(given) }
  if (located === undefined) return new GraphQLError(message, { extensions })
  const { nodes, source, positions, path } = located
  return new GraphQLError(message, { nodes, source, positions, path, extensions })
}

/** The error thrown in a resolver, however often it was wrapped; the error itself when the GraphQL layer made it. */
function rootCause(error: GraphQLError): unknown {
  const original = error.originalError
  if (original === undefined || original === null) return error
  return original instanceof GraphQLError ? (rootCause(original) === original ? error : rootCause(original)) : original
}

const hiddenReason: RequestError = {
  message: 'The operation does not fit the schema, which this gateway does not show.',
}

/** Syntax, and what the server itself refuses: neither has looked at the schema. */
function isAboutRequest({ message, extensions }: GraphQLError): boolean {
  if (message.startsWith('Variable "')) return false
  return message.startsWith('Syntax Error: ') || (extensions.http !== undefined && extensions.code !== validationFailed)
}

/** The server's word for what validation found. */
const validationFailed = 'GRAPHQL_VALIDATION_FAILED'

/** A body that is too large is told apart from other refusals of the GraphQL layer by its HTTP status. */
function codeOfRequestError(error: GraphQLError): ErrorCode {
  return statusOf(error) === 413 ? 'REQUEST_TOO_LARGE' : 'INVALID_INPUT'
}

/**
 * The status and headers that GraphQL over HTTP asks for; the server reads them and does not send them on. `spec` lets
 * a client of application/json have 200; a body that never became a request (Yoga keeps why) is 400 to every client.
 */
function httpOf(error: GraphQLError | undefined): { http?: unknown } {
  const { http, originalError } = error?.extensions ?? {}
  if (typeof http !== 'object' || http === null) return {}
  return { http: originalError === undefined ? http : { ...http, spec: false } }
}

function statusOf(error: GraphQLError): unknown {
  const { http } = error.extensions
  return typeof http === 'object' && http !== null && 'status' in http ? http.status : undefined
}
