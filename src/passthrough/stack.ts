/** THE list: what every request passes on its way out, outermost first. */
import type { Dispatcher } from 'undici'
import type { HostAllowlist } from '../hosts.ts'
import type { Limits } from '../limits/limits.ts'
import { createAttempts } from './interceptors/attempts.ts'
import { createCache } from './interceptors/cache.ts'
import { createCredentials } from './interceptors/credentials.ts'
import { createEgressGuard } from './interceptors/egress-guard.ts'
import { createLoad } from './interceptors/load.ts'
import { createRateLimit } from './interceptors/rate-limit.ts'
import { createRedirect } from './interceptors/redirect.ts'
import { createRefresh } from './interceptors/refresh.ts'
import { createRetry } from './interceptors/retry.ts'
import type { Origins } from './origins.ts'
import type { PrivateCaches } from './private-caches.ts'

export interface StackParts {
  readonly allow: HostAllowlist
  readonly limits: Limits
  readonly origins: Origins
  readonly caches: PrivateCaches
}

/**
 * Between the caller and `dispatcher`, in reading order.
 * undici's `compose` puts its last argument outermost, so the list is reversed once, here.
 */
export function composeStack(dispatcher: Dispatcher, { allow, limits, origins, caches }: StackParts): Dispatcher {
  const outermostFirst: Dispatcher.DispatcherComposeInterceptor[] = [
    // Each hop of a redirect is a request of its own to all below.
    createRedirect(allow),
    // A hit makes no load and spends no quota; one private cache per connection, above the credentials, never shared.
    createCache(caches),
    // Everything below runs once per attempt.
    createRetry(),
    // A 401 is answered once with a new token; not a retry.
    createRefresh(),
    // Vendors count attempts, so each passes here.
    createRateLimit(limits),
    // A turn is worth nothing without a connection: waited for last, held until the attempt is over.
    createLoad(origins),
    // Nearest to the wire but two: nothing above sees the secret, and it is added only for the connection's own hosts.
    createCredentials(),
    // The last word on scheme, host and literal address.
    createEgressGuard(allow),
    // Notes what really goes out.
    createAttempts(),
  ]
  return dispatcher.compose(outermostFirst.toReversed())
}
