/** A connection as it is read: every column but the one for the search, which stays inside. */
import { connections } from './tables.ts'

export type ConnectionRow = Omit<typeof connections.$inferSelect, 'endUserSearch'>
export type ConnectionStatus = ConnectionRow['status']

export const connectionColumns = columnsOf()

function columnsOf() {
  const { workspaceId, id, integration, endUserId, scheme, config, metadata, status } = connections
  const { statusReason, statusChangedAt, account, verifiedAt, quota, rules, createdAt, updatedAt, lastUsedAt } =
    connections
  const { sealedCredential, sealedUnder, credentialVersion, tokenExpiresAt, tokenRenewAt } = connections
  const facts = { workspaceId, id, integration, endUserId, scheme, config, metadata, status }
  const secret = { sealedCredential, sealedUnder, credentialVersion, tokenExpiresAt, tokenRenewAt }
  const life = { statusReason, statusChangedAt, account, verifiedAt, quota, rules, createdAt, updatedAt, lastUsedAt }
  return { ...facts, ...secret, ...life }
}
