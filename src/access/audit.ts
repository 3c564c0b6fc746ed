/** The audit trail: who changed what, written before the answer to it leaves. */
import type { AuditEventFilter, AuditEventRow, AuditEventStore } from '../store/audit-events.ts'
import type { Page, PageArgs } from '../store/page.ts'
import type { Caller } from './caller.ts'

export const auditActions = [
  'accessKey.created',
  'accessKey.rotated',
  'accessKey.updated',
  'accessKey.deleted',
  'callLog.configured',
  'connectPage.configured',
  'connectSession.completed',
  'connectSession.created',
  'connection.created',
  'connection.deleted',
  'connection.disabled',
  'connection.enabled',
  'connection.refreshed',
  'connection.updated',
  'connection.verified',
  'encryptionKeys.rotated',
  'integration.configured',
  'integration.defined',
  'integration.deleted',
  'integration.redefined',
  'openApi.deleted',
  'openApi.imported',
  'registeredOperation.created',
  'registeredOperation.deleted',
  'session.created',
  'session.revoked',
  'sessionSigningKey.rotated',
  'sessions.revoked',
  'webhookEndpoint.created',
  'webhookEndpoint.deleted',
  'webhookEndpoint.secretRotated',
  'webhookEndpoint.updated',
  'workspace.created',
] as const

export type AuditAction = (typeof auditActions)[number]

/** Names, ids and choices; never a value that somebody pasted as a secret. */
export type AuditDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

export type AuditEvent = AuditEventRow

export interface AuditActor {
  readonly kind: AuditEventRow['actorKind']
  readonly id: string
  readonly name: string
}

/** Where a request came from. */
export interface AuditSource {
  readonly requestId: string | null
  /** Of the other end of the connection. */
  readonly address: string | null
}

export interface AuditRecord {
  readonly workspaceId: string
  readonly actor: AuditActor
  readonly action: AuditAction
  readonly targetId: string | null
  readonly details?: AuditDetails
  /** Absent for what the gateway does by itself. */
  readonly source?: AuditSource
}

/** For what nobody asked for by a request. */
const gatewayActor: AuditActor = { kind: 'GATEWAY', id: 'gateway', name: 'gateway' }

const keptMs = 400 * 24 * 3_600_000

export class AuditTrail {
  readonly #store: AuditEventStore
  readonly #onFailure: (record: AuditRecord, error: unknown) => void

  constructor(store: AuditEventStore, onFailure: (record: AuditRecord, error: unknown) => void) {
    this.#store = store
    this.#onFailure = onFailure
  }

  /** Resolves when it is written. What it tells of is done already, so a write that fails is told to the operator only. */
  async record(record: AuditRecord): Promise<void> {
    const { workspaceId, actor, action, targetId, details = {}, source } = record
    try {
      await this.#store.insert({
        workspaceId,
        actorKind: actor.kind,
        actorId: actor.id,
        actorName: actor.name,
        action,
        targetId,
        details: { ...details },
        requestId: source?.requestId ?? null,
        address: source?.address ?? null,
      })
    } catch (error) {
      this.#onFailure(record, error)
    }
  }

  list(workspaceId: string, filter: AuditEventFilter, page: PageArgs): Promise<Page<AuditEvent>> {
    return this.#store.list(workspaceId, filter, page)
  }

  get(workspaceId: string, id: string): Promise<AuditEvent | undefined> {
    return this.#store.get(workspaceId, id)
  }

  /** What is older than 400 days. @returns how many there were, `limit` at most */
  deleteOld(limit: number): Promise<number> {
    return this.#store.deleteOld(new Date(Date.now() - keptMs), limit)
  }
}

export function actorOf({ kind, id, name }: Caller): AuditActor {
  return { kind, id, name }
}

/** The names of the fields that an input gives, for the details of a change. */
export function namesOf(input: object): string[] {
  return Object.entries(input).flatMap(([name, value]) => (value === undefined ? [] : [name]))
}

/** Whoever can read the output of the first start has an admin key: the trail says when that was. */
export function firstKeyOf({ id }: { readonly id: string }): AuditRecord {
  const details = { name: 'admin', scopes: ['admin'] }
  return { workspaceId: id, actor: gatewayActor, action: 'accessKey.created', targetId: null, details }
}

/** What an end user did on a connect page. */
export interface Visit {
  readonly workspaceId: string
  readonly sessionId: string
  readonly endUserId: string
  readonly integration: string
  readonly authScheme: string
  readonly connectionId: string
  /** True when the connection was there before. */
  readonly isRepair: boolean
}

/** Told twice: of the link that was used, and of the connection that it made or repaired. */
export async function recordVisit(trail: AuditTrail, visit: Visit, source: AuditSource | undefined): Promise<void> {
  const { workspaceId, sessionId, endUserId, integration, authScheme, connectionId, isRepair } = visit
  const actor: AuditActor = { kind: 'END_USER', id: endUserId, name: endUserId }
  const origin = { workspaceId, actor, ...(source && { source }) }
  const facts = { integration, endUserId, authScheme }
  await trail.record({ ...origin, action: 'connectSession.completed', targetId: sessionId, details: { connectionId } })
  await trail.record(
    isRepair
      ? {
          ...origin,
          action: 'connection.updated',
          targetId: connectionId,
          details: { ...facts, changed: ['credential'] },
        }
      : { ...origin, action: 'connection.created', targetId: connectionId, details: facts },
  )
}
