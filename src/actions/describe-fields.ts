/** The fields of an action's input as a form shows them. */
import type { ActionDefinition } from './action.ts'
import { fieldSchema, typesOf } from './schema-facts.ts'

export interface ActionField {
  readonly name: string
  /** The part of the request that it goes into. */
  readonly in: 'PATH' | 'QUERY' | 'HEADER' | 'COOKIE' | 'BODY'
  /** JSON Schema's word, several joined by a bar; `any` when nothing is said. */
  readonly type: string
  readonly required: boolean
  readonly description: string | null
  readonly default: unknown
  readonly enum: readonly unknown[] | null
  readonly example: unknown
}

/** In the order of the schema. */
export function describeFields({ input, parameters, example }: ActionDefinition): ActionField[] {
  const required = Array.isArray(input.required) ? input.required : []
  return Object.keys(Object(input.properties)).map(name => {
    const schema = fieldSchema(input, name)
    const place = parameters.find(parameter => parameter.field === name)?.in ?? 'body'
    const [given] = Array.isArray(schema.examples) ? schema.examples : []
    const made = example !== undefined && Object.hasOwn(example, name) ? example[name] : undefined
    return {
      name,
      in: place.toUpperCase() as ActionField['in'],
      type: typesOf(schema).join('|') || 'any',
      required: required.includes(name),
      description: typeof schema.description === 'string' ? schema.description : null,
      default: schema.default ?? null,
      enum: Array.isArray(schema.enum) ? schema.enum : null,
      example: given ?? made ?? null,
    }
  })
}
