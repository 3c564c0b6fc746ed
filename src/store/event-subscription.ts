/** One listener's place in a stream of events: what it missed first, then what happens, as fast as it takes them. */
import { GatewayError } from '../errors.ts'

interface Identified {
  readonly id: string
}

export interface SubscriptionOptions<Event extends Identified> {
  /** Judged before an event takes room. */
  readonly wants: (event: Event) => boolean
  /** The next events that were missed, none at the end of them; absent when nothing was. */
  readonly replay?: (() => Promise<readonly Event[]>) | undefined
  readonly capacity: number
  readonly onEnd: () => void
}

/** Ids of replayed events that are known again when they come as news. */
const maxReplayed = 1000

/**
 * Not an async generator: `return` must end a `next` that waits, and a generator would wait with it.
 */
export class EventSubscription<Event extends Identified> implements AsyncIterableIterator<Event> {
  readonly #options: SubscriptionOptions<Event>
  readonly #replayed = new Set<string>()
  #replay: SubscriptionOptions<Event>['replay']
  #page: Event[] = []
  #news: Event[] = []
  #failure: GatewayError | undefined
  #isOver = false
  #turn: Promise<unknown> = Promise.resolve()
  #wake: () => void = () => {}

  constructor(options: SubscriptionOptions<Event>) {
    this.#options = options
    this.#replay = options.replay
  }

  /** True when one more would be too many. */
  get isFull(): boolean {
    return this.#news.length >= this.#options.capacity
  }

  wants(event: Event): boolean {
    return this.#options.wants(event)
  }

  /** Something happened. A listener that is too slow for it is told so and ended, and what waited for it is dropped. */
  push(event: Event): void {
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

  next(): Promise<IteratorResult<Event>> {
    const turn = this.#turn.then(() => this.#take())
    this.#turn = turn.catch(() => {})
    return turn
  }

  async return(): Promise<IteratorResult<Event>> {
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #take(): Promise<IteratorResult<Event>> {
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

  #nextNews(): Event | undefined {
    for (let event = this.#news.shift(); event !== undefined; event = this.#news.shift()) {
      if (!this.#replayed.has(event.id)) return event
    }
    return undefined
  }

  async #readPage(replay: NonNullable<SubscriptionOptions<Event>['replay']>): Promise<void> {
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
