/** Indexes: on a full table, each list of one workspace reads an index and sorts nothing. */
import { type SQL, sql } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Db } from '../../src/store/database.ts'
import { toUuid } from '../../src/store/ids.ts'
import { createWorkspace, useDatabase } from './fixtures.ts'

const rows = 12_000

describe('on a table of many rows', () => {
  const database = useDatabase('postgres')
  let workspace = ''

  beforeAll(async () => {
    const { db } = database
    workspace = toUuid('ws', await createWorkspace(db))
    const other = toUuid('ws', await createWorkspace(db))
    for (const owner of [workspace, other]) {
      await db.execute(sql`insert into connections
        (workspace_id, id, integration, end_user_id, end_user_search, scheme, status, metadata, sealed_credential, sealed_under)
        select ${owner}::uuid, gen_random_uuid(), 'app-' || n % 50, 'user-' || md5(n::text), upper('user-' || md5(n::text)), 'apiKey',
          case n % 100 when 0 then 'DISABLED' else 'ACTIVE' end, jsonb_build_object('plan', n), '\\x00', 'k1'
        from generate_series(1, ${rows}::int) n`)
      await db.execute(sql`insert into calls
        (workspace_id, id, connection_id, integration, end_user_id, caller_id, kind, method, path, bytes_sent, bytes_received,
          attempts, duration_ms, started_at)
        select ${owner}::uuid, gen_random_uuid(), md5((n % 200)::text)::uuid, 'app-' || n % 50, 'user-' || n % 200, 'key', 'QUERY',
          'GET', '/', 0, 0, 1, 1, now() - n * interval '1 minute'
        from generate_series(1, ${rows}::int) n`)
    }
    // Vacuumed, because rows that a GIN index has only queued make it look dear.
    await db.execute(sql`vacuum analyze connections, calls`)
  })

  async function explain(statement: SQL, db: Pick<Db, 'execute'> = database.db): Promise<string> {
    const plan = await db.execute(sql`explain ${statement}`)
    return (plan as unknown as { 'QUERY PLAN': string }[]).map(line => line['QUERY PLAN']).join('\n')
  }

  /** Reading a table as small as this one whole may be cheaper; only that is ruled out. */
  function explainIndexed(statement: SQL): Promise<string> {
    return database.db.transaction(async transaction => {
      await transaction.execute(sql`set local enable_seqscan = off`)
      return explain(statement, transaction)
    })
  }

  const ofConnections = (condition: string, order: string) =>
    sql`select * from connections where workspace_id = ${workspace}::uuid and ${sql.raw(condition)} order by ${sql.raw(order)} limit 21`
  const ofCalls = (condition: string) =>
    sql`select * from calls where workspace_id = ${workspace}::uuid and ${sql.raw(condition)} order by started_at desc, id desc limit 21`
  const someId = '00000000-0000-7000-8000-000000000000'

  test.each([
    ['all', 'true', 'id desc', 'connections_workspace_id_id_pk'],
    ['all behind a cursor', `(id) > ('${someId}')`, 'id', 'connections_workspace_id_id_pk'],
    ['an integration’s', `integration = 'app-7'`, 'id desc', 'connections_integration'],
    ['those of a status', `status = 'DISABLED'`, 'id desc', 'connections_status'],
    ['an end user’s', `end_user_id = 'user-1'`, 'id desc', 'connections_end_user'],
    ['all by end user', 'true', 'end_user_id desc, id desc', 'connections_end_user'],
    [
      'by end user, behind a cursor',
      `(end_user_id, id) > ('user-5', '${someId}')`,
      'end_user_id, id',
      'connections_end_user',
    ],
    ['an integration’s by end user', `integration = 'app-7'`, 'end_user_id, id', 'connections_end_user_of_integration'],
    [
      'an end user’s at an integration',
      `integration = 'app-7' and end_user_id = 'user-1'`,
      'id',
      'connections_end_user',
    ],
  ])('connections: %s', async (_name, condition, order, index) => {
    const plan = await explain(ofConnections(condition, order))
    expect(plan).toMatch(new RegExp(`Index(?: Only)? Scan.* using ${index}\\w* on connections`))
    expect(plan).not.toMatch(/Seq Scan|Sort/)
  })

  test.each([
    ['a search', `end_user_search like '%C4CA4238A0%'`, 'connections_search'],
    ['metadata', `metadata @> '{"plan": 77}'::jsonb`, 'connections_metadata'],
  ])('connections: %s', async (_name, condition, index) => {
    expect(await explainIndexed(ofConnections(condition, 'id desc'))).toContain(`Bitmap Index Scan on ${index}`)
  })

  test.each([
    ['all', 'true', 'calls_started'],
    ['of a time', "started_at >= now() - interval '1 day'", 'calls_started'],
    ['behind a cursor', `(started_at, id) < (now() - interval '1 day', '${someId}')`, 'calls_started'],
    ['of a connection', `connection_id = md5('7')::uuid`, 'calls_connection'],
    ['of an integration', `integration = 'app-7'`, 'calls_integration'],
    ['of an end user', `end_user_id = 'user-7'`, 'calls_end_user'],
  ])('calls: %s', async (_name, condition, index) => {
    const plan = await explain(ofCalls(condition))
    expect(plan).toMatch(new RegExp(`Index Scan.* using ${index} on calls`))
    expect(plan).not.toMatch(/Seq Scan|Sort/)
  })

  test('access keys: the one of a hash', async () => {
    const plan = await explainIndexed(sql`select * from access_keys where hash = '\\x00'`)
    expect(plan).toContain('using access_keys_hash')
  })
})
