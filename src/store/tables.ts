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

/** What may be called, or may not; what is absent is any. */
export interface StoredRule {
  readonly effect: 'ALLOW' | 'DENY'
  readonly name?: string
  readonly integrations?: readonly string[]
  readonly connections?: readonly string[]
  readonly endUsers?: readonly string[]
  readonly methods?: readonly string[]
  /** URLPattern syntax for a path below the base URL. */
  readonly paths?: readonly string[]
}

/** What the end users of a workspace see on its connect pages. */
export interface StoredConnectPage {
  readonly name: string
  readonly logoUrl: string | null
}

/** How long and how many calls a workspace keeps. */
export interface StoredCallRetention {
  readonly days: number
  /** Null for as many as there are. */
  readonly maxCalls: number | null
}

/** The account behind a connection, as the vendor told it. */
export interface StoredAccount {
  readonly id: string | null
  readonly name: string | null
  readonly email: string | null
  readonly url: string | null
}

export const workspaces = pgTable('workspaces', {
  id: typeId('ws', 'id').primaryKey(),
  name: orderedText('name').notNull().unique(),
  connectPage: jsonb('connect_page').$type<StoredConnectPage>(),
  callRetention: jsonb('call_retention').$type<StoredCallRetention>(),
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
    /** When the access token in the credential ends; null when it has no end that is known. */
    tokenExpiresAt: instant('token_expires_at'),
    /** When it is renewed: some time before it ends; null when it cannot be. */
    tokenRenewAt: instant('token_renew_at'),
    /** Why the status is what it is, for the workspace to read; null while calls can be made. */
    statusReason: text('status_reason'),
    statusChangedAt: instant('status_changed_at'),
    account: jsonb('account').$type<StoredAccount>(),
    verifiedAt: instant('verified_at'),
    quota: jsonb('quota').$type<StoredQuota>(),
    rules: jsonb('rules').$type<readonly StoredRule[]>().notNull().default([]),
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
    index('connections_integration_status').on(table.workspaceId, table.integration, table.status, table.id),
    index('connections_metadata').using('gin', table.workspaceId, table.metadata.op('jsonb_path_ops')),
    index('connections_search').using('gin', table.workspaceId, table.endUserSearch.op('gin_trgm_ops')),
  ],
)

/** The life of a token: who renews it at the moment, when that is due, and what went wrong. */
export const tokenRefreshes = pgTable(
  'token_refreshes',
  {
    workspaceId: typeId('ws', 'workspace_id').notNull(),
    connectionId: typeId('conn', 'connection_id').notNull(),
    /** Null while nobody renews it. */
    owner: text('owner'),
    leasedUntil: instant('leased_until'),
    refreshedAt: instant('refreshed_at'),
    /** When to renew it although nobody asks, so that it does not die of disuse. */
    dueAt: instant('due_at'),
    /** Failures since the last success of a vendor that was away. */
    failures: integer('failures').notNull().default(0),
    lastFailure: text('last_failure'),
    /** Nobody asks the vendor again before. */
    blockedUntil: instant('blocked_until'),
    /** Names what has to be changed before: asked with other settings, the vendor is asked at once. Null: time alone mends it. */
    blockedSettings: text('blocked_settings'),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.connectionId] }),
    foreignKey({
      columns: [table.workspaceId, table.connectionId],
      foreignColumns: [connections.workspaceId, connections.id],
      name: 'token_refreshes_connection',
    }).onDelete('cascade'),
    index('token_refreshes_due').on(table.dueAt),
  ],
)

export interface StoredDeletionStep {
  readonly step: 'STOP' | 'REVOKE' | 'ERASE'
  readonly outcome: 'DONE' | 'SKIPPED' | 'FAILED'
  readonly message: string | null
}

