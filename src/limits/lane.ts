/** Where calls wait for one limit: in fair turns between end users, each until its own deadline. */
import { GatewayError } from '../errors.ts'
import { FairQueue } from './fair-queue.ts'

/** How long a call may wait, and how it is called off. */
export interface Wait {
  /** Milliseconds of the epoch. */
  readonly deadlineMs: number
  /** Read only by those who wait. */
  readonly signal?: AbortSignal | undefined
}

/** 0 when the next may go, and its place is taken; else milliseconds after which to ask again. */
export type TryTurn = () => number | Promise<number>

interface Waiter {
  readonly release: () => void
}

const maxWaiting = 1000
/** The lane asks again at least so often: an answer may have changed what was known. */
const longestNapMs = 1000
/** Ahead of the call's own deadline, so that the reason is told. */
const marginMs = 25

export class Lane {
  readonly #tryTurn: TryTurn
  readonly #describe: string
  readonly #now: () => number
  readonly #waiting = new FairQueue<Waiter>(maxWaiting)
  #isPumping = false
  /** When the next turn is expected. */
  #nextAtMs = 0

  constructor(tryTurn: TryTurn, options: { readonly describe: string; readonly now: () => number }) {
    this.#tryTurn = tryTurn
    this.#describe = options.describe
    this.#now = options.now
  }

  get isIdle(): boolean {
    return !this.#isPumping && this.#waiting.size === 0
  }

  /** Resolves at its turn. @throws {GatewayError} RATE_LIMITED when that is too late, OVERLOADED when too many wait */
  async enter(group: string, wait: Wait): Promise<void> {
    if (this.isIdle) {
      const waitMs = await this.#tryTurn()
      if (waitMs === 0) return
      this.#nextAtMs = this.#now() + waitMs
    }
    if (this.#nextAtMs > wait.deadlineMs) throw this.#tooLate()
    await this.#queue(group, wait)
  }

  async #queue(group: string, { deadlineMs, signal }: Wait): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { release: resolve }
    const leave = (reason: unknown) => {
      this.#waiting.remove(group, waiter)
      reject(reason)
    }
    const onAbort = () => leave(signal?.reason)
    if (!this.#waiting.add(group, waiter)) {
      throw new GatewayError(
        'OVERLOADED',
        `${maxWaiting} calls wait for ${this.#describe} already; try again shortly.`,
        {
          retryAfterMs: Math.max(1000, this.#nextAtMs - this.#now()),
        },
      )
    }
    const timer = setTimeout(() => leave(this.#tooLate()), Math.max(0, deadlineMs - this.#now() - marginMs))
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    void this.#pump()
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      while (this.#waiting.size > 0) {
        const waitMs = await this.#tryTurn()
        if (waitMs === 0) {
          this.#waiting.take()?.release()
          continue
        }
        this.#nextAtMs = this.#now() + waitMs
        await new Promise(resolve => setTimeout(resolve, Math.min(waitMs, longestNapMs)))
      }
    } finally {
      this.#isPumping = false
    }
  }

  #tooLate(): GatewayError {
    const retryAfterMs = Math.max(1, Math.ceil(this.#nextAtMs - this.#now()))
    const message = `${this.#describe} is spent, and comes back after the time that this call has; try again later.`
    return new GatewayError('RATE_LIMITED', message, { retryAfterMs })
  }
}
