/** Who may send to which origin now: slots and a bounded queue per workspace and origin, and a breaker per origin. */
import { GatewayError } from '../errors.ts'
import { FairQueue } from '../limits/fair-queue.ts'
import { explainFailure } from './failure.ts'

export interface OriginLimits {
  /** Requests under way from one workspace to one origin; each holds a socket or an HTTP/2 stream. */
  readonly maxPerOrigin: number
  /** Requests of one workspace that wait for one origin. */
  readonly maxWaiting: number
  /** Requests under way, all workspaces and origins together; one workspace may hold half of them. */
  readonly maxTotal: number
  /** Failures to connect, in a row, after which an origin is left alone. */
  readonly breakAfter: number
  readonly firstPauseMs: number
  readonly maxPauseMs: number
}

export const defaultOriginLimits: OriginLimits = {
  maxPerOrigin: 256,
  maxWaiting: 1024,
  maxTotal: 4096,
  breakAfter: 10,
  firstPauseMs: 1000,
  maxPauseMs: 30_000,
}

export interface SlotRequest {
  readonly workspaceId: string
  readonly origin: string
  /** Those who wait take turns by group. */
  readonly group: string
  /** Ends the wait. */
  readonly signal: () => AbortSignal
}

/** The right to send one request. */
export interface Slot {
  /** The origin took the connection. */
  reached(): void
  /** No connection came about. */
  unreachable(error: Error): void
  release(): void
}

interface Waiter {
  readonly request: SlotRequest
  readonly resolve: (slot: Slot) => void
}

interface Pool {
  active: number
  readonly waiting: FairQueue<Waiter>
}

interface Breaker {
  failures: number
  openUntilMs: number
  pauseMs: number
  /** One request at a time finds out whether the origin is back. */
  isProbing: boolean
}

const rememberedBreakers = 10_000

export class Origins {
  readonly #limits: OriginLimits
  readonly #now: () => number
  readonly #pools = new Map<string, Pool>()
  readonly #activeOf = new Map<string, number>()
  readonly #breakers = new Map<string, Breaker>()
  #total = 0

  constructor(limits: Partial<OriginLimits> = {}, now: () => number = () => performance.now()) {
    this.#limits = { ...defaultOriginLimits, ...limits }
    this.#now = now
  }

  /** Of all workspaces and origins together. */
  get slotsInUse(): number {
    return this.#total
  }

  /**
   * A slot, or the promise of one.
   * @throws {GatewayError} OVERLOADED when too many wait, UPSTREAM_UNREACHABLE while the breaker is open
   */
  take(request: SlotRequest): Slot | Promise<Slot> {
    const { maxPerOrigin, maxTotal, maxWaiting } = this.#limits
    const isProbe = this.#passBreaker(request.origin)
    const active = this.#activeOf.get(request.workspaceId) ?? 0
    if (this.#total >= maxTotal || active >= maxTotal / 2) {
      this.#endProbe(request.origin, isProbe)
      throw overloaded('The gateway has as many upstream calls under way as it takes')
    }
    const key = `${request.workspaceId} ${request.origin}`
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      pool = { active: 0, waiting: new FairQueue(maxWaiting) }
      this.#pools.set(key, pool)
    }
    if (pool.active < maxPerOrigin) return this.#start(request, key, pool, isProbe)
    this.#endProbe(request.origin, isProbe)
    return this.#wait(request, pool)
  }

  #start(request: SlotRequest, key: string, pool: Pool, isProbe: boolean): Slot {
    const { workspaceId, origin } = request
    pool.active += 1
    this.#total += 1
    this.#activeOf.set(workspaceId, (this.#activeOf.get(workspaceId) ?? 0) + 1)
    return {
      reached: () => {
        this.#breakers.delete(origin)
      },
      unreachable: error => this.#noteFailure(origin, error),
      release: () => {
        this.#endProbe(origin, isProbe)
        this.#release(workspaceId, key, pool)
      },
    }
  }

  #wait(request: SlotRequest, pool: Pool): Promise<Slot> {
    const signal = request.signal()
    const { promise, resolve, reject } = Promise.withResolvers<Slot>()
    const waiter: Waiter = {
      request,
      resolve(slot) {
        signal.removeEventListener('abort', leave)
        resolve(slot)
      },
    }
    const leave = () => {
      pool.waiting.remove(request.group, waiter)
      reject(signal.reason)
    }
    if (!pool.waiting.add(request.group, waiter)) {
      throw overloaded(`${this.#limits.maxWaiting} calls wait for a free connection to this upstream already`)
    }
    signal.addEventListener('abort', leave, { once: true })
    return promise
  }

  #release(workspaceId: string, key: string, pool: Pool): void {
    pool.active -= 1
    this.#total -= 1
    const left = (this.#activeOf.get(workspaceId) ?? 1) - 1
    if (left === 0) this.#activeOf.delete(workspaceId)
    else this.#activeOf.set(workspaceId, left)
    const next = pool.waiting.take()
    if (next !== undefined) next.resolve(this.#start(next.request, key, pool, false))
    else if (pool.active === 0) this.#pools.delete(key)
  }

  /** @returns true when this request finds out for all others whether the origin is back */
  #passBreaker(origin: string): boolean {
    const breaker = this.#breakers.get(origin)
    if (breaker === undefined || breaker.failures < this.#limits.breakAfter) return false
    const waitMs = Math.ceil(breaker.openUntilMs - this.#now())
    if (waitMs > 0 || breaker.isProbing) {
      throw new GatewayError(
        'UPSTREAM_UNREACHABLE',
        `The upstream could not be connected to ${breaker.failures} times in a row; it is left alone for a moment.`,
        { retryAfterMs: Math.max(waitMs, 100) },
      )
    }
    breaker.isProbing = true
    return true
  }

  #endProbe(origin: string, isProbe: boolean): void {
    const breaker = isProbe ? this.#breakers.get(origin) : undefined
    if (breaker !== undefined) breaker.isProbing = false
  }

  #noteFailure(origin: string, error: Error): void {
    const code = explainFailure(error)?.code
    if (code !== 'UPSTREAM_UNREACHABLE' && code !== 'UPSTREAM_TIMEOUT') return
    const { breakAfter, firstPauseMs, maxPauseMs } = this.#limits
    const breaker = this.#breakers.get(origin) ?? { failures: 0, openUntilMs: 0, pauseMs: 0, isProbing: false }
    breaker.failures += 1
    if (breaker.failures >= breakAfter && this.#now() >= breaker.openUntilMs) {
      breaker.pauseMs = Math.min(maxPauseMs, breaker.pauseMs === 0 ? firstPauseMs : 2 * breaker.pauseMs)
      breaker.openUntilMs = this.#now() + breaker.pauseMs
    }
    // The one that failed last stays longest.
    this.#breakers.delete(origin)
    this.#breakers.set(origin, breaker)
    const [oldest] = this.#breakers.size > rememberedBreakers ? this.#breakers.keys() : []
    if (oldest !== undefined) this.#breakers.delete(oldest)
  }
}

function overloaded(what: string): GatewayError {
  return new GatewayError('OVERLOADED', `${what}; try again shortly.`, { retryAfterMs: 1000 })
}
