/** What of a workspace the integrations and connections name that a session is to be bound to. */
import type { Integrations } from '../connections/integrations.ts'
import type { ConnectionStore } from '../store/connections.ts'

export interface SessionReach {
  readonly findIntegrations: (workspaceId: string, slugs: readonly string[]) => Promise<ReadonlySet<string>>
  readonly findConnections: (
    workspaceId: string,
    endUserId: string,
    ids: readonly string[],
  ) => Promise<ReadonlySet<string>>
}

/** @param integrations asked for with each session: sessions are built before them */
export function createSessionReach(
  integrations: () => Pick<Integrations, 'getMany'>,
  connections: Pick<ConnectionStore, 'getMany'>,
): SessionReach {
  return {
    async findIntegrations(workspaceId, slugs) {
      const found = await integrations().getMany(workspaceId, slugs)
      return new Set(found.flatMap(integration => integration?.slug ?? []))
    },
    async findConnections(workspaceId, endUserId, ids) {
      const found = await connections.getMany(workspaceId, ids)
      return new Set(found.flatMap(row => (row.endUserId === endUserId ? row.id : [])))
    },
  }
}
