/** Calls: the record of what was executed, written in batches, listed newest first. */
import { and, eq, gte, lt } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId } from './ids.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs } from './page.ts'
import { checkText, toStorable, toStorableTime } from './stored-text.ts'
import { calls } from './tables.ts'

export type CallRow = typeof calls.$inferSelect

export interface CallFilter {
  readonly connectionId?: string | null | undefined
  readonly integration?: string | null | undefined
  readonly endUserId?: string | null | undefined
  /** Started then or later. */
  readonly since?: Date | null | undefined
  /** Started before then. */
  readonly until?: Date | null | undefined
}

export interface CallStore {
  /** A call that is there already is left as it is: a batch may be written again. */
  insertMany(rows: readonly CallRow[]): Promise<void>
  get(workspaceId: string, id: string): Promise<CallRow | undefined>
  list(workspaceId: string, filter: CallFilter, page: PageArgs): Promise<Page<CallRow>>
}

const newestFirst: KeysetOrder<CallRow> = {
  name: 'calls',
  isDescending: true,
  keys: [
    { column: calls.startedAt, write: row => row.startedAt.toISOString(), read: readInstant },
    { column: calls.id, write: row => row.id, read: text => (isId('call', text) ? text : undefined) },
  ],
}

export function createCallStore(db: Db): CallStore {
  return guarded({
    async insertMany(rows: readonly CallRow[]) {
      if (rows.length === 0) return
      const storable = rows.map(row => ({ ...row, path: toStorable(row.path), endUserId: toStorable(row.endUserId) }))
      await db.insert(calls).values(storable).onConflictDoNothing()
    },
    async get(workspaceId: string, id: string) {
      if (!isId('call', id)) return undefined
      const [row] = await db
        .select()
        .from(calls)
        .where(and(eq(calls.workspaceId, workspaceId), eq(calls.id, id)))
      return row
    },
    async list(workspaceId: string, filter: CallFilter, page: PageArgs) {
      const { connectionId, integration, endUserId, since, until } = filter
      checkText('filter.integration', integration ?? '')
      checkText('filter.endUserId', endUserId ?? '')
      if (connectionId != null && !isId('conn', connectionId))
        return { edges: [], hasNextPage: false, hasPreviousPage: false }
      const isWanted = and(
        eq(calls.workspaceId, workspaceId),
        connectionId == null ? undefined : eq(calls.connectionId, connectionId),
        integration == null ? undefined : eq(calls.integration, integration),
        endUserId == null ? undefined : eq(calls.endUserId, endUserId),
        since == null ? undefined : gte(calls.startedAt, toStorableTime(since)),
        until == null ? undefined : lt(calls.startedAt, toStorableTime(until)),
      )
      return await fetchPage(page, newestFirst, ({ where, orderBy, limit }) =>
        db
          .select()
          .from(calls)
          .where(and(isWanted, where))
          .orderBy(...orderBy)
          .limit(limit),
      )
    },
  })
}

function readInstant(text: string): Date | undefined {
  const instant = new Date(text)
  return Number.isNaN(instant.getTime()) ? undefined : toStorableTime(instant)
}
