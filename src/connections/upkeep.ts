/** What nobody asks for and has to be done all the same: tokens kept alive, deletions finished, old links swept away. */

export interface UpkeepTask {
  /** For the log. */
  readonly what: string
  /** Does at most `limit` of it, and begins no more once the signal is aborted. @returns how many there were */
  readonly run: (limit: number, ending: AbortSignal) => Promise<number>
}

const everyMs = 60_000
const sliceSize = 50

export class Upkeep implements AsyncDisposable {
  readonly #tasks: readonly UpkeepTask[]
  readonly #onFailure: (what: string, error: unknown) => void
  readonly #timer: NodeJS.Timeout
  readonly #ending = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(tasks: readonly UpkeepTask[], onFailure: (what: string, error: unknown) => void) {
    this.#tasks = tasks
    this.#onFailure = onFailure
    // Replicas that start together need not come together.
    this.#timer = setTimeout(() => this.#turn(), everyMs * (0.5 + Math.random())).unref()
  }

  /** Does all there is to do now. */
  run(): Promise<void> {
    this.#running = this.#running.then(() => this.#runAll())
    return this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    clearTimeout(this.#timer)
    await this.#running
  }

  #turn(): void {
    void this.run().then(() => {
      if (!this.#ending.signal.aborted) this.#timer.refresh()
    })
  }

  async #runAll(): Promise<void> {
    const { signal } = this.#ending
    for (const { what, run } of this.#tasks) {
      try {
        while (!signal.aborted && (await run(sliceSize, signal)) >= sliceSize);
      } catch (error) {
        this.#onFailure(what, error)
      }
    }
  }
}
