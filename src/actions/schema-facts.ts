/** What a JSON Schema says of single fields: for forms, for examples, and for nulls. */
import { isObject } from '../passthrough/scalar.ts'
import type { JsonSchema } from './action.ts'

const maxHops = 20

/** What a schema refers to, along with what it says itself; an empty schema where that cannot be found. */
export function resolveSchema(root: JsonSchema, schema: unknown): Readonly<Record<string, unknown>> {
  let found = isObject(schema) ? schema : {}
  for (let hop = 0; hop < maxHops && typeof found.$ref === 'string'; hop += 1) {
    const { $ref: reference, ...own } = found
    const name = /^#\/\$defs\/(.+)$/.exec(String(reference))?.[1]
    const target = name === undefined ? undefined : memberOf(memberOf(root, '$defs'), name)
    found = { ...(isObject(target) ? target : {}), ...own }
  }
  return found
}

/** The own member of that name; undefined when there is none. */
export function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** The schema of a field of the input, with what it refers to. */
export function fieldSchema(root: JsonSchema, field: string): Readonly<Record<string, unknown>> {
  return resolveSchema(root, memberOf(root.properties, field))
}

/** How many schemas a schema consists of, itself included: what it costs to compile. */
export function countSchemas(schema: unknown): number {
  if (!isObject(schema)) return 0
  const maps = [schema.properties, schema.patternProperties, schema.$defs].flatMap(map => Object.values(Object(map)))
  const lists = [schema.allOf, schema.anyOf, schema.oneOf, schema.prefixItems].flat()
  const single = [
    'items',
    'additionalProperties',
    'unevaluatedProperties',
    'not',
    'contains',
    'propertyNames',
    'if',
    'then',
    'else',
  ]
  const inner = [...maps, ...lists, ...single.map(name => schema[name])]
  return inner.reduce((sum: number, each) => sum + countSchemas(each), 1)
}

/** Empty when any type will do. */
export function typesOf(schema: Readonly<Record<string, unknown>>): string[] {
  const { type } = schema
  return (Array.isArray(type) ? type : [type]).filter(name => typeof name === 'string')
}

/** Whether null is a value of the field, or nothing is said against it. */
export function acceptsNull(root: JsonSchema, field: string): boolean {
  return admitsNull(root, memberOf(root.properties, field), 0)
}

function admitsNull(root: JsonSchema, schema: unknown, depth: number): boolean {
  if (schema === undefined || schema === true || depth > maxHops) return true
  if (schema === false) return false
  const resolved = resolveSchema(root, schema)
  const types = typesOf(resolved)
  if (types.length > 0 && !types.includes('null')) return false
  if ('const' in resolved && resolved.const !== null) return false
  if (Array.isArray(resolved.enum) && !resolved.enum.includes(null)) return false
  const admits = (inner: unknown) => admitsNull(root, inner, depth + 1)
  for (const name of ['anyOf', 'oneOf'] as const) {
    const branches = resolved[name]
    if (Array.isArray(branches) && !branches.some(admits)) return false
  }
  return !Array.isArray(resolved.allOf) || resolved.allOf.every(admits)
}
