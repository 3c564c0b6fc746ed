/** Calls: the record of what was executed, written in batches, listed newest first. */
import { and, eq, getTableColumns, gte, lt, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId, toUuid } from './ids.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs } from './page.ts'
import { checkText, toStorable, toStorableTime } from './stored-text.ts'
import { calls } from './tables.ts'

export type CallRow = typeof calls.$inferSelect

/** A call to be recorded; its id is still the bare UUID. */
export interface NewCall extends Omit<CallRow, 'id'> {
  readonly uuid: string
}

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
  insertMany(rows: readonly NewCall[]): Promise<void>
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

const names = sql.raw(
  Object.values(getTableColumns(calls))
    .map(({ name }) => `"${name}"`)
    .join(', '),
)
const columns = sql.raw(
  Object.values(getTableColumns(calls))
    .map(column => `"${column.name}" ${column.getSQLType().replace(/ COLLATE.*$/, '')}`)
    .join(', '),
)

/** The rows as `json_to_recordset` reads them: by the names of the columns. */
function toJson(rows: readonly NewCall[]): string {
  return JSON.stringify(
    rows.map(row => ({
      workspace_id: toUuid('ws', row.workspaceId),
      id: row.uuid,
      connection_id: toUuid('conn', row.connectionId),
      integration: row.integration,
      end_user_id: toStorable(row.endUserId),
      caller_id: row.callerId,
      kind: row.kind,
      method: row.method,
      path: toStorable(row.path),
      status: row.status,
      error_code: row.errorCode,
      bytes_sent: row.bytesSent,
      bytes_received: row.bytesReceived,
      attempts: row.attempts,
      attempt_log: row.attemptLog,
      duration_ms: row.durationMs,
      started_at: row.startedAt,
    })),
  )
}

export function createCallStore(db: Db): CallStore {
  return guarded({
    async insertMany(rows: readonly NewCall[]) {
      if (rows.length === 0) return
      // One parameter for the whole batch: a statement of a parameter per value costs more than the calls it records.
      await db.execute(sql`insert into ${calls} (${names}) select ${names} from json_to_recordset(${toJson(rows)}::json)
        as record (${columns}) on conflict do nothing`)
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
