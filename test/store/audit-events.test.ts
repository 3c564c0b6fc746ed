/** Audit events: only ever added, listed newest first under each filter, gone when they are old and not before. */
import { eq, type SQL, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { type AuditEventFilter, createAuditEventStore, type NewAuditEvent } from '../../src/store/audit-events.ts'
import { firstUuidAt } from '../../src/store/connection-events.ts'
import type { Db } from '../../src/store/database.ts'
import { driverError } from '../../src/store/failure.ts'
import { newId, newUuid, toTypeId } from '../../src/store/ids.ts'
import { auditEvents } from '../../src/store/tables.ts'
import { createWorkspace, kinds, refusal, refusalOf, useDatabase } from './fixtures.ts'

const dayMs = 24 * 3_600_000

function eventOf(workspaceId: string, values: Partial<NewAuditEvent> = {}): NewAuditEvent {
  return {
    workspaceId,
    actorKind: 'KEY',
    actorId: 'key_1',
    actorName: 'backend',
    action: 'connection.updated',
    targetId: 'conn_1',
    details: { changed: ['quota'] },
    requestId: 'req_12345678',
    address: '127.0.0.1',
    ...values,
  }
}

/** As if it had been written then. */
async function insertAt(db: Db, workspaceId: string, at: Date): Promise<string> {
  const id = toTypeId('aud', firstUuidAt(at.getTime()).slice(0, 14) + newUuid().slice(14))
  await db.insert(auditEvents).values({ ...eventOf(workspaceId), id, createdAt: at })
  return id
}

const daysAgo = (days: number) => new Date(Date.now() - days * dayMs)

async function whyRefused(db: Db, statement: SQL): Promise<string> {
  return await db.execute(statement).then(
    () => 'done',
    error => driverError(error).message,
  )
}

describe.each(kinds)('audit events (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    const { db } = database
    const store = createAuditEventStore(db)
    const workspaceId = await createWorkspace(db)
    const actions = async (filter: AuditEventFilter) =>
      (await store.list(workspaceId, filter, { first: 100 })).edges.map(({ node }) => node.action)
    return { db, store, workspaceId, actions }
  }

  test('come back as they were put in, with the moment of their id', async () => {
    const { store, workspaceId } = await open()
    const before = Date.now()
    await store.insert(eventOf(workspaceId))
    await store.insert(eventOf(workspaceId, { targetId: null, details: {}, requestId: null, address: null }))
    const { edges } = await store.list(workspaceId, {}, {})
    const [bare, whole] = edges.map(({ node }) => node)
    expect(whole).toEqual({ ...eventOf(workspaceId), id: expect.stringMatching(/^aud_/), createdAt: expect.any(Date) })
    expect(bare).toMatchObject({ targetId: null, details: {}, requestId: null, address: null })
    expect(whole?.createdAt.getTime()).toBeGreaterThanOrEqual(before)
    expect(await store.get(workspaceId, whole?.id ?? '')).toEqual(whole)
    expect(await store.get(workspaceId, newId('aud'))).toBeUndefined()
    expect(await store.get(workspaceId, 'nonsense')).toBeUndefined()
  })

  test('are kept although a character of them cannot be', async () => {
    const { store, workspaceId } = await open()
    const odd = {
      actorName: 'a\0',
      actorId: 'u\ud800',
      targetId: '\0',
      details: { list: ['x\0'], deep: { y: '\udc00' } },
    }
    await store.insert(eventOf(workspaceId, odd))
    const [edge] = (await store.list(workspaceId, {}, {})).edges
    expect(edge?.node).toMatchObject({
      actorName: 'a\uFFFD',
      actorId: 'u\uFFFD',
      targetId: '\uFFFD',
      details: { list: ['x\uFFFD'], deep: { y: '\uFFFD' } },
    })
  })

  test('are narrowed by action, target, actor and time, and paged', async () => {
    const { db, store, workspaceId, actions } = await open()
    await store.insert(eventOf(workspaceId, { action: 'a', targetId: 'conn_a' }))
    await store.insert(eventOf(workspaceId, { action: 'b', actorId: 'key_2' }))
    await store.insert(eventOf(workspaceId, { action: 'c', targetId: 'conn_a', actorId: 'key_2' }))
    const old = await insertAt(db, workspaceId, daysAgo(10))
    expect(await actions({})).toEqual(['c', 'b', 'a', 'connection.updated'])
    expect(await actions({ action: 'b' })).toEqual(['b'])
    expect(await actions({ targetId: 'conn_a' })).toEqual(['c', 'a'])
    expect(await actions({ actorId: 'key_2' })).toEqual(['c', 'b'])
    expect(await actions({ targetId: 'conn_a', actorId: 'key_2' })).toEqual(['c'])
    expect(await actions({ since: daysAgo(9) })).toEqual(['c', 'b', 'a'])
    expect(await actions({ until: daysAgo(9) })).toEqual(['connection.updated'])
    expect(await actions({ since: daysAgo(11), until: daysAgo(9) })).toEqual(['connection.updated'])
    expect(await actions({ since: new Date('0000-01-01T00:00:00Z'), until: new Date(8.64e15) })).toHaveLength(4)
    const first = await store.list(workspaceId, {}, { first: 3 })
    expect(first).toMatchObject({ hasNextPage: true })
    const second = await store.list(workspaceId, {}, { first: 3, after: first.edges.at(-1)?.cursor })
    expect(second.edges.map(({ node }) => node.id)).toEqual([old])
    expect(await refusalOf(store.list(workspaceId, { targetId: '\0' }, {}))).toEqual(
      refusal('filter.targetId', 'filter.targetId holds the character U+0000, which cannot be stored.'),
    )
  })

  test('show nothing of another workspace', async () => {
    const { db, store, workspaceId } = await open()
    const other = await createWorkspace(db)
    await store.insert(eventOf(workspaceId))
    const [edge] = (await store.list(workspaceId, {}, {})).edges
    expect(await store.get(other, edge?.node.id ?? '')).toBeUndefined()
    for (const filter of [{}, { action: 'connection.updated' }, { targetId: 'conn_1' }, { actorId: 'key_1' }]) {
      expect((await store.list(other, filter, {})).edges).toEqual([])
      expect((await store.list(workspaceId, filter, {})).edges).toHaveLength(1)
    }
    expect((await store.list(other, {}, { after: edge?.cursor })).edges).toEqual([])
  })

  test('cannot be changed or deleted by any statement, until they are old', async () => {
    const { db, store, workspaceId } = await open()
    await store.insert(eventOf(workspaceId))
    const young = await insertAt(db, workspaceId, daysAgo(398))
    const old = await insertAt(db, workspaceId, daysAgo(500))
    const refused = 'the audit trail is append-only'
    expect(await whyRefused(db, sql`update audit_events set action = 'x'`)).toBe(refused)
    expect(await whyRefused(db, sql`delete from audit_events`)).toBe(refused)
    expect(await whyRefused(db, sql`truncate audit_events`)).toBe(refused)
    expect(await whyRefused(db, sql`truncate workspaces cascade`)).toBe(refused)
    const isOne = (id: string) => eq(auditEvents.id, id)
    expect(await whyRefused(db, sql`delete from audit_events where ${isOne(young)}`)).toBe(refused)
    expect(await whyRefused(db, sql`update audit_events set action = 'x' where ${isOne(old)}`)).toBe(refused)
    expect((await store.list(workspaceId, {}, {})).edges).toHaveLength(3)
    expect(await whyRefused(db, sql`delete from audit_events where ${isOne(old)}`)).toBe('done')
  })

  test('go when they are old, a slice at a time, of all workspaces', async () => {
    const { db, store, workspaceId } = await open()
    const other = await createWorkspace(db)
    const kept = await insertAt(db, workspaceId, daysAgo(400 - 1))
    for (const owner of [workspaceId, workspaceId, workspaceId, other, other]) await insertAt(db, owner, daysAgo(401))
    const deleted = []
    for (let slice = 0; slice < 4; slice++) deleted.push(await store.deleteOld(daysAgo(400), 2))
    expect(deleted).toEqual([2, 2, 1, 0])
    const left = await Promise.all([workspaceId, other].map(owner => store.list(owner, {}, {})))
    expect(left.map(({ edges }) => edges.map(({ node }) => node.id))).toEqual([[kept], []])
  })
})
