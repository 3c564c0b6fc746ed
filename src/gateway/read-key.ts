/** What makes two reads of one operation the same. */
import type { RequestPlan } from '../passthrough/request.ts'

/** Two reads with one key ask the same of the same account. */
export function readKey(plan: RequestPlan): string {
  const { connection, method, url, headers, body, timeoutMs, maxResponseBytes, retry, cache } = plan
  const text = Buffer.isBuffer(body) ? body.toString('base64') : null
  return JSON.stringify([
    connection.id,
    method,
    url.origin,
    url.path,
    headers,
    text,
    timeoutMs,
    maxResponseBytes,
    retry.max,
    cache,
  ])
}
