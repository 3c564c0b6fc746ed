/** How the road finds what a caller names; a face may batch and remember these within one operation. */
import type { Connections } from '../connections/connections.ts'
import type { Integration, Integrations } from '../connections/integrations.ts'
import type { ConnectionRow } from '../store/connections.ts'

/** Bound to one workspace: whatever is asked for, rows of another workspace are never found. */
export interface Lookups {
  connection(id: string): ConnectionRow | Promise<ConnectionRow | undefined>
  connectionsOf(integration: string, endUserId: string, limit: number): Promise<ConnectionRow[]>
  integration(slug: string): Integration | Promise<Integration | undefined>
}

/** One look-up at a time, for a face whose requests are single calls. */
export function createDirectLookups(
  { connections, integrations }: { connections: Connections; integrations: Integrations },
  workspaceId: string,
): Lookups {
  return {
    connection: id =>
      connections.peek(workspaceId, id) ?? connections.getMany(workspaceId, [id]).then(([found]) => found),
    connectionsOf: (integration, endUserId, limit) =>
      connections.findByEndUser(workspaceId, integration, endUserId, limit),
    integration: slug =>
      integrations.peek(workspaceId, slug) ?? integrations.getMany(workspaceId, [slug]).then(([found]) => found),
  }
}
