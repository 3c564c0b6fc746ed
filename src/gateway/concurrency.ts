/** How many calls of one caller are under way at once, in this process. */
import type { Caller } from '../access/caller.ts'
import { GatewayError } from '../errors.ts'

const retryAfterMs = 1000

export class Concurrency {
  readonly #open = new Map<string, number>()

  /** @returns what is called when the call is over. @throws {GatewayError} RATE_LIMITED */
  enter({ id, maxConcurrency }: Caller): () => void {
    if (maxConcurrency === null) return () => {}
    const open = this.#open.get(id) ?? 0
    if (open >= maxConcurrency) {
      const message = `${open} calls of this key are under way; it takes ${maxConcurrency} at once.`
      throw new GatewayError('RATE_LIMITED', message, { retryAfterMs })
    }
    this.#open.set(id, open + 1)
    return () => {
      const left = (this.#open.get(id) ?? 1) - 1
      if (left <= 0) this.#open.delete(id)
      else this.#open.set(id, left)
    }
  }
}
