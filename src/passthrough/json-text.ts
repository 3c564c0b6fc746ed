/** JSON as its sender wrote it: a text that is known to be valid, and the exact text of values inside it. */
import { skipScalar, skipSpace, skipString } from './json-tokens.ts'

/** Valid JSON text to be embedded in an answer as it is: it was validated when this was made. */
export class EmbeddedJson {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Where a value is: object keys and array indices from the root. */
export type JsonLocation = readonly (string | number)[]

interface Wanted {
  readonly children: Map<string | number, Wanted>
  span: readonly [start: number, end: number] | undefined
}

/**
 * The exact text of each location's value, in the order of the locations. One scan, however many there are; of keys that
 * occur twice in an object the last counts, as with `JSON.parse`.
 * @param text valid JSON
 */
export function textsAt(text: string, locations: readonly JsonLocation[]): string[] {
  const root: Wanted = { children: new Map(), span: undefined }
  const leaves = locations.map(location => location.reduce(childOf, root))
  scan(text, skipSpace(text, 0), root)
  return leaves.map(({ span }) => (span === undefined ? 'null' : text.slice(...span)))
}

function childOf(parent: Wanted, key: string | number): Wanted {
  const known = parent.children.get(key)
  if (known !== undefined) return known
  const child: Wanted = { children: new Map(), span: undefined }
  parent.children.set(key, child)
  return child
}

/** Notes the spans of the value at `start` and of what is wanted inside it. @returns the position after the value */
function scan(text: string, start: number, wanted: Wanted): number {
  const end = wanted.children.size === 0 ? skipValue(text, start) : scanChildren(text, start, wanted)
  wanted.span = [start, end]
  return end
}

function scanChildren(text: string, start: number, { children }: Wanted): number {
  const isObject = text[start] === '{'
  if (!isObject && text[start] !== '[') return skipValue(text, start)
  let position = skipSpace(text, start + 1)
  for (let index = 0; text[position] !== '}' && text[position] !== ']'; index++) {
    let key: string | number = index
    if (isObject) {
      const keyEnd = skipString(text, position)
      key = JSON.parse(text.slice(position, keyEnd)) as string
      position = skipSpace(text, skipSpace(text, keyEnd) + 1)
    }
    const child = children.get(key)
    position = skipSpace(text, child === undefined ? skipValue(text, position) : scan(text, position, child))
    if (text[position] === ',') position = skipSpace(text, position + 1)
  }
  return position + 1
}

/** Not recursive: a body may be nothing but brackets. */
function skipValue(text: string, start: number): number {
  let depth = 0
  let position = start
  do {
    const code = text.charCodeAt(position)
    if (code === 0x22) position = skipString(text, position)
    else if (code === 0x7b || code === 0x5b) {
      depth += 1
      position += 1
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1
      position += 1
    } else if (code === 0x2c || code === 0x3a) position += 1
    else position = skipScalar(text, position)
    if (depth > 0) position = skipSpace(text, position)
  } while (depth > 0)
  return position
}
