/** What every resolver gets: the caller, the house's services bound to its workspace, and the operation. */

import { type AuditAction, type AuditDetails, type AuditTrail, actorOf } from '../access/audit.ts'
import { type Caller, requireScope, type Scope } from '../access/caller.ts'
import type { Callers } from '../access/callers.ts'
import type { FailedAttempts } from '../access/failed-attempts.ts'
import type { AccessKeys } from '../access/keys.ts'
import type { RegisteredOperations } from '../access/registered-operations.ts'
import type { Sessions } from '../access/sessions.ts'
import type { Workspaces } from '../access/workspaces.ts'
import type { Actions } from '../actions/actions.ts'
import type { OpenApiImports } from '../actions/openapi-imports.ts'
import type { CallLog } from '../calls/call-log.ts'
import type { Logos } from '../catalog/logos.ts'
import type { ConnectSessions } from '../connections/connect-sessions.ts'
import type { Connections } from '../connections/connections.ts'
import type { EncryptionKeys } from '../connections/encryption-keys.ts'
import type { Integrations } from '../connections/integrations.ts'
import { GatewayError } from '../errors.ts'
import type { Gateway, GatewayOperation } from '../gateway/gateway.ts'
import type { CallFeed } from '../store/call-feed.ts'
import type { CallHourStore } from '../store/call-hours.ts'
import type { CallStore } from '../store/calls.ts'
import type { ConnectionCountStore } from '../store/connection-counts.ts'
import type { EventFeed } from '../store/event-feed.ts'
import type { WebhookEndpoints } from '../webhooks/endpoints.ts'
import { type ActionsOf, createActionLoader } from './action-loader.ts'
import { type CountsOf, createCountLoader } from './connection-count-loader.ts'
import { createLookups } from './lookups.ts'

export interface GraphQLServices {
  readonly accessKeys: AccessKeys
  readonly actions: Actions
  readonly auditTrail: AuditTrail
  readonly callers: Callers
  readonly calls: CallStore
  readonly callFeed: CallFeed
  readonly callHours: CallHourStore
  readonly callLog: CallLog
  readonly connectionCounts: ConnectionCountStore
  readonly connections: Connections
  readonly connectSessions: ConnectSessions
  readonly encryptionKeys: EncryptionKeys
  readonly eventFeed: EventFeed
  readonly failedAttempts: FailedAttempts
  readonly gateway: Gateway
  readonly integrations: Integrations
  readonly logos: Logos
  readonly openApiImports: OpenApiImports
  readonly registeredOperations: RegisteredOperations
  readonly sessions: Sessions
  /** The workspace of whoever runs the gateway. */
  readonly operatorWorkspaceId: string
  readonly webhooks: WebhookEndpoints
  readonly workspaces: Workspaces
  /** The gateway's own address; ends in a slash. */
  readonly publicUrl: () => URL
}

export interface ContextInput {
  readonly services: GraphQLServices
  readonly requestId: string
  /** The access key as the request carries it. */
  readonly token: string | undefined
  /** What {@link prove} said of this request already. */
  readonly proved?: Caller | GatewayError | undefined
  /** Of the other end of the connection. */
  readonly address?: string | undefined
  /** What is aborted when the caller leaves; asked for when something is to be sent, and once. */
  readonly signal?: () => AbortSignal
  /** Calls back when the answer is out or nobody waits for it any more. */
  readonly onClose?: (callback: () => void) => void
}

/** A plain object whose fields are its own: the server copies them into the context of the execution. */
export interface GraphQLContext {
  readonly requestId: string
  readonly services: GraphQLServices
  /** Who is calling. @throws GatewayError `UNAUTHENTICATED` */
  readonly caller: () => Caller
  /** The caller, if it holds the scope. @throws GatewayError `UNAUTHENTICATED` or `FORBIDDEN` */
  readonly authorize: (scope: Scope) => Caller
  /** Notes what the caller has changed; to be awaited before the answer. The details hold no secret. */
  readonly audit: (action: AuditAction, targetId: string | null, details?: AuditDetails) => Promise<void>
  /** The one operation of this request: what its fields send upstream shares a budget and equal reads. */
  readonly operation: () => GatewayOperation
  /** How many connections an integration has, as far as the caller sees; batched. */
  readonly countsOf: CountsOf
  /** A page of an integration's actions; batched. */
  readonly actionsOf: ActionsOf
  /** For what lasts: who is calling, asked of the store again, and from then on the caller. @throws GatewayError `UNAUTHENTICATED` */
  readonly proveAgain: () => Promise<Caller>
  /** For what lasts: the next event is an operation of its own, with a budget of its own. */
  readonly renewOperation: () => void
  /** Calls back when the answer is out or nobody waits for it any more. */
  readonly whenClosed: (callback: () => void) => void
}

/** Proves the caller; a request without a valid key still gets a context, whose fields then refuse. */
export async function createContext(input: ContextInput): Promise<GraphQLContext> {
  const { services, requestId, token } = input
  let proved = input.proved ?? (await prove(input))
  let operation: GatewayOperation | undefined
  let isWatched = false
  let countsOf: CountsOf | undefined
  let actionsOf: ActionsOf | undefined
  function caller(): Caller {
    if (proved instanceof GatewayError) throw proved
    return proved
  }
  function startOperation(): GatewayOperation {
    const lookups = createLookups(services, caller().workspaceId)
    const started = services.gateway.startOperation({
      caller: caller(),
      lookups,
      signal: input.signal?.(),
      requestId,
      token,
    })
    // At once when nobody waits any more: it is not yet the operation of this request then.
    if (!isWatched) input.onClose?.(() => (operation ?? started).end())
    isWatched = true
    return started
  }
  return {
    requestId,
    services,
    caller,
    authorize(scope) {
      requireScope(caller(), scope)
      return caller()
    },
    audit(action, targetId, details = {}) {
      const { workspaceId } = caller()
      const source = { requestId, address: input.address ?? null }
      return services.auditTrail.record({ workspaceId, actor: actorOf(caller()), action, targetId, details, source })
    },
    operation() {
      operation ??= startOperation()
      return operation
    },
    countsOf(integration) {
      countsOf ??= createCountLoader(services.connectionCounts, caller())
      return countsOf(integration)
    },
    actionsOf(list) {
      actionsOf ??= createActionLoader(services.actions)
      return actionsOf(list)
    },
    async proveAgain() {
      const again = await prove(input)
      if (again instanceof GatewayError) throw again
      // What it may do now counts for all that comes.
      proved = again
      return again
    },
    renewOperation() {
      operation?.end()
      operation = undefined
      countsOf = undefined
    },
    whenClosed: callback => input.onClose?.(callback),
  }
}

/** The caller, or why there is none. A failure counts: once for each request. */
export async function prove({
  services,
  token,
  address,
}: Pick<ContextInput, 'services' | 'token' | 'address'>): Promise<Caller | GatewayError> {
  if (token === undefined) {
    const message = 'Send an access key, for example in the header `authorization: Bearer pgk_…`.'
    return new GatewayError('UNAUTHENTICATED', message)
  }
  try {
    return await services.failedAttempts.guard(address, () => services.callers.authenticate(token))
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}
