/** Which connection a caller means: by id, or by integration and end user. */
import type { Caller } from '../access/caller.ts'
import { seesConnection } from '../access/visibility.ts'
import { connectionNotFound } from '../connections/admission.ts'
import { integrationNotFound } from '../connections/integrations.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { ConnectionRow } from '../store/connections.ts'
import type { Lookups } from './lookups.ts'

export interface ConnectionSelector {
  readonly connectionId?: string | null
  readonly integration?: string | null
  readonly endUserId?: string | null
}

/** How many rivals an ambiguous selection names. */
const namedRivals = 10

/**
 * The one connection that is meant.
 * @throws GatewayError `INVALID_INPUT`, `CONNECTION_NOT_FOUND`, `INTEGRATION_NOT_FOUND` or `CONNECTION_AMBIGUOUS`
 */
export async function selectConnection(
  caller: Caller,
  lookups: Lookups,
  selector: ConnectionSelector,
): Promise<ConnectionRow> {
  const { connectionId, integration } = selector
  // A session has one end user: it need not say which.
  const endUserId = selector.endUserId ?? (connectionId == null ? caller.endUserId : undefined)
  if (connectionId != null) {
    if (integration != null || endUserId != null) {
      throw invalidInput(
        'connectionId',
        'Name the connection by connectionId, or by integration and endUserId; got both.',
      )
    }
    const row = await lookups.connection(connectionId)
    if (row === undefined || !seesConnection(caller, row)) throw connectionNotFound()
    return row
  }
  if (integration == null || endUserId == null) {
    const message = 'Name the connection by connectionId, or by integration and endUserId together.'
    throw invalidInput(integration == null ? 'integration' : 'endUserId', message)
  }
  return selectByEndUser(caller, lookups, integration, endUserId)
}

async function selectByEndUser(
  caller: Caller,
  lookups: Lookups,
  integration: string,
  endUserId: string,
): Promise<ConnectionRow> {
  const found = await lookups.connectionsOf(integration, endUserId, namedRivals)
  const rows = found.filter(row => seesConnection(caller, row))
  const usable = rows.filter(row => row.status !== 'DISABLED')
  const [first, ...rivals] = usable.length > 0 ? usable : rows
  if (first === undefined) {
    if ((await lookups.integration(integration)) === undefined) throw integrationNotFound(integration)
    throw new GatewayError(
      'CONNECTION_NOT_FOUND',
      `The end user "${endUserId}" has no connection at "${integration}".`,
      {
        details: [{ field: 'endUserId', message: `no connection of "${endUserId}" at "${integration}"` }],
      },
    )
  }
  if (rivals.length === 0) return first
  const message = `The end user "${endUserId}" has several connections at "${integration}"; choose one by connectionId.`
  throw new GatewayError('CONNECTION_AMBIGUOUS', message, {
    details: [first, ...rivals].map(row => ({ field: 'connectionId', message: row.id })),
  })
}
