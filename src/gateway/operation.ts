/** What one operation of a caller shares: equal reads are sent once, and all calls together stay within a budget. */
import type { Caller } from '../access/caller.ts'
import { GatewayError } from '../errors.ts'
import type { Lookups } from './lookups.ts'

/** How much one operation may cause upstream. */
export interface OperationBudget {
  readonly maxCalls: number
  /** Bytes of answers that are held in memory at once. */
  readonly maxBytes: number
}

export const defaultBudget: OperationBudget = { maxCalls: 200, maxBytes: 64 * 1024 * 1024 }

export class Operation<Answer extends { readonly bytesHeld: number }> {
  readonly caller: Caller
  readonly lookups: Lookups
  /** Aborted when the caller leaves. */
  readonly signal: AbortSignal | undefined
  readonly #budget: OperationBudget
  #calls = 0
  #bytes = 0
  #reads = new Map<string, Promise<Answer>>()

  constructor(parts: { caller: Caller; lookups: Lookups; signal?: AbortSignal; budget?: OperationBudget }) {
    this.caller = parts.caller
    this.lookups = parts.lookups
    this.signal = parts.signal
    this.#budget = parts.budget ?? defaultBudget
  }

  /** Sends a read, or shares the answer of an equal one of this operation. */
  read(key: string, send: () => Promise<Answer>): Promise<Answer> {
    const known = this.#reads.get(key)
    if (known !== undefined) return known
    const answer = this.#spend(send)
    this.#reads.set(key, answer)
    return answer
  }

  /** Sends a write; reads after it are sent anew, since it may have changed what they answer. */
  write(send: () => Promise<Answer>): Promise<Answer> {
    this.#reads.clear()
    return this.#spend(send)
  }

  async #spend(send: () => Promise<Answer>): Promise<Answer> {
    const { maxCalls, maxBytes } = this.#budget
    if (this.#calls >= maxCalls) {
      throw new GatewayError(
        'BUDGET_EXCEEDED',
        `One operation may make ${maxCalls} upstream calls; this would be one more.`,
      )
    }
    if (this.#bytes >= maxBytes) {
      const message = `The answers of one operation may have ${maxBytes} bytes together; they have ${this.#bytes} already.`
      throw new GatewayError('BUDGET_EXCEEDED', message)
    }
    this.#calls += 1
    const answer = await send()
    this.#bytes += answer.bytesHeld
    return answer
  }
}
