/** Where limits are counted: the one seam between one process that counts for itself and several that share. */
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Quota } from './quota.ts'
import type { VendorBudget } from './vendor-headers.ts'

export interface LimitStore extends AsyncDisposable {
  /** True when others count here too, so that what they learned has to be asked for. */
  readonly isShared: boolean
  /** Takes one of the limit's requests. @returns 0, or the milliseconds until there is one to take again */
  take(key: string, limit: Quota): Promise<number>
  /** What a vendor said last to any of those who share. */
  budget(key: string): Promise<VendorBudget | undefined>
  keepBudget(key: string, budget: VendorBudget, forMs: number): void
  forgetBudget(key: string): void
}

/** For one process: what it learned it remembers itself. */
export function createMemoryStore(): LimitStore {
  const limiterOf = createLimiters((name, limit) => {
    return new RateLimiterMemory({ keyPrefix: name, points: limit.requests, duration: limit.perSeconds })
  })
  return {
    isShared: false,
    take: (key, limit) => takeFrom(limiterOf(limit), key),
    budget: async () => undefined,
    keepBudget() {},
    forgetBudget() {},
    async [Symbol.asyncDispose]() {},
  }
}

/** One limiter per size of limit; its keys tell apart whose it is. */
export function createLimiters(
  create: (name: string, limit: Quota) => RateLimiterAbstract,
): (limit: Quota) => RateLimiterAbstract {
  const limiters = new Map<string, RateLimiterAbstract>()
  return limit => {
    const name = `passgate:limit:${limit.requests}:${limit.perSeconds}`
    let limiter = limiters.get(name)
    if (limiter === undefined) {
      limiter = create(name, limit)
      limiters.set(name, limiter)
    }
    return limiter
  }
}

export async function takeFrom(limiter: RateLimiterAbstract, key: string): Promise<number> {
  try {
    await limiter.consume(key)
    return 0
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return Math.max(1, refusal.msBeforeNext)
    throw refusal
  }
}
