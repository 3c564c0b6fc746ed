/** THE list: what every request passes on its way out, outermost first. */
import type { Dispatcher } from 'undici'
import type { HostAllowlist } from '../hosts.ts'
import { createCredentials } from './interceptors/credentials.ts'
import { createEgressGuard } from './interceptors/egress-guard.ts'

/**
 * Between the caller and `dispatcher`, in reading order.
 * undici's `compose` puts its last argument outermost, so the list is reversed once, here.
 */
export function composeStack(dispatcher: Dispatcher, { allow }: { allow: HostAllowlist }): Dispatcher {
  const outermostFirst: Dispatcher.DispatcherComposeInterceptor[] = [
    // Nearest to the wire but one: nothing above sees the secret, and it is added only for the connection's own hosts.
    createCredentials(),
    // The last word on scheme, host and literal address; counts what is really sent.
    createEgressGuard(allow),
  ]
  return dispatcher.compose(outermostFirst.toReversed())
}
