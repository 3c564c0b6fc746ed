/** The last word before the wire: scheme, host and literal address; its other half is the connector's look-up. */
import type { Dispatcher } from 'undici'
import type { HostAllowlist } from '../../hosts.ts'
import { callOf } from '../call.ts'
import { refuseDestination } from '../egress.ts'
import { refuse } from './refuse.ts'

export function createEgressGuard(allow: HostAllowlist): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function guardEgress(options, handler) {
      const call = callOf(options)
      const refusal = refuseDestination(new URL(String(options.origin)), call.plan.connection.hosts, allow)
      if (refusal !== undefined) return refuse(handler, refusal)
      call.attempts += 1
      return dispatch(options, handler)
    }
}
