/** Where the calls of one integration wait: a line per connection (and limit of its vendor), in fair turns between end users, each call until its own deadline. */
import { GatewayError } from '../errors.ts'
import { type GiveBack, refuseAsSpent, type Spent, type Take } from './allowance.ts'
import { FairQueue } from './fair-queue.ts'

/** How long a call may wait, and how it is called off. */
export interface Wait {
  /** Milliseconds of the epoch. */
  readonly deadlineMs: number
  /** Read only by those who wait. */
  readonly signal?: AbortSignal | undefined
}

/** Whose call it is, and what it has to take. */
export interface Entrant {
  /** What it stands in: one for each connection, and for each limit that its vendor has apart. */
  readonly line: string
  /** Whose connection it is. */
  readonly endUserId: string
  readonly take: Take
}

interface Waiter {
  readonly take: Take
  readonly resolve: (giveBack: GiveBack) => void
  readonly reject: (reason: unknown) => void
}

/** Why there was nothing at the last try, and when there may be. */
interface Obstacle {
  readonly limit: string
  readonly endsAtMs: number
}

/** Those who wait for the same; there is one as long as somebody does. */
interface Line {
  readonly name: string
  readonly endUserId: string
  /** Who came first is first. */
  readonly waiters: Set<Waiter>
  obstacle: Obstacle | undefined
}

const maxWaiting = 1000
/** A limit is asked again at least so often: an answer may have changed what was known. */
const longestNapMs = 1000
/** Ahead of the call's own deadline, so that the reason is told. */
const marginMs = 25
const shortlyMs = 1000

export class Lane {
  readonly #now: () => number
  readonly #lines = new Map<string, Line>()
  /** Lines whose turn may have come; the others sleep. */
  readonly #ready = new FairQueue<Line>(Number.POSITIVE_INFINITY)
  readonly #naps = new Set<NodeJS.Timeout>()
  #size = 0
  #isPumping = false
  /** Why the last turn had to wait that would have been anybody's. */
  #common: Obstacle | undefined
  #closedFor: unknown

  constructor(now: () => number) {
    this.#now = now
  }

  get isIdle(): boolean {
    return !this.#isPumping && this.#size === 0
  }

  isWaitedFor(line: string): boolean {
    return this.#lines.has(line)
  }

  /**
   * Resolves at its turn, when all is taken.
   * @throws {GatewayError} RATE_LIMITED when that would be too late, OVERLOADED when too many wait
   */
  async enter(entrant: Entrant, wait: Wait): Promise<GiveBack> {
    let obstacle = this.#lines.get(entrant.line)?.obstacle ?? this.#common
    if (!this.#isPumping && !this.isWaitedFor(entrant.line)) {
      const taken = await entrant.take()
      if (typeof taken === 'function') return taken
      obstacle = this.#obstacleOf(taken)
    }
    if (obstacle !== undefined && obstacle.endsAtMs > wait.deadlineMs) throw this.#tooLate(obstacle)
    return await this.#queue(entrant, obstacle, wait)
  }

