/** What every resolver gets: the caller, the house's services bound to its workspace, and the operation. */

import { type Caller, requireScope, type Scope } from '../access/caller.ts'
import type { AccessKeys } from '../access/keys.ts'
import type { ConnectSessions } from '../connections/connect-sessions.ts'
import type { Connections } from '../connections/connections.ts'
import type { EncryptionKeys } from '../connections/encryption-keys.ts'
import type { Integrations } from '../connections/integrations.ts'
import { GatewayError } from '../errors.ts'
import type { Gateway, GatewayOperation } from '../gateway/gateway.ts'
import type { CallStore } from '../store/calls.ts'
import type { WorkspaceStore } from '../store/workspaces.ts'
import { createLookups } from './lookups.ts'

export interface GraphQLServices {
  readonly accessKeys: AccessKeys
  readonly calls: CallStore
  readonly connections: Connections
  readonly connectSessions: ConnectSessions
  readonly encryptionKeys: EncryptionKeys
  readonly gateway: Gateway
  readonly integrations: Integrations
  /** The workspace of whoever runs the gateway. */
  readonly operatorWorkspaceId: string
  readonly workspaces: WorkspaceStore
  /** The gateway's own address; ends in a slash. */
  readonly publicUrl: () => URL
}

export interface ContextInput {
  readonly services: GraphQLServices
  readonly requestId: string
  /** The access key as the request carries it. */
  readonly token: string | undefined
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
  /** The one operation of this request: what its fields send upstream shares a budget and equal reads. */
  readonly operation: () => GatewayOperation
}

/** Proves the caller; a request without a valid key still gets a context, whose fields then refuse. */
export async function createContext(input: ContextInput): Promise<GraphQLContext> {
  const { services, requestId, token } = input
  const proved = await prove(services, token)
  let operation: GatewayOperation | undefined
  function caller(): Caller {
    if (proved instanceof GatewayError) throw proved
    return proved
  }
  function startOperation(): GatewayOperation {
    const lookups = createLookups(services, caller().workspaceId)
    const started = services.gateway.startOperation({ caller: caller(), lookups, signal: input.signal?.() })
    input.onClose?.(() => started.end())
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
    operation() {
      operation ??= startOperation()
      return operation
    },
  }
}

async function prove(services: GraphQLServices, token: string | undefined): Promise<Caller | GatewayError> {
  if (token === undefined) {
    const message = 'Send an access key, for example in the header `authorization: Bearer pgk_…`.'
    return new GatewayError('UNAUTHENTICATED', message)
  }
  try {
    return await services.accessKeys.authenticate(token)
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}
