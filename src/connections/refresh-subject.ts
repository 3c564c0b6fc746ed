/** What is needed to ask the vendor of a connection for a new token, and the name of the settings that this depends on. */
import { createHash } from 'node:crypto'
import type { AuthEntry } from '../auth/scheme.ts'
import type { OAuthClientFacts } from '../auth/tokens/token-endpoint.ts'
import { usableConfig } from '../catalog/target.ts'
import { GatewayError } from '../errors.ts'
import type { ConnectionRow } from '../store/connections.ts'
import type { Integration } from './integrations.ts'

export interface RefreshSubject {
  readonly row: ConnectionRow
  readonly entry: AuthEntry
  /** Without the values that the integration no longer takes: a secret goes where they lead. */
  readonly config: Readonly<Record<string, string>>
  /** The workspace's own at the vendor. */
  readonly client: OAuthClientFacts | undefined
  /** Another name once the integration or the connection's config values were changed; holds no secret. */
  readonly settings: string
}

/** @throws {GatewayError} CONNECTION_NEEDS_REAUTH when the integration has no such scheme any more */
export function createRefreshSubject(
  row: ConnectionRow,
  integration: Integration,
  client: OAuthClientFacts | undefined,
): RefreshSubject {
  const entry = entryOf(row, integration)
  const config = usableConfig(integration.definition, row.config)
  const facts = [integration.changedAt?.toISOString() ?? null, row.config]
  const settings = createHash('sha256').update(JSON.stringify(facts)).digest('base64url')
  return { row, entry, config, client, settings }
}

/** @throws {GatewayError} CONNECTION_NEEDS_REAUTH when the integration has no such scheme any more */
export function entryOf(row: Pick<ConnectionRow, 'integration' | 'scheme'>, integration: Integration): AuthEntry {
  const entry = integration.definition.auth.find(auth => auth.scheme === row.scheme)
  if (entry !== undefined) return entry
  const message = `The integration "${row.integration}" no longer takes ${row.scheme} credentials; connect again.`
  throw new GatewayError('CONNECTION_NEEDS_REAUTH', message)
}
