/** How a call is made: planned, sent through the stack, and taken in whole or handed on as it comes. */
import type { LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { GatewayError } from '../errors.ts'
import type { HostAllowlist } from '../hosts.ts'
import type { Limits } from '../limits/limits.ts'
import type { VendorBudget } from '../limits/vendor-headers.ts'
import { Agents } from './agents.ts'
import { Call, type CallOptions, type CallOutcome, type CallParts } from './call.ts'
import { type CollectedResponse, ResponseCollector } from './collect.ts'
import type { ResolvedConnection } from './connection.ts'
import { decodeBody } from './decode.ts'
import { CallerLeft, explainFailure } from './failure.ts'
import { type OriginLimits, Origins } from './origins.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import { type PlannedAgain, planAgain } from './plan-again.ts'
import { PrivateCaches } from './private-caches.ts'
import { planRawRequest, type RawInput, traceHeaders } from './raw-request.ts'
import { type AnswerSink, ResponseRelay } from './relay.ts'
import { type PassthroughInput, planRequest, type RequestPlan } from './request.ts'
import { joinHeader, UpstreamResponse } from './response.ts'
import { composeStack } from './stack.ts'

export interface PassthroughParts {
  /** What may be dialled although it is not public. */
  readonly allow: HostAllowlist
  readonly limits: Limits
  readonly connectTimeoutMs?: number
  /** How names become addresses; the system's resolver when absent. */
  readonly lookup?: LookupFunction
  readonly originLimits?: Partial<OriginLimits>
  /** Headers of raw requests that go no further; those of a trace unless given. */
  readonly strippedHeaders?: ReadonlySet<string>
}

export type SendOptions = CallParts

export interface CollectOptions extends SendOptions {
  /** Aborted when the caller leaves; the upstream call is cancelled then. */
  readonly signal?: AbortSignal | undefined
  /** Told of the bytes that are kept in memory, as they come; throws a GatewayError to give the call up. */
  readonly onBytes?: ((count: number) => void) | undefined
}

export interface Sent {
  readonly response: UpstreamResponse
  readonly outcome: CallOutcome
}

export interface Relayed {
  readonly status: number
  readonly outcome: CallOutcome
}

export interface Passthrough extends AsyncDisposable {
  /** Checks every argument and builds the request; nothing is sent and no secret is needed. @throws {GatewayError} */
  plan(connection: ResolvedConnection, input: PassthroughInput): Promise<RequestPlan>
  /** The same for a raw request. @throws {GatewayError} */
  planRaw(connection: ResolvedConnection, input: RawInput): Promise<RequestPlan>
  /** A request that was planned before, streamed. @throws {GatewayError} DESTINATION_NOT_ALLOWED */
  planAgain(connection: ResolvedConnection, planned: PlannedAgain): Promise<RequestPlan>
  /** As {@link plan}, but a destination that may not be sent to is part of the plan. @throws {GatewayError} */
  explain(connection: ResolvedConnection, input: PassthroughInput): Promise<RequestPlan>
  /** Sends it and takes the answer in. A status of any kind is a response. @throws {CallFailure} */
  send(plan: RequestPlan, options: CollectOptions): Promise<Sent>
  /** Sends it and hands the answer on as it comes. @throws {CallFailure} also when the head was handed on already */
  relay(plan: RequestPlan, sink: AnswerSink, options: SendOptions): Promise<Relayed>
  /** What the vendor's last answer said of its limit for this connection. */
  budgetOf(workspaceId: string, connectionId: string): Promise<VendorBudget | undefined>
  /** Drops what was remembered of a connection that is gone. */
  forget(workspaceId: string, connectionId: string): void
  /** Requests that hold a connection upstream now. */
  readonly slotsInUse: number
  /** For the gateway's own requests, beside the stack: no credential, no limits, no record. */
  readonly fetch: Outbound
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
  const { allow, limits, lookup, connectTimeoutMs = 10_000, strippedHeaders: stripped = traceHeaders } = parts
  const agents = new Agents({ allow, lookup, timeoutMs: connectTimeoutMs })
  const caches = new PrivateCaches()
  const origins = new Origins(parts.originLimits)
  const stack = composeStack(agents, { allow, limits, origins, caches })
  return {
    plan: async (connection, input) => requireDestination(await planRequest(connection, input, allow)),
    planRaw: async (connection, input) =>
      requireDestination(await planRawRequest(connection, input, { allow, stripped })),
    planAgain: async (connection, planned) => requireDestination(planAgain(connection, planned, allow)),
    explain: (connection, input) => planRequest(connection, input, allow),
    async send(plan, { signal, onBytes, ...parts }) {
      const call = new Call(plan, parts)
      try {
        const collector = new ResponseCollector(call, { signal, onBytes })
        dispatchInto(stack, call, collector)
        const response = await shapeResponse(plan, await collector.result, onBytes)
        return { response, outcome: call.outcome(undefined) }
      } catch (error) {
        throw failureOf(call, error)
      }
    },
    async relay(plan, sink, parts) {
      const call = new Call(plan, parts)
      try {
        const relay = new ResponseRelay(call, sink)
        dispatchInto(stack, call, relay)
        await relay.done
        return { status: relay.status ?? 0, outcome: call.outcome(undefined) }
      } catch (error) {
        throw failureOf(call, error)
      }
    },
    budgetOf: (workspaceId, connectionId) => limits.budgetOf(workspaceId, connectionId),
    forget(workspaceId, connectionId) {
      caches.forget(workspaceId, connectionId)
      limits.forget(workspaceId, connectionId)
    },
    get slotsInUse() {
      return origins.slotsInUse
    },
    fetch: createOutbound(agents, allow),
    [Symbol.asyncDispose]: () => agents.destroy(),
  }
}

function requireDestination(plan: RequestPlan): RequestPlan {
  if (plan.url.refusal !== undefined) throw plan.url.refusal
  return plan
}

/** What is no failure of an upstream but a mistake of ours stays as it is. */
function failureOf(call: Call, error: unknown): unknown {
  const explained = explainFailure(error)
  return explained === undefined
    ? error
    : new CallFailure(explained, call.outcome(explained instanceof CallerLeft ? 'the caller left' : explained.code))
}

/** What undici throws instead of reporting it ends up in the handler too, whose deadline would otherwise outlive the call. */
function dispatchInto(stack: Dispatcher, call: Call, handler: ResponseCollector | ResponseRelay): void {
  if (handler.hasFailed) return
  try {
    stack.dispatch(optionsOf(call), handler)
  } catch (error) {
    handler.fail(error instanceof Error ? error : new TypeError('dispatch threw no error'))
  }
}

function optionsOf(call: Call): CallOptions {
  const { method, url, headers, body, timeoutMs, isStreamed } = call.plan
  // The handler keeps the deadlines; undici needs its own to notice that an HTTP/2 session is dead. A stream may be silent.
  const timeouts = { headersTimeout: Math.max(1, timeoutMs - 10), bodyTimeout: isStreamed ? 0 : timeoutMs }
  // undici's types leave out the async iterables that it takes.
  const content = body as Buffer | Readable | null
  return { call, origin: url.origin, path: url.path, method, headers: headers.flat(), body: content, ...timeouts }
}

/** A body that was decoded loses the two headers that described it as it came. */
async function shapeResponse(
  plan: RequestPlan,
  { status, headers, bytes }: CollectedResponse,
  onBytes: CollectOptions['onBytes'],
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
