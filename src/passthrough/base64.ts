/** Base64 as callers write it. */
import { invalidInput } from '../errors.ts'
import { describeKind, trimTrailing } from './scalar.ts'

/** RFC 4648 §4 or §5, padded or not; nothing is skipped silently. */
export function decodeBase64(field: string, value: unknown): Buffer {
  if (typeof value !== 'string') throw invalidInput(field, `${field} takes base64 text; got ${describeKind(value)}.`)
  const bytes = Buffer.from(value, 'base64')
  const canonical = trimTrailing(value.replaceAll('-', '+').replaceAll('_', '/'), '=')
  if (trimTrailing(bytes.toString('base64'), '=') === canonical) return bytes
  throw invalidInput(field, `${field} takes base64 text; got text that is not base64.`)
}
