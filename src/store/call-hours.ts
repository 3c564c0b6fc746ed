/** Figures of calls, from the sums of their hours: the database adds up, and of single calls nothing is read. */
import { and, eq, gte, lt, ne, type SQL, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId } from './ids.ts'
import { checkText } from './stored-text.ts'
import { callHours, connectionCallHours } from './tables.ts'
import { atOnce, type Turns } from './turns.ts'

export interface CallFigures {
  readonly calls: number
  /** With an error code, or with an answer of 400 and more. */
  readonly failures: number
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Milliseconds that half of the calls took at most, exact to a quarter; null when there are none. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** The calls of one period and one group. */
export interface CallBucket extends CallFigures {
  /** Null when the time is not divided. */
  readonly startsAt: Date | null
  /** Null when they are not grouped. */
  readonly integration: string | null
  readonly connectionId: string | null
}

export interface CallSpan {
  readonly workspaceId: string
  /** A full hour. */
  readonly since: Date
  /** A full hour, which is not counted. */
  readonly until: Date
  readonly integration?: string | undefined
  readonly connectionId?: string | undefined
}

export interface CallDivision {
  readonly per?: 'HOUR' | 'DAY' | undefined
  readonly groupBy?: 'INTEGRATION' | 'CONNECTION' | undefined
  /** Groups: those with the most calls. */
  readonly limit: number
}

export interface CallHourStore {
  total(span: CallSpan): Promise<CallFigures>
  /** Oldest first, and in each period the group with the most calls first; what has no calls is left out. */
  buckets(span: CallSpan, division: CallDivision): Promise<CallBucket[]>
}

/** What is added up, and what is read of it. */
const summed = sql`sum(calls) as calls, sum(failures) as failures, sum(bytes_sent) as bytes_sent,
  sum(bytes_received) as bytes_received, sum_counts(durations) as durations`
const figures = {
  calls: numberOf(sql`calls`),
  failures: numberOf(sql`failures`),
  bytesSent: numberOf(sql`bytes_sent`),
  bytesReceived: numberOf(sql`bytes_received`),
  p50Ms: sql<number | null>`duration_at(durations, 0.5)`,
  p95Ms: sql<number | null>`duration_at(durations, 0.95)`,
  p99Ms: sql<number | null>`duration_at(durations, 0.99)`,
}

const bucket = {
  startsAt: sql<Date | null>`starts_at`.mapWith(callHours.hour),
  integration: sql<string | null>`integration`,
  connectionId: sql<string | null>`connection_id`.mapWith(connectionCallHours.connectionId),
  ...figures,
}

/** @param turns because sums over a long time take a while */
export function createCallHourStore(db: Db, turns: Turns = atOnce): CallHourStore {
  return guarded({
    async total(span: CallSpan) {
      if (isOfNone(span)) return none
      const { table, where } = sourceOf(span, undefined)
      const found = sql`(select ${summed} from ${table} where ${where} having count(*) > 0) as total`
      const [total] = await turns(async () => db.select(figures).from(found))
      return total ?? none
    },
    async buckets(span: CallSpan, { per, groupBy, limit }: CallDivision) {
      if (isOfNone(span)) return []
      const { table, where } = sourceOf(span, groupBy)
      const startsAt = per === undefined ? sql`null::timestamptz` : startOf[per]
      const group = groupBy === undefined ? undefined : columnOf[groupBy]
      const integration = group === undefined ? sql`null` : sql`min(integration)`
      const connection = groupBy === 'CONNECTION' ? sql`connection_id` : sql`null::uuid`
      // The groups are chosen by counts alone: adding up all durations for it would cost many times as much.
      const chosen =
        group &&
        sql`and ${group} in (select ${group} from ${table} where ${where} group by 1 order by sum(calls) desc, 1 limit ${limit})`
      const found = sql`(select ${startsAt} as starts_at, ${integration} as integration, ${connection} as connection_id, ${summed}
        from ${table} where ${where} ${chosen} group by ${sql.join([sql`1`, ...(group ? [group] : [])], sql`, `)}) as bucket`
      const inOrder = sql`starts_at, calls desc, integration, connection_id`
      return await turns(async () => db.select(bucket).from(found).orderBy(inOrder))
    },
  })
}

const startOf = {
  HOUR: sql`date_trunc('hour', hour, 'UTC')`,
  DAY: sql`date_trunc('day', hour, 'UTC')`,
} as const

const columnOf = { INTEGRATION: sql`integration`, CONNECTION: sql`connection_id` } as const

const none: CallFigures = {
  calls: 0,
  failures: 0,
  bytesSent: 0,
  bytesReceived: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
}

/** What is no id names no connection, and no integration has an empty name. */
function isOfNone({ connectionId, integration }: CallSpan): boolean {
  checkText('filter.integration', integration ?? '')
  return integration === '' || (connectionId !== undefined && !isId('conn', connectionId))
}

function sourceOf(span: CallSpan, groupBy: CallDivision['groupBy']): { table: SQL; where: SQL | undefined } {
  const { workspaceId, since, until, integration, connectionId } = span
  const isByConnection = connectionId !== undefined || groupBy === 'CONNECTION'
  const table = isByConnection ? connectionCallHours : callHours
  // Where nothing is to be told apart, a workspace has one sum of all integrations.
  const summedUp = isByConnection
    ? undefined
    : groupBy === undefined
      ? eq(table.integration, '')
      : ne(table.integration, '')
  const where = and(
    eq(table.workspaceId, workspaceId),
    connectionId === undefined ? undefined : eq(connectionCallHours.connectionId, connectionId),
    integration === undefined ? summedUp : eq(table.integration, integration),
    gte(table.hour, since),
    lt(table.hour, until),
  )
  return { table: sql`${table}`, where }
}

/** Sums come as text: they may be longer than a double is exact. */
function numberOf(sum: SQL): SQL<number> {
  return sum.mapWith(Number)
}
