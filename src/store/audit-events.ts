/** Audit events: who changed what, only ever added, listed newest first. */
import { and, eq, gte, lt, sql } from 'drizzle-orm'
import { firstUuidAt } from './connection-events.ts'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId, newUuid, toTypeId, toUuid } from './ids.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs } from './page.ts'
import { checkText, toStorable, toStorableTime } from './stored-text.ts'
import { auditEvents, type JsonObject, workspaces } from './tables.ts'

export type AuditEventRow = typeof auditEvents.$inferSelect

export type NewAuditEvent = Omit<AuditEventRow, 'id' | 'createdAt'>

export interface AuditEventFilter {
  readonly action?: string | null | undefined
  readonly targetId?: string | null | undefined
  readonly actorId?: string | null | undefined
  /** Written then or later. */
  readonly since?: Date | null | undefined
  /** Written before then. */
  readonly until?: Date | null | undefined
}

export interface AuditEventStore {
  insert(event: NewAuditEvent): Promise<void>
  get(workspaceId: string, id: string): Promise<AuditEventRow | undefined>
  list(workspaceId: string, filter: AuditEventFilter, page: PageArgs): Promise<Page<AuditEventRow>>
  /**
   * Of all workspaces: what was written before `before`. The store itself refuses to part with what is younger than 399
   * days. @returns how many there were, `limit` at most
   */
  deleteOld(before: Date, limit: number): Promise<number>
}

const newestFirst: KeysetOrder<AuditEventRow> = {
  name: 'auditEvents',
  isDescending: true,
  keys: [{ column: auditEvents.id, write: row => row.id, read: text => (isId('aud', text) ? text : undefined) }],
}

export function createAuditEventStore(db: Db): AuditEventStore {
  return guarded({
    async insert(event: NewAuditEvent) {
      const uuid = newUuid()
      await db.insert(auditEvents).values({
        ...event,
        id: toTypeId('aud', uuid),
        // The moment in the id: lists cut by time read a range of ids.
        createdAt: new Date(Number.parseInt(uuid.slice(0, 13).replace('-', ''), 16)),
        actorId: toStorable(event.actorId),
        actorName: toStorable(event.actorName),
        targetId: event.targetId && toStorable(event.targetId),
        details: toStorableObject(event.details),
      })
    },
    async get(workspaceId: string, id: string) {
      if (!isId('aud', id)) return undefined
      const [row] = await db
        .select()
        .from(auditEvents)
        .where(and(eq(auditEvents.workspaceId, workspaceId), eq(auditEvents.id, id)))
      return row
    },
    async list(workspaceId: string, filter: AuditEventFilter, page: PageArgs) {
      const { action, targetId, actorId, since, until } = filter
      for (const [name, text] of Object.entries({ action, targetId, actorId })) checkText(`filter.${name}`, text ?? '')
      const isWanted = and(
        eq(auditEvents.workspaceId, workspaceId),
        action == null ? undefined : eq(auditEvents.action, action),
        targetId == null ? undefined : eq(auditEvents.targetId, targetId),
        actorId == null ? undefined : eq(auditEvents.actorId, actorId),
        since == null ? undefined : gte(auditEvents.id, firstIdAt(since)),
        until == null ? undefined : lt(auditEvents.id, firstIdAt(until)),
      )
      return await fetchPage(page, newestFirst, ({ where, orderBy, limit }) =>
        db
          .select()
          .from(auditEvents)
          .where(and(isWanted, where))
          .orderBy(...orderBy)
          .limit(limit),
      )
    },
    async deleteOld(before: Date, limit: number) {
      const end = toUuid('aud', firstIdAt(before))
      // Each workspace's oldest rows lie together in the primary key: a table of young rows costs one look at each.
      const slice = sql`
        select old.workspace_id, old.id from ${workspaces} as workspace cross join lateral (
          select event.workspace_id, event.id from ${auditEvents} as event
          where event.workspace_id = workspace.id and event.id < ${end}::uuid order by event.id limit ${limit}
        ) as old limit ${limit}`
      const deleted = await db
        .delete(auditEvents)
        .where(sql`(${auditEvents.workspaceId}, ${auditEvents.id}) in (${slice})`)
        .returning({ id: auditEvents.id })
      return deleted.length
    },
  })
}

/** No id that was made then or later sorts before it. */
function firstIdAt(time: Date): string {
  return toTypeId('aud', firstUuidAt(toStorableTime(time).getTime()))
}

/** A record must not be lost to one character. */
function toStorableObject(object: JsonObject): JsonObject {
  const text = JSON.stringify(object)
  return JSON.parse(text, (_name, value) => (typeof value === 'string' ? toStorable(value) : value)) as JsonObject
}
