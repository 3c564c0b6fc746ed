/** The fields of a body in which a vendor may look for another method: of a form or at the top of a JSON object. */
import { unescape as unescapeText } from 'node:querystring'
import { formType } from '../passthrough/body.ts'
import { parseMediaType } from '../passthrough/media-type.ts'
import type { RequestPlan } from '../passthrough/request.ts'

export type Field = readonly [name: string, value: string]

/** Thrown for a body that a vendor may read otherwise than it is read here. The message ends a sentence. */
export class UnreadableBody extends Error {
  override readonly name = 'UnreadableBody'
}

/** Whether a vendor may take parameters from its body. */
export function hasParameters({ body, method, headers }: RequestPlan): boolean {
  return body !== null && kindsOf(method, headers).size > 0
}

/**
 * At least those whose name is wanted.
 * @throws {UnreadableBody}
 */
export function readBodyFields(
  { method, headers }: RequestPlan,
  bytes: Buffer,
  isWanted: (name: string) => boolean,
): Field[] {
  const kinds = kindsOf(method, headers)
  if (kinds.size === 0) return []
  if (valuesOf(headers, 'content-encoding').some(coding => !/^(?:identity)?$/i.test(coding.trim()))) {
    throw new UnreadableBody('it is compressed')
  }
  const text = bytes.toString()
  return [...kinds].flatMap(([kind, type]) => {
    const { charset } = parseMediaType(type)
    if (charset !== undefined && !/^(?:utf-?8|(?:us-)?ascii|iso-8859-\d+|latin-?1|windows-125\d)$/.test(charset)) {
      throw new UnreadableBody(`its charset is ${charset}`)
    }
    if (kind === 'form') return readParameters(text)
    return kind === 'json' ? readTopFields(text, isWanted) : readParts(text, type)
  })
}

/** Some part pairs at semicolons too. */
export function readParameters(encoded: string): Field[] {
  return encoded.split(/[&;]/).map(pair => {
    const mark = pair.indexOf('=')
    return mark === -1 ? [decode(pair), ''] : [decode(pair.slice(0, mark)), decode(pair.slice(mark + 1))]
  })
}

type Kind = 'form' | 'multipart' | 'json'

/** By every content type that it says, and what that is. Rack takes a POST without any for a form. */
function kindsOf(method: string, headers: RequestPlan['headers']): Map<Kind, string> {
  const types = valuesOf(headers, 'content-type')
  const kinds = new Map<Kind, string>()
  if (types.length === 0 && method === 'POST') kinds.set('form', formType)
  for (const type of types) {
    if (/form-urlencoded/i.test(type)) kinds.set('form', type)
    if (/multipart\//i.test(type)) kinds.set('multipart', type)
    if (/json/i.test(type)) kinds.set('json', type)
  }
  return kinds
}

function valuesOf(headers: RequestPlan['headers'], wanted: string): string[] {
  return headers.flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : []))
}

function decode(text: string): string {
  return /[%+]/.test(text) ? unescapeText(text.replaceAll('+', ' ')) : text
}

/**
 * Names that occur twice count twice, and several objects in turn count each. Every text below a name is a value of it.
 * @throws {UnreadableBody} for what only a lenient parser takes, which may see other strings
 */
function readTopFields(text: string, isWanted: (name: string) => boolean): Field[] {
  const fields: Field[] = []
  let depth = 0
  let last = ''
  let name: string | undefined
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === sign.quote) {
      const end = endOfString(text, at)
      if (name !== undefined) fields.push([name, unquote(text.slice(at, end))])
      else if (depth === 1) last = text.slice(at, end)
      at = end - 1
    } else if (code === sign.openObject || code === sign.openList) depth += 1
    else if (code === sign.closeObject || code === sign.closeList) depth -= 1
    else if (code === sign.colon && depth === 1) {
      const key = unquote(last)
      name = isWanted(key) ? key : undefined
    } else if (code === sign.comma && depth === 1) name = undefined
    else if (isBetweenStrings[code] !== 1) throw new UnreadableBody('it is no strict JSON')
  }
  return fields
}

/** Not by a regular expression: those run out of stack in long texts. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === sign.backslash) at += 1
    else if (code === sign.quote) return at + 1
  }
  return text.length
}

/** By number, because bodies may have millions of characters. */
const sign = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openList: 0x5b,
  backslash: 0x5c,
  closeList: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const

/** 1 for numbers, literals, blanks and the signs of RFC 8259, for U+FEFF before it all, and for U+001E of RFC 7464. */
const isBetweenStrings = new Uint8Array(0x10000)
for (const char of '0123456789+-.eEtruefalsn ,:\t\n\r\u001e\ufeff') isBetweenStrings[char.charCodeAt(0)] = 1

function unquote(text: string): string {
  try {
    return String(JSON.parse(text))
  } catch {
    return text.replace(/^"|"$/g, '').replace(/\\(.)/gs, '$1')
  }
}

/** RFC 7578, as far as names and short values go. @throws {UnreadableBody} */
function readParts(text: string, type: string): Field[] {
  const [, quoted, bare = ''] = /boundary\s*=\s*(?:"([^"]*)"|([^\s;,"]*)(?=\s*(?:;|$)))/i.exec(type) ?? []
  const boundary = quoted ?? bare
  if (boundary === '' || type.split(/boundary/i).length !== 2) {
    throw new UnreadableBody('it does not name one boundary')
  }
  return text.split(`--${boundary}`).flatMap(readPart)
}

const partName = /\bname(\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^;\s]*))/gi

function readPart(part: string): Field[] {
  const [, head, value = ''] = /^(.*?)\r?\n\r?\n(.*)$/s.exec(part.trimStart()) ?? []
  if (head === undefined) return []
  if (/content-transfer-encoding:(?!\s*(?:[78]bit|binary)\b)|\bname\*\d/i.test(head)) {
    throw new UnreadableBody('a part of it is encoded')
  }
  return [...head.matchAll(partName)].map(([, isExtended, quoted, single, bare = '']) => {
    const name = quoted?.replace(/\\(.)/g, '$1') ?? single ?? bare
    return [isExtended === '' ? name : decode(name.replace(/^[^']*'[^']*'/, '')), value]
  })
}
