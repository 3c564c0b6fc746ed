/** An event is there with its change or not at all, and on its way to every endpoint that wants it. */
import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appendEvent, connectionEventTypes, createConnectionEventStore } from '../../src/store/connection-events.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import { connectionEvents, webhookDeliveries, webhookEndpoints } from '../../src/store/tables.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { appendSome, eventOf, insertEndpoint } from './event-fixtures.ts'
import { connectionRow, createWorkspace, kinds } from './fixtures.ts'

const dayMs = 86_400_000

describe.each(kinds)('an event (%s)', kind => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase(kind)
  })
  afterAll(() => database[Symbol.asyncDispose]())

  const eventsOf = (workspaceId: string) =>
    database.db.select().from(connectionEvents).where(eq(connectionEvents.workspaceId, workspaceId))
  const deliveriesOf = (workspaceId: string) =>
    database.db.select().from(webhookDeliveries).where(eq(webhookDeliveries.workspaceId, workspaceId))

  async function hear() {
    const heard: string[] = []
    const listening = await database.listen('passgate_events', {
      onMessage: text => heard.push(text),
      onListening: () => {},
    })
    return { heard, [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose]() }
  }

  test('is gone with the change that is rolled back, and nobody hears of it', async () => {
    const workspaceId = await createWorkspace(database.db)
    await insertEndpoint(database.db, workspaceId)
    await using ears = await hear()
    const change = database.db.transaction(async tx => {
      await appendEvent(tx, eventOf(workspaceId))
      throw new Error('the change failed')
    })
    await expect(change).rejects.toThrow('the change failed')
    expect(await eventsOf(workspaceId)).toEqual([])
    expect(await deliveriesOf(workspaceId)).toEqual([])
    await appendSome(database.db, workspaceId, 1)
    const [kept] = await eventsOf(workspaceId)
    await expect.poll(() => ears.heard.length).toBe(1)
    expect(JSON.parse(ears.heard[0] ?? '')).toEqual({ event: { workspaceId, id: kept?.id }, hasDeliveries: true })
  })

  test('goes to each endpoint of its workspace that is enabled and wants its type', async () => {
    const workspaceId = await createWorkspace(database.db)
    const all = await insertEndpoint(database.db, workspaceId)
    const some = await insertEndpoint(database.db, workspaceId, {
      eventTypes: ['connection.deleted', 'connection.updated'],
    })
    await insertEndpoint(database.db, workspaceId, { eventTypes: ['connection.deleted'] })
    await insertEndpoint(database.db, workspaceId, { isEnabled: false })
    await insertEndpoint(database.db, await createWorkspace(database.db))
    const event = eventOf(workspaceId)
    await database.db.transaction(tx => appendEvent(tx, event))
    const [row] = await eventsOf(workspaceId)
    const deliveries = await deliveriesOf(workspaceId)
    expect(deliveries.map(({ endpointId }) => endpointId).sort()).toEqual([all, some].sort())
    expect(new Set(deliveries.map(({ id }) => id)).size).toBe(2)
    for (const delivery of deliveries) {
      expect(delivery).toMatchObject({
        eventId: row?.id,
        eventType: 'connection.updated',
        status: 'PENDING',
        attempts: 0,
      })
      expect(JSON.parse(delivery.payload)).toEqual({
        type: 'connection.updated',
        timestamp: row?.createdAt.toISOString(),
        data: event.data,
      })
    }
  })

  test('of an endpoint’s next moment has another delivery id, in the order of time', async () => {
    const workspaceId = await createWorkspace(database.db)
    await insertEndpoint(database.db, workspaceId)
    await appendSome(database.db, workspaceId, 50)
    const deliveries = await deliveriesOf(workspaceId)
    expect(new Set(deliveries.map(({ id }) => id)).size).toBe(50)
    const moment = (id: string) => id.slice(0, 14)
    const byEvent = deliveries.toSorted((a, b) => (a.eventId < b.eventId ? -1 : 1)).map(({ id }) => moment(id))
    expect(byEvent).toEqual(byEvent.toSorted())
  })

  test('is told of by the connection store with every change, and holds no credential', async () => {
    const workspaceId = await createWorkspace(database.db)
    await insertEndpoint(database.db, workspaceId)
    const store = createConnectionStore(database.db)
    const sealedCredential = Buffer.from('canary-of-a-credential')
    const row = await store.insert(connectionRow(workspaceId, { sealedCredential, sealedUnder: 'canary-key' }))
    await store.update(
      workspaceId,
      row.id,
      { status: 'NEEDS_REAUTH', statusReason: 'revoked' },
      'connection.needs_reauth',
    )
    await store.remove(workspaceId, row.id, 1000)
    const payloads = (await deliveriesOf(workspaceId)).map(({ payload }) => payload)
    expect(payloads.map(payload => JSON.parse(payload).type).sort()).toEqual([
      'connection.created',
      'connection.deleted',
      'connection.needs_reauth',
    ])
    const text = payloads.join() + JSON.stringify(await eventsOf(workspaceId))
    expect(text).not.toMatch(/canary/i)
    expect(text).not.toContain(sealedCredential.toString('base64'))
    expect(text).not.toContain(sealedCredential.toString('hex'))
    expect(JSON.parse(payloads.find(payload => payload.includes('needs_reauth')) ?? '').data).toEqual({
      id: row.id,
      integration: 'acme',
      endUserId: 'user-1',
      status: 'NEEDS_REAUTH',
      reason: 'revoked',
      account: null,
    })
    expect(connectionEventTypes).toContain('connection.needs_reauth')
  })

  test('is deleted when it is old, in slices', async () => {
    const workspaceId = await createWorkspace(database.db)
    const store = createConnectionEventStore(database.db)
    await appendSome(database.db, workspaceId, 5)
    const old = sql`created_at - interval '31 days'`
    const [kept] = await eventsOf(workspaceId)
    await database.db
      .update(connectionEvents)
      .set({ createdAt: old })
      .where(sql`${eq(connectionEvents.workspaceId, workspaceId)} and not ${eq(connectionEvents.id, kept?.id ?? '')}`)
    expect(await store.deleteOld(30 * dayMs, 3)).toBe(3)
    expect(await store.deleteOld(30 * dayMs, 3)).toBe(1)
    expect(await store.deleteOld(30 * dayMs, 3)).toBe(0)
    expect(await eventsOf(workspaceId)).toEqual([kept])
  })

  test('is no other workspace’s business', async () => {
    const workspaceId = await createWorkspace(database.db)
    const foreign = await createWorkspace(database.db)
    const store = createConnectionEventStore(database.db)
    await appendSome(database.db, workspaceId, 1)
    const [{ id } = { id: '' }] = await eventsOf(workspaceId)
    expect(await store.get(workspaceId, id)).toMatchObject({ id })
    expect(await store.get(foreign, id)).toBeUndefined()
    expect(await store.get(workspaceId, 'evt_nonsense')).toBeUndefined()
    expect(await store.getMany([{ workspaceId: foreign, id }])).toEqual([])
    expect(await store.listRecent([foreign], 60_000)).toEqual([])
    expect(await store.list(foreign, { atMs: 0 }, 10)).toEqual([])
    expect(await store.list(workspaceId, { atMs: 0 }, 10)).toHaveLength(1)
    expect(await store.list(workspaceId, { after: id }, 10)).toEqual([])
  })
})

describe('an event at the same moment as', () => {
  test('the deletion of an endpoint is not refused for it', async () => {
    await using database = await createTestDatabase('postgres')
    const { db } = database
    const workspaceId = await createWorkspace(db)
    const kept = await insertEndpoint(db, workspaceId)
    const gone = await insertEndpoint(db, workspaceId)
    const { promise: isDeleted, resolve: noteDeleted } = Promise.withResolvers<void>()
    const { promise: mayCommit, resolve: commit } = Promise.withResolvers<void>()
    const deletion = db.transaction(async tx => {
      await tx.delete(webhookEndpoints).where(eq(webhookEndpoints.id, gone))
      noteDeleted()
      await mayCommit
    })
    await isDeleted
    const change = db.transaction(tx => appendEvent(tx, eventOf(workspaceId)))
    const waiting = sql`select count(*)::int as count from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    await expect.poll(async () => (await db.execute(waiting)) as unknown).toEqual([{ count: 1 }])
    commit()
    await deletion
    await change
    expect((await db.select().from(webhookDeliveries)).map(({ endpointId }) => endpointId)).toEqual([kept])
  })
})
