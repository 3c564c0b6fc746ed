/** Pages of a filtered list: every connection that fits once and in order, near the first of them or far behind. */
import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { type ConnectionFilter, type ConnectionOrder, createConnectionStore } from '../../src/store/connections.ts'
import type { Db } from '../../src/store/database.ts'
import { toUuid } from '../../src/store/ids.ts'
import { createWorkspace, kinds, useDatabase } from './fixtures.ts'

/** More than are read before an index is asked. */
const rows = 12_000

/** What the row of number `n` has. */
const made = {
  integration: (n: number) => `app-${n % 3}`,
  endUserId: (n: number) => `user-${String((n * 7919) % rows).padStart(5, '0')}`,
  status: (n: number) => (n % 400 === 0 ? 'DISABLED' : 'ACTIVE'),
  isOld: (n: number) => n < 130,
  isPro: (n: number) => n % 2 === 0,
}

const filters: readonly (readonly [string, ConnectionFilter, (n: number) => boolean])[] = [
  ['what every second one has', { metadata: { pro: true }, integration: 'app-1' }, n => made.isPro(n) && n % 3 === 1],
  ['what only the oldest have', { metadata: { old: true } }, made.isOld],
  [
    'what only the oldest of an integration have',
    { metadata: { old: true }, integration: 'app-2' },
    n => made.isOld(n) && n % 3 === 2,
  ],
  ['what few of an integration are', { status: 'DISABLED', integration: 'app-0' }, n => n % 1200 === 0],
  ['what few are, and the oldest have', { status: 'DISABLED', metadata: { old: true } }, n => n === 0],
  ['a part of an id', { search: 'R-0011' }, n => made.endUserId(n).includes('r-0011')],
  ['the beginning of an id', { search: 'u', metadata: { old: true } }, made.isOld],
  ['what nothing has', { search: 'nobody' }, () => false],
  ['what nothing begins with', { search: 'n' }, () => false],
]

const orders: readonly ConnectionOrder[] = [
  { field: 'CREATED_AT', direction: 'ASC' },
  { field: 'CREATED_AT', direction: 'DESC' },
  { field: 'END_USER_ID', direction: 'ASC' },
  { field: 'END_USER_ID', direction: 'DESC' },
]

describe.each(kinds)('of many connections (%s)', kind => {
  const database = useDatabase(kind)
  let workspaceId = ''

  beforeAll(async () => {
    const { db } = database
    workspaceId = await createWorkspace(db)
    await fill(db, workspaceId)
    await fill(db, await createWorkspace(db))
  })

  test.each(filters)('%s', async (_what, filter, isWanted) => {
    const numbers = Array.from({ length: rows }, (_, n) => n).filter(isWanted)
    const byTime = numbers.map(made.endUserId)
    for (const order of orders) {
      const sorted = order.field === 'CREATED_AT' ? byTime : byTime.toSorted()
      const expected = order.direction === 'ASC' ? sorted : sorted.toReversed()
      expect(await readForward(filter, order, Math.min(expected.length, 250))).toEqual(expected.slice(0, 250))
      expect(await readBackward(filter, order)).toEqual(expected.slice(-60))
    }
  })

  async function readForward(filter: ConnectionFilter, order: ConnectionOrder, count: number): Promise<string[]> {
    const found: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await createConnectionStore(database.db).list(workspaceId, filter, order, { first: 60, after })
      found.push(...page.edges.map(({ node }) => node.endUserId))
      if (!page.hasNextPage || found.length >= count) return found.slice(0, count)
      after = page.edges.at(-1)?.cursor
    }
  }

  async function readBackward(filter: ConnectionFilter, order: ConnectionOrder): Promise<string[]> {
    const store = createConnectionStore(database.db)
    const last = await store.list(workspaceId, filter, order, { last: 40 })
    const before = last.edges[0]?.cursor
    const more = before === undefined ? last : await store.list(workspaceId, filter, order, { last: 20, before })
    const edges = before === undefined ? [] : [...more.edges, ...last.edges]
    return edges.map(({ node }) => node.endUserId)
  }
})

async function fill(db: Db, workspaceId: string): Promise<void> {
  await db.execute(sql`insert into connections
    (workspace_id, id, integration, end_user_id, end_user_search, scheme, status, metadata, sealed_credential, sealed_under)
    select ${toUuid('ws', workspaceId)}::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'app-' || n % 3, name,
      upper(name), 'apiKey', case when n % 400 = 0 then 'DISABLED' else 'ACTIVE' end,
      jsonb_build_object('pro', n % 2 = 0, 'old', n < 130), '\\x00', 'k1'
    from generate_series(0, ${rows - 1}::int) n, lateral (select 'user-' || lpad((n * 7919 % ${rows}::int)::text, 5, '0') as name) as named`)
}
