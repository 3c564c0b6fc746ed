/** A gateway's refusal on the raw route: an RFC 9457 problem with the same code as in GraphQL. */
import type { ServerResponse } from 'node:http'
import { type ErrorCode, errorCodes, GatewayError } from '../errors.ts'

/**
 * @param error anything but a GatewayError is `INTERNAL` and says nothing of itself
 * @param cors names and values in turn, for a browser
 */
export function sendProblem(
  response: ServerResponse,
  error: unknown,
  requestId: string,
  cors: readonly string[] = [],
): void {
  const known = error instanceof GatewayError ? error : undefined
  const code: ErrorCode = known?.code ?? 'INTERNAL'
  const { status } = errorCodes[code]
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
    'content-type': 'application/problem+json',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-request-id': requestId,
    'x-passgate-request-id': requestId,
    'x-passgate-error': code,
  }
  if (known?.retryAfterMs !== undefined) headers['retry-after'] = Math.ceil(known.retryAfterMs / 1000)
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="passgate", Basic realm="passgate"'
  response.writeHead(status, [...cors, ...Object.entries(headers).flat()])
  response.end(body)
}
