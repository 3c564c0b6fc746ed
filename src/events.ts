/** One function per business event: a log line with ids and figures, never with a secret. */
import type { ErrorCode } from './errors.ts'
import type { Logger } from './log.ts'

interface ConnectionFacts {
  readonly workspaceId: string
  readonly id: string
}

export interface CallFacts {
  readonly workspaceId: string
  readonly connectionId: string
  readonly integration: string
  readonly method: string
  readonly status: number | null
  readonly errorCode: ErrorCode | null
  readonly attempts: number
  readonly durationMs: number
}

export type Events = ReturnType<typeof createEvents>

export function createEvents(log: Logger) {
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
    credentialUnopened(connection: ConnectionFacts, error: Error): void {
      log.error(
        { workspaceId: connection.workspaceId, connectionId: connection.id, err: error },
        'credential not opened',
      )
    },
    keyMissing(keyId: string, connections: number): void {
      log.warn({ keyId, connections }, 'connections are sealed under an encryption key that is not in the key ring')
    },
    callFinished(call: CallFacts): void {
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
      log.error({ lost }, 'call records lost: the queue is full')
    },
    answerNotKept(error: unknown): void {
      log.error({ err: error }, 'the answer of an idempotent write could not be kept')
    },
    limitsNotShared(error: unknown): void {
      log.error({ err: error }, 'the shared store for limits is away; each replica counts for itself')
    },
    requestFailed(requestId: string, error: unknown): void {
      log.error({ requestId, err: error }, 'request failed')
    },
  }
}
