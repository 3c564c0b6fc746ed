/** A gateway's refusal outside of GraphQL: an RFC 9457 problem with the same code as there. */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import { type ErrorCode, errorCodes, GatewayError } from '../errors.ts'
import { ownHeaders } from './own-headers.ts'
import { isOfBrowser } from './raw-cors.ts'

/** Clients such as git wait to be asked for Basic. A browser would ask its user, keep the answer, and send it for any page. */
const bearer = 'Bearer realm="passgate"'

export interface ProblemAnswer {
  /** That of the code unless given. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Names and values in turn, for a browser. */
  readonly cors?: readonly string[]
}

/** @param error anything but a GatewayError is `INTERNAL` and says nothing of itself */
export function sendProblem(
  response: ServerResponse,
  error: unknown,
  requestId: string,
  answer: ProblemAnswer = {},
): void {
  const known = error instanceof GatewayError ? error : undefined
  const code: ErrorCode = known?.code ?? 'INTERNAL'
  const { status = errorCodes[code].status, cors = [] } = answer
  const message = known?.message ?? 'Something failed inside Passgate; the request id finds it in the log.'
  const problem = {
    type: 'about:blank',
    title: code,
    status,
    detail: message,
    code,
    // Some SDKs take any body without an `error` for success, whatever its status.
    error: { code, message },
    origin: 'GATEWAY',
    requestId,
    ...(known?.details && { details: known.details }),
    ...(known?.retryAfterMs !== undefined && { retryAfterMs: known.retryAfterMs }),
    ...(known?.connectUrl !== undefined && { connectUrl: known.connectUrl }),
  }
  const body = Buffer.from(JSON.stringify(problem))
  const headers: Record<string, string | number> = {
    ...answer.headers,
    'content-type': 'application/problem+json',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-request-id': requestId,
    [ownHeaders.requestId]: requestId,
    [ownHeaders.error]: code,
  }
  if (known?.retryAfterMs !== undefined) headers['retry-after'] = Math.ceil(known.retryAfterMs / 1000)
  if (status === 401)
    headers['www-authenticate'] = isOfBrowser(response.req) ? bearer : `${bearer}, Basic realm="passgate"`
  // A reason that was set before, for an answer that could not be written, would else be used again.
  response.writeHead(status, STATUS_CODES[status] ?? '', [...cors, ...Object.entries(headers).flat()])
  response.end(body)
}
