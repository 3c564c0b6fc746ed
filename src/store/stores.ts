/** Every store on one database. */
import { createAccessKeyStore } from './access-keys.ts'
import { createAuditEventStore } from './audit-events.ts'
import { createCallStore } from './calls.ts'
import { createConnectSessionStore } from './connect-sessions.ts'
import { createConnectionDeletionStore } from './connection-deletions.ts'
import { createConnectionEventStore } from './connection-events.ts'
import { createConnectionStore } from './connections.ts'
import type { Database } from './database.ts'
import { createEncryptionKeyStore } from './encryption-keys.ts'
import { createIdempotencyStore } from './idempotency.ts'
import { createIntegrationStore } from './integrations.ts'
import { createRegisteredOperationStore } from './registered-operations.ts'
import { createSealedRowStore } from './sealed-rows.ts'
import { createSessionStore } from './sessions.ts'
import { createSigningKeyStore } from './signing-keys.ts'
import { createTokenRefreshStore } from './token-refreshes.ts'
import { createWebhookQueue } from './webhook-queue.ts'
import { createWebhookStore } from './webhooks.ts'
import { createWorkspaceStore } from './workspaces.ts'

export type Stores = ReturnType<typeof createStores>

export function createStores({ db }: Pick<Database, 'db'>) {
  return {
    accessKeys: createAccessKeyStore(db),
    auditEvents: createAuditEventStore(db),
    calls: createCallStore(db),
    connectSessions: createConnectSessionStore(db),
    connectionDeletions: createConnectionDeletionStore(db),
    connectionEvents: createConnectionEventStore(db),
    connections: createConnectionStore(db),
    encryptionKeys: createEncryptionKeyStore(db),
    idempotency: createIdempotencyStore(db),
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
