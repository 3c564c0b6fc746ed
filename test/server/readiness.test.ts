/** `/readyz` says whether calls can be served and what stands in the way, costs a busy prober nothing, and tells no secret. */
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { Readiness } from '../../src/server/readiness.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'

async function ask(gateway: TestGateway): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(new URL('readyz', gateway.url))
  return { status: answer.status, body: await answer.json() }
}

/** What was found out a moment ago is remembered. */
async function askUntil(gateway: TestGateway, status: number): Promise<unknown> {
  await expect.poll(async () => (await ask(gateway)).status, { timeout: 10_000 }).toBe(status)
  return (await ask(gateway)).body
}

const ok = { ok: true }
const allOk = { store: ok, migrations: ok, encryptionKeys: ok, limits: ok, secrets: ok, draining: ok }

describe('a gateway', () => {
  test('is ready once everything is there', async () => {
    await using gateway = await createGateway()
    expect(await ask(gateway)).toEqual({ status: 200, body: { ready: true, checks: allOk } })
  })

  test('is not while its store does not answer, and says nothing of where it is', async () => {
    await using gateway = await createGateway()
    await gateway.database[Symbol.asyncDispose]()
    const away = { ok: false, reason: 'it could not be asked' }
    expect(await ask(gateway)).toEqual({
      status: 503,
      body: { ready: false, checks: { ...allOk, store: away, migrations: away, encryptionKeys: away } },
    })
  })

  test('is not on a store of an older version, and is on one of a newer', async () => {
    await using gateway = await createGateway()
    const move = (by: number) =>
      gateway.database.db.execute(sql`update drizzle.__drizzle_migrations set created_at = created_at + ${by}`)
    await move(-1)
    const migrations = { ok: false, reason: 'the store has an older schema than this version of the gateway' }
    expect(await askUntil(gateway, 503)).toEqual({ ready: false, checks: { ...allOk, migrations } })
    await move(2)
    expect(await askUntil(gateway, 200)).toEqual({ ready: true, checks: allOk })
    await gateway.database.db.execute(sql`drop table drizzle.__drizzle_migrations`)
    expect(await askUntil(gateway, 503)).toEqual({ ready: false, checks: { ...allOk, migrations } })
  })

  test('is not on a store that none of its encryption keys opens', async () => {
    await using gateway = await createGateway()
    await gateway.database.db.execute(sql`update encryption_keys set proof = ${randomBytes(64)}`)
    const encryptionKeys = { ok: false, reason: 'the store was sealed with other encryption keys' }
    expect(await askUntil(gateway, 503)).toEqual({ ready: false, checks: { ...allOk, encryptionKeys } })
  })

  test('is ready without Redis, and says that it counts for itself', async () => {
    // Nobody listens on port 1.
    await using gateway = await createGateway({ secrets: { redisUrl: 'redis://:canary@127.0.0.1:1' } })
    const limits = { ok: true, degraded: 'the store that replicas share for limits is away; each counts for itself' }
    expect(await ask(gateway)).toEqual({ status: 200, body: { ready: true, checks: { ...allOk, limits } } })
  })

  test('is not from the moment it is told to stop, while it still answers', async () => {
    await using gateway = await createGateway()
    expect((await ask(gateway)).status).toBe(200)
    await gateway.app.drain()
    const draining = { ok: false, reason: 'the process is stopping' }
    expect(await ask(gateway)).toEqual({ status: 503, body: { ready: false, checks: { ...allOk, draining } } })
    expect((await gateway.run('{ viewer { name } }')).status).toBe(200)
    expect((await fetch(new URL('livez', gateway.url))).status).toBe(200)
  })
})

describe('what is asked', () => {
  function createCounted(check: () => Promise<string | undefined>) {
    let nowMs = 0
    let asked = 0
    const readiness = new Readiness({
      vital: {
        store() {
          asked += 1
          return check()
        },
      },
      now: () => nowMs,
      timeoutMs: 20,
    })
    return { readiness, asked: () => asked, pass: (ms: number) => (nowMs += ms) }
  }

  test('is asked once a second, by however many probes at once', async () => {
    const { readiness, asked, pass } = createCounted(async () => undefined)
    await Promise.all(Array.from({ length: 100 }, () => readiness.report()))
    pass(999)
    await readiness.report()
    expect(asked()).toBe(1)
    pass(1)
    await readiness.report()
    expect(asked()).toBe(2)
  })

  test('has a bounded time to answer', async () => {
    const { readiness } = createCounted(() => new Promise(() => {}))
    expect(await readiness.report()).toMatchObject({
      ready: false,
      checks: { store: { ok: false, reason: 'no answer within 20 ms' } },
    })
  })

  test('never speaks in its own words when it fails', async () => {
    const { readiness } = createCounted(() => Promise.reject(new Error('postgres://u:canary@db/x')))
    expect(JSON.stringify(await readiness.report())).not.toContain('canary')
  })
})
