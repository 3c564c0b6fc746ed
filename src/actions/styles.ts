/** How values are written into paths, queries, headers and forms: the styles of OpenAPI, after RFC 6570. */
import { isObject, scalarText } from '../passthrough/scalar.ts'

export type Place = 'path' | 'query' | 'header' | 'cookie'

/** Those of OpenAPI 3.1 (§4.8.12.3), and the tab of OpenAPI 2.0. */
export type Style =
  | 'matrix'
  | 'label'
  | 'simple'
  | 'form'
  | 'spaceDelimited'
  | 'pipeDelimited'
  | 'tabDelimited'
  | 'deepObject'

export interface StyledParameter {
  readonly name: string
  readonly style: Style
  readonly explode: boolean
}

/** A separator, as it is written; or a value, to be encoded as its place demands. */
export type Piece = { readonly text: string } | { readonly value: string }

/** A name, not encoded yet, and what stands behind its equals sign. */
export type Pair = readonly [name: string, value: readonly Piece[]]

/** How arrays inside a deep object are written, for which OpenAPI has no rule. */
export type DeepArrays = 'brackets' | 'indices'

const separators: Readonly<Record<string, string>> = {
  spaceDelimited: '%20',
  pipeDelimited: '%7C',
  tabDelimited: '%09',
}

const maxDepth = 16

/** For paths and headers: `simple`, `label` and `matrix`. An absent or empty value has no pieces. */
export function writeSegment({ name, style, explode }: StyledParameter, value: unknown): Piece[] {
  if (style === 'matrix') return writeMatrix(name, explode, value)
  const prefix = style === 'label' ? '.' : ''
  const items = itemsOf(value, explode)
  if (items === undefined) return []
  const separator = explode && style === 'label' ? '.' : ','
  return [...(prefix === '' ? [] : [{ text: prefix }]), ...join(items, separator)]
}

/** For queries, cookies and forms: all other styles. */
export function writePairs({ name, style, explode }: StyledParameter, value: unknown, arrays: DeepArrays): Pair[] {
  if (style === 'deepObject') return writeDeep(name, value, arrays, 0)
  if (Array.isArray(value) && explode) return presentItems(value).map((item): Pair => [name, [{ value: item }]])
  if (isObject(value) && explode) return members(value).map(([key, item]): Pair => [key, [{ value: item }]])
  const items = itemsOf(value, false)
  return items === undefined ? [] : [[name, join(items, separators[style] ?? ',')]]
}

/** `;color=blue`: each name once, or once for each value. */
function writeMatrix(name: string, explode: boolean, value: unknown): Piece[] {
  const named = (key: string, items: Piece[][]): Piece[] => [
    { text: ';' },
    { value: key },
    ...(items.length === 1 && isEmpty(items[0]) ? [] : [{ text: '=' }, ...join(items, ',')]),
  ]
  if (explode && Array.isArray(value)) return presentItems(value).flatMap(item => named(name, [[{ value: item }]]))
  if (explode && isObject(value)) return members(value).flatMap(([key, item]) => named(key, [[{ value: item }]]))
  const items = itemsOf(value, false)
  return items === undefined ? [] : named(name, items)
}

function isEmpty(item: readonly Piece[] | undefined): boolean {
  return item?.every(piece => 'value' in piece && piece.value === '') ?? true
}

/** What is put between separators; undefined when there is nothing to write. */
function itemsOf(value: unknown, explode: boolean): Piece[][] | undefined {
  if (value === undefined || value === null) return undefined
  if (Array.isArray(value)) {
    const items = presentItems(value)
    return items.length === 0 ? undefined : items.map(item => [{ value: item }])
  }
  if (!isObject(value)) return [[{ value: plainText(value) }]]
  const entries = members(value)
  if (entries.length === 0) return undefined
  if (explode) return entries.map(([key, item]) => [{ value: key }, { text: '=' }, { value: item }])
  return entries.flatMap(([key, item]) => [[{ value: key }], [{ value: item }]])
}

/** `filter[tags][0]=a`; names are not encoded yet. */
function writeDeep(name: string, value: unknown, arrays: DeepArrays, depth: number): Pair[] {
  if (value === undefined || value === null) return []
  if (depth < maxDepth && Array.isArray(value)) {
    const key = (index: number) => (arrays === 'brackets' ? '[]' : `[${index}]`)
    return value.flatMap((item, index) => writeDeep(name + key(index), item, arrays, depth + 1))
  }
  if (depth < maxDepth && isObject(value)) {
    return Object.entries(value).flatMap(([key, item]) => writeDeep(`${name}[${key}]`, item, arrays, depth + 1))
  }
  return [[name, [{ value: plainText(value) }]]]
}

function presentItems(values: readonly unknown[]): string[] {
  return values.filter(item => item !== undefined && item !== null).map(plainText)
}

function members(value: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(value).flatMap(([key, item]): [string, string][] =>
    item === undefined || item === null ? [] : [[key, plainText(item)]],
  )
}

/** A scalar as its sender wrote it. No style has a way to write a list inside a list: that is JSON. */
export function plainText(value: unknown): string {
  return scalarText(value) ?? JSON.stringify(value) ?? ''
}

function join(items: readonly (readonly Piece[])[], separator: string): Piece[] {
  return items.flatMap((item, index) => (index === 0 ? [...item] : [{ text: separator }, ...item]))
}