/** Connections that are gone: their credential lies here until the vendor was told to revoke it. */
export const connectionDeletions = pgTable(
  'connection_deletions',
  {
    workspaceId: workspaceId(),
    id: typeId('conn', 'id').notNull(),
    integration: orderedText('integration').notNull(),
    endUserId: orderedText('end_user_id').notNull(),
    scheme: text('scheme').notNull(),
    config: jsonb('config').$type<Record<string, string>>().notNull(),
    /** Null once it is erased. */
    sealedCredential: bytes('sealed_credential'),
    steps: jsonb('steps').$type<readonly StoredDeletionStep[]>().notNull(),
    /** While a process revokes, until when nobody else does. */
    leasedUntil: instant('leased_until').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    index('connection_deletions_unfinished').on(table.leasedUntil).where(sql`${table.sealedCredential} is not null`),
  ],
)

/** Links with which end users connect an account, or repair a connection. */
export const connectSessions = pgTable(
  'connect_sessions',
  {
    workspaceId: workspaceId(),
    id: typeId('cs', 'id').notNull(),
    /** SHA-256 of the secret in the link. */
    hash: bytes('hash').notNull(),
    endUserId: orderedText('end_user_id').notNull(),
    /** Slugs to choose from; null for every configured one. */
    integrations: text('integrations').array(),
    /** The connection to repair. */
    connectionId: typeId('conn', 'connection_id'),
    allowOtherAccount: boolean('allow_other_account').notNull().default(false),
    returnUrl: text('return_url'),
    /** What the connection that is made gets as its metadata. */
    metadata: jsonb('metadata').$type<JsonObject>().notNull().default({}),
    callerId: text('caller_id').notNull(),
    expiresAt: instant('expires_at').notNull(),
    /** Set once, by the one that connects. */
    completedAt: instant('completed_at'),
    resultId: typeId('conn', 'result_id'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    // Who follows a link has said no workspace: the look-up that starts from the hash.
    unique('connect_sessions_hash').on(table.hash),
    index('connect_sessions_expired').on(table.expiresAt),
  ],
)

/** End users on their way to a vendor's consent page and back: one row per `state`, taken once. */
export const connectFlights = pgTable(
  'connect_flights',
  {
    /** SHA-256 of the `state`. */
    stateHash: bytes('state_hash').primaryKey(),
    workspaceId: workspaceId(),
    sessionId: typeId('cs', 'session_id').notNull(),
    integration: orderedText('integration').notNull(),
    scheme: text('scheme').notNull(),
    config: jsonb('config').$type<Record<string, string>>().notNull(),
    /** SHA-256 of the cookie of the browser that left. */
    browserHash: bytes('browser_hash').notNull(),
    /** What has to be known when the browser comes back: the PKCE verifier, the request token's secret. */
    sealedMemory: bytes('sealed_memory').notNull(),
    redirectUri: text('redirect_uri').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  table => [index('connect_flights_expired').on(table.expiresAt)],
)

/** What happened to connections, in the order it did; written with the change itself. */
export const connectionEvents = pgTable(
  'connection_events',
  {
    workspaceId: workspaceId(),
    id: typeId('evt', 'id').notNull(),
    type: text('type').notNull(),
    connectionId: typeId('conn', 'connection_id').notNull(),
    data: jsonb('data').$type<JsonObject>().notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    index('connection_events_created').on(table.createdAt),
  ],
)

/** Where a workspace wants to be told of events. */
export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    workspaceId: workspaceId(),
    id: typeId('whe', 'id').notNull(),
    url: text('url').notNull(),
    description: text('description'),
    /** Null for all of them. */
    eventTypes: text('event_types').array(),
    sealedSecret: bytes('sealed_secret').notNull(),
    isEnabled: boolean('is_enabled').notNull().default(true),
    disabledReason: text('disabled_reason'),
    /** Since when every delivery has failed. */
    failingSince: instant('failing_since'),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  table => [primaryKey({ columns: [table.workspaceId, table.id] })],
)

/** One event on its way to one endpoint. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    workspaceId: workspaceId(),
    id: typeId('whd', 'id').notNull(),
    endpointId: typeId('whe', 'endpoint_id').notNull(),
    eventId: typeId('evt', 'event_id').notNull(),
    eventType: text('event_type').notNull(),
    /** The very text that is signed and sent. */
    payload: text('payload').notNull(),
    status: orderedText('status').$type<'PENDING' | 'DELIVERED' | 'FAILED'>().notNull().default('PENDING'),
    attempts: integer('attempts').notNull().default(0),
    lastStatus: integer('last_status'),
    lastError: text('last_error'),
    /** When it is due, or until when a process that sends it holds it. */
    nextAttemptAt: instant('next_attempt_at').notNull().defaultNow(),
    deliveredAt: instant('delivered_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({
      columns: [table.workspaceId, table.endpointId],
      foreignColumns: [webhookEndpoints.workspaceId, webhookEndpoints.id],
      name: 'webhook_deliveries_endpoint',
    }).onDelete('cascade'),
    index('webhook_deliveries_due').on(table.nextAttemptAt).where(sql`${table.status} = 'PENDING'`),
    index('webhook_deliveries_of_endpoint').on(table.workspaceId, table.endpointId, table.id),
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
    rules: jsonb('rules').$type<readonly StoredRule[]>().notNull().default([]),
    /** Calls under way at once, in each process. */
    maxConcurrency: integer('max_concurrency'),
    /** True for a key that may run registered operations only. */
    registeredOnly: boolean('registered_only').notNull().default(false),
    /** SHA-256 of the secret before the last rotation, and until when it still works. */
    previousHash: bytes('previous_hash'),
    previousUntil: instant('previous_until'),
    expiresAt: instant('expires_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
    lastUsedAt: instant('last_used_at'),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    // Who presents a key has not said a workspace yet: the one look-up that starts from the hash.
    unique('access_keys_hash').on(table.hash),
    unique('access_keys_previous_hash').on(table.previousHash),
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

/** Short-lived callers for one end user each; the token that a browser holds is signed and names the row. */
export const sessions = pgTable(
  'sessions',
  {
    workspaceId: workspaceId(),
    id: typeId('ses', 'id').notNull(),
    /** The access key that minted it; it goes with that key. */
    keyId: typeId('key', 'key_id').notNull(),
    endUserId: orderedText('end_user_id').notNull(),
    scopes: text('scopes').array().notNull(),
    /** Slugs; null for any. */
    integrations: text('integrations').array(),
    /** Connection ids; null for any of the end user's. */
    connections: text('connections').array(),
    rules: jsonb('rules').$type<readonly StoredRule[]>().notNull().default([]),
    maxCalls: integer('max_calls'),
    maxBytes: bigint('max_bytes', { mode: 'number' }),
    spentCalls: integer('spent_calls').notNull().default(0),
    spentBytes: bigint('spent_bytes', { mode: 'number' }).notNull().default(0),
    /** Calls under way whose bytes are not known yet; none after `held_until`, for a process that died with them. */
    heldCalls: integer('held_calls').notNull().default(0),
    heldUntil: instant('held_until'),
    quota: jsonb('quota').$type<StoredQuota>(),
    /** Calls under way at once, in each process. */
    maxConcurrency: integer('max_concurrency'),
    expiresAt: instant('expires_at').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({
      columns: [table.workspaceId, table.keyId],
      foreignColumns: [accessKeys.workspaceId, accessKeys.id],
      name: 'sessions_key',
    }).onDelete('cascade'),
    index('sessions_expired').on(table.expiresAt),
    index('sessions_of_key').on(table.workspaceId, table.keyId),
    index('sessions_of_end_user').on(table.workspaceId, table.endUserId, table.id),
  ],
)

/** The keys that sign the session tokens of all workspaces; they belong to the operator's. */
export const signingKeys = pgTable('signing_keys', {
  id: text('id').primaryKey(),
  workspaceId: workspaceId(),
  publicJwk: jsonb('public_jwk').$type<JsonObject>().notNull(),
  sealedPrivateKey: bytes('sealed_private_key').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  /** When nothing that it signed is good any more; null for the one that signs. */
  expiresAt: instant('expires_at'),
})

/** Who changed what; rows are only ever added, until they are old. */
export const auditEvents = pgTable(
  'audit_events',
  {
    workspaceId: workspaceId(),
    id: typeId('aud', 'id').notNull(),
    /** A key, a session, an end user on the connect page, or the gateway itself. */
    actorKind: text('actor_kind').$type<'KEY' | 'SESSION' | 'END_USER' | 'GATEWAY'>().notNull(),
    actorId: text('actor_id').notNull(),
    actorName: text('actor_name').notNull(),
    action: orderedText('action').notNull(),
    targetId: text('target_id'),
    details: jsonb('details').$type<JsonObject>().notNull().default({}),
    requestId: text('request_id'),
    address: text('address'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    index('audit_events_action').on(table.workspaceId, table.action, table.id),
    index('audit_events_target').on(table.workspaceId, table.targetId, table.id),
  ],
)

/** Operations that partners registered, by the hash of their text. */
export const registeredOperations = pgTable(
  'registered_operations',
  {
    workspaceId: workspaceId(),
    id: typeId('op', 'id').notNull(),
    name: orderedText('name').notNull(),
    /** SHA-256 of the document, in hexadecimal. */
    hash: orderedText('hash').notNull(),
    document: text('document').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    unique('registered_operations_hash').on(table.workspaceId, table.hash),
    unique('registered_operations_name').on(table.workspaceId, table.name),
  ],
)

export interface StoredAttempt {
  readonly status: number | null
  readonly reason: string | null
  readonly durationMs: number
}

/**
 * No foreign keys: a record outlives what it is about, and one removed row must not refuse a whole batch. Partitioned by
 * the day of `started_at`.
 */
export const calls = pgTable(
  'calls',
  {
    workspaceId: typeId('ws', 'workspace_id').notNull(),
    id: typeId('call', 'id').notNull(),
    connectionId: typeId('conn', 'connection_id').notNull(),
    integration: orderedText('integration').notNull(),
    endUserId: orderedText('end_user_id').notNull(),
    callerId: orderedText('caller_id').notNull(),
    kind: text('kind').$type<'QUERY' | 'MUTATION' | 'RAW' | 'ACTION'>().notNull(),
    /** The name of the action, for a call that is one. */
    action: orderedText('action'),
    method: text('method').notNull(),
    path: orderedText('path').notNull(),
    status: integer('status'),
    errorCode: text('error_code').$type<ErrorCode>(),
    bytesSent: bigint('bytes_sent', { mode: 'number' }).notNull(),
    bytesReceived: bigint('bytes_received', { mode: 'number' }).notNull(),
    attempts: integer('attempts').notNull(),
    /** What became of each attempt; null for a call that was answered at the first. */
    attemptLog: jsonb('attempt_log').$type<readonly StoredAttempt[]>(),
    durationMs: doublePrecision('duration_ms').notNull(),
    /** The request of the caller that made it, as the log names it. */
    requestId: text('request_id'),
    /** What a replay needs besides the credential; null for what is never replayed. */
    sealedRequest: bytes('sealed_request'),
    startedAt: instant('started_at').notNull(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.id, table.startedAt] }),
    // Each list is newest first and may be cut by time: `started_at` is its order and its range in one index.
    index('calls_started').on(table.workspaceId, table.startedAt, table.id),
    index('calls_connection').on(table.workspaceId, table.connectionId, table.startedAt, table.id),
    index('calls_integration').on(table.workspaceId, table.integration, table.startedAt, table.id),
    index('calls_end_user').on(table.workspaceId, table.endUserId, table.startedAt, table.id),
    index('calls_caller').on(table.workspaceId, table.callerId, table.startedAt, table.id),
    // A path may be longer than an entry of an index.
    index('calls_path').on(table.workspaceId, sql`left(${table.path}, 256)`, table.startedAt, table.id),
    // What went wrong is rare and often looked for.
    index('calls_failed')
      .on(table.workspaceId, table.startedAt, table.id)
      .where(sql`${table.status} >= 400 or ${table.status} is null`),
  ],
)

