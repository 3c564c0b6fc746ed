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
        (workspace_id, id, connection_id, integration, end_user_id, caller_id, kind, method, path, status, bytes_sent,
          bytes_received, attempts, duration_ms, started_at)
        select ${owner}::uuid, gen_random_uuid(), md5((n % 200)::text)::uuid, 'app-' || n % 50, 'user-' || n % 200,
          'key-' || n % 100, 'QUERY', 'GET', '/things/' || n, case n % 50 when 0 then 500 else 200 end, 0, 0, 1, 1,
          now() - n * interval '1 minute'
        from generate_series(1, ${rows}::int) n`)
      const sums = sql`count(*), 0, 0, 0, count_classes(duration_class(duration_ms)) from calls where workspace_id = ${owner}::uuid`
      const columns = sql.raw('calls, failures, bytes_sent, bytes_received, durations')
      await db.execute(sql`insert into call_hours (workspace_id, hour, integration, ${columns})
        select workspace_id, date_trunc('hour', started_at), integration, ${sums} group by 1, 2, 3`)
      await db.execute(sql`insert into connection_call_hours (workspace_id, connection_id, hour, integration, ${columns})
        select workspace_id, connection_id, date_trunc('hour', started_at), min(integration), ${sums} group by 1, 2, 3`)
    }
    // Vacuumed, because rows that a GIN index has only queued make it look dear.
    await db.execute(sql`vacuum analyze connections, calls, call_hours, connection_call_hours`)
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

  /** A partition's index is named after what it is on. */
  const ofPartition = (columns: string) => `calls_default_workspace_id_${columns}_idx`

  test.each([
    ['all', 'true', 'started_at_id'],
    ['of a time', "started_at >= now() - interval '1 day'", 'started_at_id'],
    ['behind a cursor', `(started_at, id) < (now() - interval '1 day', '${someId}')`, 'started_at_id'],
    ['of a connection', `connection_id = md5('7')::uuid`, 'connection_id_started_at_id'],
    ['of an integration', `integration = 'app-7'`, 'integration_started_at_id'],
    ['of an end user', `end_user_id = 'user-7'`, 'end_user_id_started_at_id'],
    ['of a key', `caller_id = 'key-7'`, 'caller_id_started_at_id'],
    ['that failed', '(status >= 400 or status is null)', 'started_at_id_idx1?'],
  ])('calls: %s', async (_name, condition, columns) => {
    const plan = await explain(ofCalls(condition))
    expect(plan).toMatch(
      new RegExp(`Index Scan.* using ${ofPartition(columns).replace('_idx1?_idx', '_idx1?')} on calls`),
    )
    expect(plan).not.toMatch(/Seq Scan|Sort/)
  })

  test('calls: those that failed are in an index of their own', async () => {
    const plan = await explain(ofCalls('(status >= 400 or status is null)'))
    expect(plan).not.toContain('Filter: ')
  })

  test('calls: below a path', async () => {
    const below = sql`select * from calls where workspace_id = ${workspace}::uuid
      and left(path, 256) >= '/things/7' and left(path, 256) <= '/things/7~' order by left(path, 256), started_at, id limit 21`
    const plan = await explain(below)
    expect(plan).toContain(`using ${ofPartition('left_started_at_id')}`)
    expect(plan).not.toMatch(/Seq Scan|Sort/)
  })

  test('calls: one by its id', async () => {
    const plan = await explain(sql`select * from calls where workspace_id = ${workspace}::uuid and id = ${someId}::uuid
      and started_at between now() and now() + interval '10 seconds'`)
    expect(plan).toMatch(/Index Scan using \w+ on calls_default[\s\S]*Index Cond: .*\(id = /)
  })

  test.each([
    [
      'of a workspace',
      `integration = '' and hour >= now() - interval '30 days'`,
      'call_hours',
      'call_hours_integration',
    ],
    ['of integrations', `integration <> '' and hour >= now() - interval '1 day'`, 'call_hours', 'call_hours_'],
    [
      'of a connection',
      `connection_id = md5('7')::uuid and hour >= now() - interval '30 days'`,
      'connection_call_hours',
      'connection_call_hours_workspace_id_connection_id_hour_pk',
    ],
    ['of all connections', `hour >= now() - interval '1 hour'`, 'connection_call_hours', 'connection_call_hours_hour'],
  ])('sums: %s', async (_name, condition, table, index) => {
    const statement = sql`select sum(calls) from ${sql.identifier(table)} where workspace_id = ${workspace}::uuid and ${sql.raw(condition)}`
    expect(await explainIndexed(statement)).toContain(index)
  })

  test('access keys: the one of a hash', async () => {
    const plan = await explainIndexed(sql`select * from access_keys where hash = '\\x00'`)
    expect(plan).toContain('using access_keys_hash')
  })
})
