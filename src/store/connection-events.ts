/** What happened to connections: noted in the same transaction as the change, for whoever listens. */
import { and, asc, eq, gt, inArray, lt, type SQL, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId, newId, timeOfUuid, toTypeId, toUuid } from './ids.ts'
import { connectionEvents, type JsonObject, webhookDeliveries, webhookEndpoints } from './tables.ts'

export const connectionEventTypes = [
  'connection.created',
  'connection.updated',
  'connection.needs_reauth',
  'connection.recovered',
  'connection.refreshed',
  'connection.deleted',
] as const

export type ConnectionEventType = (typeof connectionEventTypes)[number]

export type ConnectionEvent = typeof connectionEvents.$inferSelect

export interface NewConnectionEvent {
  readonly workspaceId: string
  readonly type: ConnectionEventType
  readonly connectionId: string
  /** Never a credential. */
  readonly data: JsonObject
}

/** Names one event; ids are unique within their workspace. */
export interface EventPlace {
  readonly workspaceId: string
  readonly id: string
}

/** What all processes are told when a transaction with an event, or with something to deliver, is committed: ids only. */
export interface EventNotice {
  /** Absent when there is only something to deliver. */
  readonly event?: EventPlace | undefined
  readonly hasDeliveries: boolean
  /** The webhook endpoint that somebody wants tried now, whatever became of it before. */
  readonly endpointId?: string | undefined
}

export const eventChannel = 'passgate_events'

/**
 * Notes the event, puts it on its way to every webhook endpoint that wants it, and tells all processes: all of it with
 * the change, or none.
 *
 * @param tx the transaction of the change itself
 */
export async function appendEvent(tx: Db, event: NewConnectionEvent): Promise<void> {
  const { workspaceId, type, data } = event
  const id = newId('evt')
  // The moment of writing, not the start of a transaction that may have waited: who reads on by time goes back less far.
  const [written] = await tx
    .insert(connectionEvents)
    .values({ ...event, id, createdAt: sql`clock_timestamp()` })
    .returning({ createdAt: connectionEvents.createdAt })
  if (written === undefined) throw new TypeError('an insert returned no row')
  const payload = JSON.stringify({ type, timestamp: written.createdAt.toISOString(), data })
  const workspace = sql`${toUuid('ws', workspaceId)}::uuid`
  await tx.execute(sql`
    with wanted as (
      select ${webhookEndpoints.id} as endpoint_id from ${webhookEndpoints}
      where ${webhookEndpoints.workspaceId} = ${workspace} and ${webhookEndpoints.isEnabled}
        and (${webhookEndpoints.eventTypes} is null or ${type}::text = any(${webhookEndpoints.eventTypes}))
      for key share
    ), sent as (
      insert into ${webhookDeliveries} (workspace_id, id, endpoint_id, event_id, event_type, payload)
      select ${workspace}, ${deliveryId(id)}, endpoint_id, ${toUuid('evt', id)}::uuid, ${type}::text, ${payload}::text
      from wanted returning 1
    )
    select pg_notify(${eventChannel}, json_build_object(
      'event', json_build_object('workspaceId', ${workspaceId}::text, 'id', ${id}::text),
      'hasDeliveries', exists (select from sent))::text)`)
}

/**
 * Made by the statement, one for each endpoint: the event's own moment, then what no other endpoint and no other event has.
 * A UUIDv7 like every other id.
 */
function deliveryId(eventId: string): SQL {
  const uuid = toUuid('evt', eventId)
  return sql`(${uuid.slice(0, 24)}::text || left(md5(${uuid}::text || endpoint_id::text), 12))::uuid`
}

/** Undefined for what is no notice: others may speak on the channel, too. */
export function readNotice(text: string): EventNotice | undefined {
  let notice: unknown
  try {
    notice = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof notice !== 'object' || notice === null) return undefined
  const {
    event,
    hasDeliveries,
    endpointId = '',
  } = notice as {
    event?: Partial<EventPlace>
    hasDeliveries?: unknown
    endpointId?: string
  }
  const { workspaceId = '', id = '' } = event ?? {}
  const isEvent = isId('ws', workspaceId) && isId('evt', id)
  return {
    event: isEvent ? { workspaceId, id } : undefined,
    hasDeliveries: hasDeliveries === true,
    endpointId: isId('whe', endpointId) ? endpointId : undefined,
  }
}

export interface ConnectionEventStore {
  get(workspaceId: string, id: string): Promise<ConnectionEvent | undefined>
  /** Those that exist, of any workspaces: for the process itself, which tells them apart. */
  getMany(places: readonly EventPlace[]): Promise<ConnectionEvent[]>
  /** Of the workspaces, written within the last `sinceMs`, oldest first. */
  listRecent(workspaceIds: readonly string[], sinceMs: number): Promise<EventPlace[]>
  /** In the order of ids: from an event's moment on, or after an event; at most `limit`. */
  list(workspaceId: string, from: EventStart, limit: number): Promise<ConnectionEvent[]>
  /** Of all workspaces: what is older than `ageMs`. @returns how many there were, `limit` at most */
  deleteOld(ageMs: number, limit: number): Promise<number>
}

export type EventStart = { readonly atMs: number } | { readonly after: string }

/** No UUIDv7 of this millisecond or a later one sorts before it. */
export function firstUuidAt(ms: number): string {
  const digits = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-000000000000`
}

/** The millisecond in which an event's id was made, by the clock of the process that made it. */
export function eventTime(id: string): number {
  return timeOfUuid(toUuid('evt', id))
}

export function createConnectionEventStore(db: Db): ConnectionEventStore {
  const { workspaceId, id, createdAt } = connectionEvents
  const order = [asc(createdAt), asc(id)]
  return guarded({
    async get(workspace: string, event: string) {
      if (!isId('evt', event)) return undefined
      const [row] = await db
        .select()
        .from(connectionEvents)
        .where(and(eq(workspaceId, workspace), eq(id, event)))
      return row
    },
    async getMany(places: readonly EventPlace[]) {
      if (places.length === 0) return []
      const asked = sql.join(
        places.map(place => sql`(${toUuid('ws', place.workspaceId)}::uuid, ${toUuid('evt', place.id)}::uuid)`),
        sql`, `,
      )
      return await db
        .select()
        .from(connectionEvents)
        .where(sql`(${workspaceId}, ${id}) in (${asked})`)
        .orderBy(...order)
    },
    async listRecent(workspaceIds: readonly string[], sinceMs: number) {
      if (workspaceIds.length === 0) return []
      const isRecent = gt(createdAt, sql`now() - ${sinceMs} * interval '1 millisecond'`)
      return await db
        .select({ workspaceId, id })
        .from(connectionEvents)
        .where(and(isRecent, inArray(workspaceId, [...workspaceIds])))
        .orderBy(...order)
    },
    async list(workspace: string, from: EventStart, limit: number) {
      const start = 'after' in from ? from.after : toTypeId('evt', firstUuidAt(from.atMs))
      return await db
        .select()
        .from(connectionEvents)
        .where(and(eq(workspaceId, workspace), gt(id, start)))
        .orderBy(asc(id))
        .limit(limit)
    },
    async deleteOld(ageMs: number, limit: number) {
      const isOld = lt(createdAt, sql`now() - ${ageMs} * interval '1 millisecond'`)
      const slice = db.select({ workspaceId, id }).from(connectionEvents).where(isOld).limit(limit).as('slice')
      const deleted = await db
        .delete(connectionEvents)
        .where(sql`(${workspaceId}, ${id}) in (select * from ${slice})`)
        .returning({ id })
      return deleted.length
    },
  })
}
