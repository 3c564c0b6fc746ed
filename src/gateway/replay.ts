/** A call of the log once more: what is kept for it, and why one may not be made again. */
import type { CallLog } from '../calls/call-log.ts'
import { type GatewayError, invalidInput } from '../errors.ts'
import type { PlannedAgain } from '../passthrough/plan-again.ts'
import { isSafeMethod, type RequestPlan } from '../passthrough/request.ts'
import type { CallStore } from '../store/calls.ts'

/** A call as it went on the wire, but for the credential. */
interface KeptRequest {
  readonly origin: string
  readonly path: string
  readonly headers: RequestPlan['headers']
  readonly redirects: number
  /** True when the body is with what was kept of the exchange. */
  readonly hasBody: boolean
}

export interface ReplayParts {
  readonly calls: Pick<CallStore, 'get'>
  readonly callLog: Pick<CallLog, 'requestOf' | 'exchangeOf'>
}

/** Null for a call whose body is not kept: without it, it would be another. */
export function writeReplay({ url, headers, body, redirects }: RequestPlan, isKept: boolean): string | null {
  if (body !== null && !isKept) return null
  const { origin, path } = url
  return JSON.stringify({ origin, path, headers, redirects, hasBody: body !== null } satisfies KeptRequest)
}

/** @throws {GatewayError} INVALID_INPUT naming `id` for a call that is not there, or is not made again */
export async function readReplay(
  { calls, callLog }: ReplayParts,
  workspaceId: string,
  id: string,
): Promise<PlannedAgain & { readonly connectionId: string }> {
  const call = await calls.get(workspaceId, id)
  if (call === undefined) {
    throw invalidInput('id', 'The workspace has no such call; `calls` lists those there are.')
  }
  const { connectionId, method } = call
  if (!isSafeMethod(method)) {
    const way = 'send it anew with `mutation { passthrough }`, which is a call of your own'
    throw invalidInput('id', `The call is a ${method}, which may change something at the vendor; ${way}.`)
  }
  const text = await callLog.requestOf(workspaceId, id)
  if (text === undefined)
    throw notReplayable('Its request was not kept: it is long, or has a body, or its encryption key is gone')
  const { hasBody, headers, ...request }: KeptRequest = JSON.parse(text)
  const planned = { connectionId, method, ...request, isStreamed: false }
  if (!hasBody) return { ...planned, headers, body: null }
  const body = await readBody(callLog, workspaceId, id)
  // The length is the body's own to say.
  return { ...planned, headers: headers.filter(([name]) => name.toLowerCase() !== 'content-length'), body }
}

async function readBody(callLog: ReplayParts['callLog'], workspaceId: string, id: string): Promise<Buffer> {
  const kept = await callLog.exchangeOf(workspaceId, id)
  const { requestBody, isRequestRedacted } = kept?.exchange ?? {}
  if (requestBody?.bytes == null) throw notReplayable('Its body is no longer kept')
  if (requestBody.isTruncated || isRequestRedacted === true) throw notReplayable('Its body is not kept as it was sent')
  return requestBody.bytes
}

function notReplayable(why: string): GatewayError {
  return invalidInput('id', `${why}; send it anew with \`passthrough\`.`)
}
