/** Idempotency keys: one holder at a time whatever dies, in place of its own, gone with its connection or its day. */
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { describe, expect, test, vi } from 'vitest'
import { hashRequest, IdempotencyKeys, type StoredAnswer } from '../../src/calls/idempotency.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import { type Db, openDatabase } from '../../src/store/database.ts'
import { type Claim, createIdempotencyStore } from '../../src/store/idempotency.ts'
import { newId } from '../../src/store/ids.ts'
import { createTestDatabase } from '../support/database.ts'
import { connectionRow, createWorkspace, kinds, refusalOf, useDatabase } from './fixtures.ts'

const day = 24 * 3_600_000
const answer = { status: 201, sealedAnswer: Buffer.from([0, 255, 128]) }

async function createClaim(db: Db, changes: Partial<Claim> = {}): Promise<Claim> {
  const workspaceId = changes.workspaceId ?? (await createWorkspace(db))
  const { id } = await createConnectionStore(db).insert(connectionRow(workspaceId))
  const requestHash = hashRequest(['POST', '/a'])
  return {
    workspaceId,
    connectionId: id,
    key: 'k',
    requestHash,
    owner: 'first',
    leaseMs: 60_000,
    keepMs: day,
    ...changes,
  }
}

describe.each(kinds)('an idempotency key (%s)', kind => {
  const database = useDatabase(kind)
  const open = async (changes: Partial<Claim> = {}) => ({
    store: createIdempotencyStore(database.db),
    claim: await createClaim(database.db, changes),
  })

  test('is held by the first who claims it, for its lease and a day', async () => {
    const { store, claim } = await open()
    const { workspaceId, connectionId, key, requestHash, owner } = claim
    const before = Date.now()
    const row = await store.claim(claim)
    expect(row).toMatchObject({ workspaceId, connectionId, key, requestHash, owner, status: null, sealedAnswer: null })
    // Between leases of a minute and days there is room for the clocks of two machines.
    expect(Math.abs(row.leasedUntil.getTime() - before - 60_000)).toBeLessThan(30_000)
    expect(row.expiresAt.getTime() - row.leasedUntil.getTime()).toBe(day - 60_000)
    expect(await store.claim({ ...claim, owner: 'second', requestHash: hashRequest(['other']) })).toEqual(row)
  })

  test('keeps its answer when the lease is long over', async () => {
    const { store, claim } = await open({ leaseMs: -60_000 })
    await store.claim(claim)
    expect(await store.finish(claim, 'first', answer)).toBe(true)
    expect(await store.claim({ ...claim, owner: 'second' })).toMatchObject({ owner: null, ...answer })
  })

  test('goes to the next when its lease runs out, and its first holder has no say any more', async () => {
    const { store, claim } = await open({ leaseMs: -1 })
    await store.claim(claim)
    const requestHash = hashRequest(['POST', '/b'])
    const taken = await store.claim({ ...claim, owner: 'second', leaseMs: 60_000, requestHash })
    expect(taken).toMatchObject({ owner: 'second', requestHash })
    expect(await store.renew(claim, 'first', 60_000)).toBe(false)
    expect(await store.finish(claim, 'first', answer)).toBe(false)
    await store.release(claim, 'first')
    expect(await store.get(claim)).toEqual(taken)
  })

  test('stays with a holder who renews', async () => {
    const { store, claim } = await open({ leaseMs: -1 })
    await store.claim(claim)
    expect(await store.renew(claim, 'first', 60_000)).toBe(true)
    expect(await store.claim({ ...claim, owner: 'second' })).toMatchObject({ owner: 'first' })
  })

  test('is free when it is released, and when its day is over', async () => {
    const { store, claim } = await open({ keepMs: -1 })
    await store.claim(claim)
    await store.release(claim, 'first')
    expect(await store.get(claim)).toBeUndefined()
    await store.claim(claim)
    await store.finish(claim, 'first', answer)
    const next = await store.claim({ ...claim, owner: 'second', keepMs: day })
    expect(next).toMatchObject({ owner: 'second', status: null, sealedAnswer: null })
  })

  test('cannot be ended twice, nor released once it is answered', async () => {
    const { store, claim } = await open()
    await store.claim(claim)
    await store.finish(claim, 'first', answer)
    expect(await store.finish(claim, 'first', { status: 500, sealedAnswer: null })).toBe(false)
    await store.release(claim, 'first')
    expect(await store.get(claim)).toMatchObject(answer)
  })

  test('is another one at each connection and in each workspace, be their ids the same', async () => {
    const { store, claim: theirs } = await open()
    await store.claim(theirs)
    await store.finish(theirs, 'first', answer)
    const kept = await store.get(theirs)
    const workspaceId = await createWorkspace(database.db)
    await createConnectionStore(database.db).insert(connectionRow(workspaceId, { id: theirs.connectionId }))
    const places = [{ ...theirs, workspaceId }, await createClaim(database.db, { workspaceId: theirs.workspaceId })]
    for (const ours of places) {
      expect(await store.get(ours)).toBeUndefined()
      expect(await store.renew(ours, 'first', 60_000)).toBe(false)
      expect(await store.finish(ours, 'first', answer)).toBe(false)
      await store.release(ours, 'first')
      expect(await store.claim({ ...ours, owner: 'ours' })).toMatchObject({ owner: 'ours', sealedAnswer: null })
      expect(await store.get(theirs)).toEqual(kept)
    }
  })

  test('is erased with its connection, and that of no other', async () => {
    const { store, claim } = await open()
    const other = await createClaim(database.db, { workspaceId: claim.workspaceId })
    for (const each of [claim, other]) await store.claim(each)
    await createConnectionStore(database.db).remove(claim.workspaceId, claim.connectionId, 1000)
    expect(await store.get(claim)).toBeUndefined()
    expect(await store.get(other)).toMatchObject({ owner: 'first' })
  })

  test('of a connection that is gone is CONNECTION_NOT_FOUND', async () => {
    const { store, claim } = await open()
    const lost = { ...claim, connectionId: newId('conn') }
    expect(await refusalOf(store.claim(lost))).toMatchObject({ code: 'CONNECTION_NOT_FOUND' })
    expect(await store.get(lost)).toBeUndefined()
  })

  test('that cannot be stored is refused by name', async () => {
    const { store, claim } = await open()
    const refused = await refusalOf(store.claim({ ...claim, key: 'a\0b' }))
    expect(refused).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'options.idempotencyKey' }] })
    expect(refused.message).not.toContain('\0')
  })

  test('is deleted after its day in slices, never while it is held or good', async () => {
    const { store, claim } = await open()
    while ((await store.deleteExpired(1000)) > 0);
    const over = { keepMs: -1, leaseMs: -1 }
    for (let index = 0; index < 5; index++) await store.claim({ ...claim, ...over, key: `over-${index}` })
    await store.finish({ ...claim, key: 'over-0' }, 'first', answer)
    await store.claim({ ...claim, keepMs: -1, key: 'held' })
    await store.claim({ ...claim, leaseMs: -1, key: 'good' })
    expect([await store.deleteExpired(3), await store.deleteExpired(3), await store.deleteExpired(3)]).toEqual([
      3, 2, 0,
    ])
    expect(await store.get({ ...claim, key: 'held' })).toBeDefined()
    expect(await store.get({ ...claim, key: 'good' })).toBeDefined()
  })
})

