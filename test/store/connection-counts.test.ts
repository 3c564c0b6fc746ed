/** The kept counts of connections: exact after whatever happens to connections, by integration and status. */
import { and, eq, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { createConnectionCountStore, maxCounted, maxGroups } from '../../src/store/connection-counts.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import type { Db } from '../../src/store/database.ts'
import { newId, toUuid } from '../../src/store/ids.ts'
import { accessKeys, connections } from '../../src/store/tables.ts'
import { accessKeyRow, connectionRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

const both = { integration: true, status: true }
const none = { integration: false, status: false }
const anybody = { endUserId: null, integrations: null, ids: null }

describe.each(kinds)('counts of connections (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    const { db } = database
    const workspaceId = await createWorkspace(db)
    const counts = createConnectionCountStore(db)
    return {
      db,
      workspaceId,
      store: createConnectionStore(db),
      counts,
      /** `integration status count`, sorted. */
      async groups() {
        const groups = await counts.group(workspaceId, {}, both)
        return groups.map(({ integration, status, count }) => `${integration} ${status} ${count}`).sort()
      },
    }
  }

  test('follow each connection that is made, changed and removed', async () => {
    const { workspaceId, store, groups } = await open()
    expect(await groups()).toEqual([])
    const { id: first } = await store.insert(connectionRow(workspaceId))
    await store.insert(connectionRow(workspaceId))
    await store.insert(connectionRow(workspaceId, { integration: 'slack' }))
    expect(await groups()).toEqual(['acme ACTIVE 2', 'slack ACTIVE 1'])
    await store.update(workspaceId, first, { status: 'NEEDS_REAUTH' })
    await store.update(workspaceId, first, { status: 'NEEDS_REAUTH', metadata: { a: 1 } })
    await store.touch([{ workspaceId, id: first, at: new Date() }])
    expect(await groups()).toEqual(['acme ACTIVE 1', 'acme NEEDS_REAUTH 1', 'slack ACTIVE 1'])
    await store.update(workspaceId, first, { status: 'DISABLED' })
    await store.remove(workspaceId, first, 1000)
    await store.remove(workspaceId, first, 1000)
    expect(await groups()).toEqual(['acme ACTIVE 1', 'slack ACTIVE 1'])
  })

  test('follow statements of many rows, and what is done to rows by hand', async () => {
    const { db, workspaceId, groups } = await open()
    await insertMany(db, workspaceId, 3000)
    expect(await groups()).toEqual(['app-0 ACTIVE 1000', 'app-1 ACTIVE 1000', 'app-2 ACTIVE 1000'])
    const at = (integration: string) =>
      and(eq(connections.workspaceId, workspaceId), eq(connections.integration, integration))
    await db.update(connections).set({ status: 'DISABLED' }).where(at('app-0'))
    await db.update(connections).set({ integration: 'app-3', status: 'NEEDS_REAUTH' }).where(at('app-1'))
    await db.update(connections).set({ endUserId: 'somebody' }).where(at('app-2'))
    await db.delete(connections).where(and(at('app-2'), sql`id::text < '8'`))
    const [left] = await db.select({ count: sql<number>`count(*)::int` }).from(connections).where(at('app-2'))
    expect(left?.count).toBeGreaterThan(0)
    expect(await groups()).toEqual(['app-0 DISABLED 1000', `app-2 ACTIVE ${left?.count}`, 'app-3 NEEDS_REAUTH 1000'])
  })

  test('are as they were when a transaction is taken back', async () => {
    const { db, workspaceId, store, groups } = await open()
    await store.insert(connectionRow(workspaceId))
    const taken = db.transaction(async tx => {
      await insertMany(tx, workspaceId, 30)
      await tx.update(connections).set({ status: 'DISABLED' }).where(eq(connections.workspaceId, workspaceId))
      tx.rollback()
    })
    await expect(taken).rejects.toThrow('Rollback')
    expect(await groups()).toEqual(['acme ACTIVE 1'])
  })

  test('follow a connection that takes with it what belongs to it', async () => {
    const { db, workspaceId, store, groups } = await open()
    const { id: connectionId } = await store.insert(connectionRow(workspaceId, { dueAt: new Date() }))
    await db.insert(accessKeys).values(accessKeyRow(workspaceId, { connectionId }))
    await db.delete(connections).where(and(eq(connections.workspaceId, workspaceId), eq(connections.id, connectionId)))
    expect(await groups()).toEqual([])
  })

  test('are of one workspace, though another has connections with the same ids', async () => {
    const { db, workspaceId, store, counts, groups } = await open()
    const foreign = await createWorkspace(db)
    const id = newId('conn')
    await store.insert(connectionRow(workspaceId, { id }))
    await store.insert(connectionRow(foreign, { id }))
    await store.update(foreign, id, { status: 'DISABLED' })
    expect(await groups()).toEqual(['acme ACTIVE 1'])
    expect(await counts.total(workspaceId, { status: 'DISABLED' })).toBe(0)
    const theirs = { endUserId: 'user-1' }
    expect(await counts.group(workspaceId, theirs, both)).toEqual([{ integration: 'acme', status: 'ACTIVE', count: 1 }])
    expect(await counts.total(workspaceId, theirs)).toBe(1)
    expect(await counts.total(workspaceId, { within: { ...anybody, ids: [id] } })).toBe(1)
  })

  test('are grouped as is asked, the largest first', async () => {
    const { db, workspaceId, store, counts } = await open()
    await insertMany(db, workspaceId, 7)
    const { id } = await store.insert(connectionRow(workspaceId, { integration: 'app-2' }))
    await store.update(workspaceId, id, { status: 'DISABLED' })
    const group = (filter: object, groups: object) => counts.group(workspaceId, filter, { ...none, ...groups })
    expect(await group({}, {})).toEqual([{ integration: null, status: null, count: 8 }])
    expect(await group({}, { status: true })).toEqual([
      { integration: null, status: 'ACTIVE', count: 7 },
      { integration: null, status: 'DISABLED', count: 1 },
    ])
    const byIntegration = await group({}, { integration: true })
    expect(byIntegration.map(({ integration, count }) => [integration, count])).toEqual([
      ['app-1', 3],
      ['app-2', 3],
      ['app-0', 2],
    ])
    expect(await group({ status: 'DISABLED' }, { integration: true })).toEqual([
      { integration: 'app-2', status: null, count: 1 },
    ])
    expect(await group({ integration: 'app-2' }, {})).toEqual([{ integration: null, status: null, count: 3 }])
    expect(await group({ integrations: ['app-0', 'nothing'] }, both)).toEqual([
      { integration: 'app-0', status: 'ACTIVE', count: 2 },
    ])
    expect(await group({ integration: 'nothing' }, {})).toEqual([{ integration: null, status: null, count: 0 }])
    expect(await group({ integration: 'nothing' }, both)).toEqual([])
  })

  test('of what a caller sees are counted one by one', async () => {
    const { workspaceId, store, counts } = await open()
    const ids = []
    for (const [integration, endUserId] of [
      ['slack', 'ann'],
      ['slack', 'bob'],
      ['github', 'ann'],
      ['jira', 'ann'],
    ] as const) {
      ids.push((await store.insert(connectionRow(workspaceId, { integration, endUserId }))).id)
    }
    const group = async (within: object, filter: object = {}) => {
      const found = await counts.group(workspaceId, { ...filter, within: { ...anybody, ...within } }, both)
      return found.map(({ integration, count }) => `${integration} ${count}`)
    }
    expect(await group({ endUserId: 'ann' })).toEqual(['github 1', 'jira 1', 'slack 1'])
    expect(await group({ endUserId: 'ann', integrations: ['slack', 'jira'] })).toEqual(['jira 1', 'slack 1'])
    expect(await group({ endUserId: 'ann', ids: ids.slice(0, 2) })).toEqual(['slack 1'])
    expect(await group({ ids: ids.slice(0, 2) })).toEqual(['slack 2'])
    expect(await group({ endUserId: 'ann' }, { endUserId: 'bob' })).toEqual([])
    expect(await group({ endUserId: 'ann' }, { integrations: ['github', 'slack'], status: 'ACTIVE' })).toEqual([
      'github 1',
      'slack 1',
    ])
    expect(await counts.group(workspaceId, { endUserId: 'nobody' }, none)).toEqual([
      { integration: null, status: null, count: 0 },
    ])
  })

  test('are told of lists, where no list has to be read for it', async () => {
    const { workspaceId, store, counts } = await open()
    for (const endUserId of ['ann', 'ann', 'bob']) {
      await store.insert(connectionRow(workspaceId, { endUserId, metadata: { plan: endUserId } }))
    }
    const total = (filter: object) => counts.total(workspaceId, filter)
    expect(await total({})).toBe(3)
    expect(await total({ integration: 'acme', status: 'ACTIVE' })).toBe(3)
    expect(await total({ integration: 'acme', status: 'DISABLED' })).toBe(0)
    expect(await total({ endUserId: 'ann', search: 'AN', metadata: { plan: 'ann' } })).toBe(2)
    expect(await total({ endUserId: 'ann', metadata: { plan: 'bob' } })).toBe(0)
    expect(await total({ search: 'ann' })).toBeNull()
    expect(await total({ metadata: { plan: 'ann' } })).toBeNull()
  })
})

