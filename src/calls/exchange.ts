/** What is kept of a call's request and answer where a workspace asks for it, and how it is written to be sealed. */

export interface KeptHeader {
  readonly name: string
  readonly value: string
}

export interface KeptBody {
  /** Of the whole body, as it went or came. */
  readonly sizeBytes: number
  /** The body, or its beginning; null when nothing of it is kept. */
  readonly bytes: Buffer | null
  /** Of the bytes; undefined where it is what the content type says. */
  readonly charset?: 'utf-8' | undefined
  readonly isTruncated: boolean
  /** Why nothing is kept; null when something is. */
  readonly omitted: string | null
}

export interface CallExchange {
  readonly requestHeaders: readonly KeptHeader[]
  /** Null when there was none. */
  readonly requestBody: KeptBody | null
  /** Empty when no answer came. */
  readonly responseHeaders: readonly KeptHeader[]
  readonly responseBody: KeptBody | null
  /** True when something was taken out of the request's body: it is no longer what was sent. */
  readonly isRequestRedacted: boolean
}

/** An exchange until it is written. */
export interface PendingExchange {
  /** Bytes that it holds in memory. */
  readonly sizeBytes: number
  readonly retentionDays: number
  /** What is kept of it. */
  finish(): Promise<CallExchange>
}

export function writeExchange(exchange: CallExchange): string {
  const { requestBody, responseBody } = exchange
  return JSON.stringify({ ...exchange, requestBody: writeBody(requestBody), responseBody: writeBody(responseBody) })
}

/** @param text what {@link writeExchange} wrote */
export function readExchange(text: string): CallExchange {
  const exchange = JSON.parse(text)
  return { ...exchange, requestBody: readBody(exchange.requestBody), responseBody: readBody(exchange.responseBody) }
}

interface WrittenBody extends Omit<KeptBody, 'bytes'> {
  readonly base64: string | null
}

function writeBody(body: KeptBody | null): WrittenBody | null {
  if (body === null) return null
  const { bytes, ...facts } = body
  return { ...facts, base64: bytes?.toString('base64') ?? null }
}

function readBody(written: WrittenBody | null): KeptBody | null {
  if (written === null) return null
  const { base64, ...facts } = written
  return { ...facts, bytes: base64 === null ? null : Buffer.from(base64, 'base64') }
}
