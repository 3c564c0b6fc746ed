/** Executes an action: its input is checked, written into one request, and sent over the one road. */
import { requireScope } from '../access/caller.ts'
import { integrationNotFound } from '../connections/integrations.ts'
import { type ErrorDetail, GatewayError, invalidFields, invalidInput } from '../errors.ts'
import type { Gateway, GatewayAnswer, GatewayOperation } from '../gateway/gateway.ts'
import { type ConnectionSelector, selectConnection } from '../gateway/select-connection.ts'
import { isSafeMethod, standardRetries } from '../passthrough/request.ts'
import type { UpstreamResponse } from '../passthrough/response.ts'
import type { ActionInput, FailureSign } from './action.ts'
import type { Actions } from './actions.ts'
import { buildRequest } from './build-request.ts'
import { prepareInput } from './input.ts'
import { checkInput } from './validate.ts'

export interface ActionCall {
  readonly action: string
  readonly input?: ActionInput | null | undefined
  readonly idempotencyKey?: string | null | undefined
}

export interface ActionAnswer {
  readonly succeeded: boolean
  readonly answer: GatewayAnswer
}

interface ExecuteParts {
  readonly actions: Actions
  readonly gateway: Pick<Gateway, 'mutate'>
}

/** Milliseconds in which an answer has to say whether it is a failure. */
const judgeMs = 200

/**
 * @throws {GatewayError} ACTION_NOT_FOUND, INVALID_INPUT with a detail for each wrong field of the input, and all that a
 *   passthrough can be refused for
 */
export async function executeAction(
  { actions, gateway }: ExecuteParts,
  operation: GatewayOperation,
  selector: ConnectionSelector,
  { action: name, input, idempotencyKey }: ActionCall,
): Promise<ActionAnswer> {
  const { caller, lookups } = operation
  // Whoever may call nothing is told nothing, either.
  if (!caller.scopes.includes('passthrough:write')) requireScope(caller, 'passthrough:read')
  const connection = await selectConnection(caller, lookups, selector)
  const integration = await lookups.integration(connection.integration)
  if (integration === undefined) throw integrationNotFound(connection.integration)
  const action = await actions.require(integration, name)
  const isSafe = isSafeMethod(action.method)
  requireScope(caller, isSafe ? 'passthrough:read' : 'passthrough:write')
  const definition = await action.definition()
  const prepared = prepareInput(definition.input, input ?? {})
  const details = operation.compute(timeoutMs => checkInput(definition.input, prepared.view, timeoutMs))
  if (details.length > 0) throw invalidFields(details)
  const { request, origins } = buildRequest(action, definition, prepared.values, integration.definition.arrayFormat)
  const options = {
    ...request.options,
    // A read may be sent again by itself, wherever it is asked for.
    ...(isSafe ? { retries: standardRetries } : {}),
    ...(idempotencyKey == null ? {} : { idempotencyKey }),
  }
  try {
    const sent = { ...request, options }
    const answer = await gateway.mutate(operation, { connectionId: connection.id }, sent, action.name)
    return { succeeded: !(await isFailure(answer.response, definition.failure)), answer }
  } catch (error) {
    throw withFieldsOfInput(error, origins)
  }
}

async function isFailure(response: UpstreamResponse, failure: FailureSign | undefined): Promise<boolean> {
  if (response.status >= 400) return true
  if (failure === undefined) return false
  const found = (await response.queryable())?.select(failure.path, judgeMs)
  return found !== undefined && JSON.stringify(JSON.parse(found.text)) === JSON.stringify([failure.equals])
}

/** What the core says of a part of the request is said of the field it was made of. */
function withFieldsOfInput(error: unknown, origins: ReadonlyMap<string, string>): unknown {
  if (!(error instanceof GatewayError) || error.code !== 'INVALID_INPUT' || error.details === undefined) return error
  return invalidFieldsOf(
    error,
    error.details.map(detail => rename(detail, origins)),
  )
}

function invalidFieldsOf(error: GatewayError, details: readonly ErrorDetail[]): GatewayError {
  const [only] = details
  return details.length === 1 && only !== undefined
    ? invalidInput(only.field, only.message)
    : new GatewayError('INVALID_INPUT', details.map(({ message }) => message).join(' '), { details, cause: error })
}

function rename({ field, message }: ErrorDetail, origins: ReadonlyMap<string, string>): ErrorDetail {
  const origin = [...origins].find(([part]) => field === part || field.startsWith(`${part}.`))
  if (origin === undefined) return { field, message }
  const [part, name] = origin
  const renamed = name + field.slice(part.length)
  return { field: renamed, message: message.replaceAll(field, renamed).replace(/ \{p\d+\}/g, '') }
}
