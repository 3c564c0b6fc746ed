/** Connections: one row each, found by id, by end user, and counted by key. */
import { describe, expect, test } from 'vitest'
import { createConnectionStore } from '../../src/store/connections.ts'
import { newId } from '../../src/store/ids.ts'
import { connectionRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

describe.each(kinds)('connections (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    return { store: createConnectionStore(database.db), workspaceId: await createWorkspace(database.db) }
  }

  test('come back as they were put in', async () => {
    const { store, workspaceId } = await open()
    const values = {
      endUserId: 'Zoë 🚀 "quoted" \\ %_',
      config: { dc: 'us9' },
      metadata: { plan: 'pro', seats: 3, tags: ['a', null], deep: { a: { b: 1.5 } } },
      sealedCredential: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
    }
    const row = connectionRow(workspaceId, values)
    const inserted = await store.insert(row)
    const { dueAt: _, ...stored } = row
    expect(inserted).toEqual({
      ...stored,
      status: 'ACTIVE',
      statusReason: null,
      statusChangedAt: null,
      rules: [],
      credentialVersion: 1,
      quota: null,
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
      lastUsedAt: null,
    })
    expect(Buffer.isBuffer(inserted.sealedCredential)).toBe(true)
    expect(await store.get(workspaceId, row.id)).toEqual(inserted)
  })

  test('are not there under an unknown id or a text that is none', async () => {
    const { store, workspaceId } = await open()
    expect(await store.get(workspaceId, newId('conn'))).toBeUndefined()
    for (const id of ['', 'conn_', newId('key'), 'conn_\0', "' or 1=1 --"]) {
      expect(await store.get(workspaceId, id)).toBeUndefined()
      expect(await store.update(workspaceId, id, { status: 'DISABLED' })).toBeUndefined()
      expect(await store.remove(workspaceId, id, 1000)).toBeUndefined()
    }
  })

  test('are fetched many at once, those that exist', async () => {
    const { store, workspaceId } = await open()
    const [a, b] = [await store.insert(connectionRow(workspaceId)), await store.insert(connectionRow(workspaceId))]
    const found = await store.getMany(workspaceId, [b.id, newId('conn'), 'nonsense', a.id, a.id])
    expect(found.map(({ id }) => id).sort()).toEqual([a.id, b.id].sort())
    expect(await store.getMany(workspaceId, ['nonsense'])).toEqual([])
    expect(await store.getMany(workspaceId, [])).toEqual([])
  })

  test('are found by end user, exactly, oldest first, up to a limit', async () => {
    const { store, workspaceId } = await open()
    const first = await store.insert(connectionRow(workspaceId, { endUserId: 'Ann' }))
    const second = await store.insert(connectionRow(workspaceId, { endUserId: 'Ann' }))
    await store.insert(connectionRow(workspaceId, { endUserId: 'ann' }))
    await store.insert(connectionRow(workspaceId, { endUserId: 'Ann', integration: 'other' }))
    expect(await store.findByEndUser(workspaceId, 'acme', 'Ann', 10)).toEqual([first, second])
    expect(await store.findByEndUser(workspaceId, 'acme', 'Ann', 1)).toEqual([first])
    expect(await store.findByEndUser(workspaceId, 'acme', 'Bob', 10)).toEqual([])
  })

  test('change only in what a patch names', async () => {
    const { store, workspaceId } = await open()
    const before = await store.insert(connectionRow(workspaceId, { config: { a: '1' }, metadata: { b: 2 } }))
    const disabled = await store.update(workspaceId, before.id, { status: 'DISABLED' })
    expect(disabled).toEqual({ ...before, status: 'DISABLED', updatedAt: expect.any(Date) })
    const changed = await store.update(workspaceId, before.id, { metadata: {}, config: { a: '2' } })
    expect(changed).toMatchObject({ status: 'DISABLED', metadata: {}, config: { a: '2' } })
    expect(changed?.updatedAt.getTime()).toBeGreaterThanOrEqual(before.updatedAt.getTime())
    expect(await store.update(workspaceId, newId('conn'), { metadata: {} })).toBeUndefined()
  })

  test('are deleted once', async () => {
    const { store, workspaceId } = await open()
    const row = await store.insert(connectionRow(workspaceId))
    expect(await store.remove(workspaceId, row.id, 1000)).toEqual(row)
    expect(await store.remove(workspaceId, row.id, 1000)).toBeUndefined()
    expect(await store.get(workspaceId, row.id)).toBeUndefined()
  })

  test('remember their last use, whatever the order in which uses are told', async () => {
    const { store, workspaceId } = await open()
    const [a, b] = [await store.insert(connectionRow(workspaceId)), await store.insert(connectionRow(workspaceId))]
    const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute, 0, 123))
    const use = ({ id }: { id: string }, minute: number) => ({ workspaceId, id, at: at(minute) })
    const lastUse = async ({ id }: { id: string }) => (await store.get(workspaceId, id))?.lastUsedAt
    await store.touch([use(a, 5), use(b, 3), use(a, 9), use(a, 7)])
    expect([await lastUse(a), await lastUse(b)]).toEqual([at(9), at(3)])
    await store.touch([use(a, 8), use(b, 4), { workspaceId, id: newId('conn'), at: at(1) }])
    expect([await lastUse(a), await lastUse(b)]).toEqual([at(9), at(4)])
    await store.touch([])
    expect((await store.get(workspaceId, a.id))?.updatedAt).toEqual(a.updatedAt)
  })

  test('say at which integrations there are any', async () => {
    const { store, workspaceId } = await open()
    for (const integration of ['github', 'github', 'slack']) {
      await store.insert(connectionRow(workspaceId, { integration }))
    }
    expect(await store.findConnected(workspaceId, ['slack', 'github', 'stripe'])).toEqual(new Set(['slack', 'github']))
    expect(await store.findConnected(workspaceId, [])).toEqual(new Set())
  })
})
