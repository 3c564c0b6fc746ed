/** The audit trail by itself: what the gateway does unasked, what fails, what is kept how long. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type AuditRecord, AuditTrail, actorOf, namesOf } from '../../src/access/audit.ts'
import type { Caller } from '../../src/access/caller.ts'
import { createApp } from '../../src/app.ts'
import { readConfig, Secrets } from '../../src/config.ts'
import { createLogger } from '../../src/log.ts'
import type { AuditEventStore, NewAuditEvent } from '../../src/store/audit-events.ts'
import { createTestDatabase } from '../support/database.ts'

const record: AuditRecord = {
  workspaceId: 'ws_1',
  actor: { kind: 'KEY', id: 'key_1', name: 'backend' },
  action: 'connection.deleted',
  targetId: 'conn_1',
}

function openTrail(store: Partial<AuditEventStore>) {
  const failures: unknown[] = []
  const trail = new AuditTrail(store as AuditEventStore, (about, error) => failures.push([about, error]))
  return { trail, failures }
}

describe('the audit trail', () => {
  test('writes what it is told, with what is missing as null', async () => {
    const written: NewAuditEvent[] = []
    const { trail, failures } = openTrail({ insert: async event => void written.push(event) })
    await trail.record(record)
    await trail.record({ ...record, details: { steps: ['STOP DONE'] }, source: { requestId: 'r', address: '::1' } })
    const { actor, ...rest } = record
    const facts = { ...rest, actorKind: 'KEY', actorId: actor.id, actorName: actor.name }
    expect(written).toEqual([
      { ...facts, details: {}, requestId: null, address: null },
      { ...facts, details: { steps: ['STOP DONE'] }, requestId: 'r', address: '::1' },
    ])
    expect(failures).toEqual([])
  })

  test('never fails what it tells of: whoever runs the gateway hears of it instead', async () => {
    const error = new Error('the store is away')
    const { trail, failures } = openTrail({ insert: () => Promise.reject(error) })
    await expect(trail.record(record)).resolves.toBeUndefined()
    expect(failures).toEqual([[record, error]])
  })

  test('parts with what is 400 days old', async () => {
    const asked: [number, number][] = []
    const { trail } = openTrail({
      deleteOld: async (before, limit) => {
        asked.push([Math.round((Date.now() - before.getTime()) / 86_400_000), limit])
        return 7
      },
    })
    expect(await trail.deleteOld(50)).toBe(7)
    expect(asked).toEqual([[400, 50]])
  })

  test('names sessions by their own id, and fields that are set to nothing too', () => {
    const session = { kind: 'SESSION', id: 'ses_1', keyId: 'key_1', name: 'session' } as Caller
    expect(actorOf(session)).toEqual({ kind: 'SESSION', id: 'ses_1', name: 'session' })
    expect(namesOf({ quota: null, rules: undefined, config: {} })).toEqual(['quota', 'config'])
  })
})

test('the first admin key of a store, which nobody asked for, is the gateway’s own doing', async () => {
  await using database = await createTestDatabase('postgres')
  const { config } = readConfig({ PORT: '0', PASSGATE_SANDBOX: 'off' })
  const log = createLogger({ level: 'fatal', destination: { write: () => {} } })
  const secrets = new Secrets({ encryptionKeys: [{ id: 'k1', key: randomBytes(32) }] })
  await using app = await createApp({ config, secrets, log, database })
  const secret = await app.createFirstAdminKey()
  expect(secret).toMatch(/^pgk_/)
  expect(await app.createFirstAdminKey()).toBeUndefined()
  const { edges } = await app.services.auditTrail.list(app.workspace.id, {}, {})
  expect(edges.map(({ node }) => node)).toMatchObject([
    {
      actorKind: 'GATEWAY',
      actorId: 'gateway',
      action: 'accessKey.created',
      targetId: null,
      details: { name: 'admin', scopes: ['admin'] },
      requestId: null,
      address: null,
    },
  ])
})
