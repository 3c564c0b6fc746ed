/** What an upstream answered, whole in memory, and the views of its bytes. */
import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { JsonBody } from './json-body.ts'
import type { QueryableJson } from './json-path.ts'
import type { EmbeddedJson } from './json-text.ts'
import { isJsonType, parseMediaType } from './media-type.ts'

export interface ResponseHeader {
  readonly name: string
  readonly value: string
}

/** Every view is made when it is first asked for, and once: an operation may ask for it by a hundred names. */
export class UpstreamResponse {
  readonly status: number
  /** As they came: order, spelling and repeats. */
  readonly headers: readonly ResponseHeader[]
  /** After decoding. */
  readonly bytes: Buffer
  #json: JsonBody | null | undefined
  #text: string | undefined
  #base64: string | undefined
  #sha256: string | undefined

  constructor(parts: { status: number; headers: readonly ResponseHeader[]; bytes: Buffer }) {
    this.status = parts.status
    this.headers = parts.headers
    this.bytes = parts.bytes
  }

  get sizeBytes(): number {
    return this.bytes.length
  }

  /** The header's values joined by a comma (RFC 9110 §5.3); undefined when there is none. */
  header(name: string): string | undefined {
    return joinHeader(this.headers, name)
  }

  get contentType(): string | undefined {
    return this.header('content-type')
  }

  /** By the charset of the content type, UTF-8 when it names none that is known; no byte order mark. */
  text(): string {
    const { charset = 'utf-8' } = parseMediaType(this.#firstContentType)
    this.#text ??= createDecoder(charset).decode(this.bytes)
    return this.#text
  }

  base64(): string {
    this.#base64 ??= this.bytes.toString('base64')
    return this.#base64
  }

  /** In hex. */
  sha256(): string {
    this.#sha256 ??= hash('sha256', this.bytes, 'hex')
    return this.#sha256
  }

  /** The JSON body as its exact text; null when it is empty or not JSON. Only a large one has to be waited for. */
  json(): EmbeddedJson | null | Promise<EmbeddedJson | null> {
    return this.#jsonBody?.embedded() ?? null
  }

  /** The JSON body for queries; null when it is empty or not JSON. Only a large one has to be waited for. */
  queryable(): QueryableJson | null | Promise<QueryableJson | null> {
    return this.#jsonBody?.queryable() ?? null
  }

  /** A repeated content type must not hide what the first one says. */
  get #firstContentType(): string | undefined {
    return this.headers.find(({ name }) => name.toLowerCase() === 'content-type')?.value
  }

  get #jsonBody(): JsonBody | null {
    if (this.#json === undefined) {
      const text = jsonText(this.bytes, parseMediaType(this.#firstContentType).essence)
      this.#json = text === undefined ? null : new JsonBody(text)
    }
    return this.#json
  }
}

export function joinHeader(headers: readonly ResponseHeader[], name: string): string | undefined {
  const wanted = name.toLowerCase()
  const values = headers.filter(header => header.name.toLowerCase() === wanted).map(header => header.value)
  return values.length === 0 ? undefined : values.join(', ')
}

/** What may be JSON. A type that does not say so must at least look like it: the text `404` of a text/plain is no number. */
function jsonText(bytes: Buffer, essence: string): string | undefined {
  if (bytes.length === 0 || !isUtf8(bytes)) return undefined
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  const text = bytes.toString('utf8', hasMark ? 3 : 0)
  return essence === '' || isJsonType(essence) || /^[\t\n\r ]*[[{]/.test(text) ? text : undefined
}

function createDecoder(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset)
  } catch {
    return new TextDecoder()
  }
}
