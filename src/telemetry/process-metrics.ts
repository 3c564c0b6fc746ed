/** Memory, CPU, garbage collection and lag of this process: measured once, however many gateways run in it. */
import { collectDefaultMetrics, Registry } from 'prom-client'

let registry: Registry | undefined

/** Measures from the first call on. */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry
}
