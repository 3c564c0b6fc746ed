/** Whether an input fits a JSON Schema: compiled once, bounded in time, told field by field. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { RE2JS } from 're2js'
import { show } from '../catalog/issues.ts'
import { type ErrorDetail, GatewayError } from '../errors.ts'
import { runWithin } from '../passthrough/run-within.ts'
import type { JsonSchema } from './action.ts'
import { formats } from './formats.ts'
import { isMultiple } from './multiple.ts'
import { Recent } from './recent.ts'
import { memberOf } from './schema-facts.ts'

const maxDetails = 50
const maxNamed = 25
/** Far more than a schema of the largest size takes. */
const compileMs = 5000

/** By the text of their schema. */
const validators = new Recent<ValidateFunction>(500)

/**
 * What is wrong with an input, all of it at once; empty when it fits.
 * @param view plain JSON values
 * @param timeoutMs how long it may hold up the process
 * @throws {GatewayError} BUDGET_EXCEEDED when that is not enough
 */
export function checkInput(schema: JsonSchema, view: unknown, timeoutMs: number): ErrorDetail[] {
  const errors = findErrors(schema, view, timeoutMs)
  const details = new Map<string, ErrorDetail>()
  for (const error of errors) {
    if (details.size === maxDetails) break
    const detail = describeError(error)
    if (!details.has(detail.message)) details.set(detail.message, detail)
  }
  return [...details.values()]
}

function findErrors(schema: JsonSchema, view: unknown, timeoutMs: number): readonly ErrorObject[] {
  const tooMuch = (cause: unknown) => {
    const message = `Checking this input takes more than ${timeoutMs} ms; send less, or the request itself by passthrough.`
    return new GatewayError('BUDGET_EXCEEDED', message, { cause })
  }
  try {
    // Compiled once, and not at the cost of the one who asks first.
    const compile = () => compileSchema(schema)
    const validate = validators.get(JSON.stringify(schema), () => runWithin(compileMs, compile, tooMuch))
    return runWithin(timeoutMs, () => (validate(view) ? [] : (validate.errors ?? [])), tooMuch)
  } catch (error) {
    // A schema that refers to itself without going deeper into the input fills the stack sooner than the time.
    if (Object(error).name === 'RangeError') throw tooMuch(error)
    throw error
  }
}

/** @throws {Error} when the schema is none */
export function compileSchema(schema: JsonSchema): ValidateFunction {
  // A new one each time: it would keep what it compiled for ever.
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: false,
    meta: false,
    validateSchema: false,
    addUsedSchema: false,
    ownProperties: true,
    logger: false,
    formats: { ...formats },
    code: { optimize: false, regExp: Object.assign(compilePattern, { code: 'compilePattern' }) },
  })
  ajv.removeKeyword('multipleOf')
  ajv.addKeyword({ keyword: 'multipleOf', type: 'number', schemaType: 'number', validate: isMultipleBy, errors: false })
  return ajv.compile(schema)
}

/** Ajv divides doubles, for which 19.99 is no multiple of 0.01. */
function isMultipleBy(step: number, value: number): boolean {
  return isMultiple(value, step)
}

/** A pattern of ECMAScript as RE2 has it, which takes linear time. @throws {Error} for one that RE2 does not have */
export function compilePattern(pattern: string): { test: (text: string) => boolean; toString: () => string } {
  const program = RE2JS.compile(translatePattern(pattern))
  // Ajv tells patterns apart by their text.
  return { test: text => program.test(text), toString: () => pattern }
}

export function translatePattern(pattern: string): string {
  return RE2JS.translateRegExp(pattern)
}

function describeError(error: ErrorObject): ErrorDetail {
  const place = error.instancePath.split('/').map(decodeStep).join('.')
  const at = `input${place}`
  const { params, keyword } = error
  const missing: unknown = params.missingProperty
  if (typeof missing === 'string') {
    const because = keyword === 'dependentRequired' ? `${at}.${params.property} needs it` : 'the action needs it'
    return { field: `${at}.${missing}`, message: `${at}.${missing} is missing; ${because}.` }
  }
  const unknown: unknown = params.additionalProperty ?? params.unevaluatedProperty ?? params.propertyName
  if (typeof unknown === 'string') {
    return { field: `${at}.${unknown}`, message: `${at}.${unknown} is unknown; ${at} takes ${namesIn(error)}.` }
  }
  return { field: at, message: `${at} takes ${describeTakes(error)}${describeGot(error)}.` }
}

function describeTakes({ keyword, params, schema, message = 'another value' }: ErrorObject): string {
  switch (keyword) {
    case 'multipleOf':
      return `a multiple of ${schema}`
    case 'type':
      return [params.type].flat().map(describeType).join(' or ')
    case 'enum':
      return `one of ${params.allowedValues.slice(0, maxNamed).map(show).join(', ')}`
    case 'const':
      return show(params.allowedValue)
    case 'format':
      return `the format ${params.format}`
    case 'pattern':
      return `text that matches ${show(params.pattern)}`
    case 'anyOf':
      return 'what at least one of its forms describes'
    case 'oneOf':
      return 'what exactly one of its forms describes'
    default:
      return `a value that ${message}`
  }
}

/** What nobody should read over a shoulder is not repeated. */
function describeGot({ data, parentSchema }: ErrorObject): string {
  const isSecret = memberOf(parentSchema, 'format') === 'password' || memberOf(parentSchema, 'writeOnly') === true
  return isSecret ? '' : `; got ${show(data)}`
}

function namesIn({ parentSchema }: ErrorObject): string {
  const names = Object.keys(parentSchema?.properties ?? {})
  if (names.length === 0) return 'no fields of this kind'
  return names.length > maxNamed ? `${names.slice(0, maxNamed).join(', ')} and others` : names.join(', ')
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
}

function describeType(type: string): string {
  return typeNames[type] ?? type
}

/** RFC 6901. */
function decodeStep(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~')
}
