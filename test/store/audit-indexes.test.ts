/** Audit events on a full table: each list reads an index and sorts nothing, and the sweep reads old rows alone. */
import { sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import { createAuditEventStore } from '../../src/store/audit-events.ts'
import { firstUuidAt } from '../../src/store/connection-events.ts'
import { toUuid } from '../../src/store/ids.ts'
import { createWorkspace, useDatabase } from './fixtures.ts'

const database = useDatabase('postgres')
const rows = 12_000
const dayMs = 24 * 3_600_000
let workspace = ''

beforeAll(async () => {
  const { db } = database
  workspace = toUuid('ws', await createWorkspace(db))
  const other = toUuid('ws', await createWorkspace(db))
  for (const owner of [workspace, other]) {
    // One a half hour back in time: the oldest is 250 days old.
    await db.execute(sql`insert into audit_events
      (workspace_id, id, actor_kind, actor_id, actor_name, action, target_id, created_at)
      select ${owner}::uuid, (substr(lpad(to_hex(at), 12, '0'), 1, 8) || '-' || substr(lpad(to_hex(at), 12, '0'), 9) || '-7000-8000-'
          || lpad(to_hex(n), 12, '0'))::uuid,
        'KEY', 'key', 'key', 'action-' || n % 20, 'conn-' || n % 300, to_timestamp(at / 1000.0)
      from generate_series(1, ${rows}::int) n, lateral (select ${Date.now()}::bigint - n * 1800000::bigint as at) moment`)
  }
  await db.execute(sql`vacuum analyze audit_events`)
})

const idOf = (daysAgo: number) => firstUuidAt(Date.now() - daysAgo * dayMs)

test.each([
  ['all', 'true', 'audit_events_workspace_id_id_pk'],
  ['of a time', `id >= '${idOf(9)}' and id < '${idOf(8)}'`, 'audit_events_workspace_id_id_pk'],
  ['behind a cursor', `(id) < ('${idOf(100)}')`, 'audit_events_workspace_id_id_pk'],
  ['of an action', `action = 'action-7'`, 'audit_events_(?:action|workspace_id_id_pk)'],
  ['of a target', `target_id = 'conn-7'`, 'audit_events_target'],
])('%s', async (_name, condition, index) => {
  const plan = await database.db.execute(sql`explain select * from audit_events
    where workspace_id = ${workspace}::uuid and ${sql.raw(condition)} order by id desc limit 21`)
  const text = JSON.stringify(plan)
  expect(text).toMatch(new RegExp(`Index Scan.* using ${index} on audit_events`))
  expect(text).not.toMatch(/Seq Scan|Sort/)
})

test('the sweep of a table without old rows reads none of them', async () => {
  const before = new Date(Date.now() - 400 * dayMs)
  await database.db.transaction(async tx => {
    const figures = async () =>
      await tx.execute(sql`select seq_tup_read::int as whole, idx_tup_fetch::int as indexed
        from pg_stat_xact_user_tables where relname = 'audit_events'`)
    expect(await createAuditEventStore(tx).deleteOld(before, 50)).toBe(0)
    expect(await figures()).toEqual([{ whole: 0, indexed: 0 }])
    await tx.execute(sql`select * from audit_events where details = '{}'::jsonb limit 1`)
    expect(await figures()).toEqual([{ whole: 1, indexed: 0 }])
  })
})
