/** What a signature is made over, and what it adds to the request. */

/** A request as it goes on the wire: nothing is changed after it was signed. */
export interface SignableRequest {
  /** Upper case. */
  readonly method: string
  /** `https://host[:port]` */
  readonly origin: string
  /** The raw path with its query, such as `/a%20b?x=1&y`. */
  readonly path: string
  /** Flat [name, value, …], final. */
  readonly headers: readonly string[]
  /** The final bytes; null when there is no body or its bytes are not known. */
  readonly body: Buffer | null
  /** True for a stream, whose bytes are not known; `body` is null then. */
  readonly isStreamed: boolean
}

/**
 * Headers to add (lower-case names), replacing any of the same name.
 * @throws {GatewayError} INVALID_INPUT when the request cannot be signed
 */
export type RequestSigner = (request: SignableRequest, nowMs: number) => Readonly<Record<string, string>>

/** The path as it is written and the query without its question mark. */
export function splitPath(path: string): { readonly pathname: string; readonly query: string } {
  const mark = path.indexOf('?')
  const written = mark === -1 ? path : path.slice(0, mark)
  return { pathname: written === '' ? '/' : written, query: mark === -1 ? '' : path.slice(mark + 1) }
}

/** The first value of a header; `name` is lower case. */
export function headerOf(request: SignableRequest, name: string): string | undefined {
  const { headers } = request
  const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name)
  return at === -1 ? undefined : headers[at + 1]
}

/** What the Host header says: lower case, without a default port (RFC 9110 §7.2). */
export function hostOf(request: SignableRequest): string {
  return headerOf(request, 'host') ?? new URL(request.origin).host
}
