/** Failed authentications: whoever goes on guessing waits, and after many is told to come back later. */
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../errors.ts'
import { networkOf } from './network.ts'

/** What a window of a minute takes before it slows down, and before it refuses. */
const windowMs = 60_000
const freeFailures = 20
const slowedFailures = 100
const shortestWaitMs = 100
const longestWaitMs = 2000
const maxNetworks = 10_000

interface Tally {
  readonly untilMs: number
  failures: number
}

export interface FailedAttemptsOptions {
  /** In milliseconds, never backwards. */
  readonly now?: () => number
  readonly wait?: (ms: number) => Promise<unknown>
}

export class FailedAttempts {
  readonly #now: () => number
  readonly #wait: (ms: number) => Promise<unknown>
  /** In the order in which their windows began. */
  readonly #tallies = new Map<string, Tally>()

  constructor({ now = () => performance.now(), wait = ms => sleep(ms) }: FailedAttemptsOptions = {}) {
    this.#now = now
    this.#wait = wait
  }

  /**
   * What `attempt` resolves to, at once, however many failed before it: nobody can lock others out behind one address.
   *
   * @param address of the other end; of IPv6 its /64 counts, which is what one customer has
   * @throws {GatewayError} UNAUTHENTICATED as the attempt throws it, late when many failed; RATE_LIMITED when too many did
   */
  async guard<Result>(address: string | undefined, attempt: () => Promise<Result>): Promise<Result> {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'UNAUTHENTICATED') throw error
      const tally = this.#count(networkOf(address))
      if (tally.failures > slowedFailures) throw tooManyFailures(tally.untilMs - this.#now())
      if (tally.failures > freeFailures) await this.#wait(waitAfter(tally.failures))
      throw error
    }
  }

  #count(network: string): Tally {
    const now = this.#now()
    let tally = this.#tallies.get(network)
    if (tally === undefined || tally.untilMs <= now) {
      this.#tallies.delete(network)
      this.#makeRoom(now)
      tally = { untilMs: now + windowMs, failures: 0 }
      this.#tallies.set(network, tally)
    }
    tally.failures += 1
    return tally
  }

  /** Windows end in the order they began: what is over comes first, else the oldest goes. */
  #makeRoom(now: number): void {
    for (const [network, { untilMs }] of this.#tallies) {
      if (untilMs > now && this.#tallies.size < maxNetworks) return
      this.#tallies.delete(network)
    }
  }
}

function waitAfter(failures: number): number {
  const grown = (failures - freeFailures - 1) / (slowedFailures - freeFailures - 1)
  return Math.round(shortestWaitMs + grown * (longestWaitMs - shortestWaitMs))
}

function tooManyFailures(retryAfterMs: number): GatewayError {
  return new GatewayError(
    'RATE_LIMITED',
    'Too many requests from this address had no valid access key; a valid one is let through at once.',
    { retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)) },
  )
}
