/** Limits that several replicas share through Redis or Valkey; while it is away each counts for itself. */
import { Redis } from 'ioredis'
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible'
import { createLimiters, type LimitStore, takeFrom } from './store.ts'
import type { VendorBudget } from './vendor-headers.ts'

export interface RedisStoreOptions {
  /** Told when it is away, at most once a minute. */
  readonly onError: (error: unknown) => void
}

/** A call must not wait for a store that is away. */
const commandTimeoutMs = 100
const tellEveryMs = 60_000

/** @param url `redis://[user:password@]host:port[/database]`, or `rediss://` for TLS */
export function createRedisStore(url: string, { onError }: RedisStoreOptions): LimitStore {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 5000,
    retryStrategy: attempts => Math.min(5000, 100 * 2 ** Math.min(attempts, 6)),
  })
  let toldAt = Number.NEGATIVE_INFINITY
  function tell(error: unknown): void {
    if (performance.now() - toldAt < tellEveryMs) return
    toldAt = performance.now()
    onError(error)
  }
  redis.on('error', tell)
  const limiterOf = createLimiters((name, { requests, perSeconds }) => {
    const size = { keyPrefix: name, points: requests, duration: perSeconds }
    const insuranceLimiter = new RateLimiterMemory(size)
    return new RateLimiterRedis({ ...size, storeClient: redis, insuranceLimiter, rejectIfRedisNotReady: true })
  })
  return {
    isShared: true,
    take: (key, limit) => takeFrom(limiterOf(limit), key),
    async budget(key) {
      if (redis.status !== 'ready') return undefined
      try {
        return readBudgetText(await redis.get(budgetKey(key)))
      } catch (error) {
        tell(error)
        return undefined
      }
    },
    keepBudget(key, { limit, remaining, resetsAt }, forMs) {
      if (redis.status !== 'ready') return
      const text = JSON.stringify([limit, remaining, resetsAt?.getTime() ?? null])
      redis.set(budgetKey(key), text, 'PX', Math.max(1, Math.ceil(forMs))).catch(tell)
    },
    forgetBudget(key) {
      if (redis.status === 'ready') redis.del(budgetKey(key)).catch(tell)
    },
    async [Symbol.asyncDispose]() {
      redis.disconnect()
    },
  }
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
