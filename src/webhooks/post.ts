/** How a delivery leaves the house: one POST, bounded in time, of whose answer the status counts. */
import type { WebhookAnswer } from './schedule.ts'

/** @throws {GatewayError} when there is no answer */
export type WebhookPost = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<WebhookAnswer>

/**
 * Sends to public addresses only, follows no redirect, and rejects with a GatewayError (UPSTREAM_UNREACHABLE,
 * UPSTREAM_TIMEOUT, DESTINATION_NOT_ALLOWED …) when there is no answer.
 */
export type WebhookFetch = (
  url: string,
  request: {
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
    readonly timeoutMs: number
    readonly isBodyUnwanted: true
  },
) => Promise<Response>

const attemptMs = 15_000

export function createWebhookPost(fetch: WebhookFetch): WebhookPost {
  return async (url, headers, body) => {
    const { status, headers: answered } = await fetch(url, {
      method: 'POST',
      headers,
      body,
      timeoutMs: attemptMs,
      isBodyUnwanted: true,
    })
    return { status, retryAfter: answered.get('retry-after') }
  }
}
