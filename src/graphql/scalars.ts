/** The scalars: JSON whose numbers keep their digits both ways, and RFC 3339 times. */
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql'
import { GraphQLDateTime } from 'graphql-scalars'
import { exactNumber } from '../passthrough/exact-json.ts'

type Variables = Readonly<Record<string, unknown>> | null | undefined

export const jsonScalar: GraphQLScalarType = new GraphQLScalarType({
  name: 'JSON',
  description: 'Any JSON value. Numbers keep all their digits, going in and coming out.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: value => value,
  parseValue: value => value,
  parseLiteral: (node, variables) => literalValue(node, variables),
})

export const jsonObjectScalar: GraphQLScalarType<Record<string, unknown>> = new GraphQLScalarType({
  name: 'JSONObject',
  description: 'A JSON object. Numbers keep all their digits, going in and coming out.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
  serialize: requireObject,
  parseValue: requireObject,
  parseLiteral: (node, variables) => requireObject(literalValue(node, variables)),
})

export const dateTimeScalar: GraphQLScalarType<Date> = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  description: 'A point in time as RFC 3339 text, for example `2026-11-21T09:30:00Z`.',
})

function literalValue(node: ValueNode, variables: Variables): unknown {
  switch (node.kind) {
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map(field => [field.name.value, literalValue(field.value, variables)]))
    case Kind.LIST:
      return node.values.map(item => literalValue(item, variables))
    case Kind.INT:
    case Kind.FLOAT:
      return exactNumber(node.value)
    case Kind.VARIABLE:
      return variables?.[node.name.value] ?? null
    case Kind.NULL:
      return null
    default:
      return node.value
  }
}

function requireObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
  throw new GraphQLError(`JSONObject takes a JSON object; got ${got}.`)
}
