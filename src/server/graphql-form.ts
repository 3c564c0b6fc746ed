/** An operation as the parameters of a URL or a form, with exact digits in its variables. */
import { GraphQLError } from 'graphql'
import { parseExactJson } from '../passthrough/exact-json.ts'

export interface FormOperation {
  readonly query: string | undefined
  readonly operationName: string | undefined
  readonly variables: Record<string, unknown> | undefined
  readonly extensions: Record<string, unknown> | undefined
}

/** Empty parameters count as absent. @throws {GraphQLError} naming the parameter that is no JSON object */
export function parseForm(text: string): FormOperation {
  const parameters = new URLSearchParams(text)
  return {
    query: parameters.get('query') || undefined,
    operationName: parameters.get('operationName') || undefined,
    variables: readObject(parameters, 'variables'),
    extensions: readObject(parameters, 'extensions'),
  }
}

function readObject(parameters: URLSearchParams, name: string): Record<string, unknown> | undefined {
  const text = parameters.get(name)
  if (text === null || text === '') return undefined
  const value = parseJson(text)
  if (value === null) return undefined
  if (typeof value === 'object' && !Array.isArray(value) && !JSON.isRawJSON(value)) {
    return value as Record<string, unknown>
  }
  const message = `The parameter ${name} takes a JSON object.`
  throw new GraphQLError(message, { extensions: { http: { status: 400 }, originalError: new Error(message) } })
}

function parseJson(text: string): unknown {
  try {
    return parseExactJson(text)
  } catch {
    return undefined
  }
}
