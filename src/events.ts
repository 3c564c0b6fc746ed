/** One function per business event: what is counted of it, and a log line with ids and figures, never with a secret. */
import type { ErrorCode } from './errors.ts'
import type { Logger } from './log.ts'
import type { CountedCall } from './telemetry/call-metrics.ts'
import { type AttemptOutcome, type Face, Metrics } from './telemetry/metrics.ts'
import type { CountedRequest } from './telemetry/request-metrics.ts'

interface ConnectionFacts {
  readonly workspaceId: string
  readonly id: string
}

export interface CallFacts extends CountedCall {
  readonly workspaceId: string
  readonly connectionId: string
}

/** A client's request and its answer. */
export interface RequestFacts extends CountedRequest {
  readonly requestId: string
  /** The access key or session; null for a request that proved none. */
  readonly callerId: string | null
  /** Undefined when nobody collects traces. */
  readonly traceId: string | undefined
  /** What the gateway refused or failed at; empty for most. */
  readonly errorCodes: readonly ErrorCode[]
}

/** A row by its place; none of it is secret. */
interface SealedRowFacts {
  readonly table: string
  readonly workspaceId: string
  readonly key: readonly string[]
  readonly message: string
}

export type Events = ReturnType<typeof createEvents>

/** @param metrics where nothing is counted that nobody reads, unless given */
export function createEvents(log: Logger, metrics: Metrics = new Metrics()) {
  return {
    connectionCreated(connection: ConnectionFacts & { readonly integration: string; readonly scheme: string }): void {
      const { workspaceId, id, integration, scheme } = connection
      log.info({ workspaceId, connectionId: id, integration, scheme }, 'connection created')
    },
    connectionUpdated(connection: ConnectionFacts & { readonly status: string }): void {
      const { workspaceId, id, status } = connection
      log.info({ workspaceId, connectionId: id, status }, 'connection updated')
    },
    connectionDeleted({ workspaceId, id }: ConnectionFacts): void {
      log.info({ workspaceId, connectionId: id }, 'connection deleted')
    },
    connectionNeedsReauth(connection: ConnectionFacts & { readonly statusReason: string | null }): void {
      const { workspaceId, id, statusReason } = connection
      metrics.tokenRefreshes.failed.inc()
      metrics.reauthsNeeded.inc()
      log.warn({ workspaceId, connectionId: id, reason: statusReason }, 'connection needs its end user again')
    },
    tokenRefreshed({ workspaceId, id }: ConnectionFacts): void {
      metrics.tokenRefreshes.ok.inc()
      log.info({ workspaceId, connectionId: id }, 'token refreshed')
    },
    /** @param error its message is shown to callers too, so it holds no secret */
    tokenRefreshFailed({ workspaceId, id }: ConnectionFacts, error: unknown): void {
      metrics.tokenRefreshes.failed.inc()
      log.warn({ workspaceId, connectionId: id, err: error }, 'token not refreshed')
    },
    /** @param error its message is shown to callers too, so it holds no secret */
    tokenNotRevoked({ workspaceId, id }: ConnectionFacts, error: unknown): void {
      log.warn({ workspaceId, connectionId: id, err: error }, 'token not revoked')
    },
    upkeepFailed(what: string, error: unknown): void {
      log.error({ what, err: error }, 'upkeep failed; it is tried again')
    },
    credentialUnopened(connection: ConnectionFacts, error: Error): void {
      log.error(
        { workspaceId: connection.workspaceId, connectionId: connection.id, err: error },
        'credential not opened',
      )
    },
    integrationUnreadable(
      { workspaceId, slug }: { readonly workspaceId: string; readonly slug: string },
      error: unknown,
    ): void {
      log.error({ workspaceId, slug, err: error }, 'a stored integration is refused today; define it anew')
    },
    keyMissing(keyId: string, rows: number): void {
      log.warn({ keyId, rows }, 'secrets are sealed under an encryption key that is not in the key ring')
    },
    keyRetiring(keyId: string, rows: number): void {
      log.info({ keyId, rows }, 'secrets hang on an encryption key that seals no more; rotate before it is removed')
    },
    sealedRowUnopened(row: SealedRowFacts): void {
      const { table, workspaceId, key, message } = row
      log.error({ table, workspaceId, row: key.join(' '), reason: message }, 'secret not opened; it was left alone')
    },
    keysRotated(keyId: string, figures: { moved: number; failed: number; left: number }): void {
      log.info({ keyId, ...figures }, 'encryption keys rotated')
    },
    keyRotationFailed(error: unknown): void {
      log.error({ err: error }, 'rotation of encryption keys failed; it goes on when it is started again')
    },
    callFinished(call: CallFacts): void {
      metrics.calls.finished(call)
      if (!log.isLevelEnabled('debug')) return
      const { workspaceId, connectionId, integration, method, status, errorCode, attempts, durationMs } = call
      log.debug(
        { workspaceId, connectionId, integration, method, status, errorCode, attempts, durationMs },
        'call finished',
      )
    },
    callsNotWritten(error: unknown, waiting: number): void {
      log.error({ err: error, waiting }, 'call records could not be written; trying again')
    },
    callsLost(lost: number): void {
      metrics.recordsLost.inc(lost)
      log.error({ lost }, 'call records lost: the queue is full')
    },
    callsBare(calls: number): void {
      log.warn({ calls }, 'calls recorded without what a replay needs and without bodies: too much waits to be written')
    },
    callsNotTold(error: unknown): void {
      log.error({ err: error }, 'recorded calls could not be read for those who listen')
    },
    answerNotKept(error: unknown): void {
      log.error({ err: error }, 'the answer of an idempotent write could not be kept')
    },
    eventsNotRead(error: unknown): void {
      log.error({ err: error }, 'connection events could not be read; trying again')
    },
    webhooksFailed(error: unknown): void {
      log.error({ err: error }, 'webhooks could not be sent or noted; trying again')
    },
    webhookAttempted(outcome: AttemptOutcome): void {
      metrics.webhookDeliveries[outcome].inc()
    },
    webhookEndpointDisabled({ workspaceId, id }: ConnectionFacts, reason: string): void {
      log.warn({ workspaceId, endpointId: id, reason }, 'webhook endpoint disabled')
    },
    changeNotAudited(change: { readonly workspaceId: string; readonly action: string }, error: unknown): void {
      const { workspaceId, action } = change
      log.error({ workspaceId, action, err: error }, 'a change is not in the audit trail')
    },
    limitsNotShared(error: unknown): void {
      log.error({ err: error }, 'the shared store for limits is away; each replica counts for itself')
    },
    tracesNotExported(error: unknown): void {
      log.warn({ err: error }, 'traces could not be sent to their collector; some are lost')
    },
    operationStarted(face: Face): void {
      metrics.operations[face].inc()
    },
    /** What the caller was told, by its code. */
    requestRefused(code: ErrorCode): void {
      metrics.refusals[code].inc()
    },
    /** What is hidden behind `INTERNAL`. */
    requestFailed(requestId: string, error: unknown): void {
      log.error({ requestId, err: error }, 'request failed')
    },
    /** One line for each that was refused or failed; the others are told where everything is. */
    requestFinished(request: RequestFacts): void {
      metrics.requests.finished(request)
      const isRefused = request.errorCodes.length > 0
      if (!log.isLevelEnabled(isRefused ? 'info' : 'debug')) return
      const { requestId, route, method, status, durationMs, callerId, traceId, errorCodes } = request
      const line = { requestId, route, method, status, durationMs, callerId, traceId }
      if (isRefused) log.info({ ...line, errorCodes }, 'request refused')
      else log.debug(line, 'request finished')
    },
  }
}
