/** Deliveries arrive at least once, signed, in time, and by the ladder of attempts when they do not. */
import { eq } from 'drizzle-orm'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { webhookDeliveries, webhookEndpoints } from '../../src/store/tables.ts'
import { createWebhookQueue } from '../../src/store/webhook-queue.ts'
import { createWorkspace, kinds } from '../store/fixtures.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createUpstream, type Recorded } from '../support/upstream.ts'
import { createDispatcher, createEndpoints, happen } from './fixtures.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const leaseAll = { limit: 100, perEndpoint: 100, perWorkspace: 100, among: { butEndpoints: [], butWorkspaces: [] } }

const idsOf = (seen: readonly Recorded[]) => seen.map(({ headers }) => headers['webhook-id'])

describe.each(kinds)('a delivery (%s)', kind => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase(kind)
  })
  afterEach(() => database.db.delete(webhookEndpoints))
  afterAll(() => database[Symbol.asyncDispose]())

  async function open(answer: (request: Recorded, count: number) => number = () => 204) {
    const { db } = database
    const workspaceId = await createWorkspace(db)
    const receiver = await createUpstream((request, response) => {
      response.writeHead(answer(request, receiver.seen.length)).end()
    })
    const endpoints = createEndpoints(db, '127.0.0.0/8')
    const { endpoint, secret } = await endpoints.create(workspaceId, { url: `${receiver.url}/hook?a=1` })
    const parts = createDispatcher(db)
    const deliveries = () =>
      db
        .select()
        .from(webhookDeliveries)
        .where(eq(webhookDeliveries.workspaceId, workspaceId))
        .orderBy(webhookDeliveries.id)
    return {
      ...parts,
      db,
      workspaceId,
      receiver,
      endpoints,
      endpoint,
      secret,
      deliveries,
      run: () => parts.dispatcher.run(),
      async [Symbol.asyncDispose]() {
        await parts[Symbol.asyncDispose]()
        await receiver[Symbol.asyncDispose]()
      },
    }
  }

  test('arrives once, as it is stored, with a signature that others verify', async () => {
    await using hooks = await open()
    await happen(hooks.db, hooks.workspaceId)
    await hooks.run()
    await hooks.run()
    const [row] = await hooks.deliveries()
    const [seen] = hooks.receiver.seen
    expect(hooks.receiver.seen).toHaveLength(1)
    expect(seen).toMatchObject({ method: 'POST', url: '/hook?a=1', text: row?.payload })
    expect(seen?.headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': row?.eventId })
    const headers = seen?.headers as Record<string, string>
    expect(new Webhook(hooks.secret).verify(seen?.text ?? '', headers)).toEqual(JSON.parse(row?.payload ?? ''))
    expect(row).toMatchObject({ status: 'DELIVERED', attempts: 1, lastStatus: 204, lastError: null })
    expect(row?.deliveredAt).toBeInstanceOf(Date)
    expect(hooks.failures).toEqual([])
  })

  test('comes again by the ladder, under the same id, until it arrives', async () => {
    await using hooks = await open((_, count) => (count < 4 ? 500 : 200))
    await happen(hooks.db, hooks.workspaceId)
    for (const [waitMs, expected] of [
      [0, 1],
      [4_000, 1],
      [2_000, 2],
      [4 * minute, 2],
      [2 * minute, 3],
      [31 * minute, 4],
    ] as const) {
      await hooks.pass(waitMs)
      await hooks.run()
      expect(hooks.receiver.seen).toHaveLength(expected)
    }
    expect(new Set(idsOf(hooks.receiver.seen)).size).toBe(1)
    expect((await hooks.deliveries())[0]).toMatchObject({
      status: 'DELIVERED',
      attempts: 4,
      lastStatus: 200,
      lastError: null,
    })
    expect(await hooks.endpoints.get(hooks.workspaceId, hooks.endpoint.id)).toMatchObject({ failingSince: null })
  })

  test('has failed after ten attempts, and can be sent again', async () => {
    await using hooks = await open((_, count) => (count <= 10 ? 503 : 200))
    await happen(hooks.db, hooks.workspaceId)
    const hours = [2, 5, 10, 14, 20, 24, 24, 24].map(count => count * hour)
    for (const waitMs of [0, 6_000, 5 * minute, 30 * minute, ...hours]) {
      await hooks.pass(waitMs)
      await hooks.run()
    }
    expect(hooks.receiver.seen).toHaveLength(10)
    const [row] = await hooks.deliveries()
    expect(row).toMatchObject({
      status: 'FAILED',
      attempts: 10,
      lastStatus: 503,
      lastError: 'The endpoint answered 503.',
    })
    await hooks.endpoints.resend(hooks.workspaceId, row?.id ?? '')
    await hooks.run()
    expect(new Set(idsOf(hooks.receiver.seen)).size).toBe(1)
    expect((await hooks.deliveries())[0]).toMatchObject({ status: 'DELIVERED', attempts: 1 })
  })

  test('answered 410 switches its endpoint off, and gives up what waits there', async () => {
    await using hooks = await open(() => 410)
    await happen(hooks.db, hooks.workspaceId, 10)
    await hooks.run()
    const reason = 'The endpoint answered 410 Gone.'
    expect(hooks.disabled).toEqual([{ id: hooks.endpoint.id, reason }])
    expect(await hooks.endpoints.get(hooks.workspaceId, hooks.endpoint.id)).toMatchObject({
      isEnabled: false,
      disabledReason: reason,
    })
    const rows = await hooks.deliveries()
    expect(rows.map(({ status }) => status)).toEqual(Array(10).fill('FAILED'))
    expect(rows.filter(({ lastError }) => lastError === 'The endpoint was disabled.').length).toBeGreaterThan(0)
    await happen(hooks.db, hooks.workspaceId)
    expect(await hooks.deliveries()).toHaveLength(10)
  })

  test('that fails for five days switches its endpoint off; one failure after a quiet week does not', async () => {
    await using hooks = await open((_, count) => (count === 2 ? 200 : 500))
    const isEnabled = async () => (await hooks.endpoints.get(hooks.workspaceId, hooks.endpoint.id))?.isEnabled
    await happen(hooks.db, hooks.workspaceId)
    await hooks.run()
    await hooks.pass(6_000)
    await hooks.run()
    await hooks.pass(7 * day)
    await happen(hooks.db, hooks.workspaceId)
    await hooks.run()
    await hooks.pass(6_000)
    await hooks.run()
    expect(hooks.receiver.seen).toHaveLength(4)
    expect(await isEnabled()).toBe(true)
    await hooks.db.update(webhookDeliveries).set({ status: 'FAILED' })
    await hooks.pass(6 * day)
    await happen(hooks.db, hooks.workspaceId)
    await hooks.run()
    expect(await isEnabled()).toBe(true)
    await hooks.pass(6_000)
    await hooks.run()
    expect(await isEnabled()).toBe(false)
    expect(hooks.disabled).toEqual([{ id: hooks.endpoint.id, reason: 'Nothing could be delivered for five days.' }])
    await hooks.endpoints.update(hooks.workspaceId, hooks.endpoint.id, { isEnabled: true })
    await happen(hooks.db, hooks.workspaceId)
    await hooks.pass(2 * minute)
    await hooks.run()
    await hooks.pass(6_000)
    await hooks.run()
    expect(await isEnabled()).toBe(true)
  })

  test('that a process took and died with comes again, once the lease is over', async () => {
    await using hooks = await open()
    await happen(hooks.db, hooks.workspaceId)
    const [taken] = await createWebhookQueue(hooks.db).lease({ ...leaseAll, leaseMs: minute })
    await hooks.run()
    expect(hooks.receiver.seen).toEqual([])
    await hooks.pass(minute)
    await hooks.run()
    expect(idsOf(hooks.receiver.seen)).toEqual([taken?.eventId])
    expect((await hooks.deliveries())[0]).toMatchObject({ status: 'DELIVERED', attempts: 2 })
  })

  test('of two processes is sent by one of them', async () => {
    await using hooks = await open()
    await using other = createDispatcher(hooks.db)
    await hooks.endpoints.create(hooks.workspaceId, { url: `${hooks.receiver.url}/second` })
    for (let round = 0; round < 4; round++) {
      await happen(hooks.db, hooks.workspaceId, 10)
      await Promise.all([hooks.run(), other.dispatcher.run()])
    }
    const places = hooks.receiver.seen.map(({ url, headers }) => `${url} ${headers['webhook-id']}`)
    expect(places).toHaveLength(80)
    expect(new Set(places).size).toBe(80)
    expect((await hooks.deliveries()).every(({ status, attempts }) => status === 'DELIVERED' && attempts === 1)).toBe(
      true,
    )
  })

  test('whose secret cannot be opened is not sent unsigned', async () => {
    await using hooks = await open()
    const problem = new Error('the key is gone')
    const cannotOpen = () => {
      throw problem
    }
    await using blind = createDispatcher(hooks.db, { open: cannotOpen })
    await happen(hooks.db, hooks.workspaceId)
    await blind.dispatcher.run()
    expect(hooks.receiver.seen).toEqual([])
    expect(blind.failures).toEqual([problem])
    expect((await hooks.deliveries())[0]).toMatchObject({
      status: 'PENDING',
      lastError: 'The gateway could not send it.',
    })
  })

  test('is not lost when the store fails in between', async () => {
    await using hooks = await open()
    const queue = createWebhookQueue(hooks.db)
    let isAway = true
    const succeed: typeof queue.succeed = async (...parameters) => {
      if (isAway) throw new Error('the store is away')
      await queue.succeed(...parameters)
    }
    await using unlucky = createDispatcher(hooks.db, { queue: { ...queue, succeed } })
    await happen(hooks.db, hooks.workspaceId)
    await unlucky.dispatcher.run()
    expect(unlucky.failures).toHaveLength(1)
    isAway = false
    await unlucky.pass(2 * minute)
    await unlucky.dispatcher.run()
    expect(hooks.receiver.seen).toHaveLength(2)
    expect(new Set(idsOf(hooks.receiver.seen)).size).toBe(1)
    expect((await hooks.deliveries())[0]).toMatchObject({ status: 'DELIVERED' })
  })

  test('for a test says so, whatever the endpoint wants', async () => {
    await using hooks = await open()
    await hooks.endpoints.update(hooks.workspaceId, hooks.endpoint.id, { eventTypes: ['connection.deleted'] })
    const delivery = await hooks.endpoints.sendTest(hooks.workspaceId, hooks.endpoint.id)
    await hooks.run()
    expect(JSON.parse(hooks.receiver.seen[0]?.text ?? '')).toMatchObject({
      type: 'webhook.test',
      data: { endpointId: hooks.endpoint.id },
    })
    expect(idsOf(hooks.receiver.seen)).toEqual([delivery.eventId])
  })
})
