/** The one road of every request: caller → policy → connection → plan → stack → result → record. */
import { setTimeout as sleep } from 'node:timers/promises'
import { boundConnection, type Caller, requireScope } from '../access/caller.ts'
import type { SessionBudgets } from '../access/session-budget.ts'
import type { FinishedCall } from '../calls/call-log.ts'
import type { IdempotencyKeys } from '../calls/idempotency.ts'
import type { Connections } from '../connections/connections.ts'
import {
  type Integration,
  type Integrations,
  integrationNotFound,
  requireReadable,
} from '../connections/integrations.ts'
import { judgeVerification, type Verification } from '../connections/verification.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { CallFacts } from '../events.ts'
import type { VendorBudget } from '../limits/vendor-headers.ts'
import { maxBodyBytes } from '../passthrough/body.ts'
import type { CallOutcome } from '../passthrough/call.ts'
import type { ResolvedConnection } from '../passthrough/connection.ts'
import { parseExactJson } from '../passthrough/exact-json.ts'
import { CallerLeft } from '../passthrough/failure.ts'
import type { LoadedFile } from '../passthrough/multipart.ts'
import { refuseOwnToken } from '../passthrough/own-token.ts'
import { CallFailure, type Passthrough } from '../passthrough/passthrough.ts'
import { previewRequest, type RequestPreview } from '../passthrough/preview.ts'
import type { RawInput } from '../passthrough/raw-request.ts'
import type { AnswerSink } from '../passthrough/relay.ts'
import { isSafeMethod, type PassthroughInput, type RequestPlan } from '../passthrough/request.ts'
import type { UpstreamResponse } from '../passthrough/response.ts'
import type { CallRow } from '../store/calls.ts'
import type { ConnectionRow } from '../store/connections.ts'
import type { CallTrace } from '../telemetry/call-trace.ts'
import { type CallEnd, CallRecording } from './call-recording.ts'
import { Concurrency } from './concurrency.ts'
import { openTicket, sealTicket, type TicketSeal } from './downloads.ts'
import { createDirectLookups, type Lookups } from './lookups.ts'
import { Memory } from './memory.ts'
import { onceOf } from './once.ts'
import { openCall } from './open-call.ts'
import { Operation } from './operation.ts'
import { applyPolicy } from './policy.ts'
import { readKey } from './read-key.ts'
import { type ReplayParts, readReplay } from './replay.ts'
import { resolveConnection } from './resolve.ts'
import { type ConnectionSelector, selectConnection } from './select-connection.ts'
import { type CallTracing, traceCall } from './trace-call.ts'

export interface GatewayAnswer {
  readonly response: UpstreamResponse
  readonly outcome: CallOutcome
  readonly connection: ConnectionRow
  readonly plan: RequestPlan
  /** Of its record, as a bare UUID; absent when nothing was executed. */
  readonly callUuid?: string | undefined
}

/** What a call would be. */
export interface Explanation {
  readonly connection: ConnectionRow
  readonly plan: RequestPlan
  readonly preview: RequestPreview
}

export type GatewayOperation = Operation<GatewayAnswer>

export interface GatewayParts {
  readonly connections: Connections
  readonly integrations: Integrations
  readonly passthrough: Passthrough
  readonly idempotencyKeys: IdempotencyKeys
  /** Counts what sessions may spend. */
  readonly budgets: Pick<SessionBudgets, 'hold' | 'settle'>
  readonly memory?: Memory
  readonly ticketSeal: TicketSeal
  /** Who an access key is; throws `UNAUTHENTICATED` when it is gone. */
  readonly findCaller: (workspaceId: string, keyId: string) => Promise<Caller>
  /** Keeps the record of an executed call; must not wait. */
  readonly record: (call: FinishedCall) => void
  readonly callFinished: (call: CallFacts) => void
  readonly trace: CallTracing
  readonly spendFailed: (error: unknown) => void
  /** Where calls are found that are made again. */
  readonly replays: ReplayParts
}

/** Who sends a request and how what they name is found. */
export interface Traveller {
  readonly caller: Caller
  readonly lookups: Lookups
  /** Aborted when the caller leaves. */
  readonly signal?: AbortSignal | undefined
  /** Of the request that it came with, as the log names it. */
  readonly requestId?: string | undefined
  /** What the caller proved itself with: it goes no further. */
  readonly token?: string | undefined
}

