/** Hands an upstream's answer to the client of the raw route as it comes: head, bytes, trailers; nothing is kept. */
import type { ServerResponse } from 'node:http'
import { isFramingHeader } from '../auth/header-names.ts'
import { GatewayError } from '../errors.ts'
import type { AnswerControl, AnswerFacts, AnswerSink } from '../passthrough/relay.ts'
import type { ResponseHeader } from '../passthrough/response.ts'
import { isOwnHeader, ownHeaders } from './own-headers.ts'
import { isLinkHeader, type LinkPlace, rewriteLinks } from './rewrite-links.ts'
import { isOfVendorOrigin, isOfVendorPage } from './vendor-headers.ts'

export interface RawAnswerOptions {
  readonly requestId: string
  /** Undefined when links stay as the vendor wrote them; asked when there is one. */
  readonly links: (() => LinkPlace) | undefined
  /** What the browser of a listed origin is told, names and values in turn; empty for everyone else. */
  readonly cors: readonly string[]
  /**
   * What shows the answer: any `client` gets all that the vendor sent; for the script of a `page` and for the `download` of
   * a link the answer comes from the gateway's origin, of which a vendor has nothing to say, nor does it run as a page there.
   */
  readonly reader: 'client' | 'page' | 'download'
}

export class RawAnswer implements AnswerSink {
  readonly #response: ServerResponse
  readonly #options: RawAnswerOptions
  #hasBytes = false

  constructor(response: ServerResponse, options: RawAnswerOptions) {
    this.#response = response
    this.#options = options
  }

  start(control: AnswerControl): void {
    const response = this.#response
    response.on('drain', () => control.resume())
    response.on('close', () => {
      if (!response.writableFinished) control.cancel()
    })
    if (response.destroyed) control.cancel()
  }

  interim(status: number, headers: readonly ResponseHeader[]): void {
    if (status === 101) throw notHttp('an upgrade nobody asked for')
    const fields: Record<string, string | string[]> = {}
    for (const { name, value } of this.#kept(headers)) {
      const before = fields[name]
      fields[name] = before === undefined ? value : [before, value].flat()
    }
    this.#write(() => this.#response.writeInformation(status, fields))
  }

  head(status: number, statusText: string, headers: readonly ResponseHeader[], facts: AnswerFacts): void {
    const { requestId, reader } = this.#options
    const response = this.#response
    const fields = reader === 'download' ? downloadFields(this.#fieldsOf(headers)) : this.#fieldsOf(headers)
    fields.push(ownHeaders.requestId, requestId)
    if (facts.attempts > 1) fields.push(ownHeaders.attempts, String(facts.attempts))
    if (facts.cache !== null) fields.push(ownHeaders.cache, facts.cache)
    response.sendDate = false
    this.#write(() => response.writeHead(status, reasonOf(statusText), fields))
    // One packet for a small answer; the head alone at once when nothing follows.
    response.cork()
    process.nextTick(() => {
      // flushHeaders would write the head as UTF-8; header bytes beyond ASCII are Latin-1 (RFC 9110 §5.5).
      if (!this.#hasBytes && !response.destroyed) response.write('', 'latin1')
      response.uncork()
    })
  }

  body(chunk: Buffer): boolean {
    this.#hasBytes = true
    return this.#response.write(chunk)
  }

  end(trailers: readonly ResponseHeader[]): void {
    this.#hasBytes = true
    const kept = this.#kept(trailers).map(({ name, value }): [string, string] => [name, value])
    if (kept.length > 0) this.#write(() => this.#response.addTrailers(kept))
    this.#response.end()
  }

  /** Without the names of the hop between the upstream and the gateway, and the gateway's own; `trailer` announces what really comes. */
  #fieldsOf(headers: readonly ResponseHeader[]): string[] {
    const { links, cors } = this.#options
    const fields = [...cors]
    let dropped: Set<string> | undefined
    for (const { name, value } of headers) {
      if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
      dropped ??= new Set()
      for (const listed of value.toLowerCase().split(',')) dropped.add(listed.trim())
    }
    for (const { name, value } of this.#kept(headers)) {
      const lower = name.toLowerCase()
      const isOfThisHop = isFramingHeader(lower) && lower !== 'content-length' && lower !== 'trailer'
      if (isOfThisHop || dropped?.has(lower) === true) continue
      fields.push(name, links !== undefined && isLinkHeader(lower) ? rewriteLinks(lower, value, links()) : value)
    }
    return fields
  }

  /** What only the gateway says is not the vendor's to say. */
  #kept(headers: readonly ResponseHeader[]): readonly ResponseHeader[] {
    const { reader } = this.#options
    if (reader === 'client') return headers.some(isOwn) ? headers.filter(header => !isOwn(header)) : headers
    const isForeign = reader === 'page' ? isOfVendorOrigin : isOfVendorPage
    return headers.filter(header => !isOwn(header) && !isForeign(header.name.toLowerCase()))
  }

  /** What Node refuses to write is no HTTP: the upstream's fault. */
  #write(write: () => void): void {
    try {
      write()
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
      if (!/^ERR_(?:INVALID_CHAR|HTTP_)/.test(code)) throw cause
      throw notHttp(code, cause)
    }
  }
}

function isOwn({ name }: ResponseHeader): boolean {
  return name.length > 10 && isOwnHeader(name.toLowerCase())
}

/** A reason phrase means nothing to a client (RFC 9112 §4): one that Node cannot write is left out. */
function reasonOf(statusText: string): string {
  return /[^\t\x20-\x7e\x80-\xff]/.test(statusText) ? '' : statusText
}

/** Names of a download that only the gateway sets. */
const ownOfDownload: ReadonlySet<string> = new Set(['cache-control', 'x-content-type-options'])

function downloadFields(fields: readonly string[]): string[] {
  const kept: string[] = []
  let disposition = 'attachment'
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = (fields[at] ?? '').toLowerCase()
    const value = fields[at + 1] ?? ''
    // A name that the vendor gives the file stays; to be shown in place is not the vendor's to say.
    if (name === 'content-disposition') disposition = value.replace(/^\s*[\w-]+/, 'attachment')
    else if (!ownOfDownload.has(name)) kept.push(fields[at] ?? '', value)
  }
  kept.push('content-disposition', disposition, 'content-security-policy', "sandbox; default-src 'none'")
  kept.push('x-content-type-options', 'nosniff', 'cache-control', 'private, no-store')
  return kept
}

function notHttp(what: string, cause?: unknown): GatewayError {
  return new GatewayError('UPSTREAM_PROTOCOL', `The upstream answered something that is not valid HTTP (${what}).`, {
    cause,
  })
}
