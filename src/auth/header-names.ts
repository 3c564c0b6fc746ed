/** Which header names may carry a credential or a static value towards an upstream. */

/**
 * Names that frame or route the message: the HTTP client writes them, nobody else.
 * RFC 9110 §7.6.1 (connection and what it lists), §7.2 (host), §8.6 (content-length), §10.1.1 (expect), RFC 9112 §6.1.
 */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** An RFC 9110 §5.6.2 token of at most 128 characters. */
export const headerNamePattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/

/** Whether the name is one of those that only the HTTP client may write; lower case. */
export function isFramingHeader(name: string): boolean {
  return framing.has(name)
}

/** What RFC 9110 §5.5 lets a field value be: visible ASCII or Latin-1 with inner spaces; no control characters. */
export function isHeaderValue(value: string): boolean {
  return /^[\x20-\x7e\xa0-\xff]+$/.test(value) && value.trim() === value
}
