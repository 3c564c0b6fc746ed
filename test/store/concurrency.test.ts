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
        Array.from({ length: 6 }, (_, writer) =>
          store.saveSettings({ workspaceId, slug, id }, () => ({ settings: { writer } })),
        ),
      )
      expect(saved.map(row => row?.settings)).toEqual(Array.from({ length: 6 }, (_, writer) => ({ writer })))
      expect(new Set(saved.map(row => row?.id))).toEqual(new Set([id]))
    }
    expect(await store.list(workspaceId)).toHaveLength(20)
  })

  test('settings that are changed by many each see what the one before has left', async () => {
    const store = createIntegrationStore(database.db)
    const place = { workspaceId: await createWorkspace(database.db), slug: 'app', id: newId('int') }
    const add = () => store.saveSettings(place, ({ settings }) => ({ settings: { n: Number(settings?.n ?? 0) + 1 } }))
    await Promise.all(Array.from({ length: 12 }, add))
    const [row] = await store.list(place.workspaceId)
    expect(row?.settings).toEqual({ n: 12 })
  })

  test('an integration is not deleted under a connection that is being made, nor given one once it is deleted', async () => {
    const [integrations, connections] = [createIntegrationStore(database.db), createConnectionStore(database.db)]
    const workspaceId = await createWorkspace(database.db)
    for (let round = 0; round < 20; round++) {
      const slug = `own-${round}`
      await integrations.insert({ workspaceId, id: newId('int'), slug, definition: { slug } })
      const [outcome, made, configured] = await Promise.all([
        integrations.delete(workspaceId, slug),
        connections.insertAtOwn(connectionRow(workspaceId, { integration: slug })),
        integrations.saveSettings({ workspaceId, slug, id: undefined }, () => ({ settings: { a: 1 } })),
      ])
      const left = (await integrations.getMany(workspaceId, [slug])).length
      expect([outcome, made === undefined, left]).toEqual(
        made === undefined ? ['DELETED', true, 0] : ['CONNECTED', false, 1],
      )
      if (configured === undefined) expect(outcome).toBe('DELETED')
    }
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
