/** Fetches an OpenAPI document: guarded at each hop, without a credential, bounded in size and time. */
import { GatewayError, invalidInput } from '../errors.ts'
import type { Outbound } from '../passthrough/outbound.ts'

const maxRedirects = 5
const timeoutMs = 30_000
const maxUrlLength = 2048

const headers = { accept: 'application/json, application/yaml;q=0.9, */*;q=0.5', 'user-agent': 'passgate' }

/**
 * @param field for errors
 * @throws {GatewayError} INVALID_INPUT when it is no URL or nothing is there; all that {@link Outbound} throws
 */
export async function fetchDocument(fetch: Outbound, url: string, field: string, maxBytes: number): Promise<string> {
  const endsAt = Date.now() + timeoutMs
  let place = readUrl(url, field)
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const left = Math.max(1, endsAt - Date.now())
    const answer = await fetch(place.href, { method: 'GET', headers, timeoutMs: left, maxBytes })
    if (answer.status >= 200 && answer.status < 300) return await answer.text()
    const location = answer.headers.get('location')
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === null) {
      throw invalidInput(field, `${field} leads to no document: ${place.host} answered ${answer.status}.`)
    }
    place = readUrl(URL.parse(location, place)?.href ?? '', field)
  }
  throw new GatewayError('UPSTREAM_PROTOCOL', `${place.host} redirects more than ${maxRedirects} times.`)
}

/** Where a document came from, for the record: a query may hold what is secret. */
export function sourceOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

function readUrl(text: string, field: string): URL {
  const url = text.length <= maxUrlLength ? URL.parse(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw invalidInput(field, `${field} takes an https URL of at most ${maxUrlLength} characters.`)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidInput(field, `${field} has a user name before its host; documents are fetched without a credential.`)
  }
  return url
}
