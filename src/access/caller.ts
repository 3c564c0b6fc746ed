/** Who is calling: the key behind a request, its workspace and what it may do. */
import { GatewayError, invalidInput } from '../errors.ts'
import type { Quota } from '../limits/quota.ts'

/** What an access key may be allowed to do. `admin` includes all others. */
export const scopes = [
  'passthrough:read',
  'passthrough:write',
  'connections:read',
  'connections:write',
  'integrations:write',
  'calls:read',
  'keys:write',
  'sessions:create',
  'admin',
] as const

export type Scope = (typeof scopes)[number]

export interface Caller {
  readonly keyId: string
  readonly name: string
  readonly workspaceId: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date | null
  /** The only connection it may call through; null when it is bound to none. */
  readonly connectionId: string | null
  readonly quota: Quota | null
}

export function hasScope(caller: Caller, scope: Scope): boolean {
  return caller.scopes.includes(scope) || caller.scopes.includes('admin')
}

/** @throws GatewayError `FORBIDDEN` naming the scope that is missing. */
export function requireScope(caller: Caller, scope: Scope): void {
  if (hasScope(caller, scope)) return
  const held = caller.scopes.length > 0 ? caller.scopes.join(', ') : 'none'
  throw new GatewayError('FORBIDDEN', `This needs the scope ${scope}; the access key "${caller.name}" has: ${held}.`)
}

/** @throws GatewayError `INVALID_INPUT` when the key is bound to no connection */
export function boundConnection({ connectionId, name }: Caller): string {
  if (connectionId !== null) return connectionId
  throw invalidInput(
    'authorization',
    `The access key "${name}" is bound to no connection; make one with createAccessKey(input: {connectionId}).`,
  )
}
