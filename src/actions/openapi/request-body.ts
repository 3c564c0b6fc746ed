/** The body of an operation as fields of its input: the properties of an object one by one, anything else as `body`. */
import { parseMediaType } from '../../passthrough/media-type.ts'
import { isObject } from '../../passthrough/scalar.ts'
import type { ActionBody } from '../action.ts'
import { countSchemas, resolveSchema } from '../schema-facts.ts'
import { type BodyType, chooseType, isFileForm, isStructured, isText } from './body-type.ts'
import { followTo, listOf, type Node, objectOf, textOf } from './document.ts'
import { encodingOf, withFiles } from './form-encoding.ts'
import type { ParameterParts } from './parameters.ts'

export interface AddedBody {
  readonly body: ActionBody
  /** What the schema of the input says besides its fields. */
  readonly others: Readonly<Record<string, unknown>>
  /** As the document gives it: of the whole body. */
  readonly example: unknown
}

const maxLength = 160 * 1024
const maxSchemas = 1000
const maxFlatFields = 500

/** Undefined for an operation without one. @throws {Error} for one that is described elsewhere or cannot be written */
export function addBody(requestBody: unknown, parts: ParameterParts): AddedBody | undefined {
  const { document } = parts.schemas
  const { content, required, description } = followTo(document, requestBody, 'body')
  const chosen = chooseType(document, objectOf(content))
  if (chosen === undefined) return undefined
  const { mediaType, contentType } = chosen
  const isRequired = required === true
  const { essence } = parseMediaType(contentType)
  if (!isStructured(essence)) return addOpaque(chosen, description, isRequired, parts)
  const schema = bounded(parts.schemas.convert(mediaType.schema ?? {}, parts.references), parts)
  const { $defs } = parts.schemas.collect(parts.references)
  const own = isFileForm(essence) ? withFiles(schema, mediaType.encoding, $defs) : { schema, files: [] }
  const encoding = encodingOf(mediaType.encoding, own.files)
  const flat = flatten(own.schema, parts)
  const example = exampleOf(mediaType)
  if (flat === undefined) return { ...addWhole(contentType, own.schema, isRequired, parts, encoding), example }
  for (const [name, property] of Object.entries(flat.properties))
    parts.fields.add(name, 'body', property, isRequired && flat.required.includes(name))
  const body = { contentType, template: '{*}', required: isRequired, ...(encoding && { encoding }) }
  return { body, others: { ...flat.others, ...(isRequired ? {} : dependOnEachOther(flat)) }, example }
}

function addWhole(
  contentType: string,
  schema: unknown,
  isRequired: boolean,
  parts: ParameterParts,
  encoding?: ActionBody['encoding'],
): AddedBody {
  const field = parts.fields.add('body', 'content', schema, isRequired)
  const body = { contentType, template: `{${field}}`, required: isRequired, ...(encoding && { encoding }) }
  return { body, others: {}, example: undefined }
}

/** Texts and bytes as they are. Where the document has a range of types, the input may say which of them it is. */
function addOpaque(
  { contentType, range }: BodyType,
  description: unknown,
  isRequired: boolean,
  parts: ParameterParts,
): AddedBody {
  const { essence } = parseMediaType(contentType)
  const { body, example } = addWhole(
    contentType,
    opaqueSchema(range ?? essence, isText(essence), description),
    isRequired,
    parts,
  )
  if (range === undefined) return { body, others: {}, example }
  const start = range === '*/*' ? '' : range.slice(0, -1)
  const schema = {
    type: 'string',
    pattern: `^${start === '' ? '[A-Za-z]+/' : RegExp.escape(start)}[A-Za-z0-9!#$&^_.+-]+$`,
    description: `The type of the body: ${range}. ${contentType} when absent.`,
  }
  const field = parts.fields.add('contentType', 'header', schema, false)
  parts.fields.parameters.push({ in: 'header', name: 'content-type', field })
  const content = String(body.template).slice(1, -1)
  return { body, others: { dependentRequired: { [field]: [content] } }, example }
}

