/** The queue of deliveries: each is one process's at a time, and an outcome that comes too late undoes nothing. */
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { webhookDeliveries, webhookEndpoints } from '../../src/store/tables.ts'
import { createWebhookQueue, type LeaseOptions } from '../../src/store/webhook-queue.ts'
import { createWebhookStore } from '../../src/store/webhooks.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { appendSome, insertEndpoint } from './event-fixtures.ts'
import { createWorkspace, kinds } from './fixtures.ts'

const dayMs = 86_400_000
const among = { butEndpoints: [], butWorkspaces: [] }
const all: LeaseOptions = { limit: 1000, perEndpoint: 1000, perWorkspace: 1000, leaseMs: 60_000, among }

describe.each(kinds)('the queue of deliveries (%s)', kind => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase(kind)
  })
  afterEach(() => database.db.delete(webhookEndpoints))
  afterAll(() => database[Symbol.asyncDispose]())

  async function open(endpoints = 1, events = 1) {
    const { db } = database
    const workspaceId = await createWorkspace(db)
    const ids: string[] = []
    for (let n = 0; n < endpoints; n++) ids.push(await insertEndpoint(db, workspaceId))
    await appendSome(db, workspaceId, events)
    return { db, workspaceId, ids, queue: createWebhookQueue(db), store: createWebhookStore(db) }
  }

  async function pass(ms: number) {
    await database.db.update(webhookDeliveries).set({
      nextAttemptAt: sql`next_attempt_at - ${ms} * interval '1 millisecond'`,
    })
  }

  test('gives each delivery to one of those who ask at once', async () => {
    const { queue } = await open(3, 20)
    const leases = await Promise.all(Array.from({ length: 5 }, () => queue.lease({ ...all, limit: 20 })))
    const ids = leases.flat().map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (let rest = await queue.lease(all); rest.length > 0; rest = await queue.lease(all))
      ids.push(...rest.map(({ id }) => id))
    expect(new Set(ids).size).toBe(60)
    expect(ids).toHaveLength(60)
  })

  test('gives a few of each endpoint and of each workspace, the oldest of them', async () => {
    const first = await open(3, 10)
    const second = await open(1, 10)
    const leased = await first.queue.lease({ ...all, perEndpoint: 4, perWorkspace: 6 })
    const countOf = (id: string) => leased.filter(({ endpointId }) => endpointId === id).length
    expect(first.ids.map(countOf)).toEqual([2, 2, 2])
    expect(second.ids.map(countOf)).toEqual([4])
    const { edges } = await second.store.listDeliveries(second.workspaceId, {}, { last: 4 })
    const oldest = new Set(edges.map(({ node }) => node.eventId))
    const taken = leased.filter(({ workspaceId }) => workspaceId === second.workspaceId)
    expect(new Set(taken.map(({ eventId }) => eventId))).toEqual(oldest)
  })

  test('leaves out who has enough, and takes from those alone that are named', async () => {
    const first = await open(2, 2)
    const second = await open(1, 2)
    const [one = '', two = ''] = first.ids
    const some = { ...all, among: { butEndpoints: [one], butWorkspaces: [second.workspaceId] } }
    const endpointsOf = async (options: LeaseOptions) => (await first.queue.lease(options)).map(row => row.endpointId)
    expect(await endpointsOf(some)).toEqual([two, two])
    expect(await endpointsOf({ ...all, among: { onlyEndpoints: [] } })).toEqual([])
    expect(await endpointsOf({ ...all, among: { onlyEndpoints: [two] } })).toEqual([])
    expect(await endpointsOf({ ...all, among: { onlyEndpoints: second.ids } })).toEqual([...second.ids, ...second.ids])
    expect(await endpointsOf(all)).toEqual([one, one])
  })

  test('gives nothing for an endpoint that is disabled, and gives that up in slices', async () => {
    const { queue, store, workspaceId, ids } = await open(1, 5)
    const [endpointId = ''] = ids
    expect(await queue.disable({ workspaceId, endpointId }, 'gone')).toBe(true)
    expect(await queue.disable({ workspaceId, endpointId }, 'gone')).toBe(false)
    expect(await queue.lease(all)).toEqual([])
    expect(await queue.giveUpDisabled(3)).toBe(3)
    expect(await queue.giveUpDisabled(3)).toBe(2)
    expect(await queue.giveUpDisabled(3)).toBe(0)
    const { edges } = await store.listDeliveries(workspaceId, { status: 'FAILED' }, {})
    expect(edges.map(({ node }) => node.lastError)).toEqual(Array(5).fill('The endpoint was disabled.'))
  })

  test('lets a failure of who lost the lease change nothing', async () => {
    const { queue, store, workspaceId } = await open()
    const [slow] = await queue.lease(all)
    await pass(61_000)
    const [quick] = await queue.lease(all)
    if (slow === undefined || quick === undefined) throw new Error('nothing was leased')
    expect([slow.attempts, quick.attempts]).toEqual([1, 2])
    const failure = { status: 500, error: 'too late', retryInMs: null }
    await queue.fail(slow, failure)
    expect(await store.getDelivery(workspaceId, slow.id)).toMatchObject({ status: 'PENDING', lastError: null })
    await queue.succeed(quick, 204)
    await queue.fail(quick, failure)
    expect(await store.getDelivery(workspaceId, slow.id)).toMatchObject({ status: 'DELIVERED', lastError: null })
  })

  test('begins a delivery anew that is over, and leaves alone what is on its way', async () => {
    const { queue, store, workspaceId } = await open(1, 1)
    const [leased] = await queue.lease(all)
    if (leased === undefined) throw new Error('nothing was leased')
    expect(await store.resend(workspaceId, leased.id)).toMatchObject({ status: 'PENDING', attempts: 1 })
    expect(await queue.lease(all)).toEqual([])
    await queue.succeed(leased, 200)
    expect(await store.resend(workspaceId, leased.id)).toMatchObject({
      status: 'PENDING',
      attempts: 0,
      deliveredAt: null,
    })
    expect((await queue.lease(all)).map(({ id, payload }) => ({ id, payload }))).toEqual([
      { id: leased.id, payload: leased.payload },
    ])
  })

  test('is cleared of what is old and over, endpoint by endpoint, in slices', async () => {
    const { queue, store, workspaceId } = await open(2, 3)
    const leased = await queue.lease(all)
    const [pending, ...over] = leased
    for (const delivery of over) await queue.succeed(delivery, 200)
    expect(await queue.deleteOld(30 * dayMs, 100)).toBe(0)
    expect(await queue.deleteOld(-dayMs, 2)).toBe(2)
    expect(await queue.deleteOld(-dayMs, 2)).toBe(2)
    expect(await queue.deleteOld(-dayMs, 2)).toBe(1)
    expect(await queue.deleteOld(-dayMs, 2)).toBe(0)
    const { edges } = await store.listDeliveries(workspaceId, {}, {})
    expect(edges.map(({ node }) => node.id)).toEqual([pending?.id])
  })
})
