/** JSON from callers without losing digits: numbers a double cannot hold stay as they were written. */
import { trimTrailing } from './scalar.ts'

/**
 * A number of more digits than a double keeps, or with an exponent that may leave its range. It starts the text or follows
 * what may stand before a value, so that the letters of ids do not count.
 */
const risky = /(?:^|[:,[\s])-?(?:[\d.]{16}|[\d.]+[eE])/

/** The number as a double when that prints every digit it was given; else a raw JSON value with the text itself. */
export function exactNumber(source: string): number | RawJson {
  const value = Number(source)
  if (!risky.test(source) || sameNumber(String(value), source)) return value
  return JSON.rawJSON(source)
}

/** `JSON.parse` with {@link exactNumber} for its numbers. @throws SyntaxError */
export function parseExactJson(text: string): unknown {
  if (!risky.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? exactNumber(source) : value,
  )
}

/** True when two decimal spellings denote one number. */
function sameNumber(a: string, b: string): boolean {
  const left = decimal(a)
  return left !== undefined && left === decimal(b)
}

/** Digits without leading and trailing zeros, and the power of ten: one spelling per number. */
function decimal(text: string): string | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = trimTrailing(digits, '0')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}