/** What is known of a call before it is sent. */
export interface Journey {
  readonly caller: Caller
  readonly connection: ConnectionRow
  readonly integration: Integration
  readonly plan: RequestPlan
  readonly kind: CallRow['kind']
  /** The name of the action that it is; absent for one that is none. */
  readonly action?: string | undefined
  readonly requestId?: string | undefined
}

const verifyTimeoutMs = 8_000
const idlePollMs = 10

export class Gateway {
  /** What requests and answers may hold at once. */
  readonly memory: Memory
  readonly #parts: GatewayParts
  readonly #concurrency = new Concurrency()

  constructor(parts: GatewayParts) {
    this.#parts = parts
    this.memory = parts.memory ?? new Memory()
  }

  get callsUnderWay(): number {
    return this.#concurrency.total
  }

  /** Resolves when no call is under way any more, or after so long. */
  async whenIdle(withinMs: number): Promise<void> {
    const untilMs = performance.now() + withinMs
    while (this.callsUnderWay > 0 && performance.now() < untilMs) await sleep(idlePollMs)
  }

  /** What the calls of one request of a caller share. */
  startOperation(traveller: Traveller): GatewayOperation {
    return new Operation({ ...traveller, memory: this.memory })
  }

  /** A read: safe methods only; an equal one of the same operation shares the answer. */
  async query(
    operation: GatewayOperation,
    selector: ConnectionSelector,
    input: Omit<PassthroughInput, 'mode'>,
  ): Promise<GatewayAnswer> {
    if (!isSafeMethod(input.method)) {
      const message = `A query takes the methods GET, HEAD and OPTIONS; got ${input.method}. Use \`mutation { passthrough }\` for it.`
      throw invalidInput('method', message)
    }
    const makePlan = (resolved: ResolvedConnection) =>
      this.#parts.passthrough.plan(resolved, { ...input, mode: 'READ' })
    const journey = await this.#prepare(operation, selector, input.method, 'QUERY', makePlan, { isRead: true })
    return operation.read(readKey(journey.plan), onBytes => this.#send(journey, operation.signal, onBytes))
  }

  /** Any method, sent once. @param action the name of the action that it is */
  async mutate(
    operation: GatewayOperation,
    selector: ConnectionSelector,
    input: Omit<PassthroughInput, 'mode'>,
    action?: string,
  ): Promise<GatewayAnswer> {
    const loadFile = (field: string, url: string) => this.#loadFile(operation, selector, field, url)
    const kind = action === undefined ? 'MUTATION' : 'ACTION'
    const prepared = await this.#prepare(operation, selector, input.method, kind, connection =>
      this.#parts.passthrough.plan(connection, { ...input, mode: 'WRITE', loadFile }),
    )
    const journey = { ...prepared, action }
    const key = isSafeMethod(input.method) ? undefined : input.options?.idempotencyKey
    return operation.write(onBytes => {
      const send = () => this.#send(journey, operation.signal, onBytes)
      if (key === undefined) return send()
      return this.#parts.idempotencyKeys.run(onceOf(journey, { key, signal: operation.signal, onBytes, send }))
    })
  }

