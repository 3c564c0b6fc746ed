/** Percent-encoding as signatures want it: the unreserved characters of RFC 3986 §2.3 stay, every other byte is `%XX` in upper case. */

/** Name and value, each percent-encoded. */
export type EncodedPair = readonly [name: string, value: string]

/** RFC 5849 §3.6, which is also the UriEncode of AWS; the text is encoded as UTF-8. */
export function percentEncode(text: string): string {
  return text.replace(/[^A-Za-z0-9._~-]+/gu, run => Array.from(Buffer.from(run, 'utf8'), encodeByte).join(''))
}

/** The one spelling of a text that may be percent-encoded already. A `%` that begins no escape stands for itself. */
export function recodePercent(text: string): string {
  return text.replace(/%[0-9A-Fa-f]{2}|[^A-Za-z0-9._~-]/gu, part => {
    if (part.length < 3) return percentEncode(part)
    return percentEncodeByte(Number.parseInt(part.slice(1), 16))
  })
}

/** The pairs of a query in the one spelling. A name without `=` has an empty value; empty pairs (`&&`) are none. */
export function readPairs(query: string): EncodedPair[] {
  const pairs = query.split('&').filter(pair => pair !== '')
  return pairs.map(pair => {
    const equals = pair.indexOf('=')
    if (equals === -1) return [recodePercent(pair), '']
    return [recodePercent(pair.slice(0, equals)), recodePercent(pair.slice(equals + 1))]
  })
}

/** `a=1&b=2`, sorted by name, then by value. Both are compared encoded, so that bytes decide and `=` does not. */
export function joinSorted(pairs: readonly EncodedPair[]): string {
  const sorted = pairs.toSorted(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
  return sorted.map(([name, value]) => `${name}=${value}`).join('&')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function percentEncodeByte(byte: number): string {
  const char = String.fromCharCode(byte)
  return /[A-Za-z0-9._~-]/.test(char) ? char : encodeByte(byte)
}

function encodeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
