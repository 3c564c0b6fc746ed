/** Who is calling: the key behind a request, its workspace and what it may do. */
import { GatewayError, invalidInput } from '../errors.ts'
import type { Quota } from '../limits/quota.ts'
import type { RuleSet } from './rules.ts'

/** What an access key may be allowed to do. `admin` includes all others. */
export const scopes = [
  'passthrough:read',
  'passthrough:write',
  'connections:read',
  'connections:write',
  'integrations:write',
  'calls:read',
  'webhooks:write',
  'keys:write',
  'sessions:create',
  'admin',
] as const

export type Scope = (typeof scopes)[number]

/** How much may be called; null for no limit. */
export interface CallerLimits {
  readonly quota: Quota | null
  /** Calls under way at once, in each process. */
  readonly maxConcurrency: number | null
}

export interface Caller extends CallerLimits {
  readonly kind: 'KEY' | 'SESSION'
  /** Of the key or the session: who is named in records. */
  readonly id: string
  /** The access key, or the one that minted the session. */
  readonly keyId: string
  readonly name: string
  readonly workspaceId: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date | null
  /** The only connection it may call through; null when it is bound to none. */
  readonly connectionId: string | null
  /** Those of the access key, which it shares with all its sessions; a session's own are beside them. */
  readonly keyLimits: CallerLimits
  /** The only end user whose connections it sees; null for all. */
  readonly endUserId: string | null
  /** Slugs of the only integrations it may use; null for all. */
  readonly integrations: readonly string[] | null
  /** Ids of the only connections it may use; null for all. */
  readonly connections: readonly string[] | null
  /** Its own rules and those of the key that minted it. */
  readonly ruleSets: readonly RuleSet[]
  /** True for a session whose calls or bytes are counted. */
  readonly hasBudget: boolean
  /** True for a key that may run registered operations only. */
  readonly registeredOnly: boolean
}

/** As the start of a sentence. */
export function describeCaller({ kind, name }: Caller): string {
  return kind === 'SESSION' ? 'the session' : `the access key "${name}"`
}

/** One sentence for all that opens nothing. */
export function unknownCaller(): GatewayError {
  return new GatewayError('UNAUTHENTICATED', 'The access key is unknown, expired or deleted.')
}

export function hasScope(caller: Caller, scope: Scope): boolean {
  return caller.scopes.includes(scope) || caller.scopes.includes('admin')
}

/** @throws GatewayError `FORBIDDEN` naming the scope that is missing. */
export function requireScope(caller: Caller, scope: Scope): void {
  if (hasScope(caller, scope)) return
  const held = caller.scopes.length > 0 ? caller.scopes.join(', ') : 'none'
  throw new GatewayError('FORBIDDEN', `This needs the scope ${scope}; ${describeCaller(caller)} has: ${held}.`)
}

/** @throws GatewayError `INVALID_INPUT` when the key is bound to no connection */
export function boundConnection(caller: Caller): string {
  const { connectionId, connections } = caller
  const [only, ...others] = connectionId === null ? (connections ?? []) : [connectionId]
  if (only !== undefined && others.length === 0) return only
  throw invalidInput(
    'authorization',
    `This needs a key or session for one connection, which ${describeCaller(caller)} is not; make one with createAccessKey(input: {connectionId}).`,
  )
}
