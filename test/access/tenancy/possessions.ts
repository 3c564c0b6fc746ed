/** What a workspace has, by kind; and for each of it something that nobody has and that sorts in the same place. */

/** TypeIDs by their prefix. */
export const idKinds = ['conn', 'key', 'ses', 'whe', 'whd', 'evt', 'call', 'aud', 'op', 'cs', 'int', 'ws'] as const

/** What every workspace of the tests has. */
export const shared = { sharedSlug: ['acme'], sharedEndUser: ['ann'] } as const

/** By what it is: the prefix of ids, `slug`, `cursor_` and the name of a list, and so on. */
export type Possessions = Readonly<Record<string, readonly string[]>>

export function placeholderOf(kind: string, index: number): string {
  return `\u27e6${kind}:${index}\u27e7`
}

const placeholder = /\u27e6(\w+):(\d+)\u27e7/g

export interface Resolved<Value> {
  readonly value: Value
  /** What was put in place of the placeholders, each once, in their order. */
  readonly used: readonly string[]
}

/** With the placeholders replaced by what `possessions` has. */
export function resolve<Value>(tree: Value, possessions: Possessions): Resolved<Value> {
  const used = new Set<string>()
  function put(_text: string, kind: string, index: string): string {
    const values = possessions[kind] ?? []
    const value = values[Number(index) % values.length]
    if (value === undefined) throw new TypeError(`the workspace has no ${kind}`)
    if (!Object.hasOwn(shared, kind)) used.add(value)
    return value
  }
  const text = JSON.stringify(tree).replace(placeholder, put)
  return { value: JSON.parse(text), used: [...used] }
}

/** Nobody has these: one character differs, so near the end that they stand where the others would. */
export function twinsOf(possessions: Possessions): Possessions {
  const entries = Object.entries(possessions).map(([kind, values]) => [
    kind,
    Object.hasOwn(shared, kind) ? values : values.map(kind.startsWith('cursor_') ? twinOfCursor : twinOf),
  ])
  return Object.fromEntries(entries)
}

/** In the random part of an id, or of a text that ends in a random part of its own. */
export function twinOf(text: string): string {
  const place = text.length - 7
  return text.slice(0, place) + (text[place] === 'b' ? 'c' : 'b') + text.slice(place + 1)
}

/** A list's name and the keys of a row: the last is an id, or a text that is unique. */
function twinOfCursor(cursor: string): string {
  const parts: string[] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  const twin = [...parts.slice(0, -1), twinOfKey(parts.at(-1) ?? '')]
  return Buffer.from(JSON.stringify(twin)).toString('base64url')
}

function twinOfKey(key: string): string {
  return key.length > 7 ? twinOf(key) : key
}