test('two processes on one server: of fifty at once one sends, and all get its answer', async () => {
  await using first = await createTestDatabase('postgres')
  await using second = await openDatabase({ url: first.url, dataDir: join(first.dataDir, 'second') })
  const replicas = [first, second].map(({ db }) => {
    const seal = {
      seal: (_: unknown, text: string) => Buffer.from(text),
      open: (_: unknown, bytes: Buffer) => `${bytes}`,
    }
    return new IdempotencyKeys({ store: createIdempotencyStore(db), seal, onFailure: vi.fn() })
  })
  const { owner: _, ...place } = await createClaim(first.db)
  const { promise: sent, resolve } = Promise.withResolvers<void>()
  const send = vi.fn(async () => {
    await sent
    return { status: 201, headers: [{ name: 'X-A', value: '1' }], bytes: Buffer.from([0, 255]) }
  })
  const once = { ...place, deadlineMs: Date.now() + 20_000, send, keep: same, replay: same }
  const running = Array.from({ length: 50 }, (_, index) => replicas[index % 2]?.run(once))
  await vi.waitFor(() => expect(send).toHaveBeenCalled())
  resolve()
  const answers = await Promise.all(running)
  expect(send).toHaveBeenCalledTimes(1)
  expect(answers).toEqual(Array.from({ length: 50 }, () => answers[0]))
  expect(answers[0]?.bytes).toEqual(Buffer.from([0, 255]))
})

test('a key that is claimed again while expired ones are deleted stays claimed', async () => {
  await using database = await createTestDatabase('postgres')
  const store = createIdempotencyStore(database.db)
  const claim = await createClaim(database.db)
  await store.claim({ ...claim, leaseMs: -1, keepMs: -1 })
  const sweep = await database.db.transaction(async transaction => {
    await createIdempotencyStore(transaction).claim({ ...claim, owner: 'second' })
    const deleted = store.deleteExpired(10)
    await vi.waitFor(async () => {
      const waiting = await database.db.execute(
        sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      expect(Array.from(waiting as Iterable<unknown>)).toHaveLength(1)
    }, 10_000)
    // Not awaited in here: it waits for this transaction.
    return { deleted }
  })
  expect(await sweep.deleted).toBe(0)
  expect(await store.get(claim)).toMatchObject({ owner: 'second' })
})

function same(kept: StoredAnswer): StoredAnswer {
  return kept
}
