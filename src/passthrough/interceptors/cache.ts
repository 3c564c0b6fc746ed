/** Answers from the connection's own private cache (RFC 9111) when the call asks for it, and keeps it true when calls write. */
import type { Dispatcher } from 'undici'
import { findReusable, freshen, isMissing, outdatedBy, toStored, validators } from '../cache-policy.ts'
import { type Call, callOf } from '../call.ts'
import { maxEntryBytes, type PrivateCaches, type StoredAnswer } from '../private-caches.ts'
import { isSafeMethod } from '../request.ts'
import { ForwardingHandler } from './forwarding-handler.ts'

type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[]>

export function createCache(caches: PrivateCaches): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function remember(options, handler) {
      const call = callOf(options)
      const { cache, connection } = call.plan
      const url = String(options.origin) + options.path
      if (!isSafeMethod(options.method)) {
        const isKept = caches.find(connection) !== undefined
        return dispatch(options, isKept ? new InvalidatingHandler(handler, caches, call, url) : handler)
      }
      // What a GET's body asks for is not in its URL.
      if (cache === undefined || options.method !== 'GET' || call.plan.body !== null) {
        if (cache !== undefined) call.cache = 'MISS'
        return dispatch(options, handler)
      }
      const exchange = {
        dispatch,
        options,
        handler,
        caches,
        call,
        url,
        headers: lowerCased(options.headers as string[]),
      }
      return answer(exchange, caches.open(connection).find(url, exchange.headers))
    }
}

interface Exchange {
  readonly dispatch: Dispatcher.Dispatch
  readonly options: Dispatcher.DispatchOptions
  readonly handler: Dispatcher.DispatchHandler
  readonly caches: PrivateCaches
  readonly call: Call
  readonly url: string
  /** Of the request; names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

function answer(exchange: Exchange, stored: StoredAnswer | undefined): boolean {
  const { call, handler, headers, url, options, dispatch } = exchange
  const request = { method: 'GET', url, headers }
  const reusable = stored && findReusable(stored, request, call.plan.cache?.maxAgeSeconds)
  if (reusable !== undefined) {
    call.cache = 'HIT'
    return serve(handler, stored as StoredAnswer, reusable)
  }
  call.cache = 'MISS'
  if (isMissing(headers)) return serve(handler, unanswered, {})
  const added = stored === undefined ? [] : validators(stored, headers)
  if (stored === undefined || added.length === 0) return dispatch(options, new StoringHandler(exchange))
  const conditional = { ...options, headers: [...(options.headers as string[]), ...added] }
  return dispatch(conditional, new RevalidatingHandler(exchange, stored))
}

/** RFC 9111 §5.2.1.7: a caller of `only-if-cached` wants no request to be made. */
const unanswered = { status: 504, statusText: 'Gateway Timeout', body: Buffer.alloc(0) }

function serve(
  handler: Dispatcher.DispatchHandler,
  { status, statusText, body }: Pick<StoredAnswer, 'status' | 'statusText' | 'body'>,
  headers: Headers,
): true {
  const controller = { ...nothingToControl, rawHeaders: flatten(headers) }
  handler.onRequestStart?.(controller, undefined)
  handler.onResponseStart?.(controller, status, headers, statusText)
  if (body.length > 0) handler.onResponseData?.(controller, body)
  handler.onResponseEnd?.(controller, {})
  return true
}

/** It is over before anybody could stop it. */
const nothingToControl: Dispatcher.DispatchController = {
  aborted: false,
  paused: false,
  reason: null,
  abort() {},
  pause() {},
  resume() {},
}

/** Hands the answer on and keeps it, when it may be kept and is not too long. */
class StoringHandler extends ForwardingHandler {
  protected readonly exchange: Exchange
  #head: { status: number; statusText: string; headers: Headers } | undefined
  #chunks: Buffer[] = []
  #length = 0

  constructor(exchange: Exchange) {
    super(exchange.handler)
    this.exchange = exchange
  }

  override onResponseStart(controller: Controller, status: number, headers: Headers, statusText = ''): void {
    if (status >= 200) this.#head = { status, statusText, headers }
    super.onResponseStart(controller, status, headers, statusText)
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    this.#length += chunk.length
    if (this.#length <= maxEntryBytes) this.#chunks.push(chunk)
    else this.#chunks = []
    super.onResponseData(controller, chunk)
  }

  override onResponseEnd(controller: Controller, trailers: Headers): void {
    const { caches, call, url, headers } = this.exchange
    const { connection, cache } = call.plan
    const request = { method: 'GET', url, headers }
    const answered = this.#head && { ...this.#head, body: Buffer.concat(this.#chunks) }
    const isWhole = this.#length <= maxEntryBytes
    const stored = answered && isWhole ? toStored(request, answered, cache?.maxAgeSeconds) : undefined
    if (stored !== undefined) caches.put(connection, url, stored)
    super.onResponseEnd(controller, trailers)
  }
}

/** Asks whether what is stored still holds: 304 serves it, with what the 304 says anew; any other answer takes its place. */
class RevalidatingHandler extends StoringHandler {
  readonly #stored: StoredAnswer
  #confirmed: StoredAnswer | undefined

  constructor(exchange: Exchange, stored: StoredAnswer) {
    super(exchange)
    this.#stored = stored
  }

  override onResponseStart(controller: Controller, status: number, headers: Headers, statusText = ''): void {
    if (status !== 304) {
      super.onResponseStart(controller, status, headers, statusText)
      return
    }
    const { url, headers: asked } = this.exchange
    this.#confirmed = freshen(this.#stored, { method: 'GET', url, headers: asked }, headers)
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#confirmed === undefined) super.onResponseData(controller, chunk)
  }

  override onResponseEnd(controller: Controller, trailers: Headers): void {
    if (this.#confirmed === undefined) {
      super.onResponseEnd(controller, trailers)
      return
    }
    const { call, caches, url, handler } = this.exchange
    call.cache = 'REVALIDATED'
    if (call.attempt !== undefined) call.attempt.reason = 'status 304'
    caches.put(call.plan.connection, url, this.#confirmed)
    serve(handler, this.#confirmed, this.#confirmed.headers as Headers)
  }
}

/** RFC 9111 §4.4: a write that succeeds makes what is remembered of its URL stale, and of those that it names. */
class InvalidatingHandler extends ForwardingHandler {
  readonly #caches: PrivateCaches
  readonly #call: Call
  readonly #url: string

  constructor(inner: Dispatcher.DispatchHandler, caches: PrivateCaches, call: Call, url: string) {
    super(inner)
    this.#caches = caches
    this.#call = call
    this.#url = url
  }

  override onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void {
    const cache = this.#caches.find(this.#call.plan.connection)
    for (const url of outdatedBy(this.#url, status, headers)) cache?.delete(url)
    super.onResponseStart(controller, status, headers, statusText)
  }
}

function lowerCased(flat: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = (flat[at] ?? '').toLowerCase()
    const before = Object.hasOwn(headers, name) ? `${headers[name]}, ` : ''
    headers[name] = before + (flat[at + 1] ?? '')
  }
  return headers
}

function flatten(headers: Headers): string[] {
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap(text => [name, text]))
}
