/** The caller that an access key is. */
import type { AccessKeyRow } from '../store/access-keys.ts'
import { type Caller, scopes } from './caller.ts'
import type { Rule } from './rules.ts'

const callers = new WeakMap<AccessKeyRow, Caller>()

/** Made once for as long as the row is remembered. */
export function callerFor(row: AccessKeyRow): Caller {
  let caller = callers.get(row)
  if (caller === undefined) {
    caller = toCaller(row)
    callers.set(row, caller)
  }
  return caller
}

function toCaller(row: AccessKeyRow): Caller {
  const { id, name, workspaceId, expiresAt, connectionId, quota, rules, maxConcurrency, registeredOnly } = row
  const held = scopes.filter(scope => row.scopes.includes(scope))
  const ruleSets = rules.length === 0 ? [] : [{ owner: `the access key "${name}"`, rules: rules as readonly Rule[] }]
  const limits = { quota, maxConcurrency }
  const facts = {
    id,
    keyId: id,
    name,
    workspaceId,
    scopes: held,
    expiresAt,
    connectionId,
    ...limits,
    keyLimits: limits,
  }
  const whole = { endUserId: null, integrations: null, connections: null, hasBudget: false }
  return { kind: 'KEY', ...facts, ...whole, ruleSets, registeredOnly }
}
