/** Fills the call log of one workspace with a month of calls, day by day as partitions, faster than calls could be made. */
import postgres from 'postgres'
import { openDatabase } from '../../src/store/database.ts'
import { toTypeId, toUuid } from '../../src/store/ids.ts'
import { createWorkspaceStore } from '../../src/store/workspaces.ts'

/** The days before today, and today: as many as are kept unless a workspace says otherwise. */
const days = 31
const dayMs = 86_400_000
/** A workspace that calls more has more connections: each makes as many calls. */
const callsPerConnection = 100
const connectionPrefix = '00000000-0000-7000-8000-'

export function connectionOf(number: number): string {
  return toTypeId('conn', connectionPrefix + number.toString(16).padStart(12, '0'))
}

/**
 * Calls are spread evenly over time, one of a hundred by one connection; one of fifty fails. They are put in order of time,
 * as they come in reality, and indexed when a day is there: the indexes are denser than those that grow.
 */
export async function seedCalls(url: string, dataDir: string, calls: number): Promise<string> {
  const workspaceId = await openWorkspace(url, dataDir)
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const today = Math.floor(Date.now() / dayMs) * dayMs
    for (let day = 0; day < days; day += 1) {
      const start = new Date(today - (days - 1 - day) * dayMs)
      await client.unsafe(
        dayOf(start, { workspace: toUuid('ws', workspaceId), day, perDay: Math.round(calls / days), calls }),
      )
    }
    await client.unsafe(sums)
    await client.unsafe('vacuum analyze')
  } finally {
    await client.end()
  }
  return workspaceId
}

async function openWorkspace(url: string, dataDir: string): Promise<string> {
  await using database = await openDatabase({ url, dataDir })
  return (await createWorkspaceStore(database.db).ensureDefault()).id
}

function dayOf(
  start: Date,
  { workspace, day, perDay, calls }: { workspace: string; day: number; perDay: number; calls: number },
): string {
  const name = `calls_${start.toISOString().slice(0, 10).replaceAll('-', '')}`
  const end = new Date(start.getTime() + dayMs).toISOString()
  const first = day * perDay
  return `
    create table ${name} (like calls including defaults including constraints);
    insert into ${name} (workspace_id, id, connection_id, integration, end_user_id, caller_id, kind, method, path, status,
      error_code, bytes_sent, bytes_received, attempts, duration_ms, request_id, started_at)
    select '${workspace}', (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3) || '8'
        || substr(hash, 4, 15))::uuid,
      ('${connectionPrefix}' || lpad(to_hex(connection), 12, '0'))::uuid, 'app-' || connection % 50, 'user-' || connection, 'key_' || connection % 20,
      'QUERY', case n % 4 when 3 then 'POST' else 'GET' end,
      case when n % 1000 = 0 then '/v1/exports/' || n
        else '/v1/' || (array['contacts', 'deals', 'companies', 'users'])[1 + n % 4] || '/' || n % 5000 end,
      case when n % 50 = 0 then 500 when n % 500 = 7 then null else 200 end,
      case when n % 500 = 7 then 'UPSTREAM_TIMEOUT' end, 0, 1234, 1, exp(3 + 2 * (hashint8(n) & 65535) / 65536.0),
      'req_' || hash, at
    from (
      select n, '${start.toISOString()}'::timestamptz + (n - ${first}) * (interval '1 day' / ${perDay}) as at,
        md5(n::text) as hash,
        case when n % 100 = 0 then 0 else (hashint8(n) & 2147483647) % ${Math.round(calls / callsPerConnection)} end as connection
      from generate_series(${first}::bigint, ${first + perDay - 1}) as n
    ) as call;
    alter table calls attach partition ${name} for values from ('${start.toISOString()}') to ('${end}')`
}

/** As the records make them; see the migration that filled them first. */
const sums = `
  insert into call_hours (workspace_id, hour, integration, calls, failures, bytes_sent, bytes_received, durations)
  select workspace_id, date_trunc('hour', started_at, 'UTC'), coalesce(integration, ''), count(*),
    count(*) filter (where status >= 400 or status is null), sum(bytes_sent), sum(bytes_received),
    count_classes(duration_class(duration_ms)) from calls
  group by grouping sets ((workspace_id, date_trunc('hour', started_at, 'UTC'), integration),
    (workspace_id, date_trunc('hour', started_at, 'UTC')));
  insert into connection_call_hours
    (workspace_id, connection_id, hour, integration, calls, failures, bytes_sent, bytes_received, durations)
  select workspace_id, connection_id, date_trunc('hour', started_at, 'UTC'), min(integration), count(*),
    count(*) filter (where status >= 400 or status is null), sum(bytes_sent), sum(bytes_received),
    count_classes(duration_class(duration_ms)) from calls group by 1, 2, 3`
