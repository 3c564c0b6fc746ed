/** The scalars: JSON whose numbers keep their digits both ways, and RFC 3339 times. */
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql'
import { GraphQLDateTime } from 'graphql-scalars'
import { exactNumber } from '../passthrough/exact-json.ts'
import { describeKind, isObject } from '../passthrough/scalar.ts'

type Variables = Readonly<Record<string, unknown>> | null | undefined

export const jsonScalar: GraphQLScalarType = new GraphQLScalarType({
  name: 'JSON',
  description:
    'Any JSON value. No number is rounded: those of a vendor come out as they were spelled; those that go in keep their value, but may be spelled the usual way (1.10 becomes 1.1).',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: value => value,
  parseValue: value => value,
  parseLiteral: (node, variables) => literalValue(node, variables),
})

export const jsonObjectScalar: GraphQLScalarType<Record<string, unknown>> = new GraphQLScalarType({
  name: 'JSONObject',
  description:
    'A JSON object. No number in it is rounded; one that goes in keeps its value, but may be spelled the usual way (1.10 becomes 1.1).',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
  serialize: requireObject,
  parseValue: requireObject,
  parseLiteral: (node, variables) => requireObject(literalValue(node, variables), node),
})

export const dateTimeScalar: GraphQLScalarType<Date> = new GraphQLScalarType({
  name: 'DateTime',
  description: 'A point in time as RFC 3339 text, for example `2026-11-21T09:30:00Z`.',
  serialize: value => GraphQLDateTime.serialize(value),
  parseValue: value => readTime(value),
  parseLiteral: node => readTime(node.kind === Kind.STRING ? node.value : literalValue(node, undefined), node),
  extensions: GraphQLDateTime.extensions,
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

function requireObject(value: unknown, node?: ValueNode): Record<string, unknown> {
  if (isObject(value)) return value
  throw new GraphQLError(`JSONObject takes a JSON object; got ${describeKind(value)}.`, { nodes: node })
}

function readTime(value: unknown, node?: ValueNode): Date {
  try {
    return GraphQLDateTime.parseValue(value)
  } catch {
    // Not the text itself: whoever mixes two fields up may have put a credential here.
    const got = typeof value === 'string' ? `a text of ${value.length} characters` : describeKind(value)
    const message = `DateTime takes RFC 3339 text such as 2026-11-21T09:30:00Z; got ${got}.`
    throw new GraphQLError(message, { nodes: node })
  }
}
