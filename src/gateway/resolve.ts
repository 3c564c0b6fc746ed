/** What the core needs to know of a connection, without its secret: made once for as long as both stay the same. */
import { coversBodies } from '../auth/aws-sig-v4.ts'
import { coversForms } from '../auth/oauth1.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import { injectedNames } from '../auth/strategy.ts'
import { resolveTarget } from '../catalog/target.ts'
import type { Integration } from '../connections/integrations.ts'
import type { ResolvedConnection } from '../passthrough/connection.ts'
import type { ConnectionRow } from '../store/connections.ts'

const resolved = new WeakMap<ConnectionRow, { integration: Integration; connection: ResolvedConnection }>()

/** @throws {GatewayError} when the connection's config no longer fits the integration */
export function resolveConnection(row: ConnectionRow, integration: Integration): ResolvedConnection {
  const known = resolved.get(row)
  if (known?.integration === integration) return known.connection
  const connection = resolve(row, integration)
  resolved.set(row, { integration, connection })
  return connection
}

function resolve(row: ConnectionRow, integration: Integration): ResolvedConnection {
  const { definition } = integration
  const auth = definition.auth.find(entry => entry.scheme === row.scheme)
  const target = resolveTarget(definition, row.config, auth)
  return {
    id: row.id,
    workspaceId: row.workspaceId,
    integration: integration.slug,
    endUserId: row.endUserId,
    baseUrl: target.baseUrl,
    hosts: target.hosts,
    headers: definition.headers ?? {},
    arrayFormat: definition.arrayFormat,
    injected: auth === undefined ? { headers: [], query: [], body: [] } : injectedNames(auth),
    signedBodies: auth === undefined ? undefined : signedBodiesOf(auth, row.config),
    retry: definition.retry,
    idempotencyHeader: definition.idempotencyHeader,
    credentialVersion: row.credentialVersion,
  }
}

function signedBodiesOf(
  entry: AuthEntry,
  config: Readonly<Record<string, string>>,
): ResolvedConnection['signedBodies'] {
  if (entry.scheme === 'oauth1') return coversForms(entry) ? 'forms' : undefined
  if (entry.scheme === 'awsSigV4') return coversBodies(entry, config) ? 'all' : undefined
  return undefined
}
