/** What sessions spend: counted in the statement that lets a call go, whoever counts at the same time. */
import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { createAccessKeyStore } from '../../src/store/access-keys.ts'
import { newId } from '../../src/store/ids.ts'
import { createSessionStore, heldBytesPerCall, type NewSessionRow } from '../../src/store/sessions.ts'
import { sessions } from '../../src/store/tables.ts'
import { accessKeyRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

describe.each(kinds)('the budget of a session (%s)', kind => {
  const database = useDatabase(kind)

  async function open(budget: Partial<NewSessionRow>) {
    const workspaceId = await createWorkspace(database.db)
    const { id: keyId } = await createAccessKeyStore(database.db).insert(accessKeyRow(workspaceId))
    const store = createSessionStore(database.db)
    const none = { integrations: null, connections: null, rules: [], maxCalls: null, maxBytes: null }
    const whose = { workspaceId, id: newId('ses'), keyId, endUserId: 'ann', scopes: ['passthrough:read'] }
    const limits = { quota: null, maxConcurrency: null, expiresAt: new Date(Date.now() + 60_000) }
    const { id } = await store.insert({ ...none, ...whose, ...limits, ...budget })
    const hold = async () => (await store.holdCall(workspaceId, id)).ok
    return { hold, settle: (bytes: number) => store.settleCall(workspaceId, id, bytes), store, workspaceId, id }
  }

  test('of calls is exact', async () => {
    const { hold, settle } = await open({ maxCalls: 3 })
    const held = await Promise.all(Array.from({ length: 8 }, hold))
    expect(held.filter(isHeld => isHeld)).toHaveLength(3)
    for (let made = 0; made < 3; made += 1) await settle(1)
    expect(await hold()).toBe(false)
  })

  test('of bytes is held by calls under way until theirs are known', async () => {
    const { hold, settle } = await open({ maxBytes: 2 * heldBytesPerCall + 2 })
    const held = await Promise.all(Array.from({ length: 8 }, hold))
    expect(held.filter(isHeld => isHeld)).toHaveLength(3)
    await settle(1)
    expect([await hold(), await hold()]).toEqual([true, false])
    await settle(2 * heldBytesPerCall + 1)
    await settle(0)
    await settle(0)
    expect(await hold()).toBe(false)
  })

  test('is not held for ever by a process that died', async () => {
    const { hold, settle, store, workspaceId, id } = await open({ maxBytes: 10 })
    expect([await hold(), await hold()]).toEqual([true, false])
    await database.db
      .update(sessions)
      .set({ heldUntil: new Date(Date.now() - 1000) })
      .where(eq(sessions.id, id))
    expect([await hold(), await hold()]).toEqual([true, false])
    await settle(4)
    expect(await store.get(workspaceId, id)).toMatchObject({ spentCalls: 2, spentBytes: 4, heldCalls: 0 })
  })

  test('is nobody else’s', async () => {
    const { hold, store, id } = await open({ maxCalls: 1 })
    const foreign = await createWorkspace(database.db)
    expect(await store.holdCall(foreign, id)).toEqual({ ok: false, row: undefined })
    await store.settleCall(foreign, id, 1000)
    expect(await hold()).toBe(true)
  })
})
