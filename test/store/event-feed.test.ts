/** The stream of events: every event of a workspace reaches whoever listens, in any process, whatever breaks in between. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appendEvent, createConnectionEventStore } from '../../src/store/connection-events.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { EventFeed, type EventFeedOptions } from '../../src/store/event-feed.ts'
import { newId } from '../../src/store/ids.ts'
import { connectionEvents } from '../../src/store/tables.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { appendSome, eventOf, insertEndpoint, takeConnections } from './event-fixtures.ts'
import { createWorkspace, kinds, refusal, refusalOf } from './fixtures.ts'

/** Long enough that nothing in a test is heard by reading again. */
const never = 3_600_000

async function openFeed(database: Database, options: Partial<EventFeedOptions> = {}) {
  const failures: unknown[] = []
  let deliveries = 0
  const feed = await EventFeed.open({
    database,
    store: createConnectionEventStore(database.db),
    onDeliveries: () => {
      deliveries += 1
    },
    onFailure: error => failures.push(error),
    pollMs: never,
    ...options,
  })
  return {
    feed,
    failures,
    deliveries: () => deliveries,
    [Symbol.asyncDispose]: () => feed[Symbol.asyncDispose](),
  }
}

describe.each(kinds)('a stream of events (%s)', kind => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase(kind)
  })
  afterAll(() => database[Symbol.asyncDispose]())

  test('has what happens from now on, of its own workspace, as it is wanted', async () => {
    const { db } = database
    await using parts = await openFeed(database)
    const own = await createWorkspace(db)
    const foreign = await createWorkspace(db)
    await appendSome(db, own, 3)
    const all = await parts.feed.subscribe(own)
    const deleted = await parts.feed.subscribe(own, { wants: ({ type }) => type === 'connection.deleted' })
    await appendSome(db, foreign, 3)
    const happened = await appendSome(db, own, 3)
    const last = eventOf(own, { type: 'connection.deleted' })
    await db.transaction(tx => appendEvent(tx, last))
    expect(await takeConnections(all, 4)).toEqual([...happened, last.connectionId])
    expect(await takeConnections(deleted, 1)).toEqual([last.connectionId])
  })

  test('has what nobody was told of, once it is read again', async () => {
    const { db } = database
    await using parts = await openFeed(database, { pollMs: 30 })
    const own = await createWorkspace(db)
    const stream = await parts.feed.subscribe(own)
    const silent = { ...eventOf(own), id: newId('evt') }
    await db.insert(connectionEvents).values(silent)
    expect(await takeConnections(stream, 1)).toEqual([silent.connectionId])
    const next = await appendSome(db, own, 1)
    expect(await takeConnections(stream, 1)).toEqual(next)
  })

  test('begins with what came after the event that is known already', async () => {
    const { db } = database
    await using parts = await openFeed(database)
    const own = await createWorkspace(db)
    const missed = await appendSome(db, own, 450)
    const rows = await createConnectionEventStore(db).list(own, { atMs: 0 }, 1)
    const stream = await parts.feed.subscribe(own, { after: rows[0]?.id })
    const news = await appendSome(db, own, 5)
    expect(await takeConnections(stream, 454)).toEqual([...missed.slice(1), ...news])
  })

  test('takes no event of another workspace as the one that is known', async () => {
    const { db } = database
    await using parts = await openFeed(database)
    const own = await createWorkspace(db)
    const foreign = await createWorkspace(db)
    await appendSome(db, foreign, 1)
    const [theirs] = await createConnectionEventStore(db).list(foreign, { atMs: 0 }, 1)
    const expected = refusal('after', 'after names no event of the workspace; events are kept for 30 days.')
    for (const after of [theirs?.id, newId('evt'), 'nonsense', '']) {
      expect(await refusalOf(parts.feed.subscribe(own, { after }))).toEqual(expected)
    }
    expect(parts.feed.size).toBe(0)
  })

  test('that is read too slowly ends with an error, and the others go on', async () => {
    const { db } = database
    await using parts = await openFeed(database, { capacity: 10 })
    const own = await createWorkspace(db)
    const slow = await parts.feed.subscribe(own)
    const quick = await parts.feed.subscribe(own)
    const happened: string[] = []
    for (let round = 0; round < 4; round++) {
      const some = await appendSome(db, own, 5)
      expect(await takeConnections(quick, 5)).toEqual(some)
      happened.push(...some)
    }
    expect(happened).toHaveLength(20)
    expect(await refusalOf(slow.next())).toMatchObject({ code: 'OVERLOADED' })
    expect(await slow.next()).toEqual({ done: true, value: undefined })
    expect(parts.feed.size).toBe(1)
  })

  test('ends at once for who leaves, and for all when the feed ends', async () => {
    const { db } = database
    await using parts = await openFeed(database)
    const own = await createWorkspace(db)
    const leaving = new AbortController()
    const aborted = await parts.feed.subscribe(own, { signal: leaving.signal })
    const returned = await parts.feed.subscribe(own)
    const left = await parts.feed.subscribe(own)
    const waiting = [aborted, returned, left].map(stream => stream.next())
    leaving.abort()
    await returned.return()
    expect(parts.feed.size).toBe(1)
    await parts.feed[Symbol.asyncDispose]()
    const over = { done: true, value: undefined }
    expect(await Promise.all(waiting)).toEqual([over, over, over])
    expect(parts.feed.size).toBe(0)
    expect(await (await parts.feed.subscribe(own)).next()).toEqual(over)
    expect(await (await parts.feed.subscribe(own, { signal: leaving.signal })).next()).toEqual(over)
  })

  test('is opened a bounded number of times', async () => {
    const { db } = database
    await using parts = await openFeed(database)
    const own = await createWorkspace(db)
    const streams = await Promise.all(Array.from({ length: 200 }, () => parts.feed.subscribe(own)))
    expect(await refusalOf(parts.feed.subscribe(own))).toMatchObject({ code: 'OVERLOADED' })
    await streams[0]?.return()
    await parts.feed.subscribe(own)
    expect(parts.feed.size).toBe(200)
  })

  test('wakes who delivers webhooks, when there is something to deliver', async () => {
    const { db } = database
    await using parts = await openFeed(database)
    const own = await createWorkspace(db)
    const before = parts.deliveries()
    const stream = await parts.feed.subscribe(own)
    await appendSome(db, own, 1)
    await takeConnections(stream, 1)
    expect(parts.deliveries()).toBe(before)
    await insertEndpoint(db, own)
    await appendSome(db, own, 1)
    await expect.poll(() => parts.deliveries()).toBe(before + 1)
  })

  test('is not disturbed by what else is said on the channel', async () => {
    const { db } = database
    await using parts = await openFeed(database)
    const own = await createWorkspace(db)
    const stream = await parts.feed.subscribe(own)
    const texts = ['', 'null', '[]', '{"event":7}', `{"event":{"workspaceId":"${own}","id":"evt_'; drop table"}}`]
    for (const text of texts) await db.execute(sql`select pg_notify('passgate_events', ${text})`)
    const happened = await appendSome(db, own, 1)
    expect(await takeConnections(stream, 1)).toEqual(happened)
    expect(parts.failures).toEqual([])
  })
})

