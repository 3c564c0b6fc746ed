/** Access keys: found by hash, one preset for each workspace, gone when deleted. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createAccessKeyStore } from '../../src/store/access-keys.ts'
import { newId } from '../../src/store/ids.ts'
import { accessKeyRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

describe.each(kinds)('access keys (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    return { store: createAccessKeyStore(database.db), workspaceId: await createWorkspace(database.db) }
  }

  test('come back as they were put in, by id and by hash', async () => {
    const { store, workspaceId } = await open()
    const expiresAt = new Date('2030-01-01T00:00:00.987Z')
    const row = accessKeyRow(workspaceId, { scopes: ['a', 'b,c', '{"}'], expiresAt })
    const inserted = await store.insert(row)
    const unset = { rules: [], maxConcurrency: null, registeredOnly: false, previousHash: null, previousUntil: null }
    expect(inserted).toEqual({ ...row, ...unset, preset: false, createdAt: expect.any(Date), lastUsedAt: null })
    expect(await store.get(workspaceId, row.id)).toEqual(inserted)
    expect(await store.findByHash(row.hash)).toEqual(inserted)
  })

  test('are not found by a hash that is not theirs, nor by a text that is no id', async () => {
    const { store, workspaceId } = await open()
    const { hash } = await store.insert(accessKeyRow(workspaceId))
    expect(await store.findByHash(randomBytes(32))).toBeUndefined()
    expect(await store.findByHash(hash.subarray(0, 31))).toBeUndefined()
    expect(await store.findByHash(Buffer.alloc(0))).toBeUndefined()
    expect(await store.get(workspaceId, 'key_nonsense')).toBeUndefined()
    expect(await store.delete(workspaceId, 'key_nonsense')).toBe('ABSENT')
  })

  test('may end in a year that PostgreSQL does not write with four digits', async () => {
    const { store, workspaceId } = await open()
    const { expiresAt } = await store.insert(
      accessKeyRow(workspaceId, { expiresAt: new Date('+010000-01-01T00:00:00Z') }),
    )
    expect(expiresAt).toEqual(new Date('9999-12-31T23:59:59.999Z'))
  })

  test('have no two rows for one secret', async () => {
    const { store, workspaceId } = await open()
    const { hash } = await store.insert(accessKeyRow(workspaceId))
    await expect(store.insert(accessKeyRow(workspaceId, { hash }))).rejects.toMatchObject({
      name: 'StoreError',
      message: 'The store failed: 23505 (access_keys_hash)',
    })
  })

  test('have one preset, which is replaced and not multiplied', async () => {
    const { store, workspaceId } = await open()
    const preset = (hash: Buffer) => ({ name: 'admin', hash, hint: 'pgk_', scopes: ['admin'] })
    const [old, next] = [randomBytes(32), randomBytes(32)]
    await store.savePreset(workspaceId, preset(old))
    await store.savePreset(workspaceId, preset(old))
    const other = await store.insert(accessKeyRow(workspaceId))
    await store.savePreset(workspaceId, preset(next))
    expect(await store.findByHash(old)).toBeUndefined()
    expect(await store.findByHash(next)).toMatchObject({ preset: true, scopes: ['admin'], workspaceId })
    const { edges } = await store.list(workspaceId, {})
    expect(edges.map(({ node }) => [node.id === other.id, node.preset])).toEqual([
      [true, false],
      [false, true],
    ])
  })

  test('have one preset also when replicas start together', async () => {
    const { store, workspaceId } = await open()
    const preset = { name: 'admin', hash: randomBytes(32), hint: 'pgk_', scopes: ['admin'] }
    await Promise.all(Array.from({ length: 8 }, () => store.savePreset(workspaceId, preset)))
    expect((await store.list(workspaceId, {})).edges).toHaveLength(1)
  })

  test('say whether there are any', async () => {
    const { store, workspaceId } = await open()
    expect(await store.hasAny(workspaceId)).toBe(false)
    const { id } = await store.insert(accessKeyRow(workspaceId))
    expect(await store.hasAny(workspaceId)).toBe(true)
    expect(await store.delete(workspaceId, id)).toBe('DELETED')
    expect(await store.delete(workspaceId, id)).toBe('ABSENT')
    expect(await store.hasAny(workspaceId)).toBe(false)
  })

  test('are all deleted but the last that opens the whole workspace now', async () => {
    const { store, workspaceId } = await open()
    const insert = (values: Parameters<typeof accessKeyRow>[1]) => store.insert(accessKeyRow(workspaceId, values))
    const [first, second] = [await insert({ scopes: ['admin'] }), await insert({ scopes: ['admin'] })]
    const others = [
      await insert({}),
      await insert({ scopes: ['admin'], expiresAt: new Date(Date.now() - 1) }),
      await insert({ scopes: ['admin'], rules: [{ effect: 'DENY' }] }),
      await insert({ scopes: ['admin'], registeredOnly: true }),
      await insert({ scopes: ['admin'], expiresAt: new Date(Date.now() + 3_600_000) }),
    ]
    expect(await store.delete(workspaceId, first.id)).toBe('DELETED')
    expect(await store.delete(workspaceId, second.id)).toBe('LAST_ADMIN')
    for (const { id } of others) expect(await store.delete(workspaceId, id)).toBe('DELETED')
    expect(await store.get(workspaceId, second.id)).toEqual(second)
  })

  test('change in what is named, and the last that opens the whole workspace stays as wide as it is', async () => {
    const { store, workspaceId } = await open()
    const [first, second] = [
      await store.insert(accessKeyRow(workspaceId, { scopes: ['admin'] })),
      await store.insert(accessKeyRow(workspaceId, { scopes: ['admin'] })),
    ]
    const foreign = await createWorkspace(database.db)
    const name = () => ({ name: 'mine' })
    expect(await store.update(foreign, first.id, name)).toBe('ABSENT')
    expect(await store.update(workspaceId, 'key_none', name)).toBe('ABSENT')
    const quota = { requests: 1, perSeconds: 1 }
    expect(await store.update(workspaceId, first.id, () => ({ scopes: ['calls:read'], quota }))).toEqual({
      ...first,
      scopes: ['calls:read'],
      quota,
    })
    const inAnHour = new Date(Date.now() + 3_600_000)
    const narrowings = [{ scopes: ['calls:read'] }, { rules: [{ effect: 'DENY' as const }] }, { expiresAt: inAnHour }]
    for (const change of narrowings) expect(await store.update(workspaceId, second.id, () => change)).toBe('LAST_ADMIN')
    expect(await store.update(workspaceId, second.id, () => ({}))).toEqual(second)
    const seen: unknown[] = []
    const refuse = (before: unknown) => {
      seen.push(before)
      throw new RangeError('no')
    }
    await expect(store.update(workspaceId, second.id, refuse)).rejects.toThrow('no')
    expect(seen).toEqual([second])
    expect(await store.update(workspaceId, second.id, () => ({ name: 'only' }))).toEqual({ ...second, name: 'only' })
  })

  test('get a new secret in the place of the one that was looked at, and of no other', async () => {
    const { store, workspaceId } = await open()
    const { id, hash } = await store.insert(accessKeyRow(workspaceId))
    const changeFrom = (previousHash: Buffer) => ({
      hash: randomBytes(32),
      hint: 'pgk_cd',
      previousHash,
      previousUntil: new Date('2030-01-01T00:00:00Z'),
    })
    const changed = await store.replaceSecret(workspaceId, id, changeFrom(hash))
    expect(await store.replaceSecret(workspaceId, id, changeFrom(hash))).toBeUndefined()
    expect(await store.get(workspaceId, id)).toEqual(changed)
    expect(await store.findByHash(hash)).toEqual(changed)
  })

  test('authenticate nobody once deleted', async () => {
    const { store, workspaceId } = await open()
    const { id, hash } = await store.insert(accessKeyRow(workspaceId))
    await store.delete(workspaceId, id)
    expect(await store.findByHash(hash)).toBeUndefined()
  })

  test('are listed newest first', async () => {
    const { store, workspaceId } = await open()
    const names = ['first', 'second', 'third']
    for (const name of names) await store.insert(accessKeyRow(workspaceId, { name }))
    const { edges } = await store.list(workspaceId, {})
    expect(edges.map(({ node }) => node.name)).toEqual(names.toReversed())
  })

  test('remember their last use and never an earlier one', async () => {
    const { store, workspaceId } = await open()
    const { id } = await store.insert(accessKeyRow(workspaceId))
    const late = new Date('2026-05-05T05:05:05.005Z')
    await store.touch(workspaceId, id, late)
    await store.touch(workspaceId, id, new Date(late.getTime() - 1))
    await store.touch(workspaceId, newId('key'), late)
    expect((await store.get(workspaceId, id))?.lastUsedAt).toEqual(late)
  })
})
