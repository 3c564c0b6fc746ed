/** Turns what the schema found wrong into one sentence per field: what it got and what it takes. */
import type * as z from 'zod'
import type { ErrorDetail } from '../errors.ts'

const maxDetails = 25
const maxShown = 80

/** `root` is what callers call the document; a field inside it is `root.path.to.field`. */
export function describeIssues(error: z.ZodError, document: unknown, root: string): ErrorDetail[] {
  return error.issues.flatMap(issue => describeIssue(issue, document, root)).slice(0, maxDetails)
}

/** A value as it stands in a sentence: JSON, shortened; nothing when there is none. */
export function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value, writeBigInt) ?? typeof value)
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text
}

/** Integers that a caller wrote too long for a number arrive as bigint. */
function writeBigInt(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function describeIssue(issue: z.core.$ZodIssue, document: unknown, root: string): ErrorDetail[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => {
      const field = [root, ...path, key].join('.')
      return { field, message: `${field} is unknown here; ${[root, ...path].join('.')} takes ${issue.message}.` }
    })
  }
  const field = [root, ...path].join('.')
  if (issue.code === 'invalid_key') {
    const takes = issue.issues[0]?.message ?? 'another name'
    return [{ field, message: `${field} got the name ${show(path.at(-1))}; it takes ${takes}.` }]
  }
  return [{ field, message: `${field} got ${show(valueAt(document, path))}; it takes ${issue.message}.` }]
}

function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}
