/** Connections that were there before they were counted are counted by the migration, once. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { createConnectionCountStore } from '../../src/store/connection-counts.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import { openDatabase } from '../../src/store/database.ts'
import { newId, toUuid } from '../../src/store/ids.ts'
import { createTestPlace } from '../support/database.ts'
import { connectionRow } from './fixtures.ts'

const migrations = join(import.meta.dirname, '../../drizzle')
const counted = '0007_call_log_and_actions'

test('a store of before the counts has them once it is migrated', async () => {
  await using place = await createTestPlace('postgres', 'empty')
  const workspaceId = newId('ws')
  const client = postgres(place.url ?? '', { max: 1, onnotice: () => {} })
  await using before = await copyMigrationsBefore(counted)
  await migrate(drizzle(client), { migrationsFolder: before.path })
  await client`insert into workspaces (id, name) values (${toUuid('ws', workspaceId)}, 'old')`
  await client`insert into connections
    (workspace_id, id, integration, end_user_id, end_user_search, scheme, status, sealed_credential, sealed_under)
    select ${toUuid('ws', workspaceId)}, gen_random_uuid(), 'app-' || n % 2, 'ann', 'ANN', 'apiKey',
      case n % 3 when 0 then 'DISABLED' else 'ACTIVE' end, '\\x00', 'k1' from generate_series(1, 60) n`
  await client.end()
  await using database = await openDatabase(place)
  await createConnectionStore(database.db).insert(connectionRow(workspaceId, { integration: 'app-0' }))
  const groups = { integration: true, status: true }
  expect(await createConnectionCountStore(database.db).group(workspaceId, {}, groups)).toEqual([
    { integration: 'app-0', status: 'ACTIVE', count: 21 },
    { integration: 'app-1', status: 'ACTIVE', count: 20 },
    { integration: 'app-0', status: 'DISABLED', count: 10 },
    { integration: 'app-1', status: 'DISABLED', count: 10 },
  ])
})

async function copyMigrationsBefore(tag: string) {
  const path = await mkdtemp(join(tmpdir(), 'passgate-migrations-'))
  await cp(migrations, path, { recursive: true })
  const file = join(path, 'meta/_journal.json')
  const journal: { entries: { tag: string }[] } = JSON.parse(await readFile(file, 'utf8'))
  const index = journal.entries.findIndex(entry => entry.tag === tag)
  await writeFile(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, index) }))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
