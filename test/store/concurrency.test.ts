/** Concurrency: replicas that write the same rows at the same moment neither refuse nor wait for each other without end. */
import { describe, expect, test } from 'vitest'
import { createConnectionStore } from '../../src/store/connections.ts'
import { newId } from '../../src/store/ids.ts'
import { createIntegrationStore } from '../../src/store/integrations.ts'
import { connectionRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

describe.each(kinds)('at the same moment (%s)', kind => {
  const database = useDatabase(kind)

  test('the first settings of an integration may be saved by many', async () => {
    const store = createIntegrationStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    for (let round = 0; round < 20; round++) {
      const id = newId('int')
      const slug = `app-${round}`
      const saved = await Promise.all(
        Array.from({ length: 6 }, (_, writer) => store.saveSettings(workspaceId, slug, { id, settings: { writer } })),
      )
      expect(saved.map(row => row.settings)).toEqual(Array.from({ length: 6 }, (_, writer) => ({ writer })))
      expect(new Set(saved.map(row => row.id))).toEqual(new Set([id]))
    }
    expect(await store.list(workspaceId)).toHaveLength(20)
  })

  test('connections may be marked as used in any order', async () => {
    const store = createConnectionStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    const rows = Array.from({ length: 100 }, () => connectionRow(workspaceId))
    for (const row of rows) await store.insert(row)
    let at = new Date()
    for (let round = 0; round < 20; round++) {
      at = new Date(at.getTime() + 1000)
      const uses = rows.map(({ id }) => ({ workspaceId, id, at }))
      const batches = Array.from({ length: 6 }, (_, writer) => (writer % 2 === 0 ? uses : uses.toReversed()))
      await Promise.all(batches.map(batch => store.touch(batch)))
    }
    const touched = await store.getMany(
      workspaceId,
      rows.map(({ id }) => id),
    )
    expect(new Set(touched.map(row => row.lastUsedAt?.getTime()))).toEqual(new Set([at.getTime()]))
  })
})
