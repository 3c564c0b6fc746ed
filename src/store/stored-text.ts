/** What is kept and read back as it was: text without NUL and lone surrogates, numbers that a double holds, times of four-digit years; and the folding that the search compares by. */
import { invalidInput } from '../errors.ts'

/** Longest text that is a key of an index; PostgreSQL refuses entries of some 2,700 bytes. */
const maxKeyLength = 512
const maxDepth = 64
const earliest = Date.parse('0001-01-01T00:00:00.000Z')
const latest = Date.parse('9999-12-31T23:59:59.999Z')

/** @throws GatewayError `INVALID_INPUT` when `text` holds what PostgreSQL cannot store. */
export function checkText(field: string, text: string): void {
  if (text.includes('\0')) throw invalidInput(field, `${field} holds the character U+0000, which cannot be stored.`)
  if (!text.isWellFormed()) throw invalidInput(field, `${field} holds half of a surrogate pair, which is no character.`)
}

/** False for what `checkText` refuses. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** As `checkText`, for text that an index holds. */
export function checkKey(field: string, text: string): void {
  checkText(field, text)
  if (text.length > maxKeyLength) {
    throw invalidInput(field, `${field} has ${text.length} characters; it takes at most ${maxKeyLength}.`)
  }
}

/**
 * As `checkText`, for each key and text within a JSON value, whose nesting is bounded. A number that a double rounds (a raw
 * JSON value) would be read back as another: `path` names it.
 * @throws GatewayError `INVALID_INPUT`
 */
export function checkJson(field: string, value: unknown, path = field, depth = 0): void {
  if (typeof value === 'string') checkText(field, value)
  if (JSON.isRawJSON(value)) throw roundedNumber(path, value.rawJSON)
  if (typeof value !== 'object' || value === null) return
  if (depth === maxDepth) throw invalidInput(field, `${field} is nested deeper than ${maxDepth} levels.`)
  for (const [name, member] of Object.entries(value)) {
    checkText(field, name)
    checkJson(field, member, `${path}.${name}`, depth + 1)
  }
}

const maxShown = 80

function roundedNumber(path: string, number: string): Error {
  const shown = number.length > maxShown ? `${number.slice(0, maxShown)}…` : number
  const takes = 'numbers that a double (IEEE 754) keeps to the last digit; write this one as text'
  return invalidInput(path, `${path} got ${shown}; it takes ${takes}.`)
}

/** For records that must not be lost to one character: replaces instead of refusing. */
export function toStorable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed()
}

/** A time outside the years 1 to 9999, which PostgreSQL cannot read as ISO 8601, as the first or last moment of them. */
export function toStorableTime(time: Date): Date {
  return new Date(Math.min(Math.max(time.getTime(), earliest), latest))
}

/**
 * Case folded away. Upper case, because it maps each character alone: lower case turns a Greek sigma at the end of a
 * word into another letter, and a part of a text would no longer be a part of its folding.
 */
export function foldCase(text: string): string {
  return text.toUpperCase()
}

/** A LIKE pattern for texts that contain `part`, whose own wildcards mean themselves. */
export function containsPattern(part: string): string {
  return `%${part.replaceAll(/[\\%_]/g, '\\$&')}%`
}
