/** How the road finds what a caller names; a face may batch and remember these within one operation. */
import type { Integration } from '../connections/integrations.ts'
import type { ConnectionRow } from '../store/connections.ts'

/** Bound to one workspace: whatever is asked for, rows of another workspace are never found. */
export interface Lookups {
  connection(id: string): Promise<ConnectionRow | undefined>
  connectionsOf(integration: string, endUserId: string, limit: number): Promise<ConnectionRow[]>
  integration(slug: string): Promise<Integration | undefined>
}
