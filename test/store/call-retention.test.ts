/** What a workspace keeps no more goes in slices, oldest first: nothing that it keeps, and nothing of another. */
import { describe, expect, test } from 'vitest'
import { createCallBodyStore } from '../../src/store/call-bodies.ts'
import { createCallHourStore } from '../../src/store/call-hours.ts'
import { createCallRetentionStore, cutoffBefore, standardRetention } from '../../src/store/call-retention.ts'
import { createCallStore } from '../../src/store/calls.ts'
import type { Db } from '../../src/store/database.ts'
import { newUuid } from '../../src/store/ids.ts'
import { createWorkspaceStore } from '../../src/store/workspaces.ts'
import { callRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

const start = new Date('2026-03-01T10:00:00Z')
const at = (minutes: number) => new Date(start.getTime() + minutes * 60_000)

/** One call every 10 minutes, 6 in an hour; the path says which. */
async function record(db: Db, workspaceId: string, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, index) =>
    callRow(workspaceId, { path: `/${index}`, startedAt: at(10 * index), integration: index % 2 === 0 ? 'a' : 'b' }),
  )
  await createCallStore(db).insertMany(rows)
}

async function pathsOf(db: Db, workspaceId: string): Promise<string[]> {
  const { edges } = await createCallStore(db).list(workspaceId, {}, { last: 100 })
  return edges.map(({ node }) => node.path).toReversed()
}

const paths = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `/${from + index}`)

