/** Query and form parameters from the caller's JSON: arrays and nested objects in the style the vendor wants. */
import { invalidFields, invalidInput } from '../errors.ts'
import type { ArrayFormat } from './connection.ts'
import { describeKind, isObject, scalarText } from './scalar.ts'

const maxDepth = 8

export interface ParameterStyle {
  readonly arrayFormat: ArrayFormat
  readonly maxParameters: number
  /** What a space becomes: `%20` in URLs (RFC 3986), `+` in forms. */
  readonly space: '%20' | '+'
}

export const queryParameterLimit = 1000
export const formParameterLimit = 10_000

/**
 * `name=value` pairs in the order of the object, percent-encoded by RFC 3986. Brackets of names are encoded too: servers
 * that decode names see `a[]`, and those that are strict about RFC 3986 (Tomcat) refuse a bare bracket.
 * `null` leaves a parameter out. @throws {GatewayError} INVALID_INPUT naming the parameter
 */
export function encodeParameters(field: string, parameters: unknown, style: ParameterStyle): string[] {
  if (parameters == null) return []
  if (!isObject(parameters)) throw invalidInput(field, `${field} takes an object; got ${describeKind(parameters)}.`)
  const pairs: string[] = []
  for (const [name, value] of Object.entries(parameters)) addPairs(pairs, { field, path: name, name }, value, style, 1)
  return pairs
}

/**
 * The names of an encoded query or form: decoded, in lower case, without the brackets of arrays and nested objects. Some
 * servers also part pairs at `;` or do not mind the case of names, so what they would read as a name counts as one.
 */
export function parameterNames(encoded: string): Set<string> {
  return new Set(
    encoded.split(/[&;]/).map(pair =>
      decodeName(pair.split('=', 1)[0] ?? '')
        .replace(/\[.*$/s, '')
        .toLowerCase(),
    ),
  )
}

/** A name of an encoded query or form, decoded. */
export function decodeName(name: string): string {
  const spaced = name.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    // Not UTF-8: what decodes is decoded, so that a broken rest cannot hide a name.
    return spaced.replace(/%[0-7][0-9a-f]/gi, decodeURIComponent)
  }
}

/** The credential's own parameters cannot be set, repeated or nested by a caller. */
export function refuseInjectedNames(target: string, injected: readonly string[]): void {
  if (injected.length === 0 || !target.includes('?')) return
  const names = parameterNames(target.slice(target.indexOf('?') + 1))
  const taken = injected.filter(name => names.has(name.toLowerCase()))
  if (taken.length === 0) return
  throw invalidFields(
    taken.map(name => ({
      field: `query.${name}`,
      message: `query.${name} is set by the connection's credential; leave it out.`,
    })),
  )
}

interface Place {
  readonly field: string
  /** For errors: `filter.tags`. */
  readonly path: string
  /** On the wire: `filter[tags]`. */
  readonly name: string
}

function addPairs(pairs: string[], place: Place, value: unknown, style: ParameterStyle, depth: number): void {
  if (value == null) return
  const text = scalarText(value)
  if (text !== undefined) {
    addPair(pairs, place, encode(place, text, style), style)
  } else if (depth > maxDepth) {
    throw invalidInput(label(place), `${label(place)} is nested deeper than ${maxDepth} levels.`)
  } else if (Array.isArray(value)) {
    addArray(pairs, place, value, style, depth)
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      addPairs(pairs, inside(place, key, `[${key}]`), item, style, depth + 1)
    }
  } else {
    throw invalidInput(
      label(place),
      `${label(place)} takes text, numbers, booleans, arrays or objects; got ${describeKind(value)}.`,
    )
  }
}

function addArray(
  pairs: string[],
  place: Place,
  items: readonly unknown[],
  style: ParameterStyle,
  depth: number,
): void {
  if (style.arrayFormat === 'comma') {
    const texts = items
      .filter(item => item != null)
      .map((item, index) => encode(place, plainItem(place, item, index), style))
    if (texts.length > 0) addPair(pairs, place, texts.join(','), style)
    return
  }
  for (const [index, item] of items.entries()) {
    if (item == null) continue
    if (style.arrayFormat === 'repeat') {
      addPair(pairs, place, encode(place, plainItem(place, item, index), style), style)
    } else {
      const brackets = style.arrayFormat === 'brackets' ? '[]' : `[${index}]`
      addPairs(pairs, inside(place, String(index), brackets), item, style, depth + 1)
    }
  }
}

/** REPEAT and COMMA have no way to write an array or object inside an array. */
function plainItem(place: Place, item: unknown, index: number): string {
  const text = scalarText(item)
  if (text !== undefined) return text
  const field = `${label(place)}.${index}`
  throw invalidInput(
    field,
    `${field} is ${describeKind(item)} inside an array; only BRACKETS and INDICES can write that.`,
  )
}

function addPair(pairs: string[], place: Place, encodedValue: string, style: ParameterStyle): void {
  if (pairs.length >= style.maxParameters) {
    throw invalidInput(place.field, `${place.field} has more than ${style.maxParameters} parameters.`)
  }
  pairs.push(`${encode(place, place.name, style)}=${encodedValue}`)
}

function encode(place: Place, text: string, style: ParameterStyle): string {
  if (!text.isWellFormed()) {
    throw invalidInput(label(place), `${label(place)} has half of a surrogate pair; it takes well-formed text.`)
  }
  const encoded = encodeURIComponent(text)
  return style.space === '+' ? encoded.replaceAll('%20', '+') : encoded
}

function inside(place: Place, key: string, suffix: string): Place {
  return { field: place.field, path: `${place.path}.${key}`, name: place.name + suffix }
}

function label(place: Place): string {
  return `${place.field}.${place.path}`
}
