/** The properties of a form: which of them are files, and how each is written. */
import { parseMediaType } from '../../passthrough/media-type.ts'
import { isObject } from '../../passthrough/scalar.ts'
import type { PropertyEncoding } from '../action.ts'
import { resolveSchema } from '../schema-facts.ts'
import type { Style } from '../styles.ts'
import { type Node, objectOf, textOf } from './document.ts'

/** Properties that are bytes take base64, or a file with a name. @returns the schema for it, and their names */
export function withFiles(schema: unknown, encoding: unknown, $defs: Node): { schema: unknown; files: string[] } {
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

const bytes = /^(?:image|audio|video|application\/octet-stream)/

function isFile(schema: Node, contentType: string, $defs: Node): boolean {
  if (schema.type === 'array') return isFile(resolveSchema({ $defs }, schema.items), contentType, $defs)
  if (schema.format === 'binary' || schema.contentEncoding === 'base64') return true
  // 3.1 has no format for bytes: what they are is all it says.
  return bytes.test(contentType) || bytes.test(String(schema.contentMediaType))
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

/** Undefined when nothing is said of any property. */
export function encodingOf(
  encoding: unknown,
  files: readonly string[],
): Readonly<Record<string, PropertyEncoding>> | undefined {
  const found = new Map<string, PropertyEncoding>()
  for (const [name, item] of Object.entries(objectOf(encoding))) {
    const { style, explode, contentType } = objectOf(item)
    const type = concreteType(contentType)
    const own = {
      ...(formStyles.has(style) ? { style: style as Style } : {}),
      ...(typeof explode === 'boolean' ? { explode } : {}),
      ...(type === undefined ? {} : { contentType: type }),
    }
    if (Object.keys(own).length > 0) found.set(name, own)
  }
  for (const name of files) found.set(name, { ...found.get(name), isFile: true })
  return found.size === 0 ? undefined : Object.fromEntries(found)
}

/** Of a range or a list of types none is more right than another: what the value is decides. */
function concreteType(contentType: unknown): string | undefined {
  const text = textOf(contentType, 200)
  const isOne = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(parseMediaType(text).essence) && /^[\x20-\x7e]+$/.test(text)
  return isOne && !text.includes(',') ? text : undefined
}
