/** What of a workspace a caller sees: a key everything, a session its end user's connections. */
import type { ConnectionFilter, ConnectionRow } from '../store/connections.ts'
import type { Caller } from './caller.ts'

/** False for a connection that does not exist as far as this caller is concerned. */
export function seesConnection(caller: Caller, row: Pick<ConnectionRow, 'id' | 'integration' | 'endUserId'>): boolean {
  return (
    (caller.connectionId === null || caller.connectionId === row.id) &&
    (caller.endUserId === null || caller.endUserId === row.endUserId) &&
    (caller.integrations === null || caller.integrations.includes(row.integration)) &&
    (caller.connections === null || caller.connections.includes(row.id))
  )
}

/** The filter with the caller's own bounds in it. */
export function narrowFilter(caller: Caller, filter: ConnectionFilter): ConnectionFilter {
  const { endUserId, integrations, connections, connectionId } = caller
  if (endUserId === null && connectionId === null) return filter
  const ids = connectionId === null ? connections : [connectionId]
  return { ...filter, within: { endUserId, integrations, ids } }
}