  /** Nobody waits here any more. */
  close(reason: unknown): void {
    this.#closedFor = reason
    for (const nap of this.#naps) clearTimeout(nap)
    for (const line of this.#lines.values()) {
      for (const waiter of line.waiters) this.#leave(line, waiter, reason)
    }
  }

  async #queue(entrant: Entrant, obstacle: Obstacle | undefined, { deadlineMs, signal }: Wait): Promise<GiveBack> {
    signal?.throwIfAborted()
    if (this.#closedFor !== undefined) throw this.#closedFor
    if (this.#size >= maxWaiting) throw this.#tooMany(obstacle)
    const { promise, resolve, reject } = Promise.withResolvers<GiveBack>()
    const waiter = { take: entrant.take, resolve, reject }
    const line = this.#lineUp(entrant, waiter, obstacle)
    const onDeadline = () => this.#leave(line, waiter, this.#tooLate(line.obstacle ?? this.#common))
    const deadline = setTimeout(onDeadline, Math.max(0, deadlineMs - this.#now() - marginMs))
    const onAbort = () => this.#leave(line, waiter, signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await promise
    } finally {
      clearTimeout(deadline)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #lineUp({ line: name, endUserId }: Entrant, waiter: Waiter, obstacle: Obstacle | undefined): Line {
    const known = this.#lines.get(name)
    const line = known ?? { name, endUserId, waiters: new Set(), obstacle }
    line.waiters.add(waiter)
    this.#size += 1
    if (known === undefined) {
      this.#lines.set(name, line)
      this.#makeReady(line)
    }
    return line
  }

  #leave(line: Line, waiter: Waiter, reason: unknown): void {
    if (this.#remove(line, waiter)) waiter.reject(reason)
  }

  /** @returns false when it was gone already */
  #remove(line: Line, waiter: Waiter): boolean {
    if (!line.waiters.delete(waiter)) return false
    this.#size -= 1
    if (line.waiters.size === 0) this.#lines.delete(line.name)
    return true
  }

  #makeReady(line: Line): void {
    this.#ready.add(line.endUserId, line)
    void this.#pump()
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return
    this.#isPumping = true
    for (let line = this.#ready.take(); line !== undefined; line = this.#ready.take()) await this.#serve(line)
    this.#isPumping = false
  }

  /** Lets one of the line out; the others wait for the line's next turn. */
  async #serve(line: Line): Promise<void> {
    for (let [waiter] = line.waiters; waiter !== undefined; [waiter] = line.waiters) {
      const taken = await this.#tryFor(waiter, line)
      if (taken === undefined) continue
      if (typeof taken === 'function') {
        this.#common = undefined
        if (this.#remove(line, waiter)) {
          waiter.resolve(taken)
          break
        }
        // It left meanwhile.
        taken()
      } else if (taken.isCommon) {
        this.#common = line.obstacle = this.#obstacleOf(taken)
        // Whoever is next would find it spent too: the line keeps its turn.
        await new Promise<void>(resolve => this.#nap(taken.waitMs, resolve))
      } else {
        line.obstacle = this.#obstacleOf(taken)
        this.#nap(taken.waitMs, () => this.#makeReady(line))
        return
      }
    }
    if (line.waiters.size > 0) this.#ready.add(line.endUserId, line)
  }

  async #tryFor(waiter: Waiter, line: Line): Promise<GiveBack | Spent | undefined> {
    try {
      return await waiter.take()
    } catch (error) {
      this.#leave(line, waiter, error)
      return undefined
    }
  }

  #nap(waitMs: number, then: () => void): void {
    if (this.#closedFor !== undefined) return
    const nap = setTimeout(
      () => {
        this.#naps.delete(nap)
        then()
      },
      Math.min(waitMs, longestNapMs),
    )
    this.#naps.add(nap)
  }

  #obstacleOf({ limit, waitMs }: Spent): Obstacle {
    return { limit, endsAtMs: this.#now() + waitMs }
  }

  #tooLate(obstacle: Obstacle | undefined): GatewayError {
    if (obstacle === undefined) {
      const message =
        'Other calls wait for this integration, and no turn came in the time of this call; try again shortly.'
      return new GatewayError('OVERLOADED', message, { retryAfterMs: shortlyMs })
    }
    const retryAfterMs = Math.max(1, Math.ceil(obstacle.endsAtMs - this.#now()))
    return refuseAsSpent(obstacle.limit, retryAfterMs)
  }

  #tooMany(obstacle: Obstacle | undefined): GatewayError {
    const message = `${maxWaiting} calls wait for this integration already; try again shortly.`
    const retryAfterMs = Math.max(shortlyMs, Math.ceil((obstacle?.endsAtMs ?? 0) - this.#now()))
    return new GatewayError('OVERLOADED', message, { retryAfterMs })
  }
}