  /** A safe call of the log once more, with the rights of whoever asks. */
  async replay(operation: GatewayOperation, id: string): Promise<GatewayAnswer> {
    const planned = await readReplay(this.#parts.replays, operation.caller.workspaceId, id)
    const makePlan = (resolved: ResolvedConnection) => this.#parts.passthrough.planAgain(resolved, planned)
    const journey = await this.#prepare(operation, planned, planned.method, 'MUTATION', makePlan, { isRead: true })
    return operation.write(onBytes => this.#send(journey, operation.signal, onBytes))
  }

  /** Hands the answer on as it comes. @param connectionId undefined for the one that the caller's key is bound to */
  async relay(
    caller: Caller,
    connectionId: string | undefined,
    input: RawInput,
    makeSink: (plan: RequestPlan) => AnswerSink,
    requestId?: string,
  ): Promise<void> {
    const traveller = { caller, lookups: createDirectLookups(this.#parts, caller.workspaceId), requestId }
    const selector = { connectionId: connectionId ?? boundConnection(caller) }
    const journey = await this.#prepare(traveller, selector, input.method, 'RAW', connection =>
      this.#parts.passthrough.planRaw(connection, input),
    )
    await this.#relay(journey, makeSink(journey.plan))
  }

  /** The token of a link that makes a call again. @throws {GatewayError} INVALID_INPUT */
  sealDownload({ workspaceId, id }: Caller, plan: RequestPlan, expiresInSeconds: number): string {
    return sealTicket(this.#parts.ticketSeal, { workspaceId, keyId: id }, plan, expiresInSeconds)
  }

  /** Makes the call of a link and hands its answer on. @param range headers of the one who follows it */
  async download(
    token: string,
    range: readonly (readonly [name: string, value: string])[],
    makeSink: (plan: RequestPlan) => AnswerSink,
    requestId?: string,
  ): Promise<void> {
    const ticket = openTicket(this.#parts.ticketSeal, token)
    const caller = await this.#parts.findCaller(ticket.workspaceId, ticket.keyId)
    const traveller = { caller, lookups: createDirectLookups(this.#parts, caller.workspaceId), requestId }
    const { connectionId, method } = ticket
    const makePlan = (resolved: ResolvedConnection) =>
      this.#parts.passthrough.planAgain(resolved, { ...ticket, headers: [...ticket.headers, ...range] })
    const journey = await this.#prepare(traveller, { connectionId }, method, 'RAW', makePlan, { isRead: true })
    await this.#relay(journey, makeSink(journey.plan))
  }

  /** What would be sent, and whether it may be; nobody is called. */
  async explain(
    traveller: Traveller,
    selector: ConnectionSelector,
    input: Omit<PassthroughInput, 'mode'>,
  ): Promise<Explanation> {
    const mode = isSafeMethod(input.method) ? 'READ' : 'WRITE'
    // A file that would be fetched counts as empty: nobody is called.
    const loadFile = async () => ({ bytes: Buffer.alloc(0), contentType: undefined })
    const makePlan = (resolved: ResolvedConnection) =>
      this.#parts.passthrough.explain(resolved, { ...input, mode, loadFile })
    const asked = { isOnlyAsked: true }
    const { connection, plan } = await this.#prepare(traveller, selector, input.method, 'QUERY', makePlan, asked)
    return { connection, plan, preview: previewRequest(plan) }
  }

  /** What the vendor's last answer said of its limit; null before it said anything. */
  async budgetOf(workspaceId: string, connectionId: string): Promise<VendorBudget | null> {
    return (await this.#parts.passthrough.budgetOf(workspaceId, connectionId)) ?? null
  }

  /** A file of a multipart body that the vendor itself has: a read of its own, with its own record. */
  async #loadFile(
    operation: GatewayOperation,
    selector: ConnectionSelector,
    field: string,
    url: string,
  ): Promise<LoadedFile> {
    const { response } = await this.query(operation, selector, {
      method: 'GET',
      path: url,
      options: { maxResponseBytes: maxBodyBytes },
    })
    if (response.status >= 200 && response.status < 300) {
      return { bytes: response.bytes, contentType: response.contentType }
    }
    throw invalidInput(field, `${field} cannot be sent on: the vendor answered ${response.status} for it.`)
  }

  async #prepare(
    { caller, lookups, requestId, token }: Traveller,
    selector: ConnectionSelector,
    method: string,
    kind: CallRow['kind'],
    makePlan: (connection: ResolvedConnection) => Promise<RequestPlan>,
    { isRead = false, isOnlyAsked = false }: { isRead?: boolean; isOnlyAsked?: boolean } = {},
  ): Promise<Journey> {
    requireScope(caller, isSafeMethod(method) ? 'passthrough:read' : 'passthrough:write')
    const connection = await selectConnection(caller, lookups, selector)
    this.#parts.connections.requireUsable(connection)
    const integration = await lookups.integration(connection.integration)
    if (integration === undefined) throw integrationNotFound(connection.integration)
    requireReadable(integration)
    const made = await makePlan(resolveConnection(connection, integration))
    if (token !== undefined) refuseOwnToken(made, token)
    const plan = await applyPolicy({ caller, connection, integration, isRead }, made)
    if (plan.url.refusal !== undefined && !isOnlyAsked) throw plan.url.refusal
    return { caller, connection, integration, plan, kind, requestId }
  }

  /**
   * Makes the integration's verify request with a connection that need not be stored. Undefined where there is none to
   * make. It is the gateway's own request: no record, no limit, no new token.
   */
  async verify(row: ConnectionRow, integration: Integration): Promise<Verification | undefined> {
    const { verify } = integration.definition
    if (verify === undefined) return undefined
    const { passthrough, connections } = this.#parts
    const { method = 'GET', path } = verify
    const options = { timeoutMs: verifyTimeoutMs, maxResponseBytes: 1024 * 1024, retries: 0 }
    const mode = method === 'GET' ? 'READ' : 'WRITE'
    try {
      const plan = await passthrough.plan(resolveConnection(row, integration), { method, path, mode, options })
      const { injection } = await connections.openCredential(row, integration, {
        deadlineMs: Date.now() + verifyTimeoutMs,
      })
      const { response } = await passthrough.send(plan, { inject: () => injection })
      return judgeVerification(integration.definition, response.status, parseJson(response.bytes))
    } catch (error) {
      const reason = error instanceof CallFailure ? error.error : error
      if (!(reason instanceof GatewayError)) throw error
      return { outcome: 'UNKNOWN', status: null, message: reason.message, account: null }
    }
  }

  async #send(
    journey: Journey,
    signal: AbortSignal | undefined,
    onBytes: (count: number) => void,
  ): Promise<GatewayAnswer> {
    const { connection, plan } = journey
    const { response, outcome, callUuid } = await this.#record(journey, async (recording, trace) => {
      const opened = await openCall(this.#parts.connections, journey, signal, trace)
      recording.exchange?.prove(opened.inject)
      const sent = await this.#parts.passthrough.send(recording.plan, { ...opened, signal, onBytes })
      recording.exchange?.takeAnswer(sent.response)
      return { ...sent, status: sent.response.status }
    })
    return { response, outcome, connection, plan, callUuid }
  }

  async #relay(journey: Journey, sink: AnswerSink): Promise<void> {
    await this.#record(journey, async (recording, trace) => {
      const opened = await openCall(this.#parts.connections, journey, undefined, trace)
      recording.exchange?.prove(opened.inject)
      const watched = recording.exchange?.watchAnswer(sink) ?? sink
      return await this.#parts.passthrough.relay(recording.plan, watched, opened)
    })
  }

  async #record<Result extends { readonly status: number; readonly outcome: CallOutcome }>(
    journey: Journey,
    send: (recording: CallRecording, trace: CallTrace | undefined) => Promise<Result>,
  ): Promise<Result & Pick<GatewayAnswer, 'callUuid'>> {
    const { caller } = journey
    const leave = this.#concurrency.enter(caller)
    const recording = new CallRecording(journey, this.memory)
    let outcome: CallOutcome | undefined
    let end: CallEnd = { status: null, errorCode: null }
    let isHeld = false
    try {
      if (caller.hasBudget) {
        await this.#parts.budgets.hold(caller)
        isHeld = true
      }
      const result = await traceCall(this.#parts.trace, journey, trace => send(recording, trace))
      outcome = result.outcome
      end = { status: result.status, errorCode: null }
      return { ...result, callUuid: outcome.executed ? recording.uuid : undefined }
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error
      outcome = error.outcome
      end = { status: null, errorCode: error.error instanceof CallerLeft ? null : error.error.code }
      throw error.error
    } finally {
      leave()
      const call = recording.end(outcome, end)
      this.#finish(call)
      if (isHeld) await this.#settle(caller, call)
    }
  }

  /** Waited for, so that the next call knows of it. What could not be counted is the workspace's loss, and is in the log. */
  async #settle(caller: Caller, call: FinishedCall | undefined): Promise<void> {
    const bytes = call === undefined ? 0 : call.bytesSent + call.bytesReceived
    await this.#parts.budgets.settle(caller, bytes).catch(error => this.#parts.spendFailed(error))
  }

  #finish(call: FinishedCall | undefined): void {
    if (call === undefined) return
    this.#parts.record(call)
    this.#parts.callFinished(call)
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return parseExactJson(bytes.toString())
  } catch {
    return undefined
  }
}
