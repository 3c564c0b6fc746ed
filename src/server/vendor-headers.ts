/** What a vendor's answer says of the vendor's own origin: a browser would take it as said of the gateway's. */

/** Who may read, embed or time an answer: the gateway says that of its own answers. */
const sharing: ReadonlySet<string> = new Set(['timing-allow-origin', 'cross-origin-resource-policy'])

/** What a browser keeps, reports or clears for the origin that an answer came from, whatever asked for it. */
const keptForOrigin: ReadonlySet<string> = new Set([
  // Cookies (RFC 6265), which would go to every other vendor behind the gateway; logins and sessions bound to the origin.
  'set-cookie',
  'set-cookie2',
  'set-login',
  'secure-session-registration',
  'sec-session-registration',
  // How the origin is reached from now on (RFC 6797, RFC 7469, RFC 7838, RFC 9163).
  'strict-transport-security',
  'public-key-pins',
  'public-key-pins-report-only',
  'expect-ct',
  'alt-svc',
  'clear-site-data',
  // Whom the browser tells about the origin (https://www.w3.org/TR/network-error-logging/, https://www.w3.org/TR/reporting/).
  'nel',
  'report-to',
  'reporting-endpoints',
  // What it sends with, or does to, every later request to the origin.
  'accept-ch',
  'critical-ch',
  'use-as-dictionary',
  'service-worker-allowed',
  'origin-agent-cluster',
  'activate-storage-access',
])

/** What only counts where an answer is a page: it would lead elsewhere, load more, ask for a login or report. */
const ofPages: ReadonlySet<string> = new Set([
  'refresh',
  'link',
  'speculation-rules',
  'www-authenticate',
  'proxy-authenticate',
  'content-security-policy',
  'content-security-policy-report-only',
])

/** Of what a page's script asked for. @param name in lower case */
export function isOfVendorOrigin(name: string): boolean {
  return keptForOrigin.has(name) || sharing.has(name) || name.startsWith('access-control-')
}

/** Of what a browser opens by itself: a link that somebody follows. @param name in lower case */
export function isOfVendorPage(name: string): boolean {
  return ofPages.has(name) || isOfVendorOrigin(name)
}
