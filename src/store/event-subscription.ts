/** One listener's place in the stream of events: what it missed first, then what happens, as fast as it takes them. */
import { GatewayError } from '../errors.ts'
import type { ConnectionEvent } from './connection-events.ts'

export interface SubscriptionOptions {
  /** Judged before an event takes room. */
  readonly wants: (event: ConnectionEvent) => boolean
  /** The next events that were missed, none at the end of them; absent when nothing was. */
  readonly replay?: (() => Promise<readonly ConnectionEvent[]>) | undefined
  readonly capacity: number
  readonly onEnd: () => void
}

/** Ids of replayed events that are known again when they come as news. */
const maxReplayed = 1000

/**
 * Not an async generator: `return` must end a `next` that waits, and a generator would wait with it.
 */
export class EventSubscription implements AsyncIterableIterator<ConnectionEvent> {
  readonly #options: SubscriptionOptions
  readonly #replayed = new Set<string>()
  #replay: SubscriptionOptions['replay']
  #page: ConnectionEvent[] = []
  #news: ConnectionEvent[] = []
  #failure: GatewayError | undefined
  #isOver = false
  #turn: Promise<unknown> = Promise.resolve()
  #wake: () => void = () => {}

  constructor(options: SubscriptionOptions) {
    this.#options = options
    this.#replay = options.replay
  }

  /** Something happened. A listener that is too slow for it is told so and ended, and what waited for it is dropped. */
  push(event: ConnectionEvent): void {
    if (this.#isOver || this.#failure !== undefined || !this.#options.wants(event)) return
    this.#news.push(event)
    if (this.#news.length > this.#options.capacity) {
      const message = `The stream was read too slowly: more than ${this.#options.capacity} events waited. Listen again with \`after\`.`
      this.fail(new GatewayError('OVERLOADED', message))
    }
    this.#wake()
  }

  /** Ends it with an error, which is the next thing that is read. */
  fail(failure: GatewayError): void {
    if (this.#isOver) return
    this.#failure ??= failure
    this.#news = []
    this.#page = []
    this.#wake()
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#news = []
    this.#page = []
    this.#options.onEnd()
    this.#wake()
  }

  next(): Promise<IteratorResult<ConnectionEvent>> {
    const turn = this.#turn.then(() => this.#take())
    this.#turn = turn.catch(() => {})
    return turn
  }

  async return(): Promise<IteratorResult<ConnectionEvent>> {
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #take(): Promise<IteratorResult<ConnectionEvent>> {
    for (;;) {
      if (this.#failure !== undefined) {
        const failure = this.#failure
        this.#failure = undefined
        this.end()
        throw failure
      }
      if (this.#isOver) return { done: true, value: undefined }
      const value = this.#page.shift() ?? (this.#replay === undefined ? this.#nextNews() : undefined)
      if (value !== undefined) return { done: false, value }
      if (this.#replay === undefined) await this.#untilWoken()
      else await this.#readPage(this.#replay)
    }
  }

  #nextNews(): ConnectionEvent | undefined {
    for (let event = this.#news.shift(); event !== undefined; event = this.#news.shift()) {
      if (!this.#replayed.has(event.id)) return event
    }
    return undefined
  }

  async #readPage(replay: NonNullable<SubscriptionOptions['replay']>): Promise<void> {
    const page = await replay()
    if (page.length === 0) this.#replay = undefined
    for (const { id } of page) {
      this.#replayed.add(id)
      const [oldest = ''] = this.#replayed.size > maxReplayed ? this.#replayed : []
      this.#replayed.delete(oldest)
    }
    if (!this.#isOver && this.#failure === undefined) this.#page = page.filter(event => this.#options.wants(event))
  }

  #untilWoken(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    return promise
  }
}
