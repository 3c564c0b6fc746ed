/** Opens the vault for a call, when all that can be refused without it was refused. */
import type { Caller } from '../access/caller.ts'
import type { Connections } from '../connections/connections.ts'
import type { Integration } from '../connections/integrations.ts'
import type { LimitSubject } from '../limits/limits.ts'
import { limitOf } from '../limits/separate-limits.ts'
import type { SendOptions } from '../passthrough/passthrough.ts'
import type { RequestPlan } from '../passthrough/request.ts'
import type { ConnectionRow } from '../store/connections.ts'
import type { CallTrace } from '../telemetry/call-trace.ts'
import type { Journey } from './gateway.ts'

/** A token that ended is renewed first. @throws {GatewayError} CONNECTION_NEEDS_REAUTH, REFRESH_FAILED */
export async function openCall(
  connections: Connections,
  { caller, connection, integration, plan }: Journey,
  signal: AbortSignal | undefined,
  trace: CallTrace | undefined,
): Promise<SendOptions> {
  const startedAt = performance.now()
  const wait = { deadlineMs: Date.now() + plan.timeoutMs, signal }
  let opened = await connections.openCredential(connection, integration, wait)
  return {
    inject: () => opened.injection,
    renew: async () => {
      // It is called out of a socket's event, which belongs to no trace.
      const renewed = await (trace === undefined ? opened.renew(wait) : trace.run(() => opened.renew(wait)))
      opened = renewed ?? opened
      return renewed !== undefined
    },
    accepted: () => opened.accepted(),
    subject: subjectOf(caller, connection, integration, plan),
    trace,
    startedAt,
  }
}

function subjectOf(
  caller: Caller,
  connection: ConnectionRow,
  integration: Integration,
  plan: RequestPlan,
): LimitSubject {
  const { workspaceId, id, endUserId, quota } = connection
  const isSession = caller.kind === 'SESSION'
  const limits = {
    integration: integration.quota,
    connection: quota,
    caller: caller.keyLimits.quota,
    session: isSession ? caller.quota : null,
  }
  return {
    workspaceId,
    integration: integration.slug,
    connectionId: id,
    endUserId,
    callerId: caller.keyId,
    sessionId: isSession ? caller.id : undefined,
    vendorLimit: vendorLimitOf(plan),
    limits,
  }
}

function vendorLimitOf({ connection: { baseUrl, retry }, url }: RequestPlan): string | undefined {
  if (retry?.separateLimits === undefined) return undefined
  const base = `${baseUrl.pathname.replace(/\/$/, '')}/`
  const isBelow = url.origin === baseUrl.origin && url.path.startsWith(base)
  return limitOf(isBelow ? url.path.slice(base.length) : url.path, retry.separateLimits)
}
