/** What belongs to a call is sealed at its place, opened there only, and never costs more memory than there is for it. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { CallLog, type CallPlace, type FinishedCall } from '../../src/calls/call-log.ts'
import type { CallExchange } from '../../src/calls/exchange.ts'
import type { Db } from '../../src/store/database.ts'
import { createStores } from '../../src/store/stores.ts'
import { KeyRing } from '../../src/vault/key-ring.ts'
import { Vault } from '../../src/vault/vault.ts'
import { callRow, createWorkspace, kinds, useDatabase } from '../store/fixtures.ts'

const exchange: CallExchange = {
  requestHeaders: [{ name: 'accept', value: '*/*' }],
  requestBody: null,
  responseHeaders: [],
  responseBody: { sizeBytes: 3, bytes: Buffer.from([0, 255, 10]), isTruncated: false, omitted: null },
  isRequestRedacted: false,
}

function openLog(db: Db, keyId = 'k1', key = randomBytes(32)) {
  const { calls, callBodies } = createStores({ db })
  const vault = new Vault(new KeyRing([{ id: keyId, key }]))
  const sealFor = (kind: string) => ({
    seal: ({ workspaceId, uuid }: CallPlace, text: string) =>
      vault.seal({ workspaceId, kind, id: uuid }, text).envelope,
    open: ({ workspaceId, uuid }: CallPlace, sealed: Buffer) => vault.open({ workspaceId, kind, id: uuid }, sealed),
  })
  const bare: number[] = []
  const failures: unknown[] = []
  const log = new CallLog({
    store: calls,
    bodies: callBodies,
    requestSeal: sealFor('callRequest'),
    exchangeSeal: sealFor('callExchange'),
    onWritten: async () => {},
    onFailure: error => failures.push(error),
    onLoss: () => {},
    onBare: count => bare.push(count),
  })
  return { log, calls, bare, failures }
}

function finished(workspaceId: string, values: Partial<FinishedCall> = {}): FinishedCall & { readonly id: string } {
  return { ...callRow(workspaceId), startedAt: new Date(), request: null, exchange: null, ...values }
}

const pending = (kept: CallExchange, sizeBytes = 10) => ({ sizeBytes, retentionDays: 2, finish: async () => kept })

describe.each(kinds)('the call log (%s)', kind => {
  const database = useDatabase(kind)

  test('keeps what a replay needs, for this call and no other', async () => {
    const { log, calls } = openLog(database.db)
    const workspaceId = await createWorkspace(database.db)
    const [first, second] = [finished(workspaceId, { request: '{"path":"/canary"}' }), finished(workspaceId)]
    log.record(first)
    log.record(second)
    await log.flush()
    expect(await log.requestOf(workspaceId, first.id)).toBe('{"path":"/canary"}')
    expect(await log.requestOf(workspaceId, second.id)).toBeUndefined()
    expect((await calls.get(workspaceId, first.id))?.isReplayable).toBe(true)
    expect((await calls.get(workspaceId, second.id))?.isReplayable).toBe(false)
    const sealed = await calls.getSealedRequest(workspaceId, first.id)
    expect(sealed?.includes('canary')).toBe(false)
    const moved = { ...finished(workspaceId), sealedRequest: sealed ?? null }
    await calls.insertMany([moved])
    expect(await log.requestOf(workspaceId, moved.id)).toBeUndefined()
  })

  test('does not keep a request of more than 4,096 characters', async () => {
    const { log, calls } = openLog(database.db)
    const workspaceId = await createWorkspace(database.db)
    const [fits, long] = [4096, 4097].map(length => finished(workspaceId, { request: 'x'.repeat(length) }))
    if (fits === undefined || long === undefined) throw new TypeError('two calls were made')
    log.record(fits)
    log.record(long)
    await log.flush()
    expect((await calls.get(workspaceId, fits.id))?.isReplayable).toBe(true)
    expect((await calls.get(workspaceId, long.id))?.isReplayable).toBe(false)
  })

  test('keeps bodies for their time, and reads them as they were', async () => {
    const { log } = openLog(database.db)
    const workspaceId = await createWorkspace(database.db)
    const call = finished(workspaceId, { exchange: pending(exchange) })
    log.record(call)
    await log.flush()
    const expiresAt = new Date(call.startedAt.getTime() + 2 * 86_400_000)
    expect(await log.exchangeOf(workspaceId, call.id)).toEqual({ exchange, expiresAt })
    expect(await log.exchangeOf(await createWorkspace(database.db), call.id)).toBeUndefined()
  })

  test('is without what was sealed under a key that is gone', async () => {
    const workspaceId = await createWorkspace(database.db)
    const call = finished(workspaceId, { request: '{}', exchange: pending(exchange) })
    const before = openLog(database.db)
    before.log.record(call)
    await before.log.flush()
    const { log } = openLog(database.db, 'k2')
    expect([await log.requestOf(workspaceId, call.id), await log.exchangeOf(workspaceId, call.id)]).toEqual([
      undefined,
      undefined,
    ])
  })

  test('records a call although its bodies cannot be kept', async () => {
    const { log, calls, bare, failures } = openLog(database.db)
    const workspaceId = await createWorkspace(database.db)
    const broken = { sizeBytes: 1, retentionDays: 1, finish: async () => Promise.reject(new Error('no JSON')) }
    const call = finished(workspaceId, { exchange: broken })
    log.record(call)
    await log.flush()
    expect(await calls.get(workspaceId, call.id)).toBeDefined()
    expect([bare, failures]).toEqual([[1], []])
  })

  test('holds 64 MiB of bodies that wait at most, and calls beyond it without them', async () => {
    const { log, calls, bare } = openLog(database.db)
    const workspaceId = await createWorkspace(database.db)
    const rows = [1, 2, 3].map(() => finished(workspaceId, { exchange: pending(exchange, 30 * 1024 * 1024) }))
    for (const row of rows) log.record(row)
    await log.flush()
    expect(bare).toEqual([1])
    const kept = await Promise.all(rows.map(({ id }) => log.exchangeOf(workspaceId, id)))
    expect(kept.map(found => found !== undefined)).toEqual([true, true, false])
    expect(await Promise.all(rows.map(({ id }) => calls.get(workspaceId, id)))).not.toContain(undefined)
    const later = finished(workspaceId, { exchange: pending(exchange, 60 * 1024 * 1024) })
    log.record(later)
    await log.flush()
    expect(await log.exchangeOf(workspaceId, later.id)).toBeDefined()
  })
})
