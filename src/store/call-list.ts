/** Pages of the call log: whatever is asked for, a page looks at a bounded number of rows and then says where to go on. */
import { and, asc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import { type CallCondition, type CallFilter, conditionsOf } from './call-filter.ts'
import { type CallRow, callColumns } from './calls.ts'
import type { Db } from './database.ts'
import { isId } from './ids.ts'
import { type Found, fetchPage, type KeysetOrder, type Page, type PageArgs, type PageClauses } from './page.ts'
import { toStorableTime } from './stored-text.ts'
import { calls } from './tables.ts'

type CallKeys = Pick<CallRow, 'startedAt' | 'id'>

const newestFirst: KeysetOrder<CallKeys> = {
  name: 'calls',
  isDescending: true,
  keys: [
    { column: calls.startedAt, write: row => row.startedAt.toISOString(), read: readInstant },
    { column: calls.id, write: row => row.id, read: text => (isId('call', text) ? text : undefined) },
  ],
}

/** Rows that a search looks at where no index has its condition. */
const maxScanned = 20_000
/** Calls below one path that are sorted: of more, a newer one is found sooner by time. */
const maxBelowPath = 2_000
/** How much of a path its index holds, in characters. */
const indexedPathLength = 256
const dayMs = 86_400_000
/** Most pages are full before the second span: older partitions need not even be planned for. */
const spansMs = [2 * dayMs, 30 * dayMs]
/** Among conditions of this rank and those behind it, a path is likely to be the rarest. */
const rankBehindPath = 3

interface Search {
  readonly db: Db
  /** Workspace, times and cursor: what every index begins or ends with. */
  readonly bounds: readonly (SQL | undefined)[]
  readonly conditions: readonly CallCondition[]
  readonly pathPrefix: string | null | undefined
  readonly orderBy: SQL[]
  readonly isBackward: boolean
}

/** @throws GatewayError `INVALID_INPUT` about the filter or the page */
export async function listCalls(
  db: Db,
  workspaceId: string,
  filter: CallFilter,
  page: PageArgs,
): Promise<Page<CallRow>> {
  const all = conditionsOf(filter)
  const times = all.filter(({ isTime }) => isTime).map(({ where }) => where)
  const conditions = all.filter(({ isTime }) => !isTime)
  return await fetchPage(page, newestFirst, async clauses => {
    const { where, orderBy, limit, isBackward } = clauses
    const rows: CallRow[] = []
    for (const span of spansOf(filter, clauses)) {
      const bounds = [eq(calls.workspaceId, workspaceId), ...times, where, ...span]
      const search = { db, bounds, conditions, pathPrefix: filter.pathPrefix, orderBy, isBackward }
      const found = await searchSpan(search, limit - rows.length)
      rows.push(...found.rows)
      if (rows.length === limit) break
      if (found.pausedAt !== undefined) return { rows, pausedAt: found.pausedAt }
    }
    return { rows }
  })
}

/** From where the page starts on: two days, a month, and all the rest. */
function spansOf({ since, until }: CallFilter, { isBackward, start }: PageClauses): (SQL | undefined)[][] {
  const cursor = start?.[0]
  const latest = new Date(Math.min(until?.getTime() ?? Number.POSITIVE_INFINITY, Date.now()))
  const first = cursor instanceof Date ? cursor : isBackward ? since : latest
  if (first == null) return [[]]
  const sign = isBackward ? 1 : -1
  const ends = spansMs.map(ms => toStorableTime(new Date(toStorableTime(first).getTime() + sign * ms)))
  const within = (end: Date | undefined) => end && (isBackward ? lt : gte)(calls.startedAt, end)
  const beyond = (end: Date | undefined) => end && (isBackward ? gte : lt)(calls.startedAt, end)
  const last = isBackward ? until : since
  return [...ends, undefined].flatMap((end, index) => {
    const before = ends[index - 1]
    const isOver = last != null && before !== undefined && (isBackward ? before >= last : before <= last)
    return isOver ? [] : [[beyond(before), within(end)]]
  })
}

async function searchSpan(search: Search, limit: number): Promise<Found<CallRow, CallKeys>> {
  const { conditions, pathPrefix } = search
  const [best] = conditions
    .filter(({ rank }) => rank !== undefined)
    .toSorted((left, right) => (left.rank ?? 0) - (right.rank ?? 0))
  if (pathPrefix != null && (best?.rank ?? rankBehindPath) >= rankBehindPath) {
    const rows = await searchPath(search, pathPrefix, limit)
    if (rows !== undefined) return { rows }
  }
  const others = conditions.filter(({ where }) => where !== best?.where).map(({ where }) => where)
  const bounds = and(...search.bounds, best?.where)
  const { db, orderBy } = search
  const scanned = db
    .select(callColumns)
    .from(calls)
    .where(bounds)
    .orderBy(...orderBy)
    .limit(others.length === 0 ? limit : maxScanned)
    .as('calls')
  const rows = await db
    .select()
    .from(scanned)
    .where(and(...others))
    .orderBy(...orderBy)
    .limit(limit)
  if (others.length === 0 || rows.length === limit) return { rows }
  const [pausedAt] = await db
    .select({ startedAt: calls.startedAt, id: calls.id })
    .from(calls)
    .where(bounds)
    .orderBy(...orderBy)
    .offset(maxScanned - 1)
    .limit(1)
  // Calls that came meanwhile have moved the place: what was found is not found again.
  const last = rows.at(-1)
  return {
    rows,
    pausedAt: pausedAt && last && last.startedAt > pausedAt.startedAt === search.isBackward ? last : pausedAt,
  }
}

/** By the index of paths; undefined when too many calls are below it to be sorted. */
async function searchPath(
  { db, bounds, conditions, orderBy }: Search,
  prefix: string,
  limit: number,
): Promise<CallRow[] | undefined> {
  const indexed = sql`left(${calls.path}, ${sql.raw(String(indexedPathLength))})`
  const start = [...prefix].slice(0, indexedPathLength).join('')
  const isBelow = and(...bounds, sql`${indexed} >= ${start}`, sql`${indexed} <= ${`${start}\u{10ffff}`}`)
  const inPathOrder = [sql`${indexed}`, asc(calls.startedAt), asc(calls.id)]
  const below = db
    .select(callColumns)
    .from(calls)
    .where(isBelow)
    .orderBy(...inPathOrder)
    .limit(maxBelowPath + 1)
    .as('calls')
  const [counted] = await db.select({ count: sql<number>`count(*)::int` }).from(below)
  if ((counted?.count ?? 0) > maxBelowPath) return undefined
  return await db
    .select()
    .from(below)
    .where(and(...conditions.map(({ where }) => where)))
    .orderBy(...orderBy)
    .limit(limit)
}

function readInstant(text: string): Date | undefined {
  const instant = new Date(text)
  return Number.isNaN(instant.getTime()) ? undefined : toStorableTime(instant)
}