/** Requests and answers of calls, where a workspace keeps them. */
export const callBodies = pgTable(
  'call_bodies',
  {
    workspaceId: typeId('ws', 'workspace_id').notNull(),
    callId: typeId('call', 'call_id').notNull(),
    sealed: bytes('sealed').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.callId] }),
    index('call_bodies_expired').on(table.expiresAt),
  ],
)

/** Sums of calls, made with the records themselves. */
function callSums() {
  return {
    workspaceId: typeId('ws', 'workspace_id').notNull(),
    /** The hour, in UTC, in which the calls began. */
    hour: instant('hour').notNull(),
    /** Of whole workspaces empty for all of them together. */
    integration: orderedText('integration').notNull(),
    calls: bigint('calls', { mode: 'number' }).notNull(),
    /** With an error code, or with an answer of 400 and more. */
    failures: bigint('failures', { mode: 'number' }).notNull(),
    bytesSent: bigint('bytes_sent', { mode: 'number' }).notNull(),
    bytesReceived: bigint('bytes_received', { mode: 'number' }).notNull(),
    /** Calls per class of duration, from the lowest class to the highest that there were: the database alone reads it. */
    durations: bigint('durations', { mode: 'number' }).array().notNull(),
  }
}

export const callHours = pgTable('call_hours', callSums(), table => [
  primaryKey({ columns: [table.workspaceId, table.hour, table.integration] }),
  index('call_hours_integration').on(table.workspaceId, table.integration, table.hour),
])

