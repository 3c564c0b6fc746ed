/** JSONPaths (RFC 9535) of names, indexes and `[*]`: which values of a JSON body are not kept. */

const everyMember = Symbol('*')

/** Of each step: a name, an index, or every element of a list and every member of an object. */
export type RedactionPath = readonly (string | number | typeof everyMember)[]

/** A name or `*` after a dot, or `*`, an index or a name in brackets; a name in quotes may hold `\'`, `\"` and `\\`. */
const segment =
  /(\.\*|\[\s*\*\s*\])|\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|\[\s*(?:(0|-?[1-9]\d{0,14})|'((?:[^'\\]|\\['\\])*)'|"((?:[^"\\]|\\["\\])*)")\s*\]/y

/** Undefined when the text is no such path, or leads to the whole body. */
export function parseRedactionPath(text: string): RedactionPath | undefined {
  if (!text.startsWith('$') || text.length === 1) return undefined
  const path: (string | number | typeof everyMember)[] = []
  segment.lastIndex = 1
  while (segment.lastIndex < text.length) {
    const [found, every, name, index, single, double] = segment.exec(text) ?? []
    if (found === undefined) return undefined
    if (every !== undefined) path.push(everyMember)
    else if (index !== undefined) path.push(Number(index))
    else path.push(name ?? (single ?? double ?? '').replace(/\\(.)/g, '$1'))
  }
  return path
}

/**
 * Puts `replacement` in the place of every value that a path leads to. Own properties only; a negative index counts from the
 * end.
 * @param maxValues how many values may be looked at for all paths together
 * @returns false when there are more; only a part of `value` is replaced then
 */
export function replaceAt(
  value: unknown,
  paths: readonly RedactionPath[],
  replacement: string,
  maxValues: number,
): boolean {
  let left = maxValues
  for (const path of paths) {
    let found: object[] = isParent(value) ? [value] : []
    for (const [depth, step] of path.entries()) {
      const next: object[] = []
      for (const parent of found) {
        for (const name of namesIn(parent, step)) {
          left -= 1
          if (left < 0) return false
          const member: unknown = Reflect.get(parent, name)
          if (depth === path.length - 1) replace(parent, name, replacement)
          else if (isParent(member)) next.push(member)
        }
      }
      found = next
    }
  }
  return true
}

function isParent(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !JSON.isRawJSON(value)
}

/** Of the members that a step leads to. */
function* namesIn(parent: object, step: RedactionPath[number]): Generator<string | number> {
  if (step === everyMember) {
    if (Array.isArray(parent)) yield* parent.keys()
    else yield* Object.keys(parent)
  } else if (typeof step === 'number') {
    const index = Array.isArray(parent) && step < 0 ? parent.length + step : step
    if (Array.isArray(parent) && index >= 0 && index < parent.length) yield index
  } else if (!Array.isArray(parent) && Object.hasOwn(parent, step)) yield step
}

/** Assigned, the name `__proto__` would not be a member. */
function replace(parent: object, name: string | number, replacement: string): void {
  Object.defineProperty(parent, name, { value: replacement, enumerable: true, writable: true, configurable: true })
}
