/** How wide a caller is: nobody makes, renews or ends what reaches further than themselves. */
import { type ErrorDetail, GatewayError, invalidFields, invalidInput } from '../errors.ts'
import type { Quota } from '../limits/quota.ts'
import { type Caller, hasScope, type Scope, scopes } from './caller.ts'

/** What bounds a key or session beside its scopes and rules; null for no bound. */
export interface Bounds {
  readonly expiresAt: Date | null
  readonly quota: Quota | null
  readonly maxConcurrency: number | null
}

/** What of another key is looked at. */
export interface KeyReach extends Bounds {
  readonly id: string
  readonly scopes: readonly string[]
}

/** @throws {GatewayError} FORBIDDEN naming the scopes that the caller lacks. @param refusal the sentence up to the colon */
export function checkScopes(caller: Caller, asked: readonly string[], refusal: string): void {
  const lacking = scopes.filter(scope => asked.includes(scope) && !hasScope(caller, scope))
  if (lacking.length > 0) throw new GatewayError('FORBIDDEN', `${refusal}: "${caller.name}" lacks ${list(lacking)}.`)
}

/** @throws {GatewayError} INVALID_INPUT naming each bound that is wider than the caller's own */
export function checkNoWider(caller: Caller, asked: Bounds): void {
  const details = findWider(caller, asked)
  if (details.length > 0) throw invalidFields(details)
}

/** What is done to a key. */
export type KeyVerb = 'rotate' | 'change' | 'delete'

/**
 * Renewing another key shows its secret, and ending one takes it from its owner: both are for those who reach as far.
 * A key may always do so to itself, and with rules or for registered operations only it changes none, not even itself.
 *
 * @throws {GatewayError} FORBIDDEN
 */
export function checkReach(caller: Caller, key: KeyReach, verb: KeyVerb): void {
  const isOwn = caller.kind === 'KEY' && caller.id === key.id
  if (isOwn && (verb !== 'change' || !isNarrowed(caller))) return
  if (isNarrowed(caller) || caller.connectionId !== null) {
    throw new GatewayError(
      'FORBIDDEN',
      `A key with rules, or for registered operations or one connection only, can ${verb} no key${verb === 'change' ? '' : ' but itself'}.`,
    )
  }
  const refusal = `A key cannot ${verb} a wider one`
  checkScopes(caller, key.scopes, refusal)
  const [wider] = findWider(caller, key)
  if (wider !== undefined) throw new GatewayError('FORBIDDEN', `${refusal}: ${wider.message}`)
}

/** @throws {GatewayError} INVALID_INPUT */
export function checkConcurrency(value: number | null | undefined): number | null {
  if (value == null) return null
  if (Number.isInteger(value) && value >= 1 && value <= 10_000) return value
  throw invalidInput('maxConcurrency', `maxConcurrency takes a whole number from 1 to 10000; got ${value}.`)
}

/** True for one whose bounds a key that it makes would not have. */
export function isNarrowed({ ruleSets, registeredOnly, kind }: Caller): boolean {
  return ruleSets.length > 0 || registeredOnly || kind === 'SESSION'
}

function findWider({ name, expiresAt, quota, maxConcurrency }: Caller, asked: Bounds): ErrorDetail[] {
  const details: ErrorDetail[] = []
  const report = (field: string, takes: string, got: string | number | undefined) =>
    details.push({ field, message: `${field} takes ${takes}, as "${name}" has it; got ${got ?? 'none'}.` })
  if (expiresAt !== null && (asked.expiresAt === null || asked.expiresAt > expiresAt)) {
    report('expiresAt', `a time until ${expiresAt.toISOString()}`, asked.expiresAt?.toISOString())
  }
  if (quota !== null && (asked.quota === null || mostIn(asked.quota, quota.perSeconds) > quota.requests)) {
    report('quota', `no more than ${describe(quota)}`, asked.quota === null ? undefined : describe(asked.quota))
  }
  if (maxConcurrency !== null && (asked.maxConcurrency === null || asked.maxConcurrency > maxConcurrency)) {
    report('maxConcurrency', `1 to ${maxConcurrency}`, asked.maxConcurrency ?? undefined)
  }
  return details
}

/** How many requests a quota allows in a time at most, when its own windows begin with it. */
function mostIn({ requests, perSeconds }: Quota, seconds: number): number {
  return requests * Math.ceil(seconds / perSeconds)
}

function describe({ requests, perSeconds }: Quota): string {
  return `${requests} requests in ${perSeconds} s`
}

function list(names: readonly Scope[]): string {
  return names.join(', ')
}
