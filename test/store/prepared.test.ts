/** Prepared look-ups: one statement whatever is asked for, and none where a pooler in between cannot keep them. */
import { describe, expect, test } from 'vitest'
import { createConnectionStore } from '../../src/store/connections.ts'
import { openDatabase } from '../../src/store/database.ts'
import { newId } from '../../src/store/ids.ts'
import { createIntegrationStore } from '../../src/store/integrations.ts'
import { createTestPlace } from '../support/database.ts'
import { connectionRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

describe.each(kinds)('look-ups (%s)', kind => {
  const database = useDatabase(kind)

  test.each([1, 2, 100])('find %i connections at once', async count => {
    const store = createConnectionStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    const rows = Array.from({ length: count }, () => connectionRow(workspaceId))
    for (const row of rows) await store.insert(row)
    const ids = rows.map(row => row.id)
    const found = await store.getMany(workspaceId, [...ids, newId('conn'), 'nonsense'])
    expect(found.map(row => row.id).sort()).toEqual(ids)
  })

  test('find integrations by slugs that PostgreSQL would read as something else', async () => {
    const store = createIntegrationStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    const slugs = ['null', 'true', '0', 'a-b']
    for (const slug of slugs) await store.insert({ workspaceId, id: newId('int'), slug, definition: {} })
    expect((await store.getMany(workspaceId, slugs)).map(row => row.slug).sort()).toEqual(slugs.toSorted())
    expect(await store.getMany(workspaceId, ['{null}', '"', '\\', 'a,b', ''])).toEqual([])
  })
})

test('a connection string may switch prepared statements off', async () => {
  await using place = await createTestPlace('postgres')
  await using database = await openDatabase({ ...place, url: `${place.url}?prepare=false` })
  const store = createConnectionStore(database.db)
  const workspaceId = await createWorkspace(database.db)
  const { id } = await store.insert(connectionRow(workspaceId))
  for (let time = 0; time < 2; time++) expect(await store.get(workspaceId, id)).toMatchObject({ id })
  const names = await database.db.execute('select name from pg_prepared_statements')
  expect(names).toHaveLength(0)
})
