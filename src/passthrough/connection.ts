/** What the core is told about a connection: where it may go and what is added there, never the secret itself. */
import type { InjectedNames } from '../auth/strategy.ts'

/** How an array becomes query or form parameters: `a=1&a=2`, `a=1,2`, `a[]=1&a[]=2`, `a[0]=1&a[1]=2`. */
export type ArrayFormat = 'repeat' | 'comma' | 'brackets' | 'indices'

export interface ResolvedConnection {
  readonly id: string
  readonly integration: string
  readonly baseUrl: URL
  /** The pin set: host patterns that requests and the credential may reach. */
  readonly hosts: readonly string[]
  /** Static headers of the integration, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly arrayFormat: ArrayFormat
  /** The names the credential writes to; a caller may not set them. */
  readonly injected: InjectedNames
}
