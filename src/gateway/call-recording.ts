/** What is noted of one call while it runs: its id and start, and where the workspace keeps them, request and answer. */
import type { FinishedCall } from '../calls/call-log.ts'
import type { CallOutcome } from '../passthrough/call.ts'
import { isSafeMethod, type RequestPlan } from '../passthrough/request.ts'
import type { CallRow } from '../store/calls.ts'
import { newUuid } from '../store/ids.ts'
import type { Journey } from './gateway.ts'
import { KeptExchange } from './kept-exchange.ts'
import type { Memory } from './memory.ts'
import { writeReplay } from './replay.ts'

/** How a call ended: with a status, or with why there is none. */
export type CallEnd = Pick<CallRow, 'status' | 'errorCode'>

export class CallRecording {
  /** Made at the start: the id tells when the call began. */
  readonly uuid: string = newUuid()
  readonly exchange: KeptExchange | undefined
  readonly #journey: Journey
  readonly #startedAt = new Date()

  constructor(journey: Journey, memory: Memory) {
    this.#journey = journey
    this.exchange = KeptExchange.start(journey.integration.callBodies, journey.plan, memory)
  }

  /** What is sent. */
  get plan(): RequestPlan {
    return this.exchange?.plan ?? this.#journey.plan
  }

  /** To be called once, when the call is over; undefined for one that was not executed. */
  end(outcome: CallOutcome | undefined, result: CallEnd): FinishedCall | undefined {
    const exchange = this.exchange?.end() ?? null
    if (outcome?.executed !== true) return undefined
    const { caller, connection, plan, kind, action = null, requestId = null } = this.#journey
    const mark = plan.url.path.indexOf('?')
    return {
      uuid: this.uuid,
      workspaceId: connection.workspaceId,
      connectionId: connection.id,
      integration: connection.integration,
      endUserId: connection.endUserId,
      callerId: caller.id,
      kind,
      action,
      method: plan.method,
      path: mark === -1 ? plan.url.path : plan.url.path.slice(0, mark),
      bytesSent: outcome.bytesSent,
      bytesReceived: outcome.bytesReceived,
      attempts: outcome.attempts,
      attemptLog: outcome.attempts > 1 || result.status === null ? outcome.attemptLog : null,
      durationMs: outcome.durationMs,
      requestId,
      request: isSafeMethod(plan.method) ? writeReplay(plan, exchange !== null) : null,
      exchange,
      startedAt: this.#startedAt,
      ...result,
    }
  }
}