function opaqueSchema(type: string, isTextual: boolean, description: unknown): Node {
  const said = textOf(description, 1000)
  const how = isTextual ? `Text of the type ${type}, as it is sent.` : `Bytes of the type ${type}, in base64.`
  return {
    type: 'string',
    ...(isTextual ? { contentMediaType: type } : { contentEncoding: 'base64' }),
    description: said === '' ? how : `${said} ${how}`,
  }
}

function bounded(schema: unknown, { warn }: ParameterParts): unknown {
  if (JSON.stringify(schema).length <= maxLength && countSchemas(schema) <= maxSchemas) return schema
  warn('The schema of a body is too long to be kept; anything is taken there.')
  return { type: 'object' }
}

interface Flat {
  readonly properties: Readonly<Record<string, unknown>>
  readonly required: readonly string[]
  readonly others: Readonly<Record<string, unknown>>
}

/** What is said of a whole object would be said of the parameters, too. */
const aboutTheWhole = [
  'minProperties',
  'maxProperties',
  'propertyNames',
  'patternProperties',
  'unevaluatedProperties',
  'not',
  'if',
  'const',
  'enum',
]

/** Undefined for a body that is no plain object, or whose properties have names that parameters have. */
function flatten(schema: unknown, parts: ParameterParts): Flat | undefined {
  const { $defs } = parts.schemas.collect(parts.references)
  const merged = mergeObjects(resolveSchema({ $defs }, schema), $defs, 0)
  if (merged === undefined) return undefined
  const credentialFree = Object.entries(merged.properties).filter(([name]) => !parts.credentials.injects('body', name))
  const names = credentialFree.map(([name]) => name)
  if (names.length === 0 || names.length > maxFlatFields || names.some(name => parts.fields.has(name))) return undefined
  return {
    ...merged,
    properties: Object.fromEntries(credentialFree),
    required: merged.required.filter(name => names.includes(name)),
  }
}

/** The object and those of its `allOf` as one; undefined when they are more than properties. */
function mergeObjects(schema: Node, $defs: Node, depth: number): Flat | undefined {
  const { properties, required, additionalProperties, type, allOf, anyOf, oneOf } = schema
  const isObjectType =
    type === undefined ? properties !== undefined || allOf !== undefined : [type].flat().includes('object')
  if (!isObjectType || depth > 8 || aboutTheWhole.some(name => name in schema)) return undefined
  const alternatives = [...listOf(anyOf), ...listOf(oneOf)]
  if (!alternatives.every(isOnlyAboutPresence)) return undefined
  const members = listOf(allOf).map(member => mergeObjects(resolveSchema({ $defs }, member), $defs, depth + 1))
  if (members.some(member => member === undefined)) return undefined
  const parts = [
    ...members.filter(member => member !== undefined),
    { properties: objectOf(properties), required: listOf(required).map(String) },
  ]
  // With forms of its own: that is for the whole to say.
  if (members.some(member => Object.keys(member?.others ?? {}).length > 1)) return undefined
  // By its letter one closed member would leave no room for the others; what is meant is the whole.
  const isClosed = members.some(member => member?.others.additionalProperties === false)
  return {
    properties: Object.fromEntries(parts.flatMap(part => Object.entries(part.properties))),
    required: [...new Set(parts.flatMap(part => part.required))],
    others: {
      additionalProperties: additionalProperties ?? !isClosed,
      ...(anyOf === undefined ? {} : { anyOf }),
      ...(oneOf === undefined ? {} : { oneOf }),
    },
  }
}

/** `anyOf: [{required: ["a"]}, {required: ["b"]}]` says nothing of what else there may be. */
function isOnlyAboutPresence(schema: unknown): boolean {
  return (
    isObject(schema) && Object.keys(schema).every(name => ['required', 'title', 'description', 'type'].includes(name))
  )
}

/** A body that may be left out is whole or not there. */
function dependOnEachOther({ properties, required }: Flat): Node {
  if (required.length === 0) return {}
  const entries = Object.keys(properties).map(name => [name, required.filter(other => other !== name)] as const)
  return { dependentRequired: Object.fromEntries(entries.filter(([, names]) => names.length > 0)) }
}

function exampleOf({ example, examples }: Node): unknown {
  const [named] = Object.values(objectOf(examples))
  return example ?? objectOf(named).value
}
