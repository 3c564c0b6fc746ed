/** What the core is told about a connection: where it may go and what is added there, never the secret itself. */
import type { InjectedNames } from '../auth/strategy.ts'
import type { RateHints } from '../limits/vendor-headers.ts'

/** How an array becomes query or form parameters: `a=1&a=2`, `a=1,2`, `a[]=1&a[]=2`, `a[0]=1&a[1]=2`. */
export type ArrayFormat = 'repeat' | 'comma' | 'brackets' | 'indices'

/** How this vendor says that a call should be tried again, or that a limit is spent. */
export interface RetryHints extends RateHints {
  /** RE2 syntax; a body it is found in says that a limit is spent. */
  readonly bodyPattern?: string | undefined
  /** Paths below the base URL that the vendor limits apart from the others. */
  readonly separateLimits?: readonly string[] | undefined
}

export interface ResolvedConnection {
  readonly id: string
  readonly workspaceId: string
  readonly integration: string
  readonly endUserId: string
  readonly baseUrl: URL
  /** The pin set: host patterns that requests and the credential may reach. */
  readonly hosts: readonly string[]
  /** Static headers of the integration, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly arrayFormat: ArrayFormat
  /** The names the credential writes to; a caller may not set them. */
  readonly injected: InjectedNames
  /** Which bodies its signature covers, so that they have to be whole before they are sent; absent: none. */
  readonly signedBodies?: 'all' | 'forms' | undefined
  readonly retry?: RetryHints | undefined
  /** The header in which the vendor takes an idempotency key. */
  readonly idempotencyHeader?: string | undefined
  /** Changes with the credential: what was answered to one is never shown to another. */
  readonly credentialVersion: number
}
