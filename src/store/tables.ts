/** The tables. A workspace's row carries its workspace in its key and in every index. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { ErrorCode } from '../errors.ts'
import { bytes, instant, orderedText, typeId } from './columns.ts'

/** A JSON object as it is stored; the catalog and the connections know what is in it. */
export type JsonObject = { [name: string]: unknown }

/** At most `requests` in any window of `perSeconds`. */
export interface StoredQuota {
  readonly requests: number
  readonly perSeconds: number
}

export const workspaces = pgTable('workspaces', {
  id: typeId('ws', 'id').primaryKey(),
  name: orderedText('name').notNull().unique(),
  createdAt: instant('created_at').notNull().defaultNow(),
})

export const integrations = pgTable(
  'integrations',
  {
    workspaceId: workspaceId(),
    id: typeId('int', 'id').notNull(),
    slug: orderedText('slug').notNull(),
    /** Null for a built-in integration that the workspace only configured. */
    definition: jsonb('definition').$type<JsonObject>(),
    settings: jsonb('settings').$type<JsonObject>(),
    sealedClientSecret: bytes('sealed_client_secret'),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    unique('integrations_slug').on(table.workspaceId, table.slug),
  ],
)

export const connections = pgTable(
  'connections',
  {
    workspaceId: workspaceId(),
    id: typeId('conn', 'id').notNull(),
    integration: orderedText('integration').notNull(),
    endUserId: orderedText('end_user_id').notNull(),
    /** `endUserId` with its case folded away, for the search. */
    endUserSearch: orderedText('end_user_search').notNull(),
    scheme: text('scheme').notNull(),
    config: jsonb('config').$type<Record<string, string>>().notNull().default({}),
    metadata: jsonb('metadata').$type<JsonObject>().notNull().default({}),
    status: orderedText('status').$type<'ACTIVE' | 'NEEDS_REAUTH' | 'DISABLED'>().notNull().default('ACTIVE'),
    sealedCredential: bytes('sealed_credential').notNull(),
    /** Id of the encryption key in `sealedCredential`. */
    sealedUnder: orderedText('sealed_under').notNull(),
    credentialVersion: integer('credential_version').notNull().default(1),
    quota: jsonb('quota').$type<StoredQuota>(),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
    lastUsedAt: instant('last_used_at'),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    index('connections_end_user_of_integration').on(table.workspaceId, table.integration, table.endUserId, table.id),
    index('connections_end_user').on(table.workspaceId, table.endUserId, table.id),
    index('connections_integration').on(table.workspaceId, table.integration, table.id),
    index('connections_status').on(table.workspaceId, table.status, table.id),
    index('connections_metadata').using('gin', table.workspaceId, table.metadata.op('jsonb_path_ops')),
    index('connections_search').using('gin', table.workspaceId, table.endUserSearch.op('gin_trgm_ops')),
  ],
)

export const accessKeys = pgTable(
  'access_keys',
  {
    workspaceId: workspaceId(),
    id: typeId('key', 'id').notNull(),
    name: text('name').notNull(),
    /** SHA-256 of the secret. */
    hash: bytes('hash').notNull(),
    /** The secret's first characters, to tell keys apart in a list. */
    hint: text('hint').notNull(),
    scopes: text('scopes').array().notNull(),
    /** The one key that the environment sets. */
    preset: boolean('preset').notNull().default(false),
    /** The only connection it may call through. */
    connectionId: typeId('conn', 'connection_id'),
    quota: jsonb('quota').$type<StoredQuota>(),
    expiresAt: instant('expires_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
    lastUsedAt: instant('last_used_at'),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    // Who presents a key has not said a workspace yet: the one look-up that starts from the hash.
    unique('access_keys_hash').on(table.hash),
    uniqueIndex('access_keys_preset').on(table.workspaceId).where(sql`${table.preset}`),
    // A key for one connection goes with it.
    foreignKey({
      columns: [table.workspaceId, table.connectionId],
      foreignColumns: [connections.workspaceId, connections.id],
      name: 'access_keys_connection',
    }).onDelete('cascade'),
    index('access_keys_of_connection')
      .on(table.workspaceId, table.connectionId)
      .where(sql`${table.connectionId} is not null`),
  ],
)

export interface StoredAttempt {
  readonly status: number | null
  readonly reason: string | null
  readonly durationMs: number
}

/** No foreign keys: a record outlives what it is about, and one removed row must not refuse a whole batch. */
export const calls = pgTable(
  'calls',
  {
    workspaceId: typeId('ws', 'workspace_id').notNull(),
    id: typeId('call', 'id').notNull(),
    connectionId: typeId('conn', 'connection_id').notNull(),
    integration: orderedText('integration').notNull(),
    endUserId: orderedText('end_user_id').notNull(),
    callerId: text('caller_id').notNull(),
    kind: text('kind').$type<'QUERY' | 'MUTATION' | 'RAW' | 'ACTION'>().notNull(),
    method: text('method').notNull(),
    path: text('path').notNull(),
    status: integer('status'),
    errorCode: text('error_code').$type<ErrorCode>(),
    bytesSent: bigint('bytes_sent', { mode: 'number' }).notNull(),
    bytesReceived: bigint('bytes_received', { mode: 'number' }).notNull(),
    attempts: integer('attempts').notNull(),
    /** What became of each attempt; null for a call that was answered at the first. */
    attemptLog: jsonb('attempt_log').$type<readonly StoredAttempt[]>(),
    durationMs: doublePrecision('duration_ms').notNull(),
    startedAt: instant('started_at').notNull(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    // Each list is newest first and may be cut by time: `started_at` is its order and its range in one index.
    index('calls_started').on(table.workspaceId, table.startedAt, table.id),
    index('calls_connection').on(table.workspaceId, table.connectionId, table.startedAt, table.id),
    index('calls_integration').on(table.workspaceId, table.integration, table.startedAt, table.id),
    index('calls_end_user').on(table.workspaceId, table.endUserId, table.startedAt, table.id),
  ],
)

/** A write's key and what it was answered; while it is under way, who holds it and until when. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    workspaceId: typeId('ws', 'workspace_id').notNull(),
    connectionId: typeId('conn', 'connection_id').notNull(),
    key: orderedText('key').notNull(),
    requestHash: bytes('request_hash').notNull(),
    /** Null once it is answered. */
    owner: text('owner'),
    leasedUntil: instant('leased_until').notNull(),
    status: integer('status'),
    /** Null while it runs, and for an answer that was too long to keep. */
    sealedAnswer: bytes('sealed_answer'),
    expiresAt: instant('expires_at').notNull(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.connectionId, table.key] }),
    foreignKey({
      columns: [table.workspaceId, table.connectionId],
      foreignColumns: [connections.workspaceId, connections.id],
      name: 'idempotency_keys_connection',
    }).onDelete('cascade'),
    index('idempotency_keys_expired').on(table.expiresAt),
  ],
)

/** Which encryption keys this store was sealed with: a start with another key is noticed before it seals anything. */
export const encryptionKeys = pgTable('encryption_keys', {
  id: orderedText('id').primaryKey(),
  proof: bytes('proof').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
})

function workspaceId() {
  return typeId('ws', 'workspace_id')
    .notNull()
    .references(() => workspaces.id)
}
