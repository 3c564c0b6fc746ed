/** Whether the example of a hand-written action is an input of it, as far as each value by itself tells. */
import { RE2JS } from 're2js'

type Schema = Readonly<Record<string, unknown>>

/** What is wrong, and what is taken there instead as a noun phrase. */
export interface Misfit {
  readonly path: readonly (string | number)[]
  readonly takes: string
}

/** A schema may refer to itself again and again: what is not found by then is left to whoever calls the action. */
const maxLooks = 10_000
const maxDepth = 200

/** @param root a JSON Schema of an object; formats and what few schemas say are not looked at */
export function findMisfits(root: Schema, example: unknown): Misfit[] {
  let looks = 0
  let depth = 0
  function look(written: unknown, value: unknown, path: readonly (string | number)[]): Misfit[] {
    const schema = resolve(root, written)
    if (looks === maxLooks || depth === maxDepth || schema === undefined) return []
    looks += 1
    depth += 1
    const found = compare(schema, value, path)
    depth -= 1
    return found
  }
  function compare(schema: Schema, value: unknown, path: readonly (string | number)[]): Misfit[] {
    const takes = explainValue(schema, value)
    if (takes !== undefined) return [{ path, takes }]
    const forms = [schema.anyOf, schema.oneOf].filter(Array.isArray)
    if (forms.some(branches => branches.every((branch: unknown) => look(branch, value, path).length > 0)))
      return [{ path, takes: 'what one of its forms describes' }]
    const all = Array.isArray(schema.allOf) ? schema.allOf : []
    return [...all.flatMap((part: unknown) => look(part, value, path)), ...lookInside(schema, value, path)]
  }
  function lookInside(schema: Schema, value: unknown, path: readonly (string | number)[]): Misfit[] {
    if (Array.isArray(value)) {
      return schema.items === undefined
        ? []
        : value.flatMap((item, index) => look(schema.items, item, [...path, index]))
    }
    if (!isRecord(value)) return []
    const { required, additionalProperties } = schema
    const names = Array.isArray(required) ? required.filter(name => !Object.hasOwn(value, String(name))) : []
    const missing = names.map(name => ({ path: [...path, String(name)], takes: 'a value: the field is required' }))
    const own = Object.entries(value).flatMap(([name, item]) => {
      const property = memberOf(schema.properties, name)
      if (property !== undefined) return look(property, item, [...path, name])
      if (additionalProperties === false && schema.patternProperties === undefined)
        return [{ path: [...path, name], takes: 'no value: there is no such field' }]
      return isRecord(additionalProperties) ? look(additionalProperties, item, [...path, name]) : []
    })
    return [...missing, ...own]
  }
  return look(root, example, [])
}

function explainValue(schema: Schema, value: unknown): string | undefined {
  const types = [schema.type].flat().filter(type => typeof type === 'string')
  if (types.length > 0 && !types.some(type => isOfType(type, value))) return types.join(' or ')
  if (Array.isArray(schema.enum) && !schema.enum.some(each => isSame(each, value)))
    return `one of ${JSON.stringify(schema.enum).slice(1, -1).slice(0, 200)}`
  if ('const' in schema && !isSame(schema.const, value)) return String(JSON.stringify(schema.const)).slice(0, 200)
  if (typeof value === 'number') return explainFigure(schema, value)
  return typeof value === 'string' ? explainText(schema, value) : undefined
}

function explainFigure({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema, value: number) {
  if (typeof minimum === 'number' && value < minimum) return `at least ${minimum}`
  if (typeof maximum === 'number' && value > maximum) return `at most ${maximum}`
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) return `more than ${exclusiveMinimum}`
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) return `less than ${exclusiveMaximum}`
  return undefined
}

/** Lengths are counted in code points, as JSON Schema does. */
function explainText({ minLength, maxLength, pattern }: Schema, value: string): string | undefined {
  const length = [...value].length
  if (typeof minLength === 'number' && length < minLength) return `at least ${minLength} characters`
  if (typeof maxLength === 'number' && length > maxLength) return `at most ${maxLength} characters`
  if (typeof pattern !== 'string' || RE2JS.compile(RE2JS.translateRegExp(pattern)).test(value)) return undefined
  return `text that matches ${pattern}`
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isRecord(value)
    case 'null':
      return value === null
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type
    default:
      return true
  }
}

function resolve(root: Schema, written: unknown): Schema | undefined {
  let schema = written
  for (let hop = 0; hop < 20 && isRecord(schema) && typeof schema.$ref === 'string'; hop += 1) {
    const name = /^#\/\$defs\/([^/]+)$/.exec(schema.$ref)?.[1]
    schema = name === undefined ? undefined : memberOf(root.$defs, name)
  }
  return isRecord(schema) ? schema : undefined
}

function memberOf(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

function isRecord(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
