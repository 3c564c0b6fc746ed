/** The stream of connection events in this process, whichever process they happened in. */
import { GatewayError, invalidInput } from '../errors.ts'
import {
  type ConnectionEvent,
  type ConnectionEventStore,
  type EventPlace,
  type EventStart,
  eventChannel,
  eventTime,
  readNotice,
} from './connection-events.ts'
import type { Database } from './database.ts'
import { Listeners } from './listeners.ts'

export interface EventFeedOptions {
  readonly database: Pick<Database, 'listen'>
  readonly store: ConnectionEventStore
  /** Told when something may be due for a webhook endpoint, and for which one when somebody waits for that. */
  readonly onDeliveries: (endpointId: string | undefined) => void
  /** Told when events could not be read; they are read again with the next turn. */
  readonly onFailure: (error: unknown) => void
  /** How often the last events are read again although nothing was heard, in milliseconds. */
  readonly pollMs?: number
  /** Events that may wait for one listener. */
  readonly capacity?: number
}

export interface SubscribeOptions {
  readonly signal?: AbortSignal | undefined
  /** The last event that the listener knows: what came since comes first. Some of it may be known already. */
  readonly after?: string | null | undefined
  /** All of them unless given. */
  readonly wants?: ((event: ConnectionEvent) => boolean) | undefined
}

/**
 * How far back events are read again. A transaction may commit that late after it wrote its event, and the clocks that make
 * ids may differ by so much, without an event being lost.
 */
const overlapMs = 60_000
/** Of that, what a listener who comes again may hear twice. */
const replayOverlapMs = 10_000
const replayPage = 200
/** Longer without the store, and more may have happened than is read in one go. */
const maxSilenceMs = 600_000
const maxNotices = 1000
const sliceSize = 500

export class EventFeed implements AsyncDisposable {
  readonly #options: Required<EventFeedOptions>
  readonly #listeners = new Listeners<ConnectionEvent>()
  /** When each event that may be read again was handed out. */
  readonly #sent = new Map<string, number>()
  #notices: EventPlace[] = []
  /** Readings follow each other: each knows what the one before it handed out. */
  #reading: Promise<void> = Promise.resolve()
  #readAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  #listening: AsyncDisposable | undefined
  #isOver = false

  private constructor(options: EventFeedOptions) {
    this.#options = { pollMs: 5_000, capacity: 500, ...options }
  }

  /** @throws StoreError when the database cannot be listened to */
  static async open(options: EventFeedOptions): Promise<EventFeed> {
    const feed = new EventFeed(options)
    feed.#listening = await options.database.listen(eventChannel, {
      onMessage: text => feed.#hear(text),
      // What was said while nobody listened is read instead.
      onListening: () => feed.#catchUp(),
    })
    feed.#timer = setInterval(() => feed.#readAgain(), feed.#options.pollMs).unref()
    return feed
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.size
  }

  /**
   * Everything that happens in the workspace from now on, each event at least once.
   * @throws {GatewayError} OVERLOADED when too many listen, INVALID_INPUT about `after`
   */
  async subscribe(workspaceId: string, { signal, after, wants = () => true }: SubscribeOptions = {}) {
    const replay = after == null ? undefined : await this.#replayOf(workspaceId, after)
    const isFirst = !this.#listeners.has(workspaceId)
    const subscription = this.#listeners.add(workspaceId, { wants, replay, capacity: this.#options.capacity })
    try {
      // What is there already is no news for the first who listens.
      if (isFirst) await this.#inTurn(async () => this.#noteSent(await this.#readRecent([workspaceId])))
    } catch (error) {
      subscription.end()
      throw error
    }
    if (this.#isOver || signal?.aborted === true) subscription.end()
    signal?.addEventListener('abort', () => subscription.end(), { once: true })
    return subscription
  }

  /** Ends every stream: whoever listens may listen again elsewhere. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    clearInterval(this.#timer)
    for (const listener of this.#listeners.all()) listener.end()
    await this.#listening?.[Symbol.asyncDispose]()
    await this.#reading
  }

  async #replayOf(workspaceId: string, after: string) {
    const { store } = this.#options
    if ((await store.get(workspaceId, after)) === undefined) {
      throw invalidInput('after', 'after names no event of the workspace; events are kept for 30 days.')
    }
    let from: EventStart = { atMs: eventTime(after) - replayOverlapMs }
    return async () => {
      const page = await store.list(workspaceId, from, replayPage)
      const last = page.at(-1)
      if (last !== undefined) from = { after: last.id }
      return page.filter(({ id }) => id !== after)
    }
  }

  #hear(text: string): void {
    const notice = readNotice(text)
    if (notice?.hasDeliveries === true) this.#options.onDeliveries(notice.endpointId)
    if (notice?.event === undefined || !this.#listeners.has(notice.event.workspaceId)) return
    // So many at once are read by time, with the next turn.
    if (this.#notices.length < maxNotices) this.#notices.push(notice.event)
    if (this.#notices.length === 1) {
      this.#tryInTurn(async () => {
        const places = this.#notices
        this.#notices = []
        await this.#handOut(places)
      })
    }
  }

  #catchUp(): void {
    this.#options.onDeliveries(undefined)
    this.#readAgain()
  }

  #readAgain(): void {
    this.#tryInTurn(async () => {
      const startedAt = performance.now()
      if (startedAt - this.#readAt > maxSilenceMs) this.#giveUp()
      await this.#handOut(await this.#readRecent(this.#listeners.workspaceIds))
      this.#readAt = startedAt
      for (const [key, sentAt] of this.#sent) if (sentAt < startedAt - 2 * overlapMs) this.#sent.delete(key)
    })
  }

  /** All that the reading before this one may have missed. */
  #readRecent(workspaceIds: readonly string[]): Promise<EventPlace[]> {
    return this.#options.store.listRecent(workspaceIds, performance.now() - this.#readAt + overlapMs)
  }

  #giveUp(): void {
    const message = 'Events could not be read for a long time. Listen again with `after`.'
    for (const listener of this.#listeners.all()) listener.fail(new GatewayError('OVERLOADED', message))
  }

  async #handOut(places: readonly EventPlace[]): Promise<void> {
    const news = places.filter(place => !this.#sent.has(keyOf(place)))
    for (let start = 0; start < news.length; start += sliceSize) {
      const events = await this.#options.store.getMany(news.slice(start, start + sliceSize))
      this.#noteSent(events)
      for (const event of events) {
        for (const listener of this.#listeners.of(event.workspaceId)) listener.push(event)
      }
    }
  }

  #noteSent(places: readonly EventPlace[]): void {
    const now = performance.now()
    for (const place of places) this.#sent.set(keyOf(place), now)
  }

  #inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.#reading.then(read)
    this.#reading = turn.catch(() => {})
    return turn
  }

  #tryInTurn(read: () => Promise<void>): void {
    if (this.#isOver) return
    this.#inTurn(read).catch(error => this.#options.onFailure(error))
  }
}

function keyOf({ workspaceId, id }: EventPlace): string {
  return `${workspaceId} ${id}`
}
