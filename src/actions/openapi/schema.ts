/** One schema of OpenAPI 2.0, 3.0 or 3.1 as JSON Schema 2020-12: what is known and well-formed is kept, all else is left out. */
import { show } from '../../catalog/issues.ts'
import { explainPattern } from '../../catalog/pattern.ts'
import { isObject } from '../../passthrough/scalar.ts'
import { translatePattern } from '../validate.ts'
import { type Node, type OpenApiDocument, textOf } from './document.ts'

export interface Conversion {
  readonly version: OpenApiDocument['version']
  readonly warn: (warning: string) => void
  /** What stands for a reference. */
  readonly refer: (reference: string, depth: number) => { readonly schema: unknown; readonly isInline: boolean }
  /** True for a property that only answers have. */
  readonly isReadOnly: (property: Node) => boolean
}

const maxDepth = 64
const maxTextLength = 1000
const maxValueLength = 4000
/** Of an enum. Without some of its values it would refuse what the vendor takes. */
const maxValues = 2000

const typeNames: ReadonlySet<unknown> = new Set(['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'])
const counts = ['maxLength', 'minLength', 'maxItems', 'minItems', 'maxProperties', 'minProperties'] as const
const figures = ['maximum', 'minimum', 'exclusiveMaximum', 'exclusiveMinimum', 'multipleOf'] as const
const flags = ['uniqueItems', 'deprecated', 'writeOnly'] as const
const texts = ['title', 'description', 'format', 'contentEncoding', 'contentMediaType'] as const
const single = ['not', 'contains', 'propertyNames', 'if', 'then', 'else'] as const
const lists = ['allOf', 'anyOf', 'oneOf', 'prefixItems'] as const

/** Anything may be in it: it comes from a stranger. */
export function convertSchema(schema: unknown, conversion: Conversion, depth = 0): unknown {
  if (typeof schema === 'boolean') return schema
  if (!isObject(schema) || depth > maxDepth) return {}
  const convert = (inner: unknown) => convertSchema(inner, conversion, depth + 1)
  if (typeof schema.$ref === 'string') return convertReference(schema, conversion, depth)
  const converted: Record<string, unknown> = {
    ...convertTexts(schema),
    ...convertType(schema, conversion),
    ...convertFigures(schema),
    ...convertPattern(schema, conversion),
    ...convertProperties(schema, conversion, convert),
    ...convertItems(schema, convert),
  }
  for (const name of single) if (isSchema(schema[name])) converted[name] = convert(schema[name])
  for (const name of lists) {
    const members = schema[name]
    if (Array.isArray(members) && members.length > 0) converted[name] = members.map(convert)
  }
  // Where a property tells the forms apart, several may fit by their shape alone.
  if (isObject(schema.discriminator) && converted.oneOf !== undefined && converted.anyOf === undefined) {
    converted.anyOf = converted.oneOf
    delete converted.oneOf
  }
  return isNullable(schema) ? withNull(converted) : converted
}

/** Beside a reference older versions allow nothing; a remark does no harm. */
function convertReference(schema: Node, conversion: Conversion, depth: number): unknown {
  const { $ref: reference, ...own } = schema
  const { schema: target, isInline } = conversion.refer(String(reference), depth)
  const description = textOf(own.description, maxTextLength)
  const beside: unknown =
    conversion.version === '3.1' ? convertSchema(own, conversion, depth + 1) : description === '' ? {} : { description }
  const referred = { ...(isInline && isObject(target) ? target : {}), ...objectOrNone(beside) }
  const whole = isInline ? (isObject(target) ? referred : target) : { ...objectOrNone(target), ...objectOrNone(beside) }
  return isNullable(schema) && isObject(whole) ? withNull(whole) : whole
}

function convertTexts(schema: Node): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const name of texts) {
    const text = textOf(schema[name], maxTextLength)
    if (text !== '') kept[name] = text
  }
  for (const name of flags) if (schema[name] === true) kept[name] = true
  if (isModest(schema.default)) kept.default = schema.default
  const examples = Array.isArray(schema.examples) ? schema.examples : [schema.example]
  const modest = examples.filter(isModest).slice(0, 3)
  if (modest.length > 0) kept.examples = modest
  return kept
}

function convertType(schema: Node, { version, warn }: Conversion): Record<string, unknown> {
  const written = Array.isArray(schema.type) ? schema.type : [schema.type]
  if (written.includes('file')) return { type: 'string', contentEncoding: 'base64' }
  const types = [...new Set(written)].filter(name => typeNames.has(name))
  const [only] = types
  const kept: Record<string, unknown> = types.length === 0 ? {} : { type: types.length === 1 ? only : types }
  if (Array.isArray(schema.enum) && schema.enum.length > maxValues) {
    warn(
      `The enum of ${schema.enum.length} values from ${show(schema.enum[0])} is longer than ${maxValues}: it is not checked.`,
    )
  } else if (Array.isArray(schema.enum) && schema.enum.length > 0) {
    kept.enum = [...new Set(schema.enum.map(value => (types.length === 1 ? coerce(value, only) : value)))]
  }
  if (version === '3.1' && Object.hasOwn(schema, 'const') && isModest(schema.const)) kept.const = schema.const
  return kept
}

