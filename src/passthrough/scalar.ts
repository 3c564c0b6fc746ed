/** Scalars of the caller's JSON as text: in paths, queries, headers and forms they are written as the caller wrote them. */

/** The text of a string, number or boolean; `undefined` for anything else. */
export function scalarText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined
    default:
      return JSON.isRawJSON(value) ? rawText(value.rawJSON) : undefined
  }
}

/** True for what JSON calls an object, raw numbers aside. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}

/**
 * The text without such characters at its end. Not a regular expression: `/x+$/` takes time squared on a long run of x
 * that ends in anything else, and the text is a stranger's.
 */
export function trimTrailing(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1
  return text.slice(0, end)
}

/** How an error names what it got. */
export function describeKind(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (JSON.isRawJSON(value)) return 'a number'
  return { string: 'text', object: 'an object', undefined: 'nothing' }[typeof value as string] ?? `a ${typeof value}`
}

function rawText(raw: string): string | undefined {
  const value: unknown = JSON.parse(raw)
  return typeof value === 'string' ? value : value === null ? undefined : raw
}
