/** An OpenAPI document: read from JSON or YAML within bounds, its version, and what its references point at. */
import { parse } from 'yaml'
import { isObject } from '../../passthrough/scalar.ts'

export type Node = Readonly<Record<string, unknown>>

export interface OpenApiDocument {
  readonly version: '2.0' | '3.0' | '3.1'
  readonly root: Node
}

/** What keeps a document from being imported at all, as the end of a sentence about it. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError'
}

const maxDepth = 200
const maxHops = 20

/** @throws {DocumentError} */
export function parseDocument(text: string): OpenApiDocument {
  const root = parseText(text)
  if (!isObject(root)) throw new DocumentError('is no OpenAPI document: it holds no object')
  if (isDeeper(root, maxDepth)) throw new DocumentError(`is nested deeper than ${maxDepth} levels`)
  return { version: versionOf(root), root }
}

/** The node, or what its reference leads to; undefined for a reference outside the document or to nothing. */
export function follow({ root }: OpenApiDocument, node: unknown): unknown {
  let found = node
  for (let hop = 0; hop < maxHops; hop += 1) {
    const reference = isObject(found) ? found.$ref : undefined
    if (typeof reference !== 'string') return found
    found = readPointer(root, reference)
  }
  return undefined
}

/**
 * The object that stands there or that its reference leads to; nothing that is not there.
 * @param what it is, for the reason: `parameter`
 * @throws {Error} whose message is the reason why the operation is no action
 */
export function followTo(document: OpenApiDocument, node: unknown, what: string): Node {
  const found = follow(document, node)
  if (isObject(found) || !isObject(node) || typeof node.$ref !== 'string') return objectOf(found)
  throw new Error(`its ${what} ${JSON.stringify(node.$ref.slice(0, 200))} ${explainLost(node.$ref)}`)
}

/** What is wrong with a reference that is not followed. */
export function explainLost(reference: string): string {
  return reference.startsWith('#') ? 'leads nowhere' : 'leads outside the document and is not followed'
}

/** @param reference a JSON Pointer as a fragment (RFC 6901 §6): `#/components/schemas/Pet` */
export function readPointer(root: unknown, reference: string): unknown {
  if (reference !== '#' && !reference.startsWith('#/')) return undefined
  let found = root
  for (const step of reference.split('/').slice(1)) {
    const key = decode(step).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = Reflect.get(found, key)
  }
  return found
}

export function objectOf(value: unknown): Node {
  return isObject(value) ? value : {}
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function textOf(value: unknown, maxLength: number): string {
  return typeof value === 'string' ? value.trim().slice(0, maxLength).toWellFormed() : ''
}

function parseText(whole: string): unknown {
  // Some editors put a byte order mark in front, which neither JSON nor YAML has a meaning for.
  const text = whole.startsWith('\ufeff') ? whole.slice(1) : whole
  try {
    if (/^\s*\{/.test(text)) return JSON.parse(text)
    return parse(text, { maxAliasCount: 100, uniqueKeys: false, merge: true, logLevel: 'error' })
  } catch (error) {
    if (Object(error).code === 'MULTIPLE_DOCS') throw new DocumentError('is several YAML documents; one is taken')
    if (/call stack/.test(String(error))) throw new DocumentError('is nested deeper than it can be read')
    const reason = error instanceof Error ? error.message.split('\n', 1)[0] : 'it cannot be read'
    throw new DocumentError(`is neither JSON nor YAML: ${reason?.slice(0, 200)}`)
  }
}

function versionOf({ openapi, swagger }: Node): OpenApiDocument['version'] {
  if (/^3\.0(?:\.|$)/.test(String(openapi))) return '3.0'
  if (/^3\.[12](?:\.|$)/.test(String(openapi))) return '3.1'
  if (/^2(?:\.0)?$/.test(String(swagger))) return '2.0'
  const got = JSON.stringify(openapi ?? swagger ?? null).slice(0, 40)
  throw new DocumentError(`has the OpenAPI version ${got}; 2.0, 3.0 and 3.1 are taken`)
}

/** What a YAML alias repeats is looked at once; one that stands inside itself has no end. */
function isDeeper(root: object, limit: number): boolean {
  const heights = new Map<object, number>()
  function heightOf(holder: object, depth: number): number {
    const known = heights.get(holder)
    if (known !== undefined || depth > limit) return known ?? Number.POSITIVE_INFINITY
    heights.set(holder, Number.POSITIVE_INFINITY)
    let height = 1
    for (const inner of Object.values(holder)) {
      if (typeof inner === 'object' && inner !== null) height = Math.max(height, 1 + heightOf(inner, depth + 1))
    }
    heights.set(holder, height)
    return height
  }
  return heightOf(root, 1) > limit
}

function decode(step: string): string {
  try {
    return decodeURIComponent(step)
  } catch {
    return step
  }
}