/** YAML reads `1` and `true` as what they look like, whatever the schema says that they are. */
function coerce(value: unknown, type: unknown): unknown {
  if (type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return String(value)
  return type === 'integer' || type === 'number' ? (figureOf(value) ?? value) : value
}

/** A number, or a text that is one. */
function figureOf(value: unknown): number | undefined {
  const figure = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof figure === 'number' && Number.isFinite(figure) ? figure : undefined
}

function convertFigures(schema: Node): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const name of counts) {
    const count = figureOf(schema[name])
    if (Number.isInteger(count) && Number(count) >= 0) kept[name] = count
  }
  for (const name of figures) {
    const figure = figureOf(schema[name])
    if (figure !== undefined && (name !== 'multipleOf' || figure > 0)) kept[name] = figure
  }
  // A word about `minimum` in 2.0 and 3.0, a figure of its own since.
  for (const [name, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (schema[name] !== true || kept[bound] === undefined) continue
    kept[name] = kept[bound]
    delete kept[bound]
  }
  return kept
}

function convertPattern({ pattern }: Node, { warn }: Conversion): Record<string, unknown> {
  return typeof pattern === 'string' && isTakenPattern(pattern, warn) ? { pattern } : {}
}

function isTakenPattern(pattern: string, warn: Conversion['warn']): boolean {
  const refusal = explainTranslated(pattern)
  if (refusal === undefined) return true
  warn(`The pattern ${JSON.stringify(pattern.slice(0, 100))} is not checked: it would take ${refusal.slice(0, 200)}.`)
  return false
}

function explainTranslated(pattern: string): string | undefined {
  try {
    return explainPattern(translatePattern(pattern))
  } catch {
    return 'a pattern in RE2 syntax'
  }
}

function convertProperties(
  schema: Node,
  { warn, isReadOnly }: Conversion,
  convert: (schema: unknown) => unknown,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  const gone = new Set<unknown>(['__proto__'])
  if (isObject(schema.properties)) {
    const properties = Object.entries(schema.properties).filter(([name, property]) => {
      if (isObject(property) && isReadOnly(property)) gone.add(name)
      return !gone.has(name)
    })
    kept.properties = Object.fromEntries(properties.map(([name, property]) => [name, convert(property)]))
  }
  if (isObject(schema.patternProperties)) {
    const taken = Object.entries(schema.patternProperties).filter(([pattern]) => isTakenPattern(pattern, warn))
    kept.patternProperties = Object.fromEntries(taken.map(([pattern, property]) => [pattern, convert(property)]))
  }
  const required = Array.isArray(schema.required) ? schema.required : []
  const needed = [...new Set(required)].filter(name => typeof name === 'string' && !gone.has(name))
  if (needed.length > 0) kept.required = needed
  for (const name of ['additionalProperties', 'unevaluatedProperties'] as const)
    if (isSchema(schema[name])) kept[name] = convert(schema[name])
  if (isObject(schema.dependentRequired)) {
    const dependent = Object.entries(schema.dependentRequired).map(([name, names]) => [
      name,
      Array.isArray(names) ? names.filter(each => typeof each === 'string') : [],
    ])
    kept.dependentRequired = Object.fromEntries(dependent)
  }
  return kept
}

function convertItems({ items }: Node, convert: (schema: unknown) => unknown): Record<string, unknown> {
  if (Array.isArray(items)) return items.length === 0 ? {} : { prefixItems: items.map(convert) }
  return isSchema(items) ? { items: convert(items) } : {}
}

function isNullable(schema: Node): boolean {
  return schema.nullable === true || schema['x-nullable'] === true
}

function withNull(schema: Node): Node {
  const { type, enum: values } = schema
  if (type === undefined && values === undefined) {
    return schema.$ref !== undefined || schema.allOf !== undefined ? { anyOf: [schema, { type: 'null' }] } : schema
  }
  const types = type === undefined ? undefined : [...new Set([type, 'null'].flat())]
  return {
    ...schema,
    ...(types === undefined ? {} : { type: types }),
    ...(Array.isArray(values) && !values.includes(null) ? { enum: [...values, null] } : {}),
  }
}

function isSchema(value: unknown): boolean {
  return isObject(value) || typeof value === 'boolean'
}

function objectOrNone(value: unknown): Node {
  return isObject(value) ? value : {}
}

/** A remark that nobody would read to its end is none. */
function isModest(value: unknown): boolean {
  if (value === undefined) return false
  if (typeof value === 'string') return value.length <= maxValueLength
  return (JSON.stringify(value) ?? '').length <= maxValueLength
}
