/** Old calls: which a workspace no longer keeps, and how they go, in slices that nobody has to wait for. */
import { and, asc, desc, eq, gt, gte, lt, lte, type SQL, sql } from 'drizzle-orm'
import { firstUuidAt } from './connection-events.ts'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { toTypeId } from './ids.ts'
import { callBodies, callHours, calls, connectionCallHours, type StoredCallRetention, workspaces } from './tables.ts'

/** Unless a workspace says otherwise. */
export const standardRetention: StoredCallRetention = { days: 30, maxCalls: null }

/** The newest call that goes; all before it go, too. */
export interface CallCutoff {
  readonly startedAt: Date
  readonly id: string
}

export interface WorkspaceRetention {
  readonly workspaceId: string
  /** Null while the workspace has set none. */
  readonly retention: StoredCallRetention | null
}

export interface CallRetentionStore {
  /** The database's own time, in milliseconds of the epoch. */
  readClock(): Promise<number>
  /** The next workspaces in the order of their ids, after the one given. */
  listRetentions(after: string | undefined, limit: number): Promise<WorkspaceRetention[]>
  /** The most days that any workspace keeps. */
  maxDays(): Promise<number>
  /** The newest call beyond the newest `maxCalls`, found by the sums of the hours since `since`; undefined when there is none. */
  findSurplus(workspaceId: string, maxCalls: number, since: Date): Promise<CallCutoff | undefined>
  /** Deletes the oldest, up to and with the cut-off. @returns how many, `limit` at most */
  deleteCalls(workspaceId: string, cutoff: CallCutoff, limit: number): Promise<number>
  /** Deletes what was kept of the bodies of calls that began before then. @returns how many, `limit` at most */
  deleteBodies(workspaceId: string, before: Date, limit: number): Promise<number>
  /** Deletes the sums of hours. @returns how many of one kind, `limit` at most */
  deleteHours(workspaceId: string, before: { calls: Date; connections: Date }, limit: number): Promise<number>
}

const hourMs = 3_600_000

/** Before all calls that begin at that moment. */
export function cutoffBefore(time: Date): CallCutoff {
  return { startedAt: time, id: toTypeId('call', '00000000-0000-0000-0000-000000000000') }
}

export function createCallRetentionStore(db: Db): CallRetentionStore {
  /** By the keys of the list itself: the index of times gives them in order. */
  async function findEnd(where: SQL | undefined, limit: number): Promise<CallCutoff | undefined> {
    const slice = db
      .select({ startedAt: calls.startedAt, id: calls.id })
      .from(calls)
      .where(where)
      .orderBy(asc(calls.startedAt), asc(calls.id))
      .limit(limit)
      .as('calls')
    const [end] = await db.select().from(slice).orderBy(desc(calls.startedAt), desc(calls.id)).limit(1)
    return end
  }
  return guarded({
    async readClock() {
      const nowMs = sql<number>`(extract(epoch from now()) * 1000)::float8`
      const [clock] = await db.select({ nowMs }).from(sql`(select 1) as one`)
      return clock?.nowMs ?? Number.NaN
    },
    async listRetentions(after: string | undefined, limit: number) {
      return await db
        .select({ workspaceId: workspaces.id, retention: workspaces.callRetention })
        .from(workspaces)
        .where(after === undefined ? undefined : gt(workspaces.id, after))
        .orderBy(workspaces.id)
        .limit(limit)
    },
    async maxDays() {
      const days = sql<number>`max(coalesce((${workspaces.callRetention} ->> 'days')::int, ${standardRetention.days}))`
      const [found] = await db.select({ days }).from(workspaces)
      return found?.days ?? standardRetention.days
    },
    async findSurplus(workspaceId: string, maxCalls: number, since: Date) {
      const isWhole = and(eq(callHours.workspaceId, workspaceId), eq(callHours.integration, ''))
      const perHour = db
        .select({
          hour: callHours.hour,
          calls: callHours.calls,
          upTo: sql<number>`sum(${callHours.calls}) over (order by ${callHours.hour} desc)`.mapWith(Number).as('up_to'),
        })
        .from(callHours)
        .where(and(isWhole, gte(callHours.hour, since)))
        .as('call_hours')
      const [full] = await db
        .select()
        .from(perHour)
        .where(gt(perHour.upTo, maxCalls))
        .orderBy(desc(perHour.hour))
        .limit(1)
      if (full === undefined) return undefined
      const end = new Date(full.hour.getTime() + hourMs)
      const [surplus] = await db
        .select({ startedAt: calls.startedAt, id: calls.id })
        .from(calls)
        .where(and(eq(calls.workspaceId, workspaceId), gte(calls.startedAt, full.hour), lt(calls.startedAt, end)))
        .orderBy(desc(calls.startedAt), desc(calls.id))
        .offset(maxCalls - (full.upTo - full.calls))
        .limit(1)
      return surplus ?? cutoffBefore(full.hour)
    },
    async deleteCalls(workspaceId: string, cutoff: CallCutoff, limit: number) {
      const end = await findEnd(isUpTo(workspaceId, cutoff), limit)
      if (end === undefined) return 0
      const deleted = await db.delete(calls).where(isUpTo(workspaceId, end)).returning({ id: calls.id })
      return deleted.length
    },
    async deleteBodies(workspaceId: string, before: Date, limit: number) {
      // An id tells when its call began.
      const isOld = lt(callBodies.callId, toTypeId('call', firstUuidAt(before.getTime())))
      return await deleteSlice(db, callBodies, and(eq(callBodies.workspaceId, workspaceId), isOld), limit)
    },
    async deleteHours(workspaceId: string, before: { calls: Date; connections: Date }, limit: number) {
      const { workspaceId: owner, hour } = callHours
      const { workspaceId: connectionOwner, hour: connectionHour } = connectionCallHours
      const isOld = and(eq(owner, workspaceId), lt(hour, before.calls))
      const isOldOfConnection = and(eq(connectionOwner, workspaceId), lt(connectionHour, before.connections))
      const deleted = await deleteSlice(db, callHours, isOld, limit)
      return Math.max(deleted, await deleteSlice(db, connectionCallHours, isOldOfConnection, limit))
    },
  })
}

function isUpTo(workspaceId: string, { startedAt, id }: CallCutoff): SQL | undefined {
  const keys = sql`(${sql.param(startedAt, calls.startedAt)}, ${sql.param(id, calls.id)})`
  const isBefore = sql`(${calls.startedAt}, ${calls.id}) <= ${keys}`
  // The first condition tells partitions apart, the second the calls of one moment.
  return and(eq(calls.workspaceId, workspaceId), lte(calls.startedAt, startedAt), isBefore)
}

/** By the places of rows: their keys would have to be found twice. */
async function deleteSlice(
  db: Db,
  table: typeof callBodies | typeof callHours | typeof connectionCallHours,
  where: SQL | undefined,
  limit: number,
): Promise<number> {
  const slice = db
    .select({ place: sql`ctid` })
    .from(table as typeof callHours)
    .where(where)
    .limit(limit)
  const deleted = await db
    .delete(table)
    .where(and(where, sql`ctid = any(array(${slice}))`))
    .returning({ one: sql`1` })
  return deleted.length
}
