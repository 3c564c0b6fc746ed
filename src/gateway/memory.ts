/** How many bytes of requests and answers this process may hold at once: refused before memory grows. */
import { totalmem } from 'node:os'
import { GatewayError } from '../errors.ts'

const mebibyte = 1024 * 1024

/** A quarter of what the process may have (its container's limit, where there is one), within reason. */
export function defaultMaxBytes(): number {
  const limit = process.constrainedMemory() || totalmem()
  return Math.min(2048 * mebibyte, Math.max(128 * mebibyte, Math.floor(limit / 4)))
}

export class Memory {
  readonly #maxBytes: number
  readonly #whole: Memory | undefined
  #held = 0

  /** @param whole what this is a part of: bytes count in both */
  constructor(maxBytes: number = defaultMaxBytes(), whole?: Memory) {
    this.#maxBytes = maxBytes
    this.#whole = whole
  }

  get maxBytes(): number {
    return this.#maxBytes
  }

  get heldBytes(): number {
    return this.#held
  }

  /** @throws {GatewayError} OVERLOADED when that is more than there is; nothing is taken then */
  take(bytes: number): void {
    if (this.#held + bytes > this.#maxBytes) {
      throw new GatewayError(
        'OVERLOADED',
        'The gateway holds as many bytes of other requests as it may; try again shortly, or stream by the raw route.',
        { retryAfterMs: 1000 },
      )
    }
    this.#whole?.take(bytes)
    this.#held += bytes
  }

  give(bytes: number): void {
    this.#whole?.give(bytes)
    this.#held -= bytes
  }
}
