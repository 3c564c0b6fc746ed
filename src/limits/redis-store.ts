/** Limits that several replicas share through Redis or Valkey; while it is away each counts for itself. */
import { Redis } from 'ioredis'
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible'
import { createLimiters, type LimitStore, noNews, takeFrom } from './store.ts'
import type { VendorBudget } from './vendor-headers.ts'

export interface RedisStoreOptions {
  /** Told when it is away, at most once a minute. */
  readonly onError: (error: unknown) => void
}

/** A call must not wait for a store that is away. */
const commandTimeoutMs = 100
const reportEveryMs = 60_000

/** @param url `redis://[user:password@]host:port[/database]`, or `rediss://` for TLS */
export function createRedisStore(url: string, { onError }: RedisStoreOptions): LimitStore {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 5000,
    retryStrategy: attempts => Math.min(5000, 100 * 2 ** Math.min(attempts, 6)),
  })
  let reportedAt = Number.NEGATIVE_INFINITY
  function report(error: unknown): void {
    if (performance.now() - reportedAt < reportEveryMs) return
    reportedAt = performance.now()
    onError(error)
  }
  redis.on('error', report)
  const limiterOf = createLimiters((name, { requests, perSeconds }) => {
    const size = { keyPrefix: name, points: requests, duration: perSeconds }
    const insuranceLimiter = new RateLimiterMemory(size)
    return new RateLimiterRedis({ ...size, storeClient: redis, insuranceLimiter, rejectIfRedisNotReady: true })
  })
  return {
    isShared: true,
    get isAway() {
      return redis.status !== 'ready'
    },
    take: (key, limit) => takeFrom(limiterOf(limit), key),
    async news(key) {
      if (redis.status !== 'ready') return noNews
      try {
        const [text, heldForMs] = await Promise.all([redis.get(budgetKey(key)), redis.pttl(holdKey(key))])
        return { budget: readBudgetText(text), heldForMs: Math.max(0, heldForMs) }
      } catch (error) {
        report(error)
        return noNews
      }
    },
    share(key, { budget, heldForMs }, forMs) {
      if (redis.status !== 'ready') return
      if (budget !== undefined && forMs >= 1) {
        const { limit, remaining, resetsAt } = budget
        const text = JSON.stringify([limit, remaining, resetsAt?.getTime() ?? null])
        redis.set(budgetKey(key), text, 'PX', Math.ceil(forMs)).catch(report)
      }
      if (heldForMs >= 1) redis.eval(holdAtLeast, 1, holdKey(key), Math.ceil(heldForMs)).catch(report)
    },
    forget(key) {
      if (redis.status === 'ready') redis.del(budgetKey(key), holdKey(key)).catch(report)
    },
    async [Symbol.asyncDispose]() {
      redis.disconnect()
    },
  }
}

/** A hold is a key that lives as long as it; a shorter one does not replace a longer one. */
const holdAtLeast = `
if redis.call('pttl', KEYS[1]) < tonumber(ARGV[1]) then redis.call('set', KEYS[1], '', 'PX', ARGV[1]) end
`

function holdKey(key: string): string {
  return `passgate:hold:${key}`
}

function budgetKey(key: string): string {
  return `passgate:budget:${key}`
}

/** What another version wrote in another form counts as nothing. */
function readBudgetText(text: string | null): VendorBudget | undefined {
  if (text === null) return undefined
  const [limit, remaining, resetsAtMs]: unknown[] = JSON.parse(text)
  if (typeof remaining !== 'number' || (limit !== null && typeof limit !== 'number')) return undefined
  return { limit, remaining, resetsAt: typeof resetsAtMs === 'number' ? new Date(resetsAtMs) : null }
}
