/** The caller's path: kept as written, filled with its parameters, and refused where it could mean another place. */
import { invalidFields, invalidInput } from '../errors.ts'
import { describeKind, isObject, scalarText } from './scalar.ts'

/** The longest URL that is sent; servers commonly take 8 KiB. */
export const maxUrlLength = 16 * 1024

/**
 * The text that path or base URL must be before anything is read from it: no character that a URL parser on the way may
 * read as a separator, drop or turn around. https://www.rfc-editor.org/rfc/rfc3986#section-2
 */
export function checkUrlText(field: string, text: unknown): string {
  if (typeof text !== 'string') throw invalidInput(field, `${field} takes text; got ${describeKind(text)}.`)
  if (text.length > maxUrlLength) throw tooLong(field)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (/[\x00-\x1f\x7f]/.test(text)) {
    throw invalidInput(field, `${field} has a control character; percent-encode it (a line feed is %0A).`)
  }
  if (text.includes('\\')) throw invalidInput(field, `${field} has a backslash; write / or, for a literal one, %5C.`)
  if (text.includes('#')) throw invalidInput(field, `${field} has a fragment, which is never sent; a literal # is %23.`)
  if (!text.isWellFormed())
    throw invalidInput(field, `${field} has half of a surrogate pair; it takes well-formed text.`)
  return text
}

export function tooLong(field: string): Error {
  return invalidInput(field, `The URL is longer than ${maxUrlLength} characters; send large values in the body.`)
}

/**
 * Fills `{name}` placeholders, each value percent-encoded as one segment. Values are never read as templates.
 * @throws {GatewayError} INVALID_INPUT on a missing, unused, empty or dot-only value, or braces that are no placeholder
 */
export function fillPathParams(path: string, pathParams: unknown): string {
  if (pathParams != null && !isObject(pathParams)) {
    throw invalidInput('options.pathParams', `options.pathParams takes an object; got ${describeKind(pathParams)}.`)
  }
  const values = new Map(Object.entries(pathParams ?? {}))
  const unused = new Set(values.keys())
  const filled = path.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    unused.delete(name)
    return encodeSegment(name, values.get(name))
  })
  if (unused.size > 0) {
    throw invalidFields(
      [...unused].map(name => {
        const field = `options.pathParams.${name}`
        return { field, message: `The path has no placeholder {${name}} for ${field}.` }
      }),
    )
  }
  if (/[{}]/.test(filled)) {
    throw invalidInput('path', 'path has a brace that is no {name} placeholder; write %7B and %7D for literal braces.')
  }
  return filled
}

/** Percent-encodes (UTF-8) what may not be on the wire; everything else, `%` included, stays as written. */
export function encodeIllegal(text: string): string {
  return text.replace(/[\x20"<>^`{|}\u{7f}-\u{10ffff}]+/gu, encodeURIComponent)
}

/**
 * Refuses `.` and `..` segments, however they are spelled: servers and proxies resolve them at different moments.
 * `%2e`, `%2f`, `%5c` and their doubly encoded and overlong forms are read as what they may become; `;parameters` and
 * encoded blanks, which some servers drop, do not hide one.
 */
export function refuseDotSegments(field: string, path: string): void {
  const segments = decodeSeparators(path).split(/[/\\]/)
  if (!segments.some(segment => /^\.{1,2}$/.test(segment.replace(/;.*$/, '').replace(/%(?:0[09ad]|20)/gi, '')))) return
  throw invalidInput(field, `${field} has a "." or ".." segment (perhaps encoded); write the path without it.`)
}

function encodeSegment(name: string, value: unknown): string {
  const field = `options.pathParams.${name}`
  if (value === undefined) {
    throw invalidInput(field, `The path needs ${field} for {${name}}; write %7B and %7D for literal braces.`)
  }
  const text = scalarText(value)
  if (text === undefined)
    throw invalidInput(field, `${field} takes text, a number or a boolean; got ${describeKind(value)}.`)
  if (text === '') throw invalidInput(field, `${field} is empty; the path would mean another place without it.`)
  if (text === '.' || text === '..') throw invalidInput(field, `${field} is "${text}", which would mean another place.`)
  if (!text.isWellFormed())
    throw invalidInput(field, `${field} has half of a surrogate pair; it takes well-formed text.`)
  // The rest of RFC 3986 §2.2's reserved characters, so that a value is one opaque segment.
  return encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

const separators: Readonly<Record<string, string>> = { '2e': '.', '2f': '/', '5c': '\\', '25': '%' }

function decodeSeparators(path: string): string {
  if (!path.includes('%')) return path
  // Bounded: every round shortens the text, and nobody decodes more than a few times.
  let text = path
  for (let round = 0; round < 5; round++) {
    const decoded = text
      .replace(/%c0%(?:ae|2e)|%e0%80%ae|%f0%80%80%ae|%u002e/gi, '.')
      .replace(/%c0%(?:af|2f)|%c1%9c|%e0%80%af|%u00(?:2f|5c)|%u221[56]/gi, '/')
      .replace(/%(2e|2f|5c|25)/gi, (_, code: string) => separators[code.toLowerCase()] ?? '')
    if (decoded === text) break
    text = decoded
  }
  return text
}
