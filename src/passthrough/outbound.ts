/** Requests of the gateway's own, to token endpoints and webhooks: guarded as calls are, bounded, no redirect followed. */
import type { Dispatcher } from 'undici'
import { GatewayError } from '../errors.ts'
import type { HostAllowlist } from '../hosts.ts'
import { refuseDestination } from './egress.ts'
import { explainFailure } from './failure.ts'

export interface OutboundRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** For all of it; 30 s unless given. */
  readonly timeoutMs?: number | undefined
  /** Of the answer's body; 1 MiB unless given. */
  readonly maxBytes?: number | undefined
  /** True when the status is all that is wanted: a body of any length is no failure, and is not read. */
  readonly isBodyUnwanted?: boolean | undefined
}

/**
 * Any status is an answer.
 * @throws {GatewayError} DESTINATION_NOT_ALLOWED, UPSTREAM_UNREACHABLE, UPSTREAM_TIMEOUT, UPSTREAM_TLS,
 *   UPSTREAM_PROTOCOL, RESPONSE_TOO_LARGE
 */
export type Outbound = (url: string, request: OutboundRequest) => Promise<Response>

/** RFC 9110 §15: no other is one, and no `Response` can have it. */
const highestStatus = 599

const withoutBody: ReadonlySet<number> = new Set([204, 205, 304])

export function createOutbound(dispatcher: Dispatcher, allow: HostAllowlist): Outbound {
  return async (
    address,
    { method, headers, body, timeoutMs = 30_000, maxBytes = 1024 * 1024, isBodyUnwanted = false },
  ) => {
    const url = new URL(address)
    const refused = refuseDestination(url, [url.host], allow)
    if (refused !== undefined) throw refused
    const deadline = AbortSignal.timeout(timeoutMs)
    try {
      const answer = await dispatcher.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: method as Dispatcher.HttpMethod,
        headers: { ...headers },
        body: body ?? null,
        signal: deadline,
      })
      // A little is read, so that the connection can be used again.
      if (isBodyUnwanted) await answer.body.dump({ limit: 16 * 1024 })
      const bytes = isBodyUnwanted ? Buffer.alloc(0) : await readBounded(answer.body, maxBytes)
      if (answer.statusCode > highestStatus) {
        throw new GatewayError('UPSTREAM_PROTOCOL', `${url.host} answered with the status ${answer.statusCode}.`)
      }
      const given = Object.entries(answer.headers).flatMap(([name, value]) =>
        [value ?? []].flat().map((text): [string, string] => [name, text]),
      )
      const content = withoutBody.has(answer.statusCode) ? null : new Uint8Array(bytes)
      return new Response(content, { status: answer.statusCode, headers: given })
    } catch (error) {
      if (deadline.aborted) {
        throw new GatewayError('UPSTREAM_TIMEOUT', `${url.host} did not answer within ${timeoutMs} ms.`, {
          cause: error,
        })
      }
      throw explainFailure(error) ?? error
    }
  }
}

async function readBounded(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxBytes) throw new GatewayError('RESPONSE_TOO_LARGE', `The answer is longer than ${maxBytes} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
