/** The stream of recorded calls in this process, whichever process recorded them: live, and never at the expense of memory. */
import { callChannel, readCallNotice } from './call-notices.ts'
import type { CallBatch, CallRow, CallStore } from './calls.ts'
import type { Database } from './database.ts'
import type { EventSubscription } from './event-subscription.ts'
import { Listeners } from './listeners.ts'

/** A call, and how many before it were passed over. */
export interface RecordedCall {
  readonly id: string
  readonly call: CallRow
  /** Calls that were wanted and came faster than they were read; null when nobody knows how many. */
  readonly missed: number | null
}

export interface CallFeedOptions {
  readonly database: Pick<Database, 'listen'>
  readonly store: Pick<CallStore, 'getBatch'>
  /** Told when calls could not be read; who listens is told that some are missing. */
  readonly onFailure: (error: unknown) => void
  /** Calls that may wait for one listener. */
  readonly capacity?: number
}

type Listener = EventSubscription<RecordedCall>

/** Batches that wait to be read: at some 180 calls each more than any listener keeps up with. */
const maxBatches = 50

export class CallFeed implements AsyncDisposable {
  readonly #options: Required<CallFeedOptions>
  readonly #listeners = new Listeners<RecordedCall>()
  /** What each listener has missed since the last call it was given. */
  readonly #missed = new WeakMap<Listener, number | null>()
  #batches: CallBatch[] = []
  #reading: Promise<void> | undefined
  #listening: AsyncDisposable | undefined
  #isOver = false

  private constructor(options: CallFeedOptions) {
    this.#options = { capacity: 500, ...options }
  }

  /** @throws StoreError when the database cannot be listened to */
  static async open(options: CallFeedOptions): Promise<CallFeed> {
    const feed = new CallFeed(options)
    feed.#listening = await options.database.listen(callChannel, {
      onMessage: text => feed.#hear(text),
      // What was recorded while nobody listened is in the log only.
      onListening: () => feed.#missSome(feed.#listeners.all()),
    })
    return feed
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.size
  }

  /**
   * The calls of the workspace that are recorded from now on and wanted, in any process.
   * @throws {GatewayError} OVERLOADED when too many listen
   */
  subscribe(workspaceId: string, wants: (call: CallRow) => boolean): Listener {
    const { capacity } = this.#options
    const listener = this.#listeners.add(workspaceId, { wants: ({ call }) => wants(call), capacity })
    if (this.#isOver) listener.end()
    return listener
  }

  /** Ends every stream: whoever listens may listen again elsewhere. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    this.#batches = []
    for (const listener of this.#listeners.all()) listener.end()
    await this.#listening?.[Symbol.asyncDispose]()
    await this.#reading
  }

  #hear(text: string): void {
    const batch = readCallNotice(text)
    if (batch === undefined || this.#isOver || !this.#listeners.has(batch.workspaceId)) return
    if (this.#batches.length >= maxBatches) this.#missSome(this.#listeners.of(batch.workspaceId))
    else this.#batches.push(batch)
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
  }

  async #read(): Promise<void> {
    for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) {
      const { workspaceId } = batch
      try {
        for (const call of await this.#options.store.getBatch(batch)) {
          for (const listener of this.#listeners.of(workspaceId)) this.#hand(listener, call)
        }
      } catch (error) {
        this.#missSome(this.#listeners.of(workspaceId))
        this.#options.onFailure(error)
      }
    }
  }

  #hand(listener: Listener, call: CallRow): void {
    const missed = this.#missed.get(listener) ?? (this.#missed.has(listener) ? null : 0)
    const recorded = { id: call.id, call, missed }
    if (!listener.wants(recorded)) return
    if (listener.isFull) {
      this.#missed.set(listener, missed === null ? null : missed + 1)
    } else {
      this.#missed.delete(listener)
      listener.push(recorded)
    }
  }

  #missSome(listeners: readonly Listener[]): void {
    for (const listener of listeners) this.#missed.set(listener, null)
  }
}
