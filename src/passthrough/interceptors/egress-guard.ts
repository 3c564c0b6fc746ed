/** The last word before the wire: scheme, host and literal address; its other half is the connector's look-up. */
import type { Dispatcher } from 'undici'
import type { HostAllowlist } from '../../hosts.ts'
import { callOf } from '../call.ts'
import { refuseDestination } from '../egress.ts'
import { PinnedOrigins } from '../pinned-origins.ts'
import { refuse } from './refuse.ts'

export function createEgressGuard(allow: HostAllowlist): Dispatcher.DispatcherComposeInterceptor {
  // What did not pass is judged, and worded, anew.
  const passed = new PinnedOrigins()
  return dispatch =>
    function guardEgress(options, handler) {
      const { hosts } = callOf(options).plan.connection
      const origin = String(options.origin)
      if (passed.has(hosts, origin)) return dispatch(options, handler)
      const refusal = refuseDestination(new URL(origin), hosts, allow)
      if (refusal !== undefined) return refuse(handler, refusal)
      passed.add(hosts, origin)
      return dispatch(options, handler)
    }
}
