/** The one road of every request: caller → policy → connection → plan → stack → result → record. */
import { type Caller, requireScope } from '../access/caller.ts'
import { injectedNames } from '../auth/strategy.ts'
import { resolveTarget } from '../catalog/target.ts'
import type { Connections } from '../connections/connections.ts'
import { type Integration, integrationNotFound } from '../connections/integrations.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { CallFacts } from '../events.ts'
import type { CallOutcome } from '../passthrough/call.ts'
import type { ResolvedConnection } from '../passthrough/connection.ts'
import { CallFailure, type Passthrough } from '../passthrough/passthrough.ts'
import type { PassthroughInput, RequestPlan } from '../passthrough/request.ts'
import type { UpstreamResponse } from '../passthrough/response.ts'
import type { CallRow } from '../store/calls.ts'
import type { ConnectionRow } from '../store/connections.ts'
import { newId } from '../store/ids.ts'
import type { Lookups } from './lookups.ts'
import { Operation } from './operation.ts'
import { type ConnectionSelector, selectConnection } from './select-connection.ts'

export interface GatewayAnswer {
  readonly response: UpstreamResponse
  readonly outcome: CallOutcome
  readonly connection: ConnectionRow
}

export type GatewayOperation = Operation<GatewayAnswer>

export interface GatewayParts {
  readonly connections: Connections
  readonly passthrough: Passthrough
  /** Keeps the record of an executed call; must not wait. */
  readonly record: (call: CallRow) => void
  readonly callFinished: (call: CallFacts) => void
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** What is known of a call before it is sent. */
interface Journey {
  readonly operation: GatewayOperation
  readonly connection: ConnectionRow
  readonly integration: Integration
  readonly plan: RequestPlan
  readonly kind: CallRow['kind']
}

export class Gateway {
  readonly #parts: GatewayParts

  constructor(parts: GatewayParts) {
    this.#parts = parts
  }

  /** What the calls of one request of a caller share. */
  startOperation(parts: { caller: Caller; lookups: Lookups; signal?: AbortSignal | undefined }): GatewayOperation {
    return new Operation(parts)
  }

  /** A read: safe methods only; an equal one of the same operation shares the answer. */
  async query(
    operation: GatewayOperation,
    selector: ConnectionSelector,
    input: PassthroughInput,
  ): Promise<GatewayAnswer> {
    if (!safeMethods.has(input.method)) {
      const message = `A query takes the methods GET, HEAD and OPTIONS; got ${input.method}. Use \`mutation { passthrough }\` for it.`
      throw invalidInput('method', message)
    }
    const journey = await this.#prepare(operation, selector, input, 'QUERY')
    return operation.read(readKey(journey), onBytes => this.#send(journey, onBytes))
  }

  /** Any method, sent once. */
  async mutate(
    operation: GatewayOperation,
    selector: ConnectionSelector,
    input: PassthroughInput,
  ): Promise<GatewayAnswer> {
    const journey = await this.#prepare(operation, selector, input, 'MUTATION')
    return operation.write(onBytes => this.#send(journey, onBytes))
  }

  async #prepare(
    operation: GatewayOperation,
    selector: ConnectionSelector,
    input: PassthroughInput,
    kind: CallRow['kind'],
  ): Promise<Journey> {
    requireScope(operation.caller, safeMethods.has(input.method) ? 'passthrough:read' : 'passthrough:write')
    const connection = await selectConnection(operation.lookups, selector)
    requireUsable(connection)
    const integration = await operation.lookups.integration(connection.integration)
    if (integration === undefined) throw integrationNotFound(connection.integration)
    const plan = await this.#parts.passthrough.plan(resolveConnection(connection, integration), input)
    return { operation, connection, integration, plan, kind }
  }

  async #send(journey: Journey, onBytes: (count: number) => void): Promise<GatewayAnswer> {
    const { operation, connection, integration, plan } = journey
    const injection = this.#parts.connections.openCredential(connection, integration)
    const startedAt = new Date()
    try {
      const { signal } = operation
      const { response, outcome } = await this.#parts.passthrough.send(plan, {
        inject: () => injection,
        signal,
        onBytes,
      })
      this.#finish(journey, startedAt, outcome, { status: response.status, errorCode: null })
      return { response, outcome, connection }
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error
      this.#finish(journey, startedAt, error.outcome, { status: null, errorCode: error.error.code })
      throw error.error
    }
  }

  #finish(
    { operation, connection, plan, kind }: Journey,
    startedAt: Date,
    outcome: CallOutcome,
    result: Pick<CallRow, 'status' | 'errorCode'>,
  ): void {
    if (!outcome.executed) return
    const call: CallRow = {
      id: newId('call'),
      workspaceId: connection.workspaceId,
      connectionId: connection.id,
      integration: connection.integration,
      endUserId: connection.endUserId,
      callerId: operation.caller.keyId,
      kind,
      method: plan.method,
      path: plan.url.path.replace(/\?.*$/s, ''),
      bytesSent: outcome.bytesSent,
      bytesReceived: outcome.bytesReceived,
      attempts: outcome.attempts,
      durationMs: outcome.durationMs,
      startedAt,
      ...result,
    }
    this.#parts.record(call)
    this.#parts.callFinished(call)
  }
}

/** @throws GatewayError `CONNECTION_DISABLED` or `CONNECTION_NEEDS_REAUTH` */
function requireUsable(connection: ConnectionRow): void {
  if (connection.status === 'DISABLED') {
    throw new GatewayError(
      'CONNECTION_DISABLED',
      `The connection ${connection.id} is disabled; enable it with enableConnection.`,
    )
  }
  if (connection.status === 'NEEDS_REAUTH') {
    const message = `The credential of ${connection.id} no longer works; its end user has to connect again.`
    throw new GatewayError('CONNECTION_NEEDS_REAUTH', message)
  }
}

/** Everything the core needs to know of a connection, without its secret. */
function resolveConnection(connection: ConnectionRow, integration: Integration): ResolvedConnection {
  const { definition } = integration
  const target = resolveTarget(definition, connection.config)
  const auth = definition.auth.find(entry => entry.scheme === connection.scheme)
  return {
    id: connection.id,
    integration: integration.slug,
    baseUrl: target.baseUrl,
    hosts: target.hosts,
    headers: definition.headers ?? {},
    arrayFormat: definition.arrayFormat,
    injected: auth === undefined ? { headers: [], query: [], body: [] } : injectedNames(auth),
  }
}

/** Two reads with one key ask the same of the same account. */
function readKey({ connection, plan }: Journey): string {
  const body = plan.body === null ? null : Buffer.from(plan.body).toString('base64')
  const { method, url, headers, timeoutMs, maxResponseBytes } = plan
  return JSON.stringify([connection.id, method, url.origin, url.path, headers, body, timeoutMs, maxResponseBytes])
}
