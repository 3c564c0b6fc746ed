/** Singular queries of JSONPath (RFC 9535 §2.3.5.1): names and indexes that lead to one value at most, without a search. */

export type SingularPath = readonly (string | number)[]

/** A name in dots, or a name or an index in brackets; a name in quotes may hold `\'`, `\"` and `\\`. */
const segment =
  /\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|\[\s*(?:(0|-?[1-9]\d{0,14})|'((?:[^'\\]|\\['\\])*)'|"((?:[^"\\]|\\["\\])*)")\s*\]/y

/** The path's names and indexes; undefined when the text is no singular query. */
export function parseSingularPath(text: string): SingularPath | undefined {
  if (!text.startsWith('$')) return undefined
  const path: (string | number)[] = []
  segment.lastIndex = 1
  while (segment.lastIndex < text.length) {
    const [found, name, index, single, double] = segment.exec(text) ?? []
    if (found === undefined) return undefined
    if (index !== undefined) path.push(Number(index))
    else path.push(name ?? (single ?? double ?? '').replace(/\\(.)/g, '$1'))
  }
  return path
}

/** The value at the path; undefined when there is none. Own properties only; a negative index counts from the end. */
export function readSingularPath(path: SingularPath, value: unknown): unknown {
  let found = value
  for (const step of path) {
    if (typeof step === 'number') found = Array.isArray(found) ? found.at(step) : undefined
    else if (typeof found !== 'object' || found === null || Array.isArray(found)) return undefined
    else found = Object.hasOwn(found, step) ? Reflect.get(found, step) : undefined
    if (found === undefined) return undefined
  }
  return found
}
