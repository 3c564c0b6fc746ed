/**
 * Path patterns of rules: URLPattern's syntax (https://urlpattern.spec.whatwg.org/#pattern-strings) without regular
 * expressions and repeats, matched in time linear to the path.
 */
import { RE2JS } from 're2js'

export interface PathPattern {
  readonly source: string
  /** @param reading one way in which the path may be read; what allows has to match them all */
  matches(reading: string): boolean
  /** The same for the end of a path, from any of its slashes on. */
  matchesEnd(reading: string): boolean
}

const maxLength = 500

/** What a pattern takes, as the end of a sentence. */
export const pathPatternTakes =
  'a path that starts with a slash, such as /contacts/:id or /contacts*, with :name, * and {…}? as in URLPattern, without regular expressions and repeats'

/**
 * Undefined for what is no pattern.
 * @param options.isFolded for readings that are folded: its own letters are read as loosely
 */
export function parsePathPattern(source: string, options: { readonly isFolded: boolean }): PathPattern | undefined {
  if (!/^[/*{\\]/.test(source) || source.length > maxLength || !isUrlPattern(source)) return undefined
  const expression = translate(source, options.isFolded ? foldLiteral : canonical)
  if (expression === undefined) return undefined
  const whole = RE2JS.compile(expression, RE2JS.DOTALL)
  let end: RE2JS | undefined
  return {
    source,
    matches: reading => whole.matches(reading),
    matchesEnd(reading) {
      end ??= RE2JS.compile(`.*(?:${expression})`, RE2JS.DOTALL)
      return end.matches(reading)
    },
  }
}

function isUrlPattern(source: string): boolean {
  try {
    return !new URLPattern({ pathname: source }).hasRegExpGroups
  } catch {
    return false
  }
}

/** A regular expression for the whole path; undefined when the pattern has a part that is not taken. */
function translate(source: string, write: (literal: string) => string): string | undefined {
  let written = ''
  let at = 0
  while (at < source.length) {
    const rest = source.slice(at)
    const group = /^\{((?:[^\\{}()]|\\.)*)\}(\??)/.exec(rest)
    const part = /^(\*|:[A-Za-z_$][\w$]*)(\??)/.exec(rest)
    const literal = /^(?:\\.|[^\\{}()*+?:])+/su.exec(rest)
    if (group !== null) {
      const inner = translate(group[1] ?? '', write)
      if (inner === undefined) return undefined
      written += `(?:${inner})${group[2]}`
      at += group[0].length
    } else if (part !== null) {
      written = addPart(written, part[1] === '*' ? '.*' : '[^/]+', part[2] === '?')
      at += part[0].length
    } else if (literal !== null) {
      written += RE2JS.quote(write(literal[0].replace(/\\(.)/gsu, '$1')))
      at += literal[0].length
    } else return undefined
    if (/^[+*?]/.test(source.slice(at)) && (group !== null || part !== null)) return undefined
  }
  return written
}

/** The slash before an optional part is optional with it. */
function addPart(written: string, expression: string, isOptional: boolean): string {
  if (!isOptional) return written + expression
  return written.endsWith('/') ? `${written.slice(0, -1)}(?:/${expression})?` : `${written}(?:${expression})?`
}

/** Percent-encoded as it is on the wire, with upper-case digits (RFC 3986 §6.2.2.1). */
export function canonical(text: string): string {
  return text
    .replace(/[\p{Cc} "<>\\^`{|}\u{80}-\u{10ffff}]+/gu, part => encodeURIComponent(part.toWellFormed()))
    .replace(/%[0-9a-f]{2}/gi, code => code.toUpperCase())
}

/** Without regard to case, as upper case: `ı`, `İ` and `i` are one letter to some, `ſ` and `s` to others. */
export function foldCase(text: string): string {
  return text.toUpperCase().replace(/\u0130|I\u0307/g, 'I')
}

/** What is encoded in a pattern stands for what it decodes to. */
function foldLiteral(literal: string): string {
  let decoded = literal
  try {
    decoded = decodeURIComponent(literal)
  } catch {
    // No path with such bytes is judged by its readings.
  }
  return canonical(foldCase(decoded.normalize('NFKC')))
}
