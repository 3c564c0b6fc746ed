/** A write under an idempotency key: what makes two of them the same, what is kept, and what a repeat is answered. */
import { hashRequest, type Once } from '../calls/idempotency.ts'
import type { CallOutcome } from '../passthrough/call.ts'
import { UpstreamResponse } from '../passthrough/response.ts'
import { isPassingStatus } from '../passthrough/retry-policy.ts'
import type { GatewayAnswer, Journey } from './gateway.ts'

interface OnceParts {
  readonly key: string
  readonly signal: AbortSignal | undefined
  /** Told of the bytes of a stored answer, too: they are in memory like those of a new one. */
  readonly onBytes: (count: number) => void
  readonly send: () => Promise<GatewayAnswer>
}

export function onceOf({ connection, plan }: Journey, { key, signal, onBytes, send }: OnceParts): Once<GatewayAnswer> {
  const { method, url, headers, body, bodyFormat } = plan
  // A boundary is drawn anew for each multipart body: the parts are what counts.
  const content = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
  const boundary = bodyFormat === 'MULTIPART' ? content.toString('latin1', 2, Math.max(2, content.indexOf('\r'))) : ''
  const without = (text: string) => (boundary === '' ? text : text.replaceAll(boundary, ''))
  const { idempotencyHeader } = plan.connection
  const given = headers.filter(([name]) => name !== idempotencyHeader).map(([name, value]) => [name, without(value)])
  const sameBody = boundary === '' ? content : Buffer.from(without(content.toString('latin1')), 'latin1')
  return {
    workspaceId: connection.workspaceId,
    connectionId: connection.id,
    key,
    requestHash: hashRequest([method, url.origin, url.path, JSON.stringify(given), sameBody]),
    deadlineMs: Date.now() + plan.timeoutMs,
    signal,
    send,
    // A failure of the vendor's may pass: the caller may try again with the same key.
    keep: ({ response }) => (response.status >= 500 || isPassingStatus(response.status) ? undefined : response),
    replay(answer) {
      onBytes(answer.bytes.length)
      return { response: new UpstreamResponse(answer), outcome: replayed, connection, plan }
    },
  }
}

/** Nothing was sent for it. */
const replayed: CallOutcome = {
  executed: false,
  attempts: 0,
  attemptLog: [],
  bytesSent: 0,
  bytesReceived: 0,
  durationMs: 0,
  timing: { queuedMs: 0, connectMs: null, firstByteMs: null, totalMs: 0 },
  cache: null,
}
