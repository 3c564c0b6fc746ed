/** Integrations: one row for each slug of a workspace, holding its own definition, its settings, or both. */
import { describe, expect, test } from 'vitest'
import { newId } from '../../src/store/ids.ts'
import { createIntegrationStore } from '../../src/store/integrations.ts'
import { createWorkspace, kinds, useDatabase } from './fixtures.ts'

describe.each(kinds)('integrations (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    return { store: createIntegrationStore(database.db), workspaceId: await createWorkspace(database.db) }
  }

  test('keep a definition as it was given', async () => {
    const { store, workspaceId } = await open()
    const definition = { slug: 'acme', nested: { list: [1, 'zwei', null, true], ключ: '🚀' } }
    const row = await store.insert({ workspaceId, id: newId('int'), slug: 'acme', definition })
    expect(row).toMatchObject({ workspaceId, slug: 'acme', definition, settings: null, sealedClientSecret: null })
    expect(row?.createdAt).toBeInstanceOf(Date)
    expect(await store.getMany(workspaceId, ['acme', 'other'])).toEqual([row])
  })

  test('have each slug once in a workspace, and any number of workspaces may have it', async () => {
    const { store, workspaceId } = await open()
    const definition = { version: 1 }
    const rows = await Promise.all(
      Array.from({ length: 5 }, () => store.insert({ workspaceId, id: newId('int'), slug: 'acme', definition })),
    )
    expect(rows.filter(row => row !== undefined)).toHaveLength(1)
    const other = await createWorkspace(database.db)
    expect(await store.insert({ workspaceId: other, id: newId('int'), slug: 'acme', definition })).toBeDefined()
  })

  test('are listed by slug in byte order', async () => {
    const { store, workspaceId } = await open()
    for (const slug of ['b', 'a-b', 'ab', 'a']) {
      await store.insert({ workspaceId, id: newId('int'), slug, definition: {} })
    }
    expect((await store.list(workspaceId)).map(({ slug }) => slug)).toEqual(['a', 'a-b', 'ab', 'b'])
  })

  test('take settings before and after they have a row, and keep definition and id', async () => {
    const { store, workspaceId } = await open()
    const id = newId('int')
    await store.insert({ workspaceId, id, slug: 'own', definition: { name: 'Own' } })
    const configured = await store.saveSettings({ workspaceId, slug: 'own', id: newId('int') }, () => ({
      settings: { scopes: ['a'] },
    }))
    expect(configured).toMatchObject({ id, definition: { name: 'Own' }, settings: { scopes: ['a'] } })
    const place = { workspaceId, slug: 'github', id: newId('int') }
    const builtIn = await store.saveSettings(place, () => ({ settings: {} }))
    expect(builtIn).toMatchObject({ slug: 'github', definition: null, settings: {} })
    expect(
      await store.saveSettings({ ...place, slug: 'none', id: undefined }, () => ({ settings: {} })),
    ).toBeUndefined()
  })

  test('stay as they are when what is to be is refused in view of what is', async () => {
    const { store, workspaceId } = await open()
    const [own] = [await store.insert({ workspaceId, id: newId('int'), slug: 'own', definition: { name: 'Own' } })]
    const refuse = (before: unknown): never => {
      expect(before).toEqual(own)
      throw new RangeError('no')
    }
    await expect(store.saveSettings({ workspaceId, slug: 'own', id: undefined }, refuse)).rejects.toThrow('no')
    await expect(store.redefine(workspaceId, 'own', { name: 'New' }, refuse)).rejects.toThrow('no')
    expect(await store.list(workspaceId)).toEqual([own])
    expect(await store.redefine(workspaceId, 'own', { name: 'New' }, () => {})).toMatchObject({
      definition: { name: 'New' },
    })
  })

  test('are defined in the place of settings that belong to nothing any more', async () => {
    const { store, workspaceId } = await open()
    const place = { workspaceId, slug: 'gone-from-catalog', id: newId('int') }
    await store.saveSettings(place, () => ({ settings: { a: 1 }, sealedClientSecret: Buffer.from('secret') }))
    const row = await store.insert({ ...place, definition: { name: 'Own' } })
    expect(row).toMatchObject({ id: place.id, definition: { name: 'Own' }, settings: null, sealedClientSecret: null })
    expect(await store.insert({ ...place, definition: { name: 'Again' } })).toBeUndefined()
  })

  test('keep their client secret unless another or none is given', async () => {
    const { store, workspaceId } = await open()
    const save = (settings: object) =>
      store.saveSettings({ workspaceId, slug: 'slack', id: newId('int') }, () => ({ settings: {}, ...settings }))
    const sealed = Buffer.from([0, 128, 255])
    expect((await save({ sealedClientSecret: sealed }))?.sealedClientSecret).toEqual(sealed)
    expect((await save({ settings: { scopes: [] } }))?.sealedClientSecret).toEqual(sealed)
    expect((await save({ sealedClientSecret: null }))?.sealedClientSecret).toBeNull()
  })

  test('are not asked for what no slug can be', async () => {
    const { store, workspaceId } = await open()
    expect(await store.getMany(workspaceId, ['', 'NUL\0', '\ud800', 'a'.repeat(5000)])).toEqual([])
    expect(await store.getMany(workspaceId, [])).toEqual([])
  })
})
