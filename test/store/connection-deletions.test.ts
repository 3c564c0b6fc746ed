/** A deleted connection: gone at once, its credential kept for whoever has it revoked, then erased. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createConnectionDeletionStore } from '../../src/store/connection-deletions.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import { connectionRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

describe.each(kinds)('a deleted connection (%s)', kind => {
  const database = useDatabase(kind)

  async function removeOne(leaseMs: number) {
    const workspaceId = await createWorkspace(database.db)
    const row = await createConnectionStore(database.db).insert(connectionRow(workspaceId))
    await createConnectionStore(database.db).remove(workspaceId, row.id, leaseMs)
    return { workspaceId, row, store: createConnectionDeletionStore(database.db) }
  }

  test('keeps its sealed credential until the deletion is finished', async () => {
    const { workspaceId, row, store } = await removeOne(60_000)
    const stop = { step: 'STOP', outcome: 'DONE', message: null } as const
    expect(await store.get(workspaceId, row.id)).toMatchObject({
      sealedCredential: row.sealedCredential,
      steps: [stop],
    })
    const erase = { step: 'ERASE', outcome: 'DONE', message: null } as const
    await store.finish(workspaceId, row.id, [stop, erase])
    expect(await store.get(workspaceId, row.id)).toMatchObject({ sealedCredential: null, steps: [stop, erase] })
  })

  test('is finished by another process once the lease of the first is over, by one of them', async () => {
    const { row, store } = await removeOne(1)
    const held = await removeOne(60_000)
    await sleep(20)
    const taken = (await Promise.all([store.takeUnfinished(100, 60_000), store.takeUnfinished(100, 60_000)])).flat()
    const ids = taken.map(({ id }) => id)
    expect(ids.filter(id => id === row.id)).toHaveLength(1)
    expect(ids).not.toContain(held.row.id)
  })

  test('is no other workspace’s business', async () => {
    const { row, store } = await removeOne(60_000)
    const foreign = await createWorkspace(database.db)
    expect(await store.get(foreign, row.id)).toBeUndefined()
    await store.finish(foreign, row.id, [])
    expect(await store.get(row.workspaceId, row.id)).toMatchObject({ sealedCredential: row.sealedCredential })
    expect(await store.get(foreign, 'conn_nonsense')).toBeUndefined()
  })
})
