/** Cuts off a request whose small body does not come in: nobody fills in a form byte by byte. */
import type { IncomingMessage } from 'node:http'
import { hasBody } from './graphql-body.ts'

/** For a form of a few KiB, from its head on. */
const standardTimeoutMs = 30_000

export function cutSlowBody(request: IncomingMessage, timeoutMs: number = standardTimeoutMs): void {
  if (!hasBody(request)) return
  const cut = setTimeout(() => request.destroy(), timeoutMs)
  request.once('end', () => clearTimeout(cut))
  request.once('close', () => clearTimeout(cut))
}
