/** Rows for the tests of the store, and one database for each file and driver. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import { type ErrorDetail, GatewayError } from '../../src/errors.ts'
import type { NewAccessKeyRow } from '../../src/store/access-keys.ts'
import type { CallRow, NewCall } from '../../src/store/calls.ts'
import type { NewConnectionRow } from '../../src/store/connections.ts'
import type { Db } from '../../src/store/database.ts'
import { newId, newUuid, toTypeId } from '../../src/store/ids.ts'
import { workspaces } from '../../src/store/tables.ts'
import { createTestDatabase, type DatabaseKind, type TestDatabase } from '../support/database.ts'

export const kinds = ['postgres', 'embedded'] as const satisfies DatabaseKind[]

/** The database of a `describe` block, open from its first test to its last. */
export function useDatabase(kind: DatabaseKind): { readonly db: Db } {
  let database: TestDatabase | undefined
  beforeAll(async () => {
    database = await createTestDatabase(kind)
  })
  afterAll(() => database?.[Symbol.asyncDispose]())
  return {
    get db() {
      if (database === undefined) throw new TypeError('the database is open in tests only')
      return database.db
    },
  }
}

/** A tenant of its own for each test: what other tests left in the database is not seen. */
export async function createWorkspace(db: Db): Promise<string> {
  const id = newId('ws')
  await db.insert(workspaces).values({ id, name: `test ${id}` })
  return id
}

export function connectionRow(workspaceId: string, values: Partial<NewConnectionRow> = {}): NewConnectionRow {
  return {
    workspaceId,
    id: newId('conn'),
    integration: 'acme',
    endUserId: 'user-1',
    scheme: 'apiKey',
    config: {},
    metadata: {},
    sealedCredential: Buffer.from([0, 1, 2, 255]),
    sealedUnder: 'k1',
    tokenExpiresAt: null,
    tokenRenewAt: null,
    account: null,
    verifiedAt: null,
    dueAt: null,
    ...values,
  }
}

export function accessKeyRow(workspaceId: string, values: Partial<NewAccessKeyRow> = {}): NewAccessKeyRow {
  return {
    workspaceId,
    id: newId('key'),
    name: 'backend',
    hash: randomBytes(32),
    hint: 'pgk_ab',
    scopes: ['connections:read'],
    expiresAt: null,
    connectionId: null,
    quota: null,
    ...values,
  }
}

/** As it is stored, with its id in both spellings. */
export function callRow(workspaceId: string, values: Partial<NewCall> = {}): CallRow & NewCall {
  const uuid = values.uuid ?? newUuid()
  return {
    workspaceId,
    uuid,
    id: toTypeId('call', uuid),
    connectionId: newId('conn'),
    integration: 'acme',
    endUserId: 'user-1',
    callerId: newId('key'),
    kind: 'QUERY',
    action: null,
    method: 'GET',
    path: '/v1/contacts',
    status: 200,
    errorCode: null,
    bytesSent: 0,
    bytesReceived: 5_000_000_000,
    attempts: 1,
    attemptLog: null,
    durationMs: 12.5,
    requestId: null,
    sealedRequest: null,
    isReplayable: values.sealedRequest != null,
    startedAt: new Date('2026-03-01T12:00:00.123Z'),
    ...values,
  }
}

export interface Refusal {
  readonly code: string
  readonly message: string
  readonly details: readonly ErrorDetail[] | undefined
}

/** The GatewayError that `promise` rejects with. */
export async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  const error: unknown = await promise.then(
    value => value,
    reason => reason,
  )
  if (!(error instanceof GatewayError)) throw new Error('no GatewayError', { cause: error })
  return { code: error.code, message: error.message, details: error.details }
}

/** What a refusal about one field looks like. */
export function refusal(field: string, message: string): Refusal {
  return { code: 'INVALID_INPUT', message, details: [{ field, message }] }
}
