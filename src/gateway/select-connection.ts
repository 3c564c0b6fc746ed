/** Which connection a caller means: by id, or by integration and end user. */
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
export async function selectConnection(lookups: Lookups, selector: ConnectionSelector): Promise<ConnectionRow> {
  const { connectionId, integration, endUserId } = selector
  if (connectionId != null) {
    if (integration != null || endUserId != null) {
      throw invalidInput(
        'connectionId',
        'Name the connection by connectionId, or by integration and endUserId; got both.',
      )
    }
    const row = await lookups.connection(connectionId)
    if (row === undefined) throw connectionNotFound()
    return row
  }
  if (integration == null || endUserId == null) {
    const message = 'Name the connection by connectionId, or by integration and endUserId together.'
    throw invalidInput(integration == null ? 'integration' : 'endUserId', message)
  }
  return selectByEndUser(lookups, integration, endUserId)
}

async function selectByEndUser(lookups: Lookups, integration: string, endUserId: string): Promise<ConnectionRow> {
  const rows = await lookups.connectionsOf(integration, endUserId, namedRivals)
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
