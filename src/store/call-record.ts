/** Writes a batch of calls: the rows, the sums of their hours, and word of them to all processes, in one statement. */
import { getTableColumns, sql } from 'drizzle-orm'
import { callChannel, idsPerNotice } from './call-notices.ts'
import type { NewCall } from './calls.ts'
import type { Db } from './database.ts'
import { toUuid } from './ids.ts'
import { toStorable } from './stored-text.ts'
import { callHours, calls, connectionCallHours } from './tables.ts'

const columns = Object.values(getTableColumns(calls))
const names = sql.raw(columns.map(({ name }) => `"${name}"`).join(', '))
/** As the JSON has them: bytes are base64. */
const given = sql.raw(
  columns
    .map(column => {
      const [type = ''] = column.getSQLType().split(' COLLATE')
      return `"${column.name}" ${type === 'bytea' ? 'text' : type}`
    })
    .join(', '),
)
const values = sql.raw(
  columns
    .map(column => (column.getSQLType() === 'bytea' ? `decode("${column.name}", 'base64')` : `"${column.name}"`))
    .join(', '),
)

/** A call that failed has an error code, or an answer of 400 and more. */
const sums = sql.raw(`sum(calls), sum(failures), sum(bytes_sent), sum(bytes_received), sum_counts(durations)`)
const added = sql.raw(`calls = "before".calls + excluded.calls, failures = "before".failures + excluded.failures,
  bytes_sent = "before".bytes_sent + excluded.bytes_sent, bytes_received = "before".bytes_received + excluded.bytes_received,
  durations = add_counts("before".durations, excluded.durations)`)

/**
 * One parameter for the whole batch: a statement of a parameter per value costs more than the calls it records. What was
 * there before is not returned by the insert and so not counted again; rows and sums are written in one order everywhere,
 * so that no two processes wait for each other.
 */
export async function recordCalls(db: Db, rows: readonly NewCall[]): Promise<void> {
  if (rows.length === 0) return
  await db.execute(sql`
    with written as (
      insert into ${calls} (${names}) select ${values} from json_to_recordset(${toJson(rows)}::json) as record (${given})
      order by workspace_id, id
      on conflict do nothing
      returning workspace_id, id, connection_id, integration, started_at, status, error_code, bytes_sent, bytes_received, duration_ms
    ), summed as materialized (
      select workspace_id, connection_id, date_trunc('hour', started_at, 'UTC') as hour, integration, count(*) as calls,
        count(*) filter (where status >= 400 or error_code is not null) as failures, sum(bytes_sent) as bytes_sent,
        sum(bytes_received) as bytes_received, count_classes(duration_class(duration_ms)) as durations
      from written group by 1, 2, 3, 4
    ), of_integrations as (
      insert into ${callHours} as "before"
        (workspace_id, hour, integration, calls, failures, bytes_sent, bytes_received, durations)
      select workspace_id, hour, coalesce(integration, ''), ${sums} from summed
      group by grouping sets ((workspace_id, hour, integration), (workspace_id, hour)) order by 1, 2, 3
      on conflict (workspace_id, hour, integration) do update set ${added}
    ), of_connections as (
      insert into ${connectionCallHours} as "before"
        (workspace_id, connection_id, hour, integration, calls, failures, bytes_sent, bytes_received, durations)
      select workspace_id, connection_id, hour, min(integration), ${sums} from summed group by 1, 2, 3 order by 1, 2, 3
      on conflict (workspace_id, connection_id, hour) do update set ${added}
    ), slices as (
      select workspace_id, id, started_at,
        (row_number() over (partition by workspace_id order by started_at) - 1) / ${idsPerNotice} as slice from written
    )
    select pg_notify(${callChannel}, json_build_array(
      workspace_id, extract(epoch from min(started_at)) * 1000, extract(epoch from max(started_at)) * 1000, json_agg(id))::text)
    from slices group by workspace_id, slice order by workspace_id, slice`)
}

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
      action: row.action && toStorable(row.action),
      method: toStorable(row.method),
      path: toStorable(row.path),
      status: row.status,
      error_code: row.errorCode,
      bytes_sent: row.bytesSent,
      bytes_received: row.bytesReceived,
      attempts: row.attempts,
      attempt_log: row.attemptLog,
      duration_ms: row.durationMs,
      request_id: row.requestId && toStorable(row.requestId),
      sealed_request: row.sealedRequest?.toString('base64'),
      started_at: row.startedAt,
    })),
  )
}
