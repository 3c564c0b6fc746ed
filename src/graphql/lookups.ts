/** Batched look-ups: all rows that the fields of one tick ask for come in one statement. */
import DataLoader from 'dataloader'
import type { Integration } from '../connections/integrations.ts'
import type { Lookups } from '../gateway/lookups.ts'
import type { ConnectionRow } from '../store/connections.ts'
import type { GraphQLServices } from './context.ts'

/**
 * Loaders of one operation. They batch but do not remember themselves: in a mutation a later field must see what an
 * earlier one changed.
 */
export function createLookups(
  services: Pick<GraphQLServices, 'connections' | 'integrations'>,
  workspaceId: string,
): Lookups {
  const connections = new DataLoader<string, ConnectionRow | undefined>(
    async ids => {
      const rows = await services.connections.getMany(workspaceId, [...new Set(ids)])
      const byId = new Map(rows.map(row => [row.id, row]))
      return ids.map(id => byId.get(id))
    },
    { cache: false },
  )
  const integrations = new DataLoader<string, Integration | undefined>(
    slugs => services.integrations.getMany(workspaceId, slugs),
    { cache: false },
  )
  return {
    connection: id => services.connections.peek(workspaceId, id) ?? connections.load(id),
    connectionsOf: (integration, endUserId, limit) =>
      services.connections.findByEndUser(workspaceId, integration, endUserId, limit),
    integration: slug => services.integrations.peek(workspaceId, slug) ?? integrations.load(slug),
  }
}
