/** One endpoint that is dead, slow or flooded does not delay the others, and has no more than its share. */
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { toUuid } from '../../src/store/ids.ts'
import { webhookEndpoints } from '../../src/store/tables.ts'
import type { WebhookPost } from '../../src/webhooks/post.ts'
import { createWorkspace, kinds } from '../store/fixtures.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createDispatcher, createEndpoints, happen } from './fixtures.ts'

/** A vendor of answers: each request waits until it is told what to answer. */
function createDesk() {
  const waiting = new Map<string, (answer: number | GatewayError) => void>()
  const seen: string[] = []
  const post: WebhookPost = async (url, headers) => {
    const { host } = new URL(url)
    const { promise, resolve } = Promise.withResolvers<number | GatewayError>()
    waiting.set(`${host} ${headers['webhook-id']}`, resolve)
    seen.push(host)
    const answer = await promise
    if (typeof answer === 'number') return { status: answer }
    throw answer
  }
  return {
    post,
    seen,
    underWay: (host: string) => [...waiting.keys()].filter(key => key.startsWith(`${host} `)).length,
    answer(host: string, answer: number | GatewayError) {
      for (const [key, resolve] of [...waiting]) {
        if (!key.startsWith(`${host} `)) continue
        waiting.delete(key)
        resolve(answer)
      }
    },
  }
}

describe.each(kinds)('among endpoints (%s)', kind => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase(kind)
  })
  afterEach(() => database.db.delete(webhookEndpoints))
  afterAll(() => database[Symbol.asyncDispose]())

  async function createEndpoint(workspaceId: string, host: string) {
    const { endpoint } = await createEndpoints(database.db).create(workspaceId, { url: `https://${host}/` })
    return endpoint.id
  }

  /** Older than anything else that is due. */
  async function flood(workspaceId: string, endpointId: string, count: number) {
    await database.db.execute(sql`insert into webhook_deliveries
      (workspace_id, id, endpoint_id, event_id, event_type, payload, next_attempt_at)
      select ${toUuid('ws', workspaceId)}::uuid, gen_random_uuid(), ${toUuid('whe', endpointId)}::uuid, gen_random_uuid(),
        'connection.updated', '{}', now() - interval '1 hour' from generate_series(1, ${count}::int)`)
  }

  test('one that hangs with 10,000 deliveries holds up no other, of its workspace or of another', async () => {
    const workspaceId = await createWorkspace(database.db)
    const foreign = await createWorkspace(database.db)
    const dead = await createEndpoint(workspaceId, 'dead.example')
    await createEndpoint(workspaceId, 'well.example')
    await createEndpoint(foreign, 'other.example')
    await flood(workspaceId, dead, 10_000)
    await happen(database.db, workspaceId)
    await happen(database.db, foreign)
    const desk = createDesk()
    await using parts = createDispatcher(database.db, { post: desk.post })
    parts.dispatcher.wake()
    await expect.poll(() => desk.underWay('well.example') + desk.underWay('other.example')).toBe(2)
    expect(desk.underWay('dead.example')).toBeLessThanOrEqual(7)
    desk.answer('well.example', 200)
    desk.answer('other.example', 200)
    for (let round = 0; round < 3; round++) {
      desk.answer('dead.example', new GatewayError('UPSTREAM_TIMEOUT', 'dead.example did not answer.'))
      await happen(database.db, foreign)
      parts.dispatcher.wake()
      await expect.poll(() => desk.underWay('other.example')).toBe(1)
      desk.answer('other.example', 200)
    }
    desk.answer('dead.example', 500)
    expect(desk.seen.filter(host => host === 'dead.example').length).toBeLessThanOrEqual(7)
  })

  test('one that fails is probed by one delivery at a time, less and less often, until it recovers', async () => {
    const workspaceId = await createWorkspace(database.db)
    const endpointId = await createEndpoint(workspaceId, 'weak.example')
    const desk = createDesk()
    let status = 500
    const post: WebhookPost = async (...request) => {
      const answer = desk.post(...request)
      desk.answer('weak.example', status)
      return await answer
    }
    await using parts = createDispatcher(database.db, { post })
    await happen(database.db, workspaceId, 30)
    await parts.dispatcher.run()
    const first = desk.seen.length
    expect(first).toBeLessThanOrEqual(7)
    for (const [waitMs, more] of [
      [100, 0],
      [120_000, 1],
      [100, 0],
      [120_000, 1],
    ] as const) {
      const before = desk.seen.length
      await parts.pass(waitMs)
      await parts.dispatcher.run()
      expect(desk.seen.length - before).toBe(more)
    }
    await parts.pass(100)
    parts.dispatcher.wake(endpointId)
    await parts.dispatcher.run()
    expect(desk.seen.length).toBe(first + 3)
    status = 200
    await parts.pass(600_000)
    await parts.dispatcher.run()
    const left = await database.db.execute(
      sql`select count(*)::int as count from webhook_deliveries where status = 'PENDING'`,
    )
    expect(desk.seen.length).toBe(first + 3 + 30)
    expect(JSON.stringify(left)).toContain('"count":0')
  })

  test('those of one workspace have a share of all, however many they are', async () => {
    const workspaceId = await createWorkspace(database.db)
    const foreign = await createWorkspace(database.db)
    const hosts = Array.from({ length: 20 }, (_, index) => `slow-${index}.example`)
    for (const host of hosts) await createEndpoint(workspaceId, host)
    await createEndpoint(foreign, 'other.example')
    await happen(database.db, workspaceId, 5)
    await happen(database.db, foreign)
    const desk = createDesk()
    const limits = { parallel: 20, perEndpoint: 4, perWorkspace: 8 }
    await using parts = createDispatcher(database.db, { post: desk.post, limits })
    parts.dispatcher.wake()
    await expect.poll(() => desk.underWay('other.example')).toBe(1)
    const underWay = hosts.reduce((sum, host) => sum + desk.underWay(host), 0)
    expect(underWay).toBeGreaterThanOrEqual(8)
    expect(underWay).toBeLessThanOrEqual(15)
    for (let round = 0; round < 20; round++) {
      for (const host of hosts) desk.answer(host, 200)
      desk.answer('other.example', 200)
      await new Promise(resolve => setImmediate(resolve))
    }
    await expect
      .poll(() => {
        for (const host of hosts) desk.answer(host, 200)
        return desk.seen.length
      })
      .toBe(101)
  })

  test('nothing more is begun once the dispatcher ends, and what is under way may finish', async () => {
    const workspaceId = await createWorkspace(database.db)
    await createEndpoint(workspaceId, 'last.example')
    await happen(database.db, workspaceId)
    const desk = createDesk()
    const parts = createDispatcher(database.db, { post: desk.post })
    parts.dispatcher.wake()
    await expect.poll(() => desk.underWay('last.example')).toBe(1)
    const ended = parts[Symbol.asyncDispose]()
    desk.answer('last.example', 200)
    await ended
    await happen(database.db, workspaceId)
    parts.dispatcher.wake()
    const rows = await database.db.execute(
      sql`select status, count(*)::int as count from webhook_deliveries group by 1 order by 1`,
    )
    expect(JSON.stringify(rows)).toContain('[{"status":"DELIVERED","count":1},{"status":"PENDING","count":1}]')
  })
})
