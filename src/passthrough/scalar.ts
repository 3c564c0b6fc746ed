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
