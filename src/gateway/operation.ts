/** What one operation of a caller shares: equal reads are sent once, and all calls together stay within a budget. */
import type { Caller } from '../access/caller.ts'
import { GatewayError } from '../errors.ts'
import type { Lookups } from './lookups.ts'
import type { Memory } from './memory.ts'

/** How much one operation may cause upstream. */
export interface OperationBudget {
  readonly maxCalls: number
  /** Bytes of answers, all of which are in memory until the operation is over. */
  readonly maxBytes: number
  /** Milliseconds from its first call in which others may start; each then has its own time. */
  readonly maxWallMs: number
  /** Milliseconds that queries over answers may hold up the process. */
  readonly maxComputeMs: number
}

export const defaultBudget: OperationBudget = {
  maxCalls: 200,
  maxBytes: 64 * 1024 * 1024,
  maxWallMs: 60_000,
  maxComputeMs: 1000,
}

/** Sends one call and tells of every byte it takes in. */
export type Send<Answer> = (onBytes: (count: number) => void) => Promise<Answer>

export class Operation<Answer> {
  readonly caller: Caller
  readonly lookups: Lookups
  /** Aborted when the caller leaves. */
  readonly signal: AbortSignal | undefined
  /** Of the request that it came with, as the log names it. */
  readonly requestId: string | undefined
  /** What the caller proved itself with. */
  readonly token: string | undefined
  readonly #budget: OperationBudget
  readonly #reads = new Map<string, Promise<Answer>>()
  #calls = 0
  #bytes = 0
  #computeMs = 0
  readonly #now: () => number
  #startedAt: number | undefined
  readonly #memory: Memory
  #heldBytes = 0
  #isOver = false

  constructor(parts: {
    caller: Caller
    lookups: Lookups
    signal?: AbortSignal | undefined
    requestId?: string | undefined
    token?: string | undefined
    memory: Memory
    budget?: OperationBudget | undefined
    /** Milliseconds of a clock that only goes forward. */
    now?: () => number
  }) {
    this.caller = parts.caller
    this.lookups = parts.lookups
    this.signal = parts.signal
    this.requestId = parts.requestId
    this.token = parts.token
    this.#memory = parts.memory
    this.#budget = parts.budget ?? defaultBudget
    this.#now = parts.now ?? (() => performance.now())
  }

  /** To be called when its answer is out: what it held is free again. */
  end(): void {
    this.#memory.give(this.#heldBytes)
    this.#heldBytes = 0
    this.#isOver = true
  }

  /** Sends a read, or shares the answer of an equal one of this operation. */
  read(key: string, send: Send<Answer>): Promise<Answer> {
    const known = this.#reads.get(key)
    if (known !== undefined) return known
    const answer = this.#spend(send)
    this.#reads.set(key, answer)
    return answer
  }

  /** Sends a write; reads after it are sent anew, since it may have changed what they answer. */
  write(send: Send<Answer>): Promise<Answer> {
    this.#reads.clear()
    return this.#spend(send)
  }

  /** Runs what holds up the process: told how many milliseconds it may take at most. */
  compute<Result>(run: (timeoutMs: number) => Result): Result {
    const { maxComputeMs } = this.#budget
    const left = maxComputeMs - this.#computeMs
    if (left < 1) throw exceeded(`The queries over answers of one operation take at most ${maxComputeMs} ms together.`)
    const startedAt = performance.now()
    try {
      return run(Math.ceil(Math.min(left, maxComputeMs / 4)))
    } finally {
      this.#computeMs += performance.now() - startedAt
    }
  }

  async #spend(send: Send<Answer>): Promise<Answer> {
    const { maxCalls, maxWallMs } = this.#budget
    const now = this.#now()
    this.#startedAt ??= now
    const wallMs = Math.round(now - this.#startedAt)
    if (wallMs > maxWallMs) {
      throw exceeded(
        `One operation starts calls for at most ${maxWallMs} ms; this one would start after ${wallMs}. Send several operations.`,
      )
    }
    if (this.#calls >= maxCalls) {
      throw exceeded(
        `One operation makes at most ${maxCalls} upstream calls; this would be one more. Send several operations.`,
      )
    }
    this.#calls += 1
    return await send(count => this.#take(count))
  }

  #take(count: number): void {
    const { maxBytes } = this.#budget
    this.#bytes += count
    if (this.#bytes > maxBytes) {
      throw exceeded(
        `The answers of one operation have at most ${maxBytes} bytes together; they have ${this.#bytes}. Send several operations.`,
      )
    }
    // Nobody waits for an answer that comes after the end.
    if (this.#isOver) return
    this.#memory.take(count)
    this.#heldBytes += count
  }
}

function exceeded(message: string): GatewayError {
  return new GatewayError('BUDGET_EXCEEDED', message)
}
