/** Where limits are counted: the one seam between one process that counts for itself and several that share. */
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { AccountNews } from './account.ts'
import type { GiveBack } from './allowance.ts'
import type { Quota } from './quota.ts'

export interface LimitStore extends AsyncDisposable {
  /** True when others count here too, so that what they learned has to be asked for. */
  readonly isShared: boolean
  /** True while the others cannot be reached, and each counts for itself. */
  readonly isAway: boolean
  /** Takes one of the limit's requests; when there is none, says in how many milliseconds there is one. */
  take(key: string, limit: Quota): Promise<GiveBack | number>
  /** What any of those who share were told by the vendor. */
  news(key: string): Promise<AccountNews>
  /** Lets the others know. What holds calls back longer is not shortened. */
  share(key: string, news: AccountNews, forMs: number): void
  forget(key: string): void
}

export const noNews: AccountNews = { budget: undefined, heldForMs: 0 }

/** For one process: what it learned it remembers itself. */
export function createMemoryStore(): LimitStore {
  const limiterOf = createLimiters((name, limit) => {
    return new RateLimiterMemory({ keyPrefix: name, points: limit.requests, duration: limit.perSeconds })
  })
  return {
    isShared: false,
    isAway: false,
    take: (key, limit) => takeFrom(limiterOf(limit), key),
    news: async () => noNews,
    share() {},
    forget() {},
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

/** So near to its end a window is left as it is: what is given back must not come into the next one. */
const marginMs = 200

export async function takeFrom(limiter: RateLimiterAbstract, key: string): Promise<GiveBack | number> {
  try {
    const { msBeforeNext } = await limiter.consume(key)
    const endsAtMs = performance.now() + msBeforeNext
    return () => giveBack(limiter, key, endsAtMs - performance.now())
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal
    // It counts what it refuses; then nothing that is given back would make room.
    giveBack(limiter, key, refusal.msBeforeNext)
    return Math.max(1, refusal.msBeforeNext)
  }
}

function giveBack(limiter: RateLimiterAbstract, key: string, windowLeftMs: number): void {
  // A store that is away has lost the count anyway.
  if (windowLeftMs > marginMs) limiter.reward(key).catch(() => {})
}
