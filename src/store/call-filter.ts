/** Which calls are wanted: each condition as the database asks it, and as it is asked of a call in memory. */
import { eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import { invalidInput } from '../errors.ts'
import type { CallRow } from './calls.ts'
import { isId } from './ids.ts'
import { checkKey, checkText, toStorable, toStorableTime } from './stored-text.ts'
import { calls } from './tables.ts'

/** RFC 9110 §15. */
export const statusClasses = {
  INFORMATIONAL: 1,
  SUCCESSFUL: 2,
  REDIRECTION: 3,
  CLIENT_ERROR: 4,
  SERVER_ERROR: 5,
} as const

export type StatusClass = keyof typeof statusClasses

export interface CallFilter {
  readonly connectionId?: string | null | undefined
  readonly integration?: string | null | undefined
  readonly endUserId?: string | null | undefined
  /** An access key or a session. */
  readonly callerId?: string | null | undefined
  readonly kind?: CallRow['kind'] | null | undefined
  readonly action?: string | null | undefined
  readonly method?: string | null | undefined
  readonly pathPrefix?: string | null | undefined
  readonly statusClass?: StatusClass | null | undefined
  readonly errorCode?: CallRow['errorCode'] | undefined
  /** With an error code, or an answer of 400 and more. */
  readonly failed?: boolean | null | undefined
  /** Started then or later. */
  readonly since?: Date | null | undefined
  /** Started before then. */
  readonly until?: Date | null | undefined
}

export interface CallCondition {
  readonly where: SQL
  readonly holds: (call: CallRow) => boolean
  /** Set for what an index finds newest first; the lowest finds the fewest. */
  readonly rank?: number
  /** True for a bound of the time, which is part of every index. */
  readonly isTime?: boolean
}

const maxPathPrefix = 2048

/** As the partial index says it; of those without an answer, what the caller did not wait for has not failed. */
const isFailed = sql`(${calls.status} >= 400 or ${calls.status} is null) and (${calls.status} is not null or ${calls.errorCode} is not null)`
const isNotFailed = sql`(${calls.status} < 400 or (${calls.status} is null and ${calls.errorCode} is null))`

/** @throws GatewayError `INVALID_INPUT` naming the field */
export function conditionsOf(filter: CallFilter): CallCondition[] {
  const { connectionId, endUserId, callerId, integration, kind, action, method, pathPrefix, statusClass } = filter
  const { errorCode, failed, since, until } = filter
  const conditions: CallCondition[] = []
  if (connectionId != null) {
    // What is no id names no connection.
    const where = isId('conn', connectionId) ? eq(calls.connectionId, connectionId) : sql`false`
    conditions.push({ where, holds: call => call.connectionId === connectionId, rank: 0 })
  }
  if (endUserId != null) {
    checkKey('filter.endUserId', endUserId)
    const kept = (call: CallRow) => toStorable(call.endUserId) === endUserId
    conditions.push({ where: eq(calls.endUserId, endUserId), holds: kept, rank: 1 })
  }
  if (callerId != null) {
    checkKey('filter.callerId', callerId)
    conditions.push({ where: eq(calls.callerId, callerId), holds: call => call.callerId === callerId, rank: 3 })
  }
  if (integration != null) {
    checkKey('filter.integration', integration)
    const where = eq(calls.integration, integration)
    conditions.push({ where, holds: call => call.integration === integration, rank: 4 })
  }
  if (kind != null) conditions.push({ where: eq(calls.kind, kind), holds: call => call.kind === kind })
  if (action != null) {
    checkKey('filter.action', action)
    conditions.push({ where: eq(calls.action, action), holds: call => call.action === action })
  }
  if (method != null) {
    checkKey('filter.method', method)
    // Methods on the wire are in upper case.
    const asSent = method.toUpperCase()
    conditions.push({ where: eq(calls.method, asSent), holds: call => call.method === asSent })
  }
  if (pathPrefix != null) {
    checkPathPrefix(pathPrefix)
    const where = sql`starts_with(${calls.path}, ${pathPrefix})`
    conditions.push({ where, holds: call => call.path.startsWith(pathPrefix) })
  }
  if (statusClass != null) conditions.push(...ofClass(statusClasses[statusClass] * 100))
  if (errorCode != null) {
    conditions.push(failedCondition, {
      where: eq(calls.errorCode, errorCode),
      holds: call => call.errorCode === errorCode,
    })
  }
  if (failed === true) conditions.push(failedCondition)
  if (failed === false) conditions.push({ where: isNotFailed, holds: call => !hasFailed(call) })
  if (since != null) {
    const where = gte(calls.startedAt, toStorableTime(since))
    conditions.push({ where, holds: call => call.startedAt >= since, isTime: true })
  }
  if (until != null) {
    const where = lt(calls.startedAt, toStorableTime(until))
    conditions.push({ where, holds: call => call.startedAt < until, isTime: true })
  }
  return conditions
}

export function hasFailed({ status, errorCode }: Pick<CallRow, 'status' | 'errorCode'>): boolean {
  return errorCode !== null || (status !== null && status >= 400)
}

const failedCondition: CallCondition = { where: isFailed, holds: hasFailed, rank: 2 }

function ofClass(first: number): CallCondition[] {
  const condition: CallCondition = {
    where: sql`${calls.status} between ${first} and ${first + 99}`,
    holds: ({ status }) => status !== null && status >= first && status < first + 100,
  }
  return first >= 400 ? [failedCondition, condition] : [condition]
}

function checkPathPrefix(prefix: string): void {
  checkText('filter.pathPrefix', prefix)
  if (prefix.startsWith('/') && prefix.length <= maxPathPrefix) return
  const takes = `the beginning of a path, which starts with "/" and has at most ${maxPathPrefix} characters`
  throw invalidInput(
    'filter.pathPrefix',
    `filter.pathPrefix takes ${takes}; got ${JSON.stringify(prefix.slice(0, 64))}.`,
  )
}