export const connectionCallHours = pgTable(
  'connection_call_hours',
  { ...callSums(), connectionId: typeId('conn', 'connection_id').notNull() },
  table => [
    primaryKey({ columns: [table.workspaceId, table.connectionId, table.hour] }),
    index('connection_call_hours_hour').on(table.workspaceId, table.hour),
  ],
)

/** How many connections there are, kept by triggers on `connections`; a count is the sum of its shards. */
export const connectionCounts = pgTable(
  'connection_counts',
  {
    workspaceId: typeId('ws', 'workspace_id').notNull(),
    integration: orderedText('integration').notNull(),
    status: orderedText('status').$type<'ACTIVE' | 'NEEDS_REAUTH' | 'DISABLED'>().notNull(),
    /** Spreads what is written at once over several rows. */
    shard: integer('shard').notNull(),
    count: bigint('count', { mode: 'number' }).notNull(),
  },
  table => [primaryKey({ columns: [table.workspaceId, table.integration, table.status, table.shard] })],
)

/** OpenAPI documents that a workspace imported, and what became of their operations. */
export const openApiImports = pgTable(
  'openapi_imports',
  {
    workspaceId: workspaceId(),
    integration: orderedText('integration').notNull(),
    /** What the workspace calls the document: importing it again replaces it. */
    name: orderedText('name').notNull(),
    title: text('title').notNull(),
    version: text('version').notNull(),
    /** Where it was fetched; null for a document that was given. */
    sourceUrl: text('source_url'),
    /** SHA-256 of the document, in hexadecimal. */
    hash: text('hash').notNull(),
    taken: integer('taken').notNull(),
    /** Operations that are no actions, and why. */
    skipped: jsonb('skipped').$type<readonly JsonObject[]>().notNull(),
    importedAt: instant('imported_at').notNull().defaultNow(),
  },
  table => [primaryKey({ columns: [table.workspaceId, table.integration, table.name] })],
)

/** The operations of imported documents; those of one document are replaced together. */
export const importedActions = pgTable(
  'imported_actions',
  {
    workspaceId: workspaceId(),
    integration: orderedText('integration').notNull(),
    name: orderedText('name').notNull(),
    document: orderedText('document').notNull(),
    description: text('description').notNull(),
    method: text('method').notNull(),
    path: text('path').notNull(),
    deprecated: boolean('deprecated').notNull(),
    /** Schema and mapping: what a list of actions has no need of. */
    definition: jsonb('definition').$type<JsonObject>().notNull(),
  },
  table => [
    primaryKey({ columns: [table.workspaceId, table.integration, table.name] }),
    foreignKey({
      columns: [table.workspaceId, table.integration, table.document],
      foreignColumns: [openApiImports.workspaceId, openApiImports.integration, openApiImports.name],
      name: 'imported_actions_import',
    }).onDelete('cascade'),
    index('imported_actions_document').on(table.workspaceId, table.integration, table.document),
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
