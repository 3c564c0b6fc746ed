/** How many calls are under way at once in this process: all of them, and each caller's. */
import type { Caller } from '../access/caller.ts'
import { GatewayError } from '../errors.ts'

const retryAfterMs = 1000

export class Concurrency {
  readonly #open = new Map<string, number>()
  #total = 0

  /** Calls of all callers. */
  get total(): number {
    return this.#total
  }

  /** @returns what is called when the call is over. @throws {GatewayError} RATE_LIMITED */
  enter({ id, maxConcurrency }: Caller): () => void {
    if (maxConcurrency === null) return this.#count(() => {})
    const open = this.#open.get(id) ?? 0
    if (open >= maxConcurrency) {
      const message = `${open} calls of this key are under way; it takes ${maxConcurrency} at once.`
      throw new GatewayError('RATE_LIMITED', message, { retryAfterMs })
    }
    this.#open.set(id, open + 1)
    return this.#count(() => {
      const left = (this.#open.get(id) ?? 1) - 1
      if (left <= 0) this.#open.delete(id)
      else this.#open.set(id, left)
    })
  }

  #count(leave: () => void): () => void {
    this.#total += 1
    return () => {
      this.#total -= 1
      leave()
    }
  }
}
