/** The id that ties an answer to its log lines: the caller's own when it is harmless, else a new one. */
import { randomUUID } from 'node:crypto'

const harmless = /^[A-Za-z0-9._-]{8,64}$/

/** Taken from `x-request-id`. */
export function requestIdOf(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && harmless.test(header) ? header : `req_${randomUUID()}`
}
