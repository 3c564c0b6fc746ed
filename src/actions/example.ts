/** An input for an action that its schema takes: what documents give as examples, and made-up values for the rest. */
import { isObject } from '../passthrough/scalar.ts'
import type { ActionInput, JsonSchema } from './action.ts'
import { samplePattern } from './sample-pattern.ts'
import { memberOf, resolveSchema, typesOf } from './schema-facts.ts'
import { compilePattern } from './validate.ts'

type Schema = Readonly<Record<string, unknown>>

/** How values are chosen. */
interface Choice {
  readonly root: JsonSchema
  /** False when what documents give as examples is no help. */
  readonly usesExamples: boolean
  /** Names of optional fields are left out but for those with an example. */
  readonly withOptional: boolean
  /** Which branch of alternatives is taken. */
  readonly branch: number
}

const maxDepth = 12

/**
 * The first that fits: what is given for the whole body, then the needed fields with the examples of the schema, then with
 * values made up. Undefined when none fits.
 * @param given fields that somebody gave values for
 */
export function findExample(
  root: JsonSchema,
  fits: (input: ActionInput) => boolean,
  given?: ActionInput | undefined,
): ActionInput | undefined {
  for (const input of candidates(root, given)) if (fits(input)) return input
  return undefined
}

function* candidates(root: JsonSchema, given: ActionInput | undefined): Generator<ActionInput> {
  const make = (choice: Omit<Choice, 'root'>) => {
    const value = sample(root, { root, ...choice }, 0)
    return isObject(value) ? value : {}
  }
  const needed = make({ usesExamples: true, withOptional: false, branch: 0 })
  if (given !== undefined) yield { ...needed, ...given }
  yield make({ usesExamples: true, withOptional: true, branch: 0 })
  yield needed
  for (const branch of [0, 1, 2]) {
    yield make({ usesExamples: true, withOptional: false, branch })
    yield make({ usesExamples: false, withOptional: false, branch })
  }
}

function sample(schema: unknown, choice: Choice, depth: number): unknown {
  if (!isObject(schema)) return 'text'
  const resolved = resolveSchema(choice.root, schema)
  const given = givenValue(resolved, choice)
  if (given !== undefined) return given
  if (depth > maxDepth) return null
  const { allOf, anyOf, oneOf } = resolved
  const alternatives = [anyOf, oneOf].find(Array.isArray)
  const chosen = alternatives?.[Math.min(choice.branch, alternatives.length - 1)]
  const merged = merge(
    [resolved, ...(Array.isArray(allOf) ? allOf : []), ...(chosen === undefined ? [] : [chosen])],
    choice,
  )
  const mergedGiven = givenValue(merged, choice)
  return mergedGiven ?? sampleByType(merged, choice, depth)
}

function givenValue(schema: Schema, { usesExamples }: Choice): unknown {
  if ('const' in schema) return schema.const
  const [example] = usesExamples && Array.isArray(schema.examples) ? schema.examples : []
  if (example !== undefined) return example
  if (usesExamples && schema.default !== undefined && schema.default !== null) return schema.default
  return Array.isArray(schema.enum) ? (schema.enum.find(value => value !== null) ?? null) : undefined
}

/** All of them as one schema, as far as examples go. */
function merge(schemas: readonly unknown[], { root }: Choice): Schema {
  let merged: Schema = {}
  const waiting = schemas.map(schema => resolveSchema(root, schema))
  for (const schema of waiting.slice(0, 50)) {
    const { properties, required, allOf, ...own } = schema
    merged = {
      ...merged,
      ...own,
      properties: { ...objectOf(merged.properties), ...objectOf(properties) },
      required: [...new Set([...listOf(merged.required), ...listOf(required)])],
    }
    if (schema !== waiting[0] && Array.isArray(allOf)) waiting.push(...allOf.map(inner => resolveSchema(root, inner)))
  }
  const hasProperties = Object.keys(objectOf(merged.properties)).length > 0
  return hasProperties && merged.type === undefined ? { ...merged, type: 'object' } : merged
}

function sampleByType(schema: Schema, choice: Choice, depth: number): unknown {
  const type = typesOf(schema).find(name => name !== 'null') ?? typesOf(schema)[0] ?? inferType(schema)
  switch (type) {
    case 'object':
      return sampleObject(schema, choice, depth)
    case 'array':
      return sampleArray(schema, choice, depth)
    case 'integer':
    case 'number':
      return sampleNumber(schema, type)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return sampleText(schema)
  }
}

