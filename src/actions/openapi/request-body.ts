/** The body of an operation as fields of its input: the properties of an object one by one, anything else as `body`. */
import { isJsonType, parseMediaType } from '../../passthrough/media-type.ts'
import { isObject } from '../../passthrough/scalar.ts'
import type { ActionBody, PropertyEncoding } from '../action.ts'
import { countSchemas, resolveSchema } from '../schema-facts.ts'
import type { Style } from '../styles.ts'
import { follow, listOf, type Node, objectOf, textOf } from './document.ts'
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

/** Undefined for an operation without one. @throws {BodyError} for one that cannot be written */
export function addBody(requestBody: unknown, parts: ParameterParts): AddedBody | undefined {
  const { document } = parts.schemas
  const { content, required, description } = objectOf(follow(document, requestBody))
  const chosen = choose(Object.keys(objectOf(content)))
  if (chosen === undefined) return undefined
  const mediaType = objectOf(objectOf(content)[chosen])
  const isRequired = required === true
  const { essence } = parseMediaType(chosen)
  if (!isStructured(essence)) return addWhole(chosen, opaqueSchema(essence, description), isRequired, parts)
  const schema = bounded(parts.schemas.convert(mediaType.schema ?? {}, parts.references), parts)
  const own = isFileForm(essence) ? withFiles(schema, mediaType, parts) : { schema, files: [] }
  const encoding = encodingOf(mediaType.encoding, own.files)
  const flat = flatten(own.schema, parts)
  const example = exampleOf(mediaType)
  if (flat === undefined) return { ...addWhole(chosen, own.schema, isRequired, parts, encoding), example }
  for (const [name, property] of Object.entries(flat.properties))
    parts.fields.add(name, 'body', property, isRequired && flat.required.includes(name))
  const body = { contentType: chosen, template: '{*}', required: isRequired, ...(encoding && { encoding }) }
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

/** JSON before forms, forms before texts, texts before bytes. */
function choose(types: readonly string[]): string | undefined {
  const ranked = types.map(type => ({ type, rank: rankOf(parseMediaType(type).essence) }))
  return ranked.sort((a, b) => a.rank - b.rank)[0]?.type.replace(/^\*\/\*$/, 'application/json')
}

function rankOf(essence: string): number {
  if (essence === 'application/json') return 0
  if (isJsonType(essence) || essence === '*/*') return 1
  if (essence === 'application/x-www-form-urlencoded') return 2
  if (isFileForm(essence)) return 3
  return essence.startsWith('text/') || essence.endsWith('xml') ? 4 : 5
}

function isStructured(essence: string): boolean {
  return rankOf(essence) < 4
}

function isFileForm(essence: string): boolean {
  return essence === 'multipart/form-data'
}

function opaqueSchema(essence: string, description: unknown): Node {
  const said = textOf(description, 1000)
  const isText = rankOf(essence) === 4
  const how = isText ? `Text of the type ${essence}, as it is sent.` : `Bytes of the type ${essence}, in base64.`
  return {
    type: 'string',
    ...(isText ? { contentMediaType: essence } : { contentEncoding: 'base64' }),
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
  const credentialFree = Object.entries(merged.properties).filter(([name]) => !parts.credentials.has('body', name))
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

/** Properties that are bytes take base64, or a file with a name. */
function withFiles(schema: unknown, { encoding }: Node, parts: ParameterParts): { schema: unknown; files: string[] } {
  const { $defs } = parts.schemas.collect(parts.references)
  const resolved = resolveSchema({ $defs }, schema)
  if (!isObject(resolved.properties)) return { schema, files: [] }
  const files = Object.entries(resolved.properties).filter(([name, property]) => {
    const type = textOf(objectOf(objectOf(encoding)[name]).contentType, 200)
    return isFile(resolveSchema({ $defs }, property), type, $defs)
  })
  const properties = files.map(([name, property]) => {
    const { type, items, description } = resolveSchema({ $defs }, property)
    const own = { ...fileSchema, ...(description === undefined ? {} : { description }) }
    return [name, type === 'array' && items !== undefined ? { type, items: fileSchema } : own]
  })
  return {
    schema: { ...resolved, properties: { ...resolved.properties, ...Object.fromEntries(properties) } },
    files: files.map(([name]) => name),
  }
}

function isFile(schema: Node, contentType: string, $defs: Node): boolean {
  if (schema.type === 'array') return isFile(resolveSchema({ $defs }, schema.items), contentType, $defs)
  if (schema.format === 'binary' || schema.contentEncoding === 'base64') return true
  return /^(?:image|audio|video|application\/octet-stream)/.test(contentType)
}

const fileSchema: Node = {
  description: 'A file: its bytes in base64, an upload, or an object with its name.',
  anyOf: [
    { type: 'string', contentEncoding: 'base64' },
    {
      type: 'object',
      properties: {
        filename: { type: 'string' },
        contentType: { type: 'string' },
        base64: { type: 'string' },
        text: { type: 'string' },
        url: { type: 'string' },
      },
      required: ['filename'],
      additionalProperties: false,
    },
  ],
}

const formStyles: ReadonlySet<unknown> = new Set([
  'form',
  'spaceDelimited',
  'pipeDelimited',
  'tabDelimited',
  'deepObject',
])

function encodingOf(encoding: unknown, files: readonly string[]): ActionBody['encoding'] {
  const said = Object.entries(objectOf(encoding)).flatMap(([name, item]): [string, PropertyEncoding][] => {
    const { style, explode } = objectOf(item)
    const own = {
      ...(formStyles.has(style) ? { style: style as Style } : {}),
      ...(typeof explode === 'boolean' ? { explode } : {}),
    }
    return Object.keys(own).length === 0 ? [] : [[name, own]]
  })
  const all = [...said, ...files.map((name): [string, PropertyEncoding] => [name, { isFile: true }])]
  return all.length === 0 ? undefined : Object.fromEntries(all)
}

function exampleOf({ example, examples }: Node): unknown {
  const [named] = Object.values(objectOf(examples))
  return example ?? objectOf(named).value
}
