/** The strategy of upstreams that ask for no credential. */

import { expectScheme } from './expect-scheme.ts'
import type { AuthStrategy } from './strategy.ts'

export function createNone(): AuthStrategy {
  return credential => {
    expectScheme(credential, 'none')
    return { headers: {}, query: {}, body: {} }
  }
}
