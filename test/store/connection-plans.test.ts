/** What the lists and counts of connections read: whatever the filter, a small part of a large workspace. */
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createConnectionCountStore } from '../../src/store/connection-counts.ts'
import { type ConnectionFilter, type ConnectionOrder, createConnectionStore } from '../../src/store/connections.ts'
import type { Db } from '../../src/store/database.ts'
import { toUuid } from '../../src/store/ids.ts'
import * as tables from '../../src/store/tables.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createWorkspace } from './fixtures.ts'

const rows = 60_000

/** Read in the order of a list before an index is asked. */
const walk = 2000

interface Statement {
  readonly text: string
  readonly parameters: readonly unknown[]
}

interface PlanNode {
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly PlanNode[]
}

const newest: ConnectionOrder = { field: 'CREATED_AT', direction: 'DESC' }
const byEndUser: ConnectionOrder = { field: 'END_USER_ID', direction: 'ASC' }
const both = { integration: true, status: true }

describe('of sixty thousand connections', () => {
  const sent: Statement[] = []
  let database: TestDatabase
  let client: Sql
  let db: Db
  let workspaceId = ''

  beforeAll(async () => {
    database = await createTestDatabase('postgres')
    client = postgres(database.url ?? '', { max: 1 })
    const logger = { logQuery: (text: string, parameters: unknown[]) => sent.push({ text, parameters }) }
    db = drizzle(client, { schema: tables, logger })
    workspaceId = await createWorkspace(db)
    for (const [owner, plan] of [
      [workspaceId, 'free'],
      [await createWorkspace(db), 'pro'],
    ] as const)
      await fill(db, owner, plan)
    await client.unsafe('vacuum analyze connections, connection_counts')
  })
  afterAll(async () => {
    await client.end()
    await database[Symbol.asyncDispose]()
  })

  /** Rows that the scans of each statement looked at. */
  async function readBy(run: () => Promise<unknown>): Promise<number[]> {
    sent.length = 0
    await run()
    const statements = sent.splice(0)
    const read = []
    for (const { text, parameters } of statements) {
      const [row] = await client.unsafe(`explain (analyze, format json) ${text}`, [...parameters] as never[])
      read.push(rowsRead(row?.['QUERY PLAN'][0].Plan))
    }
    return read
  }

  test.each<[string, ConnectionFilter, ConnectionOrder, number[]]>([
    ['all', {}, newest, [21]],
    ['all by end user', {}, byEndUser, [21]],
    ['an integration’s', { integration: 'app-7' }, newest, [21]],
    ['an integration’s by end user', { integration: 'app-7' }, byEndUser, [21]],
    ['those of a status', { status: 'DISABLED' }, newest, [21]],
    ['those of a status that few have', { status: 'NEEDS_REAUTH' }, newest, [21]],
    ['an end user’s', { endUserId: `user-${'c4ca4238a0b923820dcc509a6f75849b'}`, status: 'ACTIVE' }, newest, [1]],
    ['a status at an integration', { status: 'DISABLED', integration: 'app-0' }, newest, [16, 60]],
    ['a status that nothing has at an integration', { status: 'DISABLED', integration: 'app-7' }, newest, [16]],
    ['metadata that many have', { metadata: { even: true } }, newest, [60]],
    ['metadata that few have', { metadata: { number: 77 } }, newest, [walk, 1]],
    ['metadata that only others have', { metadata: { plan: 'pro' } }, newest, [walk, 0]],
    ['metadata that few have, by end user', { metadata: { number: 77 } }, byEndUser, [walk, 1]],
    ['a search that many have', { search: 'user' }, newest, [30]],
    ['a search that few have', { search: 'c4ca4238a0' }, newest, [walk, 1]],
    ['a search that nothing has', { search: 'zqz' }, newest, [walk, 0]],
    ['two letters that many begin with', { search: 'uS' }, newest, [21]],
    ['two letters that nothing begins with', { search: 'zz' }, newest, [walk, 0]],
    ['one letter that nothing begins with', { search: 'z' }, byEndUser, [walk, 0]],
  ])('the list of %s reads no more than it has to', async (_what, filter, order, most) => {
    const read = await readBy(() => createConnectionStore(db).list(workspaceId, filter, order, {}))
    expect(read).toHaveLength(most.length)
    expect(read.map((count, index) => count <= (most[index] ?? 0) || `${count} rows, not ${most[index]}`)).toEqual(
      most.map(() => true),
    )
  })

  /** Fifty integrations, of two statuses at most, in eight shards each. */
  const kept = 51 * 2 * 8

  test.each<[string, () => Promise<unknown>, number]>([
    ['all', () => createConnectionCountStore(db).total(workspaceId, {}), kept],
    ['a status', () => createConnectionCountStore(db).total(workspaceId, { status: 'ACTIVE' }), kept],
    ['an integration', () => createConnectionCountStore(db).total(workspaceId, { integration: 'app-7' }), 16],
    ['all by integration and status', () => createConnectionCountStore(db).group(workspaceId, {}, both), kept],
    [
      'a page of integrations',
      () => createConnectionCountStore(db).group(workspaceId, { integrations: ['app-1', 'app-2'] }, both),
      kept,
    ],
    ['an end user', () => createConnectionCountStore(db).group(workspaceId, { endUserId: 'user-1' }, both), 1],
    [
      'what a session sees',
      () => {
        const within = { endUserId: 'user-1', integrations: ['app-1'], ids: null }
        return createConnectionCountStore(db).group(workspaceId, { within, integrations: ['app-1'] }, both)
      },
      1,
    ],
    [
      'the connected of some integrations',
      () => createConnectionStore(db).findConnected(workspaceId, ['app-1', 'app-2', 'nothing']),
      2 + 3,
    ],
    [
      'what a session has connected of them',
      () => {
        const within = { endUserId: 'user-1', integrations: null, ids: null }
        return createConnectionStore(db).findConnected(workspaceId, ['app-1', 'app-2', 'nothing'], within)
      },
      3,
    ],
  ])('the count of %s reads no connection that it does not count', async (_what, run, most) => {
    const [read = Number.NaN] = await readBy(run)
    // The server tells the mean of loops, rounded.
    expect(Math.round(read)).toBeLessThanOrEqual(most)
  })
})

/** Of the nodes that read a table or an index; what is above them reads what they found. */
function rowsRead(node: PlanNode): number {
  const { Plans = [] } = node
  if (Plans.length > 0) return Plans.reduce((sum, plan) => sum + rowsRead(plan), 0)
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return (node['Actual Rows'] + removed) * node['Actual Loops']
}

async function fill(db: Db, workspaceId: string, plan: string): Promise<void> {
  await db.execute(sql`insert into connections
    (workspace_id, id, integration, end_user_id, end_user_search, scheme, status, metadata, sealed_credential, sealed_under)
    select ${toUuid('ws', workspaceId)}::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'app-' || n % 50,
      'user-' || md5(n::text), upper('user-' || md5(n::text)), 'apiKey',
      case when n % 100 = 0 then 'DISABLED' when n % 100 = 1 then 'NEEDS_REAUTH' else 'ACTIVE' end,
      jsonb_build_object('number', n, 'even', n % 2 = 0, 'plan', ${plan}::text), '\\x00', 'k1'
    from generate_series(1, ${rows}::int) n`)
}