/** What is said of values of one type only tells the type. */
const figures = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'] as const
const forObjects = ['properties', 'required', 'additionalProperties', 'patternProperties'] as const

function inferType(schema: Schema): string {
  if (schema.items !== undefined || schema.prefixItems !== undefined) return 'array'
  if (figures.some(name => schema[name] !== undefined)) return 'number'
  return forObjects.some(name => Object.keys(Object(schema[name])).length > 0) ? 'object' : 'string'
}

function sampleObject(schema: Schema, choice: Choice, depth: number): unknown {
  const required = listOf(schema.required).filter(name => typeof name === 'string')
  const optional = Object.entries(objectOf(schema.properties)).flatMap(([name, property]) =>
    choice.withOptional && depth === 0 && hasExample(property, choice) ? [name] : [],
  )
  const names = new Set([...required, ...optional])
  const entries = [...names].map(name => [
    name,
    sample(memberOf(schema.properties, name) ?? schema.additionalProperties, choice, depth + 1),
  ])
  const least = Math.min(Number(schema.minProperties ?? 0), 20)
  for (const [name, property] of Object.entries(objectOf(schema.properties))) {
    if (entries.length >= least || names.has(name)) continue
    entries.push([name, sample(property, choice, depth + 1)])
  }
  for (let count = entries.length; count < least; count += 1) {
    entries.push([`key${count + 1}`, sample(schema.additionalProperties, choice, depth + 1)])
  }
  return Object.fromEntries(entries)
}

function hasExample(property: unknown, { root }: Choice): boolean {
  return Array.isArray(resolveSchema(root, property).examples)
}

function sampleArray(schema: Schema, choice: Choice, depth: number): unknown {
  const least = Math.min(Number(schema.minItems ?? 1), 20)
  const fixed = listOf(schema.prefixItems).map(item => sample(item, choice, depth + 1))
  if (fixed.length > 0 || schema.maxItems === 0) return fixed
  const item = sample(schema.items ?? {}, choice, depth + 1)
  if (schema.uniqueItems !== true) return Array.from({ length: Math.max(least, 1) }, () => item)
  const options = listOf(resolveSchema(choice.root, schema.items).enum)
  return Array.from({ length: Math.max(least, 1) }, (_, index) =>
    index === 0 ? item : (options[index] ?? `${item}${index + 1}`),
  )
}

function sampleNumber(schema: Schema, type: string): number {
  const step = Number(schema.multipleOf ?? 1)
  const gap = type === 'integer' ? 1 : 0.5
  const least = Number(schema.minimum ?? Number(schema.exclusiveMinimum ?? 0) + gap)
  const most = Number(schema.maximum ?? Number(schema.exclusiveMaximum ?? Number.POSITIVE_INFINITY) - gap)
  const wanted = Math.min(Math.max(1, least), most)
  // Past 15 digits a double has what its factors did not: 15 × 0.07 is 1.05.
  return type === 'integer' || schema.multipleOf !== undefined
    ? Number((Math.ceil(wanted / step) * step).toPrecision(15))
    : wanted
}

const byFormat: Readonly<Record<string, string>> = {
  date: '2026-01-31',
  'date-time': '2026-01-31T09:30:00Z',
  time: '09:30:00Z',
  email: 'ada@example.com',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  uuid: '0198c0de-0000-7000-8000-000000000001',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  byte: 'dGV4dA==',
}

function sampleText(schema: Schema): string {
  const { format, pattern, contentEncoding } = schema
  const least = Math.min(Number(schema.minLength ?? 0), 10_000)
  const most = Number(schema.maxLength ?? Number.POSITIVE_INFINITY)
  const fit = (text: string) => text.padEnd(least, text === '' ? 'a' : text).slice(0, most)
  if (typeof pattern === 'string') {
    const matches = compilePattern(pattern)
    const isMatch = (text: string) => text.length >= least && text.length <= most && matches.test(text)
    return [...Object.values(byFormat), ...samplePattern(pattern)].find(isMatch) ?? fit('text')
  }
  if (contentEncoding === 'base64') return fit('dGV4dA==')
  return fit((typeof format === 'string' && Object.hasOwn(byFormat, format) && byFormat[format]) || 'text')
}

function objectOf(value: unknown): Schema {
  return isObject(value) ? value : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
