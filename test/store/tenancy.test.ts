/** Tenancy: no method shows or changes a row of another workspace, whatever id, slug or filter it is given. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createAccessKeyStore } from '../../src/store/access-keys.ts'
import { createCallStore } from '../../src/store/calls.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import { newId } from '../../src/store/ids.ts'
import { createIntegrationStore } from '../../src/store/integrations.ts'
import { accessKeyRow, callRow, connectionRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

const order = { field: 'CREATED_AT', direction: 'ASC' } as const
const later = new Date('2031-01-01T00:00:00Z')

describe.each(kinds)('a workspace (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    const { db } = database
    return { db, own: await createWorkspace(db), foreign: await createWorkspace(db) }
  }

  test('sees and changes its own connections only', async () => {
    const { db, own, foreign } = await open()
    const store = createConnectionStore(db)
    const theirs = await store.insert(connectionRow(foreign, { endUserId: 'ann', metadata: { plan: 'pro' } }))
    const { id } = theirs
    expect(await store.get(own, id)).toBeUndefined()
    expect(await store.getMany(own, [id])).toEqual([])
    expect(await store.findByEndUser(own, 'acme', 'ann', 10)).toEqual([])
    const filters = [
      {},
      { integration: 'acme' },
      { endUserId: 'ann' },
      { status: 'ACTIVE' as const },
      { search: 'an' },
      { metadata: { plan: 'pro' } },
    ]
    for (const filter of filters) {
      for (const field of ['CREATED_AT', 'END_USER_ID'] as const) {
        expect((await store.list(own, filter, { field, direction: 'ASC' }, {})).edges).toEqual([])
        expect((await store.list(foreign, filter, { field, direction: 'ASC' }, {})).edges).toHaveLength(1)
      }
    }
    expect(await store.update(own, id, { status: 'DISABLED', metadata: {} })).toBeUndefined()
    expect(await store.remove(own, id, 1000)).toBeUndefined()
    expect(
      await store.saveCredential(own, id, {
        ...theirs,
        expectedVersion: 1,
        dueAt: null,
        event: 'connection.refreshed',
      }),
    ).toBeUndefined()
    await store.touch([{ workspaceId: own, id, at: later }])
    expect(await store.findConnected(own, ['acme'])).toEqual(new Set())
    expect(await store.get(foreign, id)).toEqual(theirs)
  })

  test('takes a foreign cursor as a place in its own list', async () => {
    const { db, own, foreign } = await open()
    const store = createConnectionStore(db)
    const before = await store.insert(connectionRow(own))
    await store.insert(connectionRow(foreign))
    const { edges } = await store.list(foreign, {}, order, {})
    await store.insert(connectionRow(foreign))
    const after = await store.insert(connectionRow(own))
    const cursor = edges[0]?.cursor
    expect((await store.list(own, {}, order, { after: cursor })).edges.map(({ node }) => node)).toEqual([after])
    expect((await store.list(own, {}, order, { before: cursor })).edges.map(({ node }) => node)).toEqual([before])
  })

  test('may have a row with the same id as another', async () => {
    const { db, own, foreign } = await open()
    const store = createConnectionStore(db)
    const theirs = await store.insert(connectionRow(foreign, { endUserId: 'theirs' }))
    const ours = await store.insert(connectionRow(own, { id: theirs.id, endUserId: 'ours' }))
    expect(await store.get(own, ours.id)).toEqual(ours)
    await store.update(own, ours.id, { status: 'DISABLED' })
    await store.touch([{ workspaceId: own, id: ours.id, at: later }])
    expect(await store.remove(own, ours.id, 1000)).toBeDefined()
    expect(await store.get(foreign, theirs.id)).toEqual(theirs)
  })

  test('sees and changes its own integrations only', async () => {
    const { db, own, foreign } = await open()
    const store = createIntegrationStore(db)
    const theirs = await store.insert({
      workspaceId: foreign,
      id: newId('int'),
      slug: 'acme',
      definition: { of: 'them' },
    })
    expect(await store.getMany(own, ['acme'])).toEqual([])
    expect(await store.list(own)).toEqual([])
    const settings = { settings: { mine: true }, sealedClientSecret: Buffer.from('mine') }
    const place = { workspaceId: own, slug: 'acme', id: newId('int') }
    expect(await store.redefine(own, 'acme', { of: 'us' }, () => {})).toBeUndefined()
    expect(await store.delete(own, 'acme')).toBe('ABSENT')
    expect(await store.saveSettings(place, () => settings)).toMatchObject({ workspaceId: own, definition: null })
    expect(await store.list(foreign)).toEqual([theirs])
  })

  test('sees and changes its own access keys only', async () => {
    const { db, own, foreign } = await open()
    const store = createAccessKeyStore(db)
    const theirs = await store.insert(accessKeyRow(foreign))
    const preset = { name: 'admin', hash: randomBytes(32), hint: 'pgk_', scopes: ['admin'] }
    await store.savePreset(foreign, preset)
    expect(await store.get(own, theirs.id)).toBeUndefined()
    expect((await store.list(own, {})).edges).toEqual([])
    expect(await store.hasAny(own)).toBe(false)
    expect(await store.delete(own, theirs.id)).toBe('ABSENT')
    await store.touch(own, theirs.id, later)
    await store.savePreset(own, { ...preset, hash: randomBytes(32) })
    expect(await store.get(foreign, theirs.id)).toEqual(theirs)
    expect(await store.findByHash(preset.hash)).toMatchObject({ workspaceId: foreign })
  })

  test('sees its own calls only', async () => {
    const { db, own, foreign } = await open()
    const store = createCallStore(db)
    const theirs = callRow(foreign)
    await store.insertMany([theirs])
    expect(await store.get(own, theirs.id)).toBeUndefined()
    const { connectionId, integration, endUserId, startedAt } = theirs
    for (const filter of [
      {},
      { connectionId },
      { integration },
      { endUserId },
      { since: startedAt },
      { until: later },
    ]) {
      expect((await store.list(own, filter, {})).edges).toEqual([])
      expect((await store.list(foreign, filter, {})).edges).toHaveLength(1)
    }
    await store.insertMany([{ ...theirs, workspaceId: own, path: '/ours' }])
    const { uuid: _, sealedRequest: __, ...asRead } = theirs
    expect(await store.get(foreign, theirs.id)).toEqual(asRead)
  })
})
