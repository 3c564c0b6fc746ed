/** Remembers what was looked up for a moment, so that a busy caller costs the store a few look-ups a second. */

/**
 * How long a look-up may be out of date, in milliseconds: a change on another replica counts here after this time at the
 * latest, one of this process at once.
 */
export const memoMs = 500

interface Remembered<Value> {
  readonly value: Value
  readonly untilMs: number
}

const maxRemembered = 20_000

/** Only what was found is remembered: what is missing may be made at any moment. */
export class Memo<Value> {
  readonly #entries = new Map<string, Remembered<Value>>()
  readonly #now: () => number
  #epoch = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  peek(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.untilMs > this.#now()) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  async get(key: string, load: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const known = this.peek(key)
    if (known !== undefined) return known
    const remember = this.begin()
    const value = await load()
    if (value !== undefined) remember(key, value)
    return value
  }

  /**
   * To be called before a look-up starts; remembers what it finds, unless something was forgotten meanwhile: what was
   * read may then be older than the change.
   */
  begin(): (key: string, value: Value) => void {
    const epoch = this.#epoch
    const untilMs = this.#now() + memoMs
    return (key, value) => {
      if (epoch !== this.#epoch) return
      if (this.#entries.size >= maxRemembered) this.#entries.clear()
      this.#entries.set(key, { value, untilMs })
    }
  }

  /** To be called after a change is in the store. */
  forget(key: string): void {
    this.#epoch += 1
    this.#entries.delete(key)
  }

  clear(): void {
    this.#epoch += 1
    this.#entries.clear()
  }
}
