/** The ends of JSON's tokens (RFC 8259), for whoever reads a text by its characters. */

/** The position of the first character that is no white space. */
export function skipSpace(text: string, start: number): number {
  let position = start
  for (;;) {
    const code = text.charCodeAt(position)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return position
    position += 1
  }
}

/** Of a valid string that starts at `start`. @returns the position after its second quote */
export function skipString(text: string, start: number): number {
  let position = start + 1
  for (;;) {
    const quote = text.indexOf('"', position)
    let escapes = 0
    while (text.charCodeAt(quote - 1 - escapes) === 0x5c) escapes += 1
    if (escapes % 2 === 0) return quote + 1
    position = quote + 1
  }
}

/** Of a valid number, `true`, `false` or `null` that starts at `start`. */
export function skipScalar(text: string, start: number): number {
  let position = start + 1
  for (;;) {
    const code = text.charCodeAt(position)
    const isInside =
      (code >= 0x30 && code <= 0x39) ||
      (code >= 0x61 && code <= 0x7a) ||
      code === 0x2e ||
      code === 0x2d ||
      code === 0x2b
    if (!isInside && code !== 0x45) return position
    position += 1
  }
}

/** Of the string, number or literal that should start at `start`. @returns the position after it; -1 when there is none */
export function endOfScalar(text: string, start: number): number {
  const code = text.charCodeAt(start)
  if (code === 0x22) return endOfString(text, start)
  if (code === 0x74) return text.startsWith('true', start) ? start + 4 : -1
  if (code === 0x66) return text.startsWith('false', start) ? start + 5 : -1
  if (code === 0x6e) return text.startsWith('null', start) ? start + 4 : -1
  return endOfNumber(text, start)
}

export function endOfString(text: string, start: number): number {
  if (text.charCodeAt(start) !== 0x22) return -1
  let position = start + 1
  for (;;) {
    const code = text.charCodeAt(position)
    if (code === 0x22) return position + 1
    if (code === 0x5c) {
      position = endOfEscape(text, position)
      if (position === -1) return -1
    } else if (code >= 0x20) position += 1
    // A control character, or the end of the text.
    else return -1
  }
}

function endOfEscape(text: string, start: number): number {
  const code = text.charCodeAt(start + 1)
  if (code !== 0x75) return shortEscapes.has(code) ? start + 2 : -1
  for (let at = start + 2; at < start + 6; at++) if (!isHex(text.charCodeAt(at))) return -1
  return start + 6
}

/** What may follow a backslash but `u`. */
const shortEscapes: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'))

function endOfNumber(text: string, start: number): number {
  const first = text.charCodeAt(start) === 0x2d ? start + 1 : start
  let position = text.charCodeAt(first) === 0x30 ? first + 1 : endOfDigits(text, first)
  if (position !== -1 && text.charCodeAt(position) === 0x2e) position = endOfDigits(text, position + 1)
  if (position === -1) return -1
  const exponent = text.charCodeAt(position)
  if (exponent !== 0x65 && exponent !== 0x45) return position
  const sign = text.charCodeAt(position + 1)
  return endOfDigits(text, position + (sign === 0x2b || sign === 0x2d ? 2 : 1))
}

/** -1 when there is none. */
function endOfDigits(text: string, start: number): number {
  let position = start
  while (isDigit(text.charCodeAt(position))) position += 1
  return position === start ? -1 : position
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function isHex(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66)
}