describe('a count of very many', () => {
  const database = useDatabase('postgres')

  test('is cut at a thousand groups, and at ten thousand connections of one end user', async () => {
    const { db } = database
    const workspaceId = await createWorkspace(db)
    const counts = createConnectionCountStore(db)
    await insertMany(db, workspaceId, maxCounted + 1, maxGroups + 1)
    expect(await counts.group(workspaceId, {}, both)).toHaveLength(maxGroups)
    expect(await counts.group(workspaceId, {}, none)).toMatchObject([{ count: maxCounted + 1 }])
    expect(await counts.group(workspaceId, { endUserId: 'ann' }, none)).toMatchObject([{ count: maxCounted }])
    expect(await counts.total(workspaceId, {})).toBe(maxCounted + 1)
    expect(await counts.total(workspaceId, { endUserId: 'ann' })).toBeNull()
    await db
      .delete(connections)
      .where(and(eq(connections.workspaceId, workspaceId), eq(connections.integration, 'app-5')))
    expect(await counts.total(workspaceId, { endUserId: 'ann' })).toBeGreaterThan(maxCounted - 20)
  })
})

/** Of the end user `ann`, spread evenly over integrations `app-0`, `app-1`, … */
async function insertMany(db: Db, workspaceId: string, rows: number, integrations = 3): Promise<void> {
  await db.execute(sql`insert into connections
    (workspace_id, id, integration, end_user_id, end_user_search, scheme, sealed_credential, sealed_under)
    select ${toUuid('ws', workspaceId)}::uuid, gen_random_uuid(), 'app-' || n % ${integrations}::int, 'ann', 'ANN', 'apiKey', '\\x00', 'k1'
    from generate_series(1, ${rows}::int) n`)
}
