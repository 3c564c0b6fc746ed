/** Whether a workspace keeps the bodies of an integration's calls, how much of them, for how long, and without what. */
import { headerNamePattern } from '../auth/header-names.ts'
import { type ErrorDetail, invalidFields } from '../errors.ts'
import { parseRedactionPath } from './redaction-path.ts'

export interface CallBodySettings {
  /** Of each body; what is beyond is cut off. */
  readonly maxBytes: number
  readonly retentionDays: number
  /** Header names in lower case, and JSONPaths (RFC 9535) of names, indexes and `[*]` into JSON bodies: their values are not kept. */
  readonly redact: readonly string[]
}

export const maxKeptBytes = 256 * 1024
const maxRetentionDays = 30
const maxRules = 50
const maxRuleLength = 256

/** @throws {GatewayError} INVALID_INPUT with a detail per wrong field */
export function checkCallBodies(
  field: string,
  settings: CallBodySettings | null | undefined,
): CallBodySettings | null | undefined {
  if (settings == null) return settings
  const { maxBytes, retentionDays, redact } = settings
  const details: ErrorDetail[] = []
  const isWithin = (name: string, value: number, max: number) => {
    if (Number.isInteger(value) && value >= 1 && value <= max) return
    const place = `${field}.${name}`
    details.push({ field: place, message: `${place} takes a whole number from 1 to ${max}; got ${value}.` })
  }
  isWithin('maxBytes', maxBytes, maxKeptBytes)
  isWithin('retentionDays', retentionDays, maxRetentionDays)
  if (redact.length > maxRules) {
    const place = `${field}.redact`
    details.push({ field: place, message: `${place} takes at most ${maxRules} rules; got ${redact.length}.` })
  }
  const rules = redact.slice(0, maxRules).map((rule, index) => {
    if (rule.length <= maxRuleLength && isRule(rule)) return isBodyRule(rule) ? rule : rule.toLowerCase()
    const place = `${field}.redact.${index}`
    const takes =
      'a header name, or a JSONPath that names every step (names, indexes, [*]; no ..) such as $.data[*].email'
    details.push({ field: place, message: `${place} takes ${takes}; got ${JSON.stringify(rule.slice(0, 64))}.` })
    return rule
  })
  if (details.length > 0) throw invalidFields(details)
  return { maxBytes, retentionDays, redact: rules }
}

/** True for a rule about bodies, false for a header's name. */
export function isBodyRule(rule: string): boolean {
  return rule.startsWith('$')
}

function isRule(rule: string): boolean {
  if (!isBodyRule(rule)) return headerNamePattern.test(rule.toLowerCase())
  return parseRedactionPath(rule) !== undefined
}
