/** Hands one answer on while it comes in: nothing is kept, a slow reader slows the upstream, and silence has an end. */
import type { Dispatcher } from 'undici'
import { GatewayError } from '../errors.ts'
import type { CacheVerdict, Call } from './call.ts'
import { CallerLeft } from './failure.ts'
import { readHeaders } from './raw-headers.ts'
import { joinHeader, type ResponseHeader } from './response.ts'

type Controller = Dispatcher.DispatchController

/** What is known of an answer when its head comes. */
export interface AnswerFacts {
  /** Requests that were sent for it. */
  readonly attempts: number
  readonly cache: CacheVerdict | null
}

/** What a sink may do to the call. */
export interface AnswerControl {
  /** There is room again. */
  resume(): void
  /** Nobody wants the answer any more. */
  cancel(): void
}

/** Whoever takes the answer. Its methods may throw; the call is then given up. */
export interface AnswerSink {
  start(control: AnswerControl): void
  /** A 1xx answer, of which there may be several before the head. */
  interim(status: number, headers: readonly ResponseHeader[]): void
  head(status: number, statusText: string, headers: readonly ResponseHeader[], facts: AnswerFacts): void
  /** @returns false when it wants no more until it calls `resume` */
  body(chunk: Buffer): boolean
  end(trailers: readonly ResponseHeader[]): void
}

/** More interim answers than any protocol needs are an attack. */
const maxInterim = 32
/**
 * Silence in the middle of a body after which a call is given up: short when its length is known, longer when it may be
 * somebody watching, and event streams are silent by nature.
 */
const silenceMs = 60_000
const openEndSilenceMs = 600_000
const eventStreamSilenceMs = 3_600_000

/** The handler of one streamed request; `done` settles exactly once, whatever the upstream or the caller does. */
export class ResponseRelay implements Dispatcher.DispatchHandler, AnswerControl {
  /** Resolves when the answer is handed on whole. */
  readonly done: Promise<void>
  /** The status, once the head was handed on. */
  status: number | undefined
  readonly #call: Call
  readonly #sink: AnswerSink
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void
  #timer: NodeJS.Timeout
  #controller: Controller | undefined
  #failure: Error | undefined
  #interim = 0

  constructor(call: Call, sink: AnswerSink) {
    this.#call = call
    this.#sink = sink
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.done = promise
    this.#resolve = resolve
    this.#reject = reject
    const { timeoutMs } = call.plan
    this.#timer = setTimeout(() => this.fail(timedOut(timeoutMs)), timeoutMs)
    sink.start(this)
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  resume(): void {
    this.#controller?.resume()
  }

  cancel(): void {
    this.fail(new CallerLeft())
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#failure !== undefined) controller.abort(this.#failure)
  }

  /** Bytes of an upload are a sign of life: the time for the answer starts after the last one. */
  onBodySent(): void {
    this.#timer.refresh()
  }

  onResponseStart(controller: Controller, status: number, headers: object, statusText = ''): void {
    if (this.#failure !== undefined) return
    const read = readHeaders(controller.rawHeaders ?? headers)
    if (status < 200) {
      this.#interim += 1
      if (this.#interim > maxInterim) this.fail(tooManyInterim())
      else this.#guard(() => this.#sink.interim(status, read))
      return
    }
    this.status = status
    clearTimeout(this.#timer)
    const maxSilenceMs = silenceOf(read)
    this.#timer = setTimeout(() => this.fail(silent(maxSilenceMs)), maxSilenceMs)
    this.#guard(() =>
      this.#sink.head(status, statusText, read, { attempts: this.#call.attemptCount, cache: this.#call.cache }),
    )
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#failure !== undefined) return
    this.#timer.refresh()
    this.#guard(() => {
      if (!this.#sink.body(chunk)) controller.pause()
    })
  }

  onResponseEnd(controller: Controller, trailers: object): void {
    if (this.#failure !== undefined) return
    this.#release()
    this.#guard(() => this.#sink.end(readHeaders(controller.rawTrailers ?? trailers ?? {})))
    this.#resolve()
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.fail(error)
  }

  /** Gives the call up; only the first reason counts. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#call.giveUp(error)
    this.#release()
    this.#controller?.abort(error)
    this.#reject(error)
  }

  #guard(hand: () => void): void {
    try {
      hand()
    } catch (error) {
      this.fail(error instanceof Error ? error : new TypeError('a sink threw no error'))
    }
  }

  #release(): void {
    clearTimeout(this.#timer)
  }
}

function silenceOf(headers: readonly ResponseHeader[]): number {
  if (/^text\/event-stream/i.test(joinHeader(headers, 'content-type') ?? '')) return eventStreamSilenceMs
  return joinHeader(headers, 'content-length') === undefined ? openEndSilenceMs : silenceMs
}

function timedOut(timeoutMs: number): GatewayError {
  return new GatewayError(
    'UPSTREAM_TIMEOUT',
    `The upstream did not answer within ${timeoutMs} ms (x-passgate-timeout-ms).`,
  )
}

function silent(maxSilenceMs: number): GatewayError {
  return new GatewayError('UPSTREAM_TIMEOUT', `No byte moved for ${maxSilenceMs} ms.`)
}

function tooManyInterim(): GatewayError {
  return new GatewayError('UPSTREAM_PROTOCOL', `The upstream sent more than ${maxInterim} interim answers.`)
}
