/** How a call is made: planned, sent through the stack, and taken in. */
import type { LookupFunction } from 'node:net'
import { Agent, type Dispatcher } from 'undici'
import type { Injection } from '../auth/strategy.ts'
import type { GatewayError } from '../errors.ts'
import type { HostAllowlist } from '../hosts.ts'
import { Call, type CallOptions, type CallOutcome } from './call.ts'
import { type CollectedResponse, ResponseCollector } from './collect.ts'
import type { ResolvedConnection } from './connection.ts'
import { decodeBody } from './decode.ts'
import { createGuardedConnector } from './egress.ts'
import { explainFailure } from './failure.ts'
import { type PassthroughInput, planRequest, type RequestPlan } from './request.ts'
import { joinHeader, UpstreamResponse } from './response.ts'
import { composeStack } from './stack.ts'

export interface PassthroughParts {
  /** What may be dialled although it is not public. */
  readonly allow: HostAllowlist
  readonly connectTimeoutMs?: number
  /** How names become addresses; the system's resolver when absent. */
  readonly lookup?: LookupFunction
}

export interface SendOptions {
  /** Opens the credential, once per attempt. */
  readonly inject: () => Injection
  /** Aborted when the caller leaves; the upstream call is cancelled then. */
  readonly signal?: AbortSignal | undefined
  /** Told of the bytes that are kept in memory, as they come; throws a GatewayError to give the call up. */
  readonly onBytes?: ((count: number) => void) | undefined
}

export interface Sent {
  readonly response: UpstreamResponse
  readonly outcome: CallOutcome
}

export interface Passthrough extends AsyncDisposable {
  /** Checks every argument and builds the request; nothing is sent and no secret is needed. @throws {GatewayError} */
  plan(connection: ResolvedConnection, input: PassthroughInput): Promise<RequestPlan>
  /** Sends it once. A status of any kind is a response. @throws {CallFailure} */
  send(plan: RequestPlan, options: SendOptions): Promise<Sent>
}

/** Why there is no answer, and what had happened by then. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure'
  readonly error: GatewayError
  readonly outcome: CallOutcome

  constructor(error: GatewayError, outcome: CallOutcome) {
    super(error.message, { cause: error })
    this.error = error
    this.outcome = outcome
  }
}

export function createPassthrough(parts: PassthroughParts): Passthrough {
  const { allow, lookup, connectTimeoutMs = 10_000 } = parts
  const agent = new Agent({
    connect: createGuardedConnector({ allow, lookup, timeoutMs: connectTimeoutMs }),
    allowH2: true,
    pipelining: 1,
    maxHeaderSize: 64 * 1024,
  })
  const stack = composeStack(agent, { allow })
  return {
    plan: (connection, input) => planRequest(connection, input, allow),
    async send(plan, { inject, signal, onBytes }) {
      const call = new Call(plan, inject)
      try {
        const collector = new ResponseCollector(call, { signal, onBytes })
        dispatchInto(stack, call, collector)
        const response = await shapeResponse(plan, await collector.result, onBytes)
        return { response, outcome: call.outcome(false) }
      } catch (error) {
        const explained = explainFailure(error)
        if (explained === undefined) throw error
        throw new CallFailure(explained, call.outcome(explained.code === 'DESTINATION_NOT_ALLOWED'))
      }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

/** What undici throws instead of reporting it ends up in the collector too, whose deadline would otherwise outlive the call. */
function dispatchInto(stack: Dispatcher, call: Call, collector: ResponseCollector): void {
  if (collector.hasFailed) return
  try {
    stack.dispatch(optionsOf(call), collector)
  } catch (error) {
    collector.fail(error instanceof Error ? error : new TypeError('dispatch threw no error'))
  }
}

function optionsOf(call: Call): CallOptions {
  const { method, url, headers, body, timeoutMs } = call.plan
  // The collector keeps the deadline of the whole call; undici needs its own to notice that an HTTP/2 session is dead.
  const timeouts = { headersTimeout: Math.max(1, timeoutMs - 10), bodyTimeout: timeoutMs }
  return { call, origin: url.origin, path: url.path, method, headers: headers.flat(), body, ...timeouts }
}

/** A body that was decoded loses the two headers that described it as it came. */
async function shapeResponse(
  plan: RequestPlan,
  { status, headers, bytes }: CollectedResponse,
  onBytes: SendOptions['onBytes'],
): Promise<UpstreamResponse> {
  const isPart = plan.method === 'HEAD' || status === 204 || status === 206 || status === 304
  const decoded = isPart
    ? undefined
    : await decodeBody(bytes, joinHeader(headers, 'content-encoding'), plan.maxResponseBytes)
  if (decoded === undefined) return new UpstreamResponse({ status, headers, bytes })
  onBytes?.(Math.max(0, decoded.length - bytes.length))
  const kept = headers.filter(({ name }) => !/^content-(?:encoding|length)$/i.test(name))
  return new UpstreamResponse({ status, headers: kept, bytes: decoded })
}
