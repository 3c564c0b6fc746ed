/** A limit that a workspace sets: so many requests in so many seconds. */
import { type ErrorDetail, invalidFields } from '../errors.ts'

/** At most `requests` in any window of `perSeconds`. */
export interface Quota {
  readonly requests: number
  readonly perSeconds: number
}

const bounds = { requests: 1_000_000, perSeconds: 86_400 } as const

/** @throws {GatewayError} INVALID_INPUT naming each wrong field */
export function checkQuota(field: string, limit: Quota | null | undefined): Quota | null {
  if (limit == null) return null
  const details: ErrorDetail[] = []
  for (const name of ['requests', 'perSeconds'] as const) {
    const value = limit[name]
    if (Number.isInteger(value) && value >= 1 && value <= bounds[name]) continue
    const message = `${field}.${name} takes a whole number from 1 to ${bounds[name]}; got ${JSON.stringify(value)}.`
    details.push({ field: `${field}.${name}`, message })
  }
  if (details.length > 0) throw invalidFields(details)
  return { requests: limit.requests, perSeconds: limit.perSeconds }
}
