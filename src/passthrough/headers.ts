/** The headers of a request: the gateway's defaults, the integration's static ones, then the caller's. */
import { headerNamePattern, isFramingHeader } from '../auth/header-names.ts'
import { type ErrorDetail, type GatewayError, invalidFields, invalidInput } from '../errors.ts'
import type { ResolvedConnection } from './connection.ts'
import { describeKind, isObject, scalarText, trimTrailing } from './scalar.ts'

const maxHeaders = 100
const maxHeaderBytes = 32 * 1024

const defaults: Readonly<Record<string, string>> = { accept: '*/*', 'user-agent': 'passgate' }

/**
 * What a caller may not set, for any integration: names that frame or route the message, which only the HTTP client writes
 * (https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2), the
 * credential's place, and names the gateway speaks itself.
 */
const refusals: readonly { readonly refuses: (name: string) => boolean; readonly reason: string }[] = [
  { refuses: isFramingHeader, reason: 'is written by the HTTP client' },
  { refuses: name => name.startsWith('proxy-') || name === 'http2-settings', reason: 'is meant for one hop only' },
  { refuses: name => name === 'authorization', reason: "is set by the connection's credential" },
  { refuses: name => name.startsWith('x-passgate-'), reason: 'belongs to the gateway' },
]

/**
 * Names in lower case. The caller's `null` removes a default or static header; an array is joined as RFC 9110 §5.3 says.
 * @throws {GatewayError} INVALID_INPUT with a detail per wrong header
 */
export function planHeaders(connection: ResolvedConnection, given: unknown): Map<string, string> {
  const headers = new Map([...Object.entries(defaults), ...Object.entries(connection.headers)])
  if (given == null) return headers
  if (!isObject(given)) throw invalidInput('headers', `headers takes an object; got ${describeKind(given)}.`)
  const count = Object.keys(given).length
  if (count > maxHeaders) throw tooMany(count)
  const details: ErrorDetail[] = []
  const seen = new Set<string>()
  for (const [written, value] of Object.entries(given)) {
    const name = written.toLowerCase()
    const problem = seen.has(name) ? 'is given twice; names differ only in case' : findProblem(connection, name, value)
    seen.add(name)
    if (problem !== undefined) {
      // A name that is no token is not repeated in full: it may be anything.
      const field = `headers.${headerNamePattern.test(name) ? name : JSON.stringify(written.slice(0, 64))}`
      details.push({ field, message: `${field} ${problem}.` })
    } else if (value === null) {
      headers.delete(name)
    } else {
      headers.set(name, headerText(name, value) ?? '')
    }
  }
  if (details.length > 0) throw invalidFields(details)
  checkSize(headers)
  return headers
}

function findProblem(connection: ResolvedConnection, name: string, value: unknown): string | undefined {
  if (!headerNamePattern.test(name)) return 'is no header name (RFC 9110 §5.6.2: letters, digits and some signs)'
  const refusal = refusals.find(({ refuses }) => refuses(name))
  if (refusal !== undefined) return `${refusal.reason}; leave it out`
  if (connection.injected.headers.includes(name)) return "is set by the connection's credential; leave it out"
  if (value === null) return undefined
  const text = headerText(name, value)
  if (text === undefined) return `takes text, a number, a boolean or an array of those; got ${describeKind(value)}`
  // RFC 9110 §5.5: tab, visible ASCII, space and obs-text (sent as Latin-1).
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) return 'has a line break, control character or character beyond Latin-1'
  return undefined
}

function headerText(name: string, value: unknown): string | undefined {
  if (!Array.isArray(value)) {
    const text = scalarText(value)?.replace(/^[\t ]+/, '')
    return text === undefined ? undefined : trimTrailing(text, '\t ')
  }
  const texts = value.map(scalarText)
  // RFC 6265 §5.4: cookies are the one list with semicolons.
  return texts.includes(undefined) ? undefined : texts.join(name === 'cookie' ? '; ' : ', ')
}

function checkSize(headers: ReadonlyMap<string, string>): void {
  if (headers.size > maxHeaders) throw tooMany(headers.size)
  let bytes = 0
  for (const [name, value] of headers) bytes += name.length + value.length + 4
  if (bytes > maxHeaderBytes)
    throw invalidInput('headers', `The headers have ${bytes} bytes; at most ${maxHeaderBytes} are sent.`)
}

function tooMany(count: number): GatewayError {
  return invalidInput('headers', `${count} headers are more than ${maxHeaders}.`)
}
