/** Webhook endpoints: their secret is shown once, changes under their feet are kept apart, and each belongs to its workspace. */
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { webhookEndpoints } from '../../src/store/tables.ts'
import { createWebhookStore } from '../../src/store/webhooks.ts'
import { WebhookEndpoints } from '../../src/webhooks/endpoints.ts'
import { readSecrets } from '../../src/webhooks/signature.ts'
import { createWorkspace, kinds, refusal, refusalOf } from '../store/fixtures.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createEndpoints, happen, seal } from './fixtures.ts'

const url = 'https://hooks.example/'
const noEndpoint = refusal('id', 'id names no webhook endpoint of the workspace.')

describe.each(kinds)('a webhook endpoint (%s)', kind => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase(kind)
  })
  afterAll(() => database[Symbol.asyncDispose]())

  const sealedOf = async (id: string) => {
    const [row] = await database.db.select().from(webhookEndpoints).where(eq(webhookEndpoints.id, id))
    return row?.sealedSecret ?? Buffer.alloc(0)
  }

  test('shows its secret when it is made, and in no answer after', async () => {
    const workspaceId = await createWorkspace(database.db)
    const endpoints = createEndpoints(database.db)
    const { endpoint, secret } = await endpoints.create(workspaceId, {
      url: 'HTTPS://Hooks.Example',
      description: 'CRM',
    })
    expect(endpoint).toMatchObject({ url, description: 'CRM', eventTypes: null, isEnabled: true })
    const answers = [
      endpoint,
      await endpoints.get(workspaceId, endpoint.id),
      await endpoints.list(workspaceId, {}),
      await endpoints.update(workspaceId, endpoint.id, { description: null }),
    ]
    for (const answer of answers) {
      expect(JSON.stringify(answer)).not.toMatch(/whsec_|sealed/i)
      expect(JSON.stringify(answer)).not.toContain(secret)
    }
    expect(readSecrets(seal.open({ workspaceId, id: endpoint.id }, await sealedOf(endpoint.id)))).toEqual({
      current: secret,
    })
  })

  test('takes one of the types or all, and a bounded description', async () => {
    const workspaceId = await createWorkspace(database.db)
    const endpoints = createEndpoints(database.db)
    const types = ['connection.deleted', 'connection.deleted', 'connection.created'] as const
    const { endpoint } = await endpoints.create(workspaceId, { url, eventTypes: types })
    expect(endpoint.eventTypes).toEqual(['connection.deleted', 'connection.created'])
    expect((await endpoints.update(workspaceId, endpoint.id, {})).eventTypes).toEqual(endpoint.eventTypes)
    expect((await endpoints.update(workspaceId, endpoint.id, { eventTypes: null })).eventTypes).toBeNull()
    const none = refusal('eventTypes', 'eventTypes takes at least one type, or null for all.')
    expect(await refusalOf(endpoints.create(workspaceId, { url, eventTypes: [] }))).toEqual(none)
    for (const description of ['x'.repeat(501), 'nul\0', '\ud800']) {
      expect(await refusalOf(endpoints.create(workspaceId, { url, description }))).toMatchObject({
        code: 'INVALID_INPUT',
      })
    }
    for (const change of [{ url: null }, { isEnabled: null }]) {
      expect(await refusalOf(endpoints.update(workspaceId, endpoint.id, change))).toMatchObject({
        code: 'INVALID_INPUT',
      })
    }
  })

  test('is one of twenty at most, also when many are made at once', async () => {
    const workspaceId = await createWorkspace(database.db)
    const endpoints = createEndpoints(database.db)
    const made = await Promise.allSettled(Array.from({ length: 25 }, () => endpoints.create(workspaceId, { url })))
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(20)
    expect(await refusalOf(endpoints.create(workspaceId, { url }))).toMatchObject({
      message: 'A workspace has at most 20 webhook endpoints; delete one first.',
    })
    await createEndpoints(database.db).create(await createWorkspace(database.db), { url })
  })

  test('signs with the new secret and the one before it after a rotation', async () => {
    const workspaceId = await createWorkspace(database.db)
    const endpoints = createEndpoints(database.db)
    const { endpoint, secret } = await endpoints.create(workspaceId, { url })
    const rotated = await endpoints.rotateSecret(workspaceId, endpoint.id)
    expect(rotated.secret).not.toBe(secret)
    expect(readSecrets(seal.open({ workspaceId, id: endpoint.id }, await sealedOf(endpoint.id)))).toEqual({
      current: rotated.secret,
      previous: { secret, until: rotated.previousSecretUntil.toISOString() },
    })
  })

  test('is rotated from what is there, when another process was faster', async () => {
    const workspaceId = await createWorkspace(database.db)
    const store = createWebhookStore(database.db)
    const { endpoint } = await createEndpoints(database.db).create(workspaceId, { url })
    let rounds = 0
    const faster = new WebhookEndpoints({
      store: {
        ...store,
        async replaceSecret(...parameters) {
          if (rounds++ === 0) await createEndpoints(database.db).rotateSecret(workspaceId, endpoint.id)
          return await store.replaceSecret(...parameters)
        },
      },
      seal,
      refuse: () => undefined,
    })
    const between = await sealedOf(endpoint.id)
    const rotated = await faster.rotateSecret(workspaceId, endpoint.id)
    const now = readSecrets(seal.open({ workspaceId, id: endpoint.id }, await sealedOf(endpoint.id)))
    expect(rounds).toBe(2)
    expect(now.current).toBe(rotated.secret)
    expect(now.previous?.secret).not.toBe(readSecrets(seal.open({ workspaceId, id: endpoint.id }, between)).current)
  })

  test('and its deliveries are no other workspace’s business', async () => {
    const own = await createWorkspace(database.db)
    const foreign = await createWorkspace(database.db)
    const endpoints = createEndpoints(database.db)
    const { endpoint } = await endpoints.create(own, { url })
    await happen(database.db, own)
    const { id } = endpoint
    const [delivery] = (await endpoints.listDeliveries(own, { endpointId: id, status: 'PENDING' }, {})).edges
    const deliveryId = delivery?.node.id ?? ''
    for (const [workspaceId, endpointId] of [
      [foreign, id],
      [own, 'whe_nonsense'],
      [own, deliveryId],
    ] as const) {
      expect(await endpoints.get(workspaceId, endpointId)).toBeUndefined()
      expect(await refusalOf(endpoints.update(workspaceId, endpointId, { isEnabled: false }))).toEqual(noEndpoint)
      expect(await refusalOf(endpoints.rotateSecret(workspaceId, endpointId))).toEqual(noEndpoint)
      expect(await refusalOf(endpoints.sendTest(workspaceId, endpointId))).toEqual(noEndpoint)
      expect(await endpoints.delete(workspaceId, endpointId)).toBe(false)
      expect((await endpoints.listDeliveries(workspaceId, { endpointId }, {})).edges).toEqual([])
    }
    expect((await endpoints.list(foreign, {})).edges).toEqual([])
    expect((await endpoints.listDeliveries(foreign, {}, {})).edges).toEqual([])
    expect((await endpoints.listDeliveries(foreign, { status: 'PENDING' }, {})).edges).toEqual([])
    expect(await endpoints.getDelivery(foreign, deliveryId)).toBeUndefined()
    expect(await refusalOf(endpoints.resend(foreign, deliveryId))).toMatchObject({ code: 'INVALID_INPUT' })
    const store = createWebhookStore(database.db)
    expect(await store.resend(foreign, deliveryId)).toBeUndefined()
    const sealed = await sealedOf(id)
    expect(await store.replaceSecret(foreign, id, sealed, Buffer.from('theirs'))).toBeUndefined()
    expect(await endpoints.get(own, id)).toEqual(endpoint)
    expect(await sealedOf(id)).toEqual(sealed)
  })

  test('takes what is on its way along when it is deleted, and sends nothing while it is disabled', async () => {
    const workspaceId = await createWorkspace(database.db)
    const endpoints = createEndpoints(database.db)
    const { endpoint } = await endpoints.create(workspaceId, { url })
    await happen(database.db, workspaceId)
    const [delivery] = (await endpoints.listDeliveries(workspaceId, {}, {})).edges
    const disabled = await endpoints.update(workspaceId, endpoint.id, { isEnabled: false })
    expect(disabled).toMatchObject({ isEnabled: false, disabledReason: 'Switched off by the workspace.' })
    const refused = refusal('id', 'The endpoint is disabled; enable it first.')
    expect(await refusalOf(endpoints.sendTest(workspaceId, endpoint.id))).toEqual(refused)
    expect(await refusalOf(endpoints.resend(workspaceId, delivery?.node.id ?? ''))).toEqual(refused)
    const enabled = await endpoints.update(workspaceId, endpoint.id, { isEnabled: true })
    expect(enabled).toMatchObject({ isEnabled: true, disabledReason: null, failingSince: null })
    expect(await endpoints.delete(workspaceId, endpoint.id)).toBe(true)
    expect((await endpoints.listDeliveries(workspaceId, {}, {})).edges).toEqual([])
    await happen(database.db, workspaceId)
    expect((await endpoints.listDeliveries(workspaceId, {}, {})).edges).toEqual([])
  })
})