describe.each(kinds)('retention (%s)', kind => {
  const database = useDatabase(kind)

  test('deletes in slices, oldest first, up to the cut-off', async () => {
    const { db } = database
    const store = createCallRetentionStore(db)
    const [own, foreign] = [await createWorkspace(db), await createWorkspace(db)]
    await record(db, own, 20)
    await record(db, foreign, 20)
    const cutoff = cutoffBefore(at(70))
    expect(await store.deleteCalls(own, cutoff, 5)).toBe(5)
    expect(await pathsOf(db, own)).toEqual(paths(5, 20))
    expect(await store.deleteCalls(own, cutoff, 5)).toBe(2)
    expect(await store.deleteCalls(own, cutoff, 5)).toBe(0)
    expect(await pathsOf(db, own)).toEqual(paths(7, 20))
    expect(await pathsOf(db, foreign)).toEqual(paths(0, 20))
  })

  test('deletes no more than a slice of calls that began at one moment', async () => {
    const { db } = database
    const workspaceId = await createWorkspace(db)
    await createCallStore(db).insertMany(Array.from({ length: 12 }, () => callRow(workspaceId, { startedAt: start })))
    const store = createCallRetentionStore(db)
    const deleted = []
    for (let slice = 0; slice < 4; slice += 1)
      deleted.push(await store.deleteCalls(workspaceId, cutoffBefore(at(1)), 5))
    expect(deleted).toEqual([5, 5, 2, 0])
  })

  test.each([1, 2, 6, 7, 19])('keeps exactly the newest %d calls', async kept => {
    const { db } = database
    const workspaceId = await createWorkspace(db)
    await record(db, workspaceId, 20)
    const store = createCallRetentionStore(db)
    // By the sums, twice: those of calls that are gone stay.
    for (let sweep = 0; sweep < 2; sweep += 1) {
      const surplus = await store.findSurplus(workspaceId, kept, at(-600))
      if (surplus !== undefined) await store.deleteCalls(workspaceId, surplus, 1000)
      expect(await pathsOf(db, workspaceId)).toEqual(paths(20 - kept, 20))
    }
  })

  test('finds no surplus where there are no more calls than are kept', async () => {
    const { db } = database
    const workspaceId = await createWorkspace(db)
    await record(db, workspaceId, 20)
    const store = createCallRetentionStore(db)
    expect(await store.findSurplus(workspaceId, 20, at(-600))).toBeUndefined()
    expect(await store.findSurplus(await createWorkspace(db), 1, at(-600))).toBeUndefined()
  })

  test('deletes the sums of its hours, each kind by its own time', async () => {
    const { db } = database
    const store = createCallRetentionStore(db)
    const [own, foreign] = [await createWorkspace(db), await createWorkspace(db)]
    await record(db, own, 18)
    await record(db, foreign, 18)
    const before = { calls: at(60), connections: at(120) }
    const deleted = []
    for (let slice = 0; slice < 4; slice += 1) deleted.push(await store.deleteHours(own, before, 7))
    // Two integrations and all together for one hour; a connection for each of twelve calls.
    expect(deleted).toEqual([7, 5, 0, 0])
    const hours = createCallHourStore(db)
    const total = async (workspaceId: string, groupBy: 'INTEGRATION' | 'CONNECTION') => {
      const span = { workspaceId, since: start, until: at(600) }
      const buckets = await hours.buckets(span, { groupBy, limit: 100 })
      return buckets.reduce((sum, { calls }) => sum + calls, 0)
    }
    expect([await total(own, 'INTEGRATION'), await total(own, 'CONNECTION')]).toEqual([12, 6])
    expect([await total(foreign, 'INTEGRATION'), await total(foreign, 'CONNECTION')]).toEqual([18, 18])
  })

  test('deletes bodies of calls that began before, and what has expired', async () => {
    const { db } = database
    const store = createCallRetentionStore(db)
    const bodies = createCallBodyStore(db)
    const [own, foreign] = [await createWorkspace(db), await createWorkspace(db)]
    const uuids = [newUuid(), newUuid(), newUuid()]
    const later = new Date(Date.now() + 60_000)
    const callIds = uuids.map(uuid => callRow(own, { uuid }).id)
    for (const workspaceId of [own, foreign]) {
      for (const uuid of uuids) {
        const body = { workspaceId, uuid, sealed: Buffer.from(uuid), expiresAt: later }
        await bodies.insert(body)
        await bodies.insert({ ...body, sealed: Buffer.from('again') })
      }
    }
    expect(await bodies.get(own, callIds[0] ?? '')).toEqual({ sealed: Buffer.from(uuids[0] ?? ''), expiresAt: later })
    expect(await bodies.get(own, 'nonsense')).toBeUndefined()
    expect(await store.deleteBodies(own, new Date(Date.now() - 60_000), 10)).toBe(0)
    expect(await store.deleteBodies(own, later, 2)).toBe(2)
    expect(await store.deleteBodies(own, later, 2)).toBe(1)
    expect(await bodies.get(foreign, callIds[0] ?? '')).toBeDefined()
    const gone = { workspaceId: own, uuid: uuids[0] ?? '', sealed: Buffer.of(1), expiresAt: new Date(Date.now() - 1) }
    await bodies.insert(gone)
    expect(await bodies.get(own, callIds[0] ?? '')).toBeUndefined()
    expect(await bodies.deleteExpired(10)).toBe(1)
    expect(await bodies.deleteExpired(10)).toBe(0)
  })

  test('knows the longest that any workspace keeps', async () => {
    const { db } = database
    const store = createCallRetentionStore(db)
    expect(await store.maxDays()).toBe(standardRetention.days)
    const workspaceId = await createWorkspace(db)
    await createWorkspaceStore(db).saveCallRetention(workspaceId, { days: 90, maxCalls: 5 })
    expect(await store.maxDays()).toBe(90)
    const listed = await store.listRetentions(undefined, 1000)
    expect(listed.filter(({ retention }) => retention !== null)).toEqual([
      { workspaceId, retention: { days: 90, maxCalls: 5 } },
    ])
    expect(await store.listRetentions(listed.at(-1)?.workspaceId, 10)).toEqual([])
    expect(await store.listRetentions(listed[0]?.workspaceId, 1)).toEqual([listed[1]])
  })
})
