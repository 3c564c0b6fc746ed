/** What a connect link may lead to: integrations that there are and that an end user can connect, or one connection. */
import { GatewayError, invalidInput } from '../errors.ts'
import type { ConnectionRow } from '../store/connections.ts'
import { connectionNotFound } from './admission.ts'
import { methodsOf } from './connect-form.ts'
import type { Integration, Integrations } from './integrations.ts'

export interface TargetParts {
  readonly connections: { get(workspaceId: string, id: string): Promise<ConnectionRow | undefined> }
  readonly integrations: Pick<Integrations, 'getMany' | 'clientOf'>
}

export interface ConnectTargets {
  readonly endUserId: string
  readonly integrations?: readonly string[] | null
  /** The connection to repair. */
  readonly connectionId?: string | null
}

const maxIntegrations = 100

/** @throws {GatewayError} INVALID_INPUT, INTEGRATION_NOT_FOUND, CONNECTION_NOT_FOUND, INTEGRATION_NOT_CONFIGURED */
export async function checkTargets(parts: TargetParts, workspaceId: string, targets: ConnectTargets): Promise<void> {
  const slugs = targets.integrations ?? undefined
  const named = slugs && (await findNamed(parts, workspaceId, slugs))
  if (targets.connectionId == null) {
    if (named !== undefined) requireWay(parts, named, at => `integrations.${at}`)
    return
  }
  const row = await parts.connections.get(workspaceId, targets.connectionId)
  if (row === undefined) throw connectionNotFound()
  if (row.endUserId !== targets.endUserId) {
    const got = JSON.stringify(targets.endUserId)
    const message = `endUserId got ${got}, who is not the end user whose connection is to be repaired.`
    throw invalidInput('endUserId', message)
  }
  if (slugs !== undefined && !slugs.includes(row.integration)) {
    const message = `integrations got ${list(slugs)}; it takes the integration of the connection, "${row.integration}", or nothing.`
    throw invalidInput('integrations', message)
  }
  const [integration] = await parts.integrations.getMany(workspaceId, [row.integration])
  if (integration !== undefined) requireWay(parts, [integration], () => 'connectionId')
}

async function findNamed(
  { integrations }: TargetParts,
  workspaceId: string,
  slugs: readonly string[],
): Promise<Integration[]> {
  if (slugs.length < 1 || slugs.length > maxIntegrations) {
    const takes = `takes 1 to ${maxIntegrations} slugs; leave it out for all that are configured`
    throw invalidInput('integrations', `integrations ${takes}. It got ${slugs.length}.`)
  }
  const found = await integrations.getMany(workspaceId, slugs)
  const absent = slugs.flatMap((slug, at) => (found[at] === undefined ? [{ slug, field: `integrations.${at}` }] : []))
  if (absent.length === 0) return found.filter(integration => integration !== undefined)
  const message = 'query { integrations } lists the slugs there are'
  const details = absent.map(({ field }) => ({ field, message }))
  const names = list(absent.map(({ slug }) => slug))
  throw new GatewayError('INTEGRATION_NOT_FOUND', `The workspace has no integration ${names}.`, { details })
}

/** One that can be connected is enough: the page shows no others. */
function requireWay(
  { integrations }: TargetParts,
  targets: readonly Integration[],
  fieldOf: (at: number) => string,
): void {
  if (targets.some(target => methodsOf(target, integrations.clientOf(target) !== undefined).length > 0)) return
  const details = targets.map(({ slug }, at) => ({
    field: fieldOf(at),
    message: `The integration "${slug}" has no way to connect yet: its schemes need an OAuth client and the addresses of its service; use configureIntegration.`,
  }))
  const message = details.map(detail => detail.message).join(' ')
  throw new GatewayError('INTEGRATION_NOT_CONFIGURED', message, { details })
}

/** No slug is longer than what is shown. */
function list(names: readonly string[]): string {
  return names.map(name => JSON.stringify(name.slice(0, 63))).join(', ')
}
