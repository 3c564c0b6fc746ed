/** The last word before the wire: scheme, host and literal address; its other half is the connector's look-up. */
import type { Dispatcher } from 'undici'
import type { HostAllowlist } from '../../hosts.ts'
import { callOf } from '../call.ts'
import { refuseDestination } from '../egress.ts'
import { refuse } from './refuse.ts'

/** How many origins are remembered for each pin set; `*.suffix` covers any number. */
const maxPassed = 64

export function createEgressGuard(allow: HostAllowlist): Dispatcher.DispatcherComposeInterceptor {
  // A pin set never changes, so what passed it once always does. What did not pass is judged, and worded, anew.
  const passed = new WeakMap<readonly string[], Set<string>>()
  return dispatch =>
    function guardEgress(options, handler) {
      const { hosts } = callOf(options).plan.connection
      const origin = String(options.origin)
      const known = passed.get(hosts)
      if (known?.has(origin) === true) return dispatch(options, handler)
      const refusal = refuseDestination(new URL(origin), hosts, allow)
      if (refusal !== undefined) return refuse(handler, refusal)
      if (known === undefined) passed.set(hosts, new Set([origin]))
      else {
        if (known.size >= maxPassed) known.clear()
        known.add(origin)
      }
      return dispatch(options, handler)
    }
}
