/** Keeps the record of executed calls: queued in memory, written in batches off the hot path, flushed at the end. */

export interface RecorderOptions<Call> {
  readonly write: (calls: readonly Call[]) => Promise<void>
  /** Told when a batch could not be written; it is tried again with the next one. */
  readonly onFailure: (error: unknown, waiting: number) => void
  /** Told which of the oldest calls were given up when the queue was full. */
  readonly onLoss: (lost: readonly Call[]) => void
  readonly flushEveryMs?: number
  readonly batchSize?: number
  /** Calls kept while the store is away; beyond it the oldest are given up. */
  readonly capacity?: number
}

export class CallRecorder<Call> implements AsyncDisposable {
  readonly #options: Required<RecorderOptions<Call>>
  #waiting: Call[] = []
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #isOver = false

  constructor(options: RecorderOptions<Call>) {
    this.#options = { flushEveryMs: 250, batchSize: 500, capacity: 50_000, ...options }
  }

  /** Calls that are not in the store yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** After the end there is nowhere to write to. */
  record(call: Call): void {
    if (this.#isOver) {
      this.#options.onLoss([call])
      return
    }
    this.#waiting.push(call)
    const surplus = this.#waiting.length - this.#options.capacity
    if (surplus > 0) this.#options.onLoss(this.#waiting.splice(0, surplus))
    this.#schedule()
  }

  /** Resolves when every call recorded so far is in the store, or a write has failed. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#writing
    this.#writing = this.#drain()
    await this.#writing
    this.#writing = undefined
    if (this.#waiting.length > 0) this.#schedule()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush()
    this.#isOver = true
    clearTimeout(this.#timer)
    const left = this.#waiting.splice(0)
    if (left.length > 0) this.#options.onLoss(left)
  }

  #schedule(): void {
    if (this.#isOver || this.#timer !== undefined || this.#writing !== undefined) return
    this.#timer = setTimeout(() => void this.flush(), this.#options.flushEveryMs)
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#options.batchSize)
      try {
        await this.#options.write(batch)
      } catch (error) {
        this.#waiting.unshift(...batch)
        this.#options.onFailure(error, this.#waiting.length)
        return
      }
    }
  }
}
