/** Every store on one database. */
import { createAccessKeyStore } from './access-keys.ts'
import { createAuditEventStore } from './audit-events.ts'
import { createCallBodyStore } from './call-bodies.ts'
import { createCallHourStore } from './call-hours.ts'
import { createCallPartitionStore } from './call-partitions.ts'
import { createCallRetentionStore } from './call-retention.ts'
import { createCallStore } from './calls.ts'
import { createConnectSessionStore } from './connect-sessions.ts'
import { createConnectionCountStore } from './connection-counts.ts'
import { createConnectionDeletionStore } from './connection-deletions.ts'
import { createConnectionEventStore } from './connection-events.ts'
import { createConnectionStore } from './connections.ts'
import type { Database } from './database.ts'
import { createEncryptionKeyStore } from './encryption-keys.ts'
import { createIdempotencyStore } from './idempotency.ts'
import { createImportedActionStore } from './imported-actions.ts'
import { createIntegrationStore } from './integrations.ts'
import { createRegisteredOperationStore } from './registered-operations.ts'
import { createSealedRowStore } from './sealed-rows.ts'
import { createSessionStore } from './sessions.ts'
import { createSigningKeyStore } from './signing-keys.ts'
import { createTokenRefreshStore } from './token-refreshes.ts'
import { createTurns } from './turns.ts'
import { createWebhookQueue } from './webhook-queue.ts'
import { createWebhookStore } from './webhooks.ts'
import { createWorkspaceStore } from './workspaces.ts'

export type Stores = ReturnType<typeof createStores>

/** Lists and figures of calls that are made at once, of the ten connections that a process has to its database. */
const maxCallReads = 4

export function createStores({ db }: Pick<Database, 'db'>) {
  const callReads = createTurns(maxCallReads)
  return {
    accessKeys: createAccessKeyStore(db),
    auditEvents: createAuditEventStore(db),
    calls: createCallStore(db, callReads),
    callBodies: createCallBodyStore(db),
    callHours: createCallHourStore(db, callReads),
    callPartitions: createCallPartitionStore(db),
    callRetention: createCallRetentionStore(db),
    connectSessions: createConnectSessionStore(db),
    connectionCounts: createConnectionCountStore(db),
    connectionDeletions: createConnectionDeletionStore(db),
    connectionEvents: createConnectionEventStore(db),
    connections: createConnectionStore(db),
    encryptionKeys: createEncryptionKeyStore(db),
    idempotency: createIdempotencyStore(db),
    importedActions: createImportedActionStore(db),
    integrations: createIntegrationStore(db),
    sessions: createSessionStore(db),
    signingKeys: createSigningKeyStore(db),
    registeredOperations: createRegisteredOperationStore(db),
    sealedRows: createSealedRowStore(db),
    tokenRefreshes: createTokenRefreshStore(db),
    webhookQueue: createWebhookQueue(db),
    webhooks: createWebhookStore(db),
    workspaces: createWorkspaceStore(db),
  }
}
