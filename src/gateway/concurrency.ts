/** How many calls are under way at once in this process: all of them, each session's, and each key's with all its sessions. */
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
  enter({ kind, id, keyId, maxConcurrency, keyLimits }: Caller): () => void {
    const counted: string[] = []
    if (kind === 'SESSION' && maxConcurrency !== null) {
      this.#check(id, maxConcurrency, 'this session')
      counted.push(id)
    }
    if (keyLimits.maxConcurrency !== null) {
      this.#check(keyId, keyLimits.maxConcurrency, 'this key and its sessions')
      counted.push(keyId)
    }
    this.#total += 1
    for (const each of counted) this.#open.set(each, (this.#open.get(each) ?? 0) + 1)
    return () => {
      this.#total -= 1
      for (const each of counted) this.#leave(each)
    }
  }

  #check(id: string, most: number, whose: string): void {
    const open = this.#open.get(id) ?? 0
    if (open < most) return
    const message = `Calls of ${whose} under way: ${open}; it takes ${most} at once.`
    throw new GatewayError('RATE_LIMITED', message, { retryAfterMs })
  }

  #leave(id: string): void {
    const left = (this.#open.get(id) ?? 1) - 1
    if (left <= 0) this.#open.delete(id)
    else this.#open.set(id, left)
  }
}