describe('between processes', () => {
  async function openTwo() {
    const here = await createTestDatabase('postgres')
    const there = await createTestDatabase('embedded')
    const second = await openDatabase({ url: here.url, dataDir: `${there.dataDir}/replica` })
    return {
      here,
      second,
      async [Symbol.asyncDispose]() {
        await second[Symbol.asyncDispose]()
        await there[Symbol.asyncDispose]()
        await here[Symbol.asyncDispose]()
      },
    }
  }

  test('an event of one is heard in the other', async () => {
    await using two = await openTwo()
    await using parts = await openFeed(two.here)
    const own = await createWorkspace(two.here.db)
    const stream = await parts.feed.subscribe(own)
    const happened = await appendSome(two.second.db, own, 3)
    expect(await takeConnections(stream, 3)).toEqual(happened)
  })

  test('nothing is lost when the connection that listens is killed', async () => {
    await using two = await openTwo()
    await using parts = await openFeed(two.here)
    const own = await createWorkspace(two.here.db)
    const stream = await parts.feed.subscribe(own)
    const happened: string[] = []
    for (let round = 0; round < 5; round++) {
      await two.second.db.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and query ilike 'listen%'`)
      happened.push(...(await appendSome(two.second.db, own, 3)))
    }
    expect((await takeConnections(stream, 15)).sort()).toEqual(happened.toSorted())
  })

  test('an event that is committed late comes late, and is not lost', async () => {
    await using two = await openTwo()
    await using parts = await openFeed(two.here, { pollMs: 30 })
    const own = await createWorkspace(two.here.db)
    const stream = await parts.feed.subscribe(own)
    const slow = eventOf(own)
    const { promise: mayCommit, resolve: commit } = Promise.withResolvers<void>()
    const { promise: isWritten, resolve: noteWritten } = Promise.withResolvers<void>()
    const change = two.second.db.transaction(async tx => {
      await appendEvent(tx, slow)
      noteWritten()
      await mayCommit
    })
    await isWritten
    const quick = await appendSome(two.here.db, own, 2)
    expect(await takeConnections(stream, 2)).toEqual(quick)
    commit()
    await change
    expect(await takeConnections(stream, 1)).toEqual([slow.connectionId])
  })
})
