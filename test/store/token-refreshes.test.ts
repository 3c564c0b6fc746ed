/** The right to renew a token: one holder at a time, lost with its lease, withheld for a while after a failure. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createConnectionStore } from '../../src/store/connections.ts'
import { createTokenRefreshStore } from '../../src/store/token-refreshes.ts'
import { connectionRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

const long = 60_000

describe.each(kinds)('the right to renew a token (%s)', kind => {
  const database = useDatabase(kind)

  async function open(values: Parameters<typeof connectionRow>[1] = {}) {
    const workspaceId = await createWorkspace(database.db)
    const connections = createConnectionStore(database.db)
    const row = await connections.insert(connectionRow(workspaceId, values))
    const place = { workspaceId, connectionId: row.id }
    return { connections, row, place, store: createTokenRefreshStore(database.db) }
  }

  test('goes to one of many who ask at once', async () => {
    const { store, place } = await open()
    const claims = await Promise.all(Array.from({ length: 8 }, (_, at) => store.claim(place, `owner ${at}`, long)))
    expect(claims.filter(({ state }) => state === 'mine')).toHaveLength(1)
    for (const claim of claims.filter(({ state }) => state !== 'mine')) {
      expect(claim).toMatchObject({ state: 'held', forMs: expect.any(Number) })
    }
  })

  test('is free again when its lease is over, and the old holder can neither prolong nor end it', async () => {
    const { store, place } = await open()
    await store.claim(place, 'dead', 1)
    await sleep(20)
    expect((await store.claim(place, 'next', long)).state).toBe('mine')
    expect(await store.prolong(place, 'dead', long)).toBe(false)
    await store.release(place, 'dead')
    await store.fail(place, 'dead', { message: 'late', blockMs: long })
    expect((await store.claim(place, 'third', long)).state).toBe('held')
    expect(await store.prolong(place, 'next', long)).toBe(true)
    await store.release(place, 'next')
    expect(await store.claim(place, 'third', long)).toEqual({ state: 'mine', failures: 0, refreshedAt: null })
  })

  test('is withheld after a failure, which is counted, but not from one who was asked to try', async () => {
    const { store, place } = await open()
    await store.claim(place, 'one', long)
    await store.fail(place, 'one', { message: 'The vendor is away.', blockMs: long })
    const blocked = await store.claim(place, 'two', long)
    expect(blocked).toEqual({
      state: 'blocked',
      forMs: expect.any(Number),
      lastFailure: 'The vendor is away.',
      isMisconfigured: false,
    })
    expect(blocked.state === 'blocked' && blocked.forMs > 30_000).toBe(true)
    expect(await store.claim(place, 'three', long, { evenIfBlocked: true })).toMatchObject({
      state: 'mine',
      failures: 1,
    })
  })

  test('is withheld for the settings that were to blame, not for others, and that is no failure of the vendor', async () => {
    const { store, place } = await open()
    await store.claim(place, 'one', long, { settings: 'old' })
    await store.fail(place, 'one', { message: 'The client is refused.', blockMs: long, settings: 'old' })
    expect(await store.claim(place, 'two', long, { settings: 'old' })).toEqual({
      state: 'blocked',
      forMs: expect.any(Number),
      lastFailure: 'The client is refused.',
      isMisconfigured: true,
    })
    expect(await store.claim(place, 'two', long, { settings: 'new' })).toMatchObject({ state: 'mine', failures: 0 })
    await store.fail(place, 'two', { message: 'The vendor is away.', blockMs: long })
    expect(await store.claim(place, 'three', long, { settings: 'newer' })).toMatchObject({
      state: 'blocked',
      lastFailure: 'The vendor is away.',
      isMisconfigured: false,
    })
  })

  test('ends with a new credential, which forgets the failures', async () => {
    const { connections, store, place, row } = await open()
    await store.claim(place, 'one', long)
    await store.fail(place, 'one', { message: 'The vendor is away.', blockMs: long })
    const dueAt = new Date('2031-01-01T00:00:00Z')
    const change = { ...connectionRow(place.workspaceId), expectedVersion: 1, event: 'connection.refreshed' as const }
    const { sealedCredential, sealedUnder, tokenExpiresAt, tokenRenewAt, expectedVersion, event } = change
    const sealed = { sealedCredential, sealedUnder, tokenExpiresAt, tokenRenewAt, dueAt }
    const saved = await connections.saveCredential(place.workspaceId, row.id, { ...sealed, expectedVersion, event })
    expect(saved?.credentialVersion).toBe(2)
    expect(await store.get(place)).toMatchObject({
      failures: 0,
      lastFailure: null,
      blockedUntil: null,
      blockedSettings: null,
      dueAt,
      owner: null,
    })
    expect((await store.claim(place, 'two', long)).state).toBe('mine')
    const late = await connections.saveCredential(place.workspaceId, row.id, { ...sealed, expectedVersion, event })
    expect(late).toBeUndefined()
  })

  test('is asked for when a token is due, by one process at a time', async () => {
    const { store, place } = await open({ dueAt: new Date(Date.now() - 1000) })
    const taken = (await Promise.all([store.takeDue(1000, long), store.takeDue(1000, long)])).flat()
    expect(taken.filter(({ connectionId }) => connectionId === place.connectionId)).toEqual([place])
    expect((await store.takeDue(1000, long)).map(({ connectionId }) => connectionId)).not.toContain(place.connectionId)
  })

  test('goes with its connection', async () => {
    const { connections, store, place, row } = await open({ dueAt: new Date() })
    await connections.remove(place.workspaceId, row.id, 1000)
    expect(await store.get(place)).toBeUndefined()
  })
})
