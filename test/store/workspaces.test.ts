/** Workspaces: every store begins with one, the same for all who start on it. */
import { describe, expect, test } from 'vitest'
import { newId } from '../../src/store/ids.ts'
import { createWorkspaceStore } from '../../src/store/workspaces.ts'
import { createWorkspace, kinds, useDatabase } from './fixtures.ts'

describe.each(kinds)('workspaces (%s)', kind => {
  const database = useDatabase(kind)

  test('begin with one that is made once, also by replicas that start together', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => createWorkspaceStore(database.db).ensureDefault()))
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    expect(made[0]).toEqual({
      id: expect.stringMatching(/^ws_/),
      name: 'default',
      connectPage: null,
      callRetention: null,
      createdAt: expect.any(Date),
    })
    expect(await createWorkspaceStore(database.db).ensureDefault()).toEqual(made[0])
  })

  test('are found by their id', async () => {
    const store = createWorkspaceStore(database.db)
    const id = await createWorkspace(database.db)
    expect(await store.get(id)).toMatchObject({ id, name: `test ${id}` })
    expect(await store.get(newId('ws'))).toBeUndefined()
  })
})
