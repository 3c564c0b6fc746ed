/** The sums of hours equal the calls that are there: whatever is written twice, at once, or in another order. */
import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { createCallStore, type NewCall } from '../../src/store/calls.ts'
import type { Db } from '../../src/store/database.ts'
import { openDatabase } from '../../src/store/database.ts'
import { newId, toUuid } from '../../src/store/ids.ts'
import { createTestPlace } from '../support/database.ts'
import { callRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

const hourMs = 3_600_000
const start = Date.UTC(2026, 2, 1, 10)

/** Over three hours, five connections at two integrations; every fourth fails. */
function callsOf(workspaceId: string, count: number, connections: readonly string[]): NewCall[] {
  return Array.from({ length: count }, (_, index) =>
    callRow(workspaceId, {
      connectionId: connections[index % connections.length] ?? '',
      integration: index % connections.length < 2 ? 'github' : 'slack',
      status: index % 8 === 0 ? null : index % 8 === 4 ? 404 : 200,
      errorCode: index % 8 === 0 ? 'UPSTREAM_TIMEOUT' : null,
      bytesSent: index,
      bytesReceived: 10 * index,
      durationMs: 0.3 * 1.7 ** (index % 30),
      startedAt: new Date(start + (index % 3) * hourMs + index),
    }),
  )
}

/** What is in the sums and is not in the calls, or the other way round. */
async function differences(db: Db, workspaceId: string): Promise<number> {
  const own = sql`workspace_id = ${toUuid('ws', workspaceId)}::uuid`
  const figures = sql`calls::bigint, failures::bigint, bytes_sent::bigint, bytes_received::bigint`
  const counted = sql`count(*)::bigint, count(*) filter (where status >= 400 or status is null)::bigint,
    sum(bytes_sent)::bigint, sum(bytes_received)::bigint`
  const hour = sql`date_trunc('hour', started_at, 'UTC')`
  const classes = sql`(select string_agg(class || ':' || count, ',' order by class) from (
    select class, sum(1) as count from unnest(array_agg(duration_class(duration_ms))) as class group by class) as counted)`
  const stored = sql`(select string_agg(class || ':' || durations[class], ',' order by class)
    from generate_subscripts(durations, 1) as class where durations[class] is not null)`
  const pairs = [
    [
      sql`select hour, null, null::uuid, ${figures}, ${stored} from call_hours where ${own} and integration = ''`,
      sql`select ${hour}, null, null::uuid, ${counted}, ${classes} from calls where ${own} group by 1`,
    ],
    [
      sql`select hour, integration, null::uuid, ${figures}, ${stored} from call_hours where ${own} and integration <> ''`,
      sql`select ${hour}, integration, null::uuid, ${counted}, ${classes} from calls where ${own} group by 1, 2`,
    ],
    [
      sql`select hour, integration, connection_id, ${figures}, ${stored} from connection_call_hours where ${own}`,
      sql`select ${hour}, integration, connection_id, ${counted}, ${classes} from calls where ${own} group by 1, 2, 3`,
    ],
  ]
  const counts = await Promise.all(
    pairs.map(async ([left, right]) => {
      const difference = sql`((${left}) except all (${right})) union all ((${right}) except all (${left}))`
      const [row] = await db.select({ rows: sql<number>`count(*)::int` }).from(sql`(${difference}) as difference`)
      return row?.rows ?? Number.NaN
    }),
  )
  return counts.reduce((sum, rows) => sum + rows, 0)
}

describe.each(kinds)('the sums (%s)', kind => {
  const database = useDatabase(kind)

  test('equal the calls, and stay when a batch is written again with some that are new', async () => {
    const { db } = database
    const store = createCallStore(db)
    const workspaceId = await createWorkspace(db)
    const connections = Array.from({ length: 5 }, () => newId('conn'))
    const calls = callsOf(workspaceId, 600, connections)
    await store.insertMany(calls.slice(0, 400))
    expect(await differences(db, workspaceId)).toBe(0)
    await store.insertMany(calls.slice(0, 400))
    await store.insertMany(calls.slice(200))
    expect(await differences(db, workspaceId)).toBe(0)
    const [sum] = await db
      .select({ calls: sql<number>`sum(calls)::int`, failures: sql<number>`sum(failures)::int` })
      .from(sql`call_hours`)
      .where(sql`workspace_id = ${toUuid('ws', workspaceId)}::uuid and integration = ''`)
    expect(sum).toEqual({ calls: 600, failures: 150 })
  })

  test('hold what a batch has of several workspaces', async () => {
    const { db } = database
    const workspaces = [await createWorkspace(db), await createWorkspace(db)]
    const connections = [newId('conn')]
    const calls = workspaces.flatMap(workspaceId => callsOf(workspaceId, 20, connections))
    await createCallStore(db).insertMany(calls)
    expect(await Promise.all(workspaces.map(workspaceId => differences(db, workspaceId)))).toEqual([0, 0])
  })
})

test('four replicas that write the same hours at once, some of it twice, wait for no one for ever and lose no call', async () => {
  await using place = await createTestPlace('postgres')
  await using databases = new AsyncDisposableStack()
  const replicas = await Promise.all(
    Array.from({ length: 4 }, (_, index) => openDatabase({ url: place.url, dataDir: `${place.dataDir}/${index}` })),
  )
  for (const replica of replicas) databases.use(replica)
  const [{ db }] = replicas as [(typeof replicas)[number]]
  const workspaceId = await createWorkspace(db)
  const connections = Array.from({ length: 40 }, () => newId('conn'))
  const shared = callsOf(workspaceId, 300, connections)
  await Promise.all(
    replicas.map(async (replica, index) => {
      const store = createCallStore(replica.db)
      for (let batch = 0; batch < 8; batch += 1) {
        const own = callsOf(workspaceId, 200, connections)
        // In another order in each replica: only the statement itself can keep them from waiting for each other.
        const calls = [...own, ...shared].sort((left, right) => (index % 2 === 0 ? 1 : -1) * compare(left, right))
        await store.insertMany(calls)
      }
    }),
  )
  expect(await differences(db, workspaceId)).toBe(0)
  const [count] = await db.select({ rows: sql<number>`count(*)::int` }).from(sql`calls`)
  expect(count).toEqual({ rows: 4 * 8 * 200 + 300 })
}, 60_000)

function compare(left: NewCall, right: NewCall): number {
  return left.connectionId < right.connectionId ? -1 : 1
}
