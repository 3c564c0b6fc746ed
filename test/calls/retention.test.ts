/** Calls go when their workspace no longer keeps them: whole days for all, slices for those who keep less. */
import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { CallRetention } from '../../src/calls/retention.ts'
import type { Database } from '../../src/store/database.ts'
import { createStores } from '../../src/store/stores.ts'
import { callRow, createWorkspace, kinds } from '../store/fixtures.ts'
import { createTestDatabase } from '../support/database.ts'

const dayMs = 86_400_000
const now = Date.UTC(2026, 5, 15, 12)
const daysAgo = (days: number) => new Date(now - days * dayMs)

function open(database: Database) {
  const stores = createStores(database)
  const { callPartitions: partitions, callRetention, callBodies: bodies } = stores
  let nowMs = now
  const retention = new CallRetention({ partitions, retention: callRetention, bodies, now: async () => nowMs })
  return {
    ...stores,
    retention,
    wait: (ms: number) => {
      nowMs += ms
    },
    async sweep() {
      let slices = 0
      while (await retention.deleteSlice()) slices += 1
      return slices
    },
  }
}

type Opened = ReturnType<typeof open>

async function record({ calls }: Opened, workspaceId: string, days: readonly number[]): Promise<void> {
  await calls.insertMany(days.map(day => callRow(workspaceId, { path: `/${day}`, startedAt: daysAgo(day) })))
}

async function pathsOf({ calls }: Opened, workspaceId: string): Promise<string[]> {
  const { edges } = await calls.list(workspaceId, { until: daysAgo(-1) }, { first: 100 })
  return edges.map(({ node }) => node.path)
}

async function partitionsOf({ db }: Database): Promise<number> {
  const [row] = await db
    .select({ count: sql<number>`count(*)::int` })
    .from(sql`pg_inherits`)
    .where(sql`inhparent = 'calls'::regclass`)
  return (row?.count ?? 0) - 1
}

describe.each(kinds)('retention (%s)', kind => {
  test('is 30 days unless a workspace says otherwise', async () => {
    await using database = await createTestDatabase(kind)
    const opened = open(database)
    const [usual, long, short] = [
      await createWorkspace(database.db),
      await createWorkspace(database.db),
      await createWorkspace(database.db),
    ]
    await opened.workspaces.saveCallRetention(long, { days: 60, maxCalls: null })
    await opened.workspaces.saveCallRetention(short, { days: 10, maxCalls: 2 })
    const days = [1, 2, 3, 9, 11, 29, 31, 59, 61]
    for (const workspaceId of [usual, long, short]) await record(opened, workspaceId, days)
    expect(await opened.sweep()).toBeGreaterThan(0)
    expect(await pathsOf(opened, usual)).toEqual(['/1', '/2', '/3', '/9', '/11', '/29'])
    expect(await pathsOf(opened, long)).toEqual(['/1', '/2', '/3', '/9', '/11', '/29', '/31', '/59'])
    expect(await pathsOf(opened, short)).toEqual(['/1', '/2'])
  })

  test('is looked after again ten minutes later', async () => {
    await using database = await createTestDatabase(kind)
    const opened = open(database)
    const workspaceId = await createWorkspace(database.db)
    await opened.sweep()
    await record(opened, workspaceId, [1, 40])
    expect(await opened.sweep()).toBe(0)
    opened.wait(599_000)
    expect(await opened.sweep()).toBe(0)
    opened.wait(1000)
    await opened.sweep()
    expect(await pathsOf(opened, workspaceId)).toEqual(['/1'])
  })

  test('makes the days to come, and drops those that nobody keeps', async () => {
    await using database = await createTestDatabase(kind)
    const opened = open(database)
    const workspaceId = await createWorkspace(database.db)
    expect([await opened.retention.makeDays(), await opened.retention.makeDays()]).toEqual([3, 0])
    await record(opened, workspaceId, [0])
    await opened.workspaces.saveCallRetention(workspaceId, { days: 60, maxCalls: null })
    opened.wait(60 * dayMs)
    expect(await opened.retention.dropDay()).toBe(false)
    opened.wait(dayMs)
    expect([await opened.retention.dropDay(), await opened.retention.dropDay()]).toEqual([true, false])
    expect(await partitionsOf(database)).toBe(2)
    expect(await pathsOf(opened, workspaceId)).toEqual([])
  })

  test('goes by the clock of the database, which all gateways share', async () => {
    await using database = await createTestDatabase(kind)
    const clock = await open(database).callRetention.readClock()
    expect(Math.abs(clock - Date.now())).toBeLessThan(60_000)
  })

  test('takes the bodies of calls along, and keeps the sums of integrations', async () => {
    await using database = await createTestDatabase(kind)
    const opened = open(database)
    const workspaceId = await createWorkspace(database.db)
    const expiresAt = new Date(Date.now() + dayMs)
    const hex = (ms: number) => ms.toString(16).padStart(12, '0')
    const uuidAt = (ms: number) => `${hex(ms).slice(0, 8)}-${hex(ms).slice(8)}-7000-8000-000000000001`
    const [old, fresh] = [40, 1].map(days =>
      callRow(workspaceId, { uuid: uuidAt(daysAgo(days).getTime()), startedAt: daysAgo(days) }),
    )
    if (old === undefined || fresh === undefined) throw new TypeError('two calls were made')
    await opened.calls.insertMany([old, fresh])
    for (const { uuid } of [old, fresh]) {
      await opened.callBodies.insert({ workspaceId, uuid, sealed: Buffer.of(1), expiresAt })
    }
    await opened.sweep()
    expect(await opened.callBodies.get(workspaceId, old.id)).toBeUndefined()
    expect(await opened.callBodies.get(workspaceId, fresh.id)).toBeDefined()
    const hour = (date: Date) => new Date(Math.floor(date.getTime() / 3_600_000) * 3_600_000)
    const span = { workspaceId, since: hour(daysAgo(50)), until: hour(daysAgo(0)) }
    expect((await opened.callHours.total(span)).calls).toBe(2)
    expect((await opened.callHours.total({ ...span, connectionId: old.connectionId })).calls).toBe(0)
    expect((await opened.callHours.total({ ...span, connectionId: fresh.connectionId })).calls).toBe(1)
  })
})
