/** The days of the call log: made once by however many replicas, filled by what came before them, dropped whole, in nobody's way. */
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { createCallPartitionStore } from '../../src/store/call-partitions.ts'
import { createCallStore } from '../../src/store/calls.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { newUuid } from '../../src/store/ids.ts'
import { createTestDatabase, createTestPlace } from '../support/database.ts'
import { callRow, createWorkspace, kinds } from './fixtures.ts'

const day = (text: string) => new Date(`2026-03-${text}T00:00:00Z`)

async function listPartitions({ db }: Pick<Database, 'db'>): Promise<string[]> {
  const rows = await db
    .select({ name: sql<string>`inhrelid::regclass::text` })
    .from(sql`pg_inherits`)
    .where(sql`inhparent = 'calls'::regclass`)
    .orderBy(sql`1`)
  return rows.map(({ name }) => name)
}

/** Which partition each call is in, by its path. */
async function placesOf({ db }: Pick<Database, 'db'>): Promise<Record<string, string>> {
  const rows = await db
    .select({ path: sql<string>`path`, place: sql<string>`tableoid::regclass::text` })
    .from(sql`calls`)
  return Object.fromEntries(rows.map(({ path, place }) => [path, place]))
}

describe.each(kinds)('days (%s)', kind => {
  test('are made from the one asked for on, and once', async () => {
    await using database = await createTestDatabase(kind)
    const partitions = createCallPartitionStore(database.db)
    expect(await partitions.ensure(new Date('2026-03-30T23:59:59.999Z'), 3)).toBe(3)
    expect(await partitions.ensure(new Date('2026-03-31T00:00:00Z'), 3)).toBe(1)
    expect(await listPartitions(database)).toEqual([
      'calls_20260330',
      'calls_20260331',
      'calls_20260401',
      'calls_20260402',
      'calls_default',
    ])
  })

  test('take the calls of their time, those that came before them included, and leave the others', async () => {
    await using database = await createTestDatabase(kind)
    const partitions = createCallPartitionStore(database.db)
    const store = createCallStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    const rows = ['04T23:59:59.999', '05T00:00:00.000', '05T23:59:59.999', '06T00:00:00.000'].map(time =>
      callRow(workspaceId, { path: `/${time}`, startedAt: new Date(`2026-03-${time}Z`) }),
    )
    await store.insertMany(rows)
    await partitions.ensure(day('05'), 1)
    const late = callRow(workspaceId, { path: '/late', startedAt: new Date('2026-03-05T12:00:00Z') })
    await store.insertMany([late, ...rows])
    expect(await placesOf(database)).toEqual({
      '/04T23:59:59.999': 'calls_default',
      '/05T00:00:00.000': 'calls_20260305',
      '/05T23:59:59.999': 'calls_20260305',
      '/06T00:00:00.000': 'calls_default',
      '/late': 'calls_20260305',
    })
    expect((await store.list(workspaceId, {}, {})).edges).toHaveLength(5)
  })

  test('are dropped when they are over, the oldest first, and never the default one', async () => {
    await using database = await createTestDatabase(kind)
    const partitions = createCallPartitionStore(database.db)
    await partitions.ensure(day('05'), 3)
    expect(await partitions.dropOldest(new Date('2026-03-06T23:59:59Z'))).toBe(true)
    expect(await partitions.dropOldest(new Date('2026-03-06T23:59:59Z'))).toBe(false)
    expect(await listPartitions(database)).toEqual(['calls_20260306', 'calls_20260307', 'calls_default'])
    expect(await partitions.dropOldest(day('08'))).toBe(true)
    expect(await partitions.dropOldest(day('08'))).toBe(true)
    expect(await partitions.dropOldest(day('08'))).toBe(false)
    expect(await listPartitions(database)).toEqual(['calls_default'])
  })

  test('let a call be found by its id: in its day, and elsewhere when its id was made at another time', async () => {
    await using database = await createTestDatabase(kind)
    await createCallPartitionStore(database.db).ensure(new Date(), 1)
    const store = createCallStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    const uuid = newUuid()
    const fresh = callRow(workspaceId, { uuid, startedAt: new Date() })
    const old = callRow(workspaceId, { startedAt: new Date(Date.now() - 86_400_000) })
    await store.insertMany([fresh, old])
    expect((await store.get(workspaceId, fresh.id))?.startedAt).toEqual(fresh.startedAt)
    expect((await store.get(workspaceId, old.id))?.startedAt).toEqual(old.startedAt)
  })
})

test('four replicas that make the same days at once make each once', async () => {
  await using place = await createTestPlace('postgres')
  await using databases = new AsyncDisposableStack()
  const replicas = await Promise.all(
    Array.from({ length: 4 }, (_, index) => openDatabase({ url: place.url, dataDir: `${place.dataDir}/${index}` })),
  )
  for (const replica of replicas) databases.use(replica)
  const made = await Promise.all(replicas.map(({ db }) => createCallPartitionStore(db).ensure(day('05'), 5)))
  expect(made.reduce((sum, count) => sum + count, 0)).toBe(5)
})

test('what waits for somebody who reads gives way: calls are recorded, and the day is made or dropped later', async () => {
  await using database = await createTestDatabase('postgres')
  const partitions = createCallPartitionStore(database.db)
  const store = createCallStore(database.db)
  const workspaceId = await createWorkspace(database.db)
  await partitions.ensure(day('05'), 1)
  const reader = postgres(database.url ?? '', { max: 1 })
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
  const { promise: isReading, resolve: begin } = Promise.withResolvers<void>()
  const reading = reader.begin(async transaction => {
    await transaction`select count(*) from calls`
    begin()
    await isOver
  })
  await isReading
  const dropping = partitions.dropOldest(day('07'))
  const making = partitions.ensure(day('06'), 1)
  await store.insertMany([callRow(workspaceId, { startedAt: day('05') })])
  expect([await dropping, await making]).toEqual([false, 0])
  expect(await listPartitions(database)).toEqual(['calls_20260305', 'calls_default'])
  end()
  await reading
  await reader.end()
  expect([await partitions.dropOldest(day('07')), await partitions.ensure(day('06'), 1)]).toEqual([true, 1])
})
