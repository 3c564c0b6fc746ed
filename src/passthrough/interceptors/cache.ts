/** Answers from the connection's own private cache (RFC 9111) when the call asks for it, and keeps it true when calls write. */
import { type Dispatcher, interceptors } from 'undici'
import { type Call, callOf } from '../call.ts'
import type { PrivateCaches } from '../private-caches.ts'
import { isSafeMethod } from '../request.ts'
import { ForwardingHandler } from './forwarding-handler.ts'
import { refuse } from './refuse.ts'

type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[]>

export function createCache(caches: PrivateCaches): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function remember(options, handler) {
      const call = callOf(options)
      const { cache, connection } = call.plan
      // A write that succeeds makes what is remembered of its URL stale (RFC 9111 §4.4), whoever sends it.
      const store = cache === undefined ? caches.find(connection) : caches.open(connection)
      const isRead = isSafeMethod(options.method)
      if (store === undefined || (isRead && cache === undefined)) return dispatch(options, handler)
      const watch = new Watch(call)
      const cached = interceptors.cache({
        store,
        methods: ['GET', 'HEAD'],
        type: 'private',
        // In milliseconds, whatever undici's documentation says: a test would notice a change.
        ...(cache?.maxAgeSeconds !== undefined && { cacheByDefault: cache.maxAgeSeconds * 1000 }),
      })((sent, inner) => dispatchBelow(dispatch, sent, inner, watch))
      const asked = isRead ? withMaxAge(options, cache?.maxAgeSeconds) : options
      try {
        return cached(asked, new VerdictHandler(handler, watch, () => caches.measure(connection)))
      } catch (error) {
        return refuse(handler, error)
      }
    }
}

/** What happened below the cache, seen from above. */
class Watch {
  readonly call: Call
  isOver = false
  isSent = false
  isConditional = false

  constructor(call: Call) {
    this.call = call
  }

  note(): void {
    const { call } = this
    if (!isSafeMethod(call.plan.method)) return
    if (!this.isSent) call.cache = 'HIT'
    else call.cache = this.isConditional && call.attempt?.status === 304 ? 'REVALIDATED' : 'MISS'
  }
}

/** A remembered answer that is older than the caller takes is not fresh to it (RFC 9111 §5.2.1.1). */
function withMaxAge(
  options: Dispatcher.DispatchOptions,
  maxAgeSeconds: number | undefined,
): Dispatcher.DispatchOptions {
  const headers = options.headers as readonly string[]
  if (maxAgeSeconds === undefined || hasHeader(headers, 'cache-control')) return options
  return { ...options, headers: [...headers, askedHere, `max-age=${maxAgeSeconds}`] }
}

/** Spelled like no caller's, whose names are lower case or their own: what the cache was asked goes no further. */
const askedHere = 'cache-control'

function dispatchBelow(
  dispatch: Dispatcher.Dispatch,
  sent: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
  watch: Watch,
): boolean {
  // undici would refresh a stale answer behind the caller's back: nothing is sent that no call stands for.
  if (watch.isOver) return refuse(handler, new Error('the call is over'))
  const original = watch.call.plan.headers
  const headers = flatten(sent.headers as Headers, original)
  watch.isSent = true
  watch.isConditional = ['if-none-match', 'if-modified-since'].some(
    name => hasHeader(headers, name) && !original.some(([own]) => own.toLowerCase() === name),
  )
  return dispatch({ ...sent, headers }, handler)
}

/** undici's cache works on an object in lower case; below it headers stand in turn, as the caller wrote them. */
function flatten(headers: Headers, original: readonly (readonly [string, string])[]): string[] {
  const spelling = new Map(original.map(([name]) => [name.toLowerCase(), name]))
  return Object.entries(headers).flatMap(([name, value]) => {
    if (name === askedHere && !spelling.has(name)) return []
    return [value].flat().flatMap(text => [spelling.get(name) ?? name, text])
  })
}

function hasHeader(headers: readonly string[], name: string): boolean {
  return headers.some((text, index) => index % 2 === 0 && text.toLowerCase() === name)
}

class VerdictHandler extends ForwardingHandler {
  readonly #watch: Watch
  readonly #measure: () => void

  constructor(inner: Dispatcher.DispatchHandler, watch: Watch, measure: () => void) {
    super(inner)
    this.#watch = watch
    this.#measure = measure
  }

  override onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void {
    if (status >= 200) this.#watch.note()
    super.onResponseStart(controller, status, headers, statusText)
  }

  override onResponseEnd(controller: Controller, trailers: Headers): void {
    this.#watch.isOver = true
    super.onResponseEnd(controller, trailers)
    // undici stores an answer when its last byte has passed.
    setImmediate(this.#measure)
  }

  override onResponseError(controller: Controller, error: Error): void {
    this.#watch.isOver = true
    super.onResponseError(controller, error)
  }
}
