/** The input of an action as it is checked and as it is sent: bounded, well-formed, without nulls that mean nothing. */
import { GatewayError, invalidFields, invalidInput } from '../errors.ts'
import type { ActionInput, JsonSchema } from './action.ts'
import { acceptsNull } from './schema-facts.ts'

export interface PreparedInput {
  /** As it is sent: numbers keep their digits, files are files. */
  readonly values: ActionInput
  /** As a JSON Schema sees it: plain numbers, and an empty text for each file. */
  readonly view: Readonly<Record<string, unknown>>
}

const maxValues = 100_000
const maxDepth = 64

/**
 * A null for a field that takes none counts as left out: that is what an absent variable becomes in GraphQL.
 * @throws {GatewayError} INVALID_INPUT, REQUEST_TOO_LARGE
 */
export function prepareInput(schema: JsonSchema, input: ActionInput): PreparedInput {
  const values = Object.fromEntries(
    Object.entries(input).filter(([field, value]) => value !== null || acceptsNull(schema, field)),
  )
  let count = 0
  function look(value: unknown, path: string, depth: number): unknown {
    count += 1
    if (count > maxValues) {
      throw new GatewayError('REQUEST_TOO_LARGE', `The input of an action has at most ${maxValues} values.`)
    }
    if (typeof value === 'string') return lookAtText(value, path)
    if (typeof value !== 'object' || value === null) return value
    if (JSON.isRawJSON(value)) return JSON.parse(value.rawJSON)
    if (value instanceof Blob) return ''
    if (depth === maxDepth) throw invalidInput(path, `${path} is nested deeper than ${maxDepth} levels.`)
    if (Array.isArray(value)) return value.map((item, index) => look(item, `${path}.${index}`, depth + 1))
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [lookAtText(name, path), look(item, `${path}.${name}`, depth + 1)]),
    )
  }
  return { values, view: look(values, 'input', 0) as Readonly<Record<string, unknown>> }
}

function lookAtText(text: string, path: string): string {
  if (text.isWellFormed()) return text
  const message = `${path} has half of a surrogate pair; it takes well-formed text.`
  throw invalidFields([{ field: path, message }])
}
