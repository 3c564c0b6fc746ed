/** The headers of an answer as undici hands them over: HTTP/1 in turn and as they came, HTTP/2 as an object. */
import type { ResponseHeader } from './response.ts'

/** Order, spelling and repeats are kept. */
export function readHeaders(raw: object): ResponseHeader[] {
  if (!Array.isArray(raw)) {
    return Object.entries(raw).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map(item => ({ name, value: String(item) })),
    )
  }
  const headers: ResponseHeader[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) headers.push({ name: latin1(raw[at]), value: latin1(raw[at + 1]) })
  return headers
}

/** Looks a header up by its name in lower case; repeated ones are joined (RFC 9110 §5.3). */
export function createHeaderReader(
  parsed: Readonly<Record<string, string | string[] | undefined>>,
): (name: string) => string | undefined {
  return name => {
    const value = Object.hasOwn(parsed, name) ? parsed[name] : undefined
    return Array.isArray(value) ? value.join(', ') : value
  }
}

function latin1(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('latin1') : String(value)
}
