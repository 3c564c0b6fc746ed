/** When a delivery that failed is tried again, and when an endpoint is given up. */

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs

/** Before the second attempt, the third and so on, as Standard Webhooks recommends: ten attempts in three days. */
const delaysMs = [
  5 * secondMs,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  14 * hourMs,
  20 * hourMs,
  24 * hourMs,
]

/** An endpoint to which nothing could be delivered for so long is disabled. */
export const maxFailingMs = 5 * 24 * hourMs

const maxAskedMs = 24 * hourMs

/** What is of interest in an endpoint's answer. */
export interface WebhookAnswer {
  readonly status: number
  /** The header `Retry-After`, of which seconds are heeded. */
  readonly retryAfter?: string | null | undefined
}

/**
 * Null after the last attempt.
 * @param attempt the one that failed, counted from 1
 * @param random in [0, 1): spreads by a fifth, so that what failed together does not come back together
 */
export function retryDelayMs(attempt: number, random: number, answer?: WebhookAnswer): number | null {
  const delayMs = delaysMs[attempt - 1]
  if (delayMs === undefined) return null
  return Math.max(Math.round(delayMs * (0.8 + 0.4 * random)), askedMs(answer))
}

function askedMs(answer: WebhookAnswer | undefined): number {
  const { status, retryAfter } = answer ?? { status: 0 }
  if ((status !== 429 && status !== 503) || !/^\d{1,9}$/.test(retryAfter ?? '')) return 0
  return Math.min(Number(retryAfter) * secondMs, maxAskedMs)
}
