/** What happened to connections: noted in the same transaction as the change, for whoever listens. */
import { sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { newId } from './ids.ts'
import { connectionEvents, type JsonObject } from './tables.ts'

export const connectionEventTypes = [
  'connection.created',
  'connection.updated',
  'connection.needs_reauth',
  'connection.recovered',
  'connection.refreshed',
  'connection.deleted',
] as const

export type ConnectionEventType = (typeof connectionEventTypes)[number]

export interface NewConnectionEvent {
  readonly workspaceId: string
  readonly type: ConnectionEventType
  readonly connectionId: string
  /** Never a credential. */
  readonly data: JsonObject
}

/** @param tx the transaction of the change itself */
export async function appendEvent(tx: Db, event: NewConnectionEvent): Promise<void> {
  const id = newId('evt')
  await tx.insert(connectionEvents).values({ ...event, id })
  await tx.execute(sql`select pg_notify('passgate_events', ${JSON.stringify({ workspaceId: event.workspaceId, id })})`)
}
