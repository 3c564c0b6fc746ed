/** The kept counts of connections under load: two processes that write at once neither wait for each other in a circle nor miscount. */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { eq, sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createConnectionCountStore } from '../../src/store/connection-counts.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import { type Db, openDatabase } from '../../src/store/database.ts'
import { toUuid } from '../../src/store/ids.ts'
import { connections } from '../../src/store/tables.ts'
import { createTestDatabase } from '../support/database.ts'
import { connectionRow, createWorkspace, kinds } from './fixtures.ts'

const operations = 2000
const statuses = ['ACTIVE', 'NEEDS_REAUTH', 'DISABLED'] as const
const integrations = ['github', 'slack', 'stripe'] as const

test.each(kinds)(
  'counts are exact after %s had 2,000 operations at once',
  async kind => {
    await using database = await createTestDatabase(kind)
    await using further = new AsyncDisposableStack()
    const dbs = [database.db]
    if (kind === 'postgres') {
      const other = { url: database.url, dataDir: join(database.dataDir, 'other') }
      dbs.push(further.use(await openDatabase(other)).db)
    }
    const workspaceIds = [await createWorkspace(database.db), await createWorkspace(database.db)]
    const ids: string[] = []
    let left = operations
    const workers = dbs.flatMap(db => Array.from({ length: 16 }, () => work(db)))
    async function work(db: Db) {
      while (left-- > 0) await operate(db, pick(workspaceIds), ids)
    }
    await Promise.all(workers)
    for (const workspaceId of workspaceIds) {
      const kept = await createConnectionCountStore(database.db).group(
        workspaceId,
        {},
        { integration: true, status: true },
      )
      const { integration, status } = connections
      const counted = await database.db
        .select({ integration, status, count: sql<number>`count(*)::int` })
        .from(connections)
        .where(eq(connections.workspaceId, workspaceId))
        .groupBy(integration, status)
        .orderBy(sql`count(*) desc`, integration, status)
      expect(counted).toHaveLength(integrations.length * statuses.length)
      expect(kept).toEqual(counted)
    }
  },
  120_000,
)

/** Any of what writes connections, many rows in one statement included. */
async function operate(db: Db, workspaceId: string, ids: string[]): Promise<void> {
  const store = createConnectionStore(db)
  const chance = randomInt(100)
  if (chance < 40) {
    ids.push((await store.insert(connectionRow(workspaceId, { integration: pick(integrations) }))).id)
  } else if (chance < 70 && ids.length > 0) {
    await store.update(workspaceId, pick(ids), { status: pick(statuses) })
  } else if (chance < 90 && ids.length > 0) {
    await store.remove(workspaceId, pick(ids), 1000)
  } else {
    await db.execute(sql`insert into connections
      (workspace_id, id, integration, end_user_id, end_user_search, scheme, status, sealed_credential, sealed_under)
      select ${toUuid('ws', workspaceId)}::uuid, gen_random_uuid(), (array['stripe', 'github', 'slack'])[1 + n % 3], 'ann', 'ANN', 'apiKey',
        (array['NEEDS_REAUTH', 'ACTIVE', 'DISABLED'])[1 + n % 3], '\\x00', 'k1'
      from generate_series(${randomInt(3)}::int, 7) n`)
  }
}

function pick<Item>(items: readonly Item[]): Item {
  const item = items[randomInt(items.length)]
  if (item === undefined) throw new TypeError('there is nothing to pick from')
  return item
}
