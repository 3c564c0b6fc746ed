/** Lets the pages of listed origins use the raw route (Fetch standard, §3.3): the preflight's answer, and what answers carry. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { headerNamePattern } from '../auth/header-names.ts'
import { invalidInput } from '../errors.ts'
import { isSafeMethod } from '../passthrough/request.ts'

export interface RawCors {
  /** Answers a browser that asks what it may send, and returns true; a vendor's own OPTIONS is not one. */
  answerPreflight(request: IncomingMessage, response: ServerResponse): boolean
  /**
   * A page of another origin can have a browser send a form with the login that it keeps (Basic), without asking first.
   * @throws {GatewayError} INVALID_INPUT for such a request, unless its origin is listed
   */
  refuseForged(request: IncomingMessage): void
  /** What an answer to this request carries, names and values in turn; empty unless a listed origin asks. */
  headersFor(request: Pick<IncomingMessage, 'headers'>): readonly string[]
}

/** Seconds for which a browser need not ask again. */
const maxAgeSeconds = '600'

export function createRawCors(origins: readonly string[]): RawCors {
  const listed = new Set(origins)
  function allowing({ headers: { origin } }: Pick<IncomingMessage, 'headers'>): string[] | undefined {
    if (origin === undefined || !listed.has(origin)) return undefined
    return ['access-control-allow-origin', origin, 'vary', 'Origin']
  }
  return {
    answerPreflight(request, response) {
      const { 'access-control-request-method': method, 'access-control-request-headers': names } = request.headers
      const allowed = request.method === 'OPTIONS' && method !== undefined ? allowing(request) : undefined
      if (allowed === undefined || method === undefined || !headerNamePattern.test(method)) return false
      const asked = (names ?? '').split(',').map(name => name.trim())
      response.writeHead(204, [
        ...allowed,
        'access-control-allow-methods',
        method,
        'access-control-allow-headers',
        asked.filter(name => headerNamePattern.test(name)).join(', '),
        'access-control-max-age',
        maxAgeSeconds,
      ])
      response.end()
      return true
    },
    refuseForged(request) {
      const { authorization = '', 'x-api-key': key, origin } = request.headers
      if (!/^basic /i.test(authorization.trimStart()) || key !== undefined || isSafeMethod(request.method ?? '')) return
      if (!isOfAnotherSite(request) || (origin !== undefined && listed.has(origin))) return
      throw invalidInput(
        'headers.authorization',
        'A page of another origin sent this with a login that its browser keeps; nothing was sent. Send the key as `authorization: Bearer …` or as `x-api-key`.',
      )
    },
    headersFor(request) {
      const allowed = allowing(request)
      return allowed === undefined ? [] : [...allowed, 'access-control-expose-headers', '*']
    },
  }
}

/** Only browsers say where a request comes from. */
export function isOfBrowser({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return (
    headers.origin !== undefined || headers['sec-fetch-site'] !== undefined || headers['sec-fetch-mode'] !== undefined
  )
}

/**
 * A script, a form or an image of a page asks. Stricter than {@link isOfBrowser}: the fetch of Node names a mode as browsers
 * do, but never an origin or a site.
 */
export function isOfPage({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
}

function isOfAnotherSite({ headers: { origin, host, 'sec-fetch-site': site } }: IncomingMessage): boolean {
  if (site === 'cross-site' || site === 'same-site') return true
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)
}
