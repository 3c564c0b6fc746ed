/** How much of the gateway's own work an operation could ask for: every value of its answer, and what has to be looked up for it. */
import { type GraphQLSchema, getNamedType, isCompositeType, isListType, isNonNullType, isObjectType } from 'graphql'
import type { PriceList } from './graphql-cost.ts'

/** Of one operation: tenths of a second of work. Introspection as tools do it weighs a sixth of it. */
export const maxWeight = 100_000

/** A statement to the store, or what takes as long. */
const lookup = 300
/** The whole catalog, with the settings of the workspace over it. */
const catalog = 1500
/** One thing by its name or id: most come together in one statement. */
const single = 100

/** What is dearer than the value that it is. */
const dear: Readonly<Record<string, number>> = {
  // Made from the definition of an action, which is parsed for it.
  'Action.inputSchema': 20,
  'Action.parameters': 20,
  'Action.example': 30,
  'Call.exchange': lookup,
  'CallStats.buckets': lookup,
  'CallStats.total': lookup,
  'Connection.connectUrl': single,
  'Connection.rateLimit': 20,
  'Integration.openApiImports': lookup,
  'PassthroughResult.downloadUrl': 20,
  'Query.integrations': catalog,
  'Query.integrationFacets': catalog,
  'QueryConnectionsConnection.totalCount': lookup,
  'Viewer.workspace': single,
}

/** What lists have at most, or as good as, where nobody says how many; all others are short. */
const lengths: Readonly<Record<string, number>> = {
  'CallStats.buckets': 1000,
  'Query.connectionCounts': 1000,
  'ImportOpenApiPayload.skipped': 1000,
  'Action.parameters': 20,
  'PassthroughResult.headers': 20,
}
const shortLength = 10

/** @param schema whose own description is a list, too: it has as many types and fields as there are */
export function createWeights(schema: GraphQLSchema): PriceList {
  const described = lengthsOfDescription(schema)
  return {
    own(type, name, field) {
      const known = dear[`${type}.${name}`]
      if (known !== undefined || field === undefined) return known ?? 1
      if (!isCompositeType(getNamedType(field.type)) || field.args.length === 0) return 1
      if (type.startsWith('__')) return 1
      return field.args.some(({ name }) => name === 'first') ? lookup : single
    },
    items(type, name, field) {
      const place = `${type.name}.${name}`
      const known = described[place] ?? lengths[place]
      if (known !== undefined) return known
      const isPage = isObjectType(type) && 'pageInfo' in type.getFields()
      return isPage || !isListType(isNonNullType(field.type) ? field.type.ofType : field.type) ? 1 : shortLength
    },
  }
}

/** On average: the whole description is as long as these say. */
function lengthsOfDescription(schema: GraphQLSchema): Readonly<Record<string, number>> {
  const types = Object.values(schema.getTypeMap())
  const perType = (count: number) => count / types.length
  const fields = types.flatMap(type =>
    'getFields' in type ? Object.values(type.getFields() as Record<string, { args?: readonly unknown[] }>) : [],
  )
  const values = types.flatMap(type => ('getValues' in type ? type.getValues() : []))
  const args = fields.flatMap(field => field.args ?? [])
  return {
    '__Schema.types': types.length,
    '__Type.fields': perType(fields.filter(field => field.args !== undefined).length),
    '__Type.inputFields': perType(fields.filter(field => field.args === undefined).length),
    '__Type.enumValues': perType(values.length),
    '__Type.interfaces': 1,
    '__Type.possibleTypes': 1,
    // Few types are lists of what may not be null of lists.
    '__Type.ofType': 0.5,
    '__Field.args': args.length / fields.length,
    '__Directive.args': 1,
  }
}
