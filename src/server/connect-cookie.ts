/**
 * How a connect page knows its browser again: a cookie that only this browser has, and a token in each form that is bound to
 * the cookie and to the link. One secret for all links of a browser: two of them, open side by side, would otherwise throw
 * each other out.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** Seconds; longer than a link can be good for (30 min), and renewed by every page. */
const maxAgeSeconds = 3600

/** 256 bits as base64url. */
const secretShape = /^[A-Za-z0-9_-]{43}$/

export interface ConnectCookie {
  /** The browser's secret, when it sent one. */
  read(headers: IncomingHttpHeaders): string | undefined
  /** The value of `set-cookie`. */
  write(secret: string): string
}

/** @param isSecure whether callers reach the gateway over https, without which no browser takes a `__Host-` cookie */
export function createConnectCookie(isSecure: boolean): ConnectCookie {
  const name = isSecure ? '__Host-passgate-connect' : 'passgate-connect'
  // Lax: the way back from the vendor is a navigation from another site, and has to bring the cookie.
  const attributes = `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  return {
    read({ cookie = '' }) {
      const pairs = cookie.split(';').map(pair => pair.trim())
      const secret = pairs.find(pair => pair.startsWith(`${name}=`))?.slice(name.length + 1)
      return secret !== undefined && secretShape.test(secret) ? secret : undefined
    },
    write: secret => `${name}=${secret}; ${attributes}`,
  }
}

export function createBrowserSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What a form of this link in this browser carries. */
export function formTokenOf(secret: string, token: string): string {
  return createHmac('sha256', secret).update(`connect form ${token}`).digest('base64url')
}

export function isFormToken(given: string | null, secret: string, token: string): boolean {
  const right = Buffer.from(formTokenOf(secret, token))
  const sent = Buffer.from(given ?? '')
  return sent.length === right.length && timingSafeEqual(sent, right)
}

/**
 * False when the browser itself says that another site sent the form. A page without a referrer posts `Origin: null`
 * (Fetch §3.2), which says nothing.
 */
export function isFromOwnPage(headers: IncomingHttpHeaders, publicUrl: URL): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  if (origin === undefined || origin === 'null') return true
  const from = URL.parse(origin)
  return from !== null && (from.origin === publicUrl.origin || from.host === host)
}
