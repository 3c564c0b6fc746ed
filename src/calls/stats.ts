/** What figures may be asked for: whole hours, a bounded range, and an answer of bounded length. */
import { invalidInput } from '../errors.ts'
import type { CallDivision, CallSpan } from '../store/call-hours.ts'

export interface CallStatsInput {
  /** Rounded down to the hour; a day before `until` when absent. */
  readonly since?: Date | null | undefined
  /** Rounded up to the hour; now when absent. */
  readonly until?: Date | null | undefined
  readonly integration?: string | null | undefined
  readonly connectionId?: string | null | undefined
}

export interface CallStatsQuery {
  readonly span: CallSpan
  readonly division: CallDivision
}

/** Rows of an answer. */
const maxBuckets = 1000
const maxDays = 400
/** Each connection has a row for each hour with calls, and all of them are read to find the busiest. */
const maxConnectionDays = 7
const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** PostgreSQL reads no years beyond these. */
const firstHourMs = Date.parse('0001-01-01T00:00:00Z')
const lastHourMs = Date.parse('9999-12-31T23:00:00Z')

/** @throws {GatewayError} INVALID_INPUT naming the field */
export function planStats(workspaceId: string, filter: CallStatsInput, division: CallDivision): CallStatsQuery {
  const untilMs = Math.ceil((filter.until?.getTime() ?? Date.now()) / hourMs) * hourMs
  const sinceMs = Math.floor((filter.since?.getTime() ?? untilMs - dayMs) / hourMs) * hourMs
  checkTime('filter.until', untilMs)
  checkTime(filter.since == null ? 'filter.until' : 'filter.since', sinceMs)
  const isOverAll = division.groupBy === 'CONNECTION' && filter.connectionId == null
  checkRange(sinceMs, untilMs, isOverAll ? maxConnectionDays : maxDays)
  checkLength(sinceMs, untilMs, division)
  return {
    division,
    span: {
      workspaceId,
      since: new Date(sinceMs),
      until: new Date(untilMs),
      integration: filter.integration ?? undefined,
      connectionId: filter.connectionId ?? undefined,
    },
  }
}

function checkTime(field: string, timeMs: number): void {
  if (timeMs >= firstHourMs && timeMs <= lastHourMs) return
  throw invalidInput(field, `${field} takes a time whose range of hours is within the years 1 to 9999.`)
}

function checkRange(sinceMs: number, untilMs: number, days: number): void {
  if (sinceMs >= untilMs) {
    throw invalidInput('filter.since', 'filter.since takes a time before filter.until, which is now when absent.')
  }
  if (untilMs - sinceMs <= days * dayMs) return
  const given = Math.ceil((untilMs - sinceMs) / dayMs)
  const why = days === maxDays ? '' : ' Groups by connection are counted over a short time, or of one connection.'
  throw invalidInput(
    'filter.since',
    `filter.since takes a time at most ${days} days before the end; got ${given}.${why}`,
  )
}

function checkLength(sinceMs: number, untilMs: number, { per, groupBy, limit }: CallDivision): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxBuckets) {
    throw invalidInput('limit', `limit takes a whole number from 1 to ${maxBuckets}; got ${limit}.`)
  }
  const dayCount = Math.floor((untilMs - 1) / dayMs) - Math.floor(sinceMs / dayMs) + 1
  const periods = per === undefined ? 1 : per === 'HOUR' ? (untilMs - sinceMs) / hourMs : dayCount
  const groups = groupBy === undefined ? 1 : limit
  if (periods * groups <= maxBuckets) return
  const size = `${periods} periods of ${groups} ${groups === 1 ? 'group' : 'groups'}`
  const way = 'ask for days, a shorter range or a smaller limit'
  throw invalidInput('filter.since', `An answer has at most ${maxBuckets} buckets; ${size} may be more: ${way}.`)
}
