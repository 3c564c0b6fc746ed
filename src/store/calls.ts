/** Calls: the record of what was executed, written in batches, found by id, listed newest first. */
import { and, between, eq, getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { CallFilter } from './call-filter.ts'
import { listCalls } from './call-list.ts'
import { recordCalls } from './call-record.ts'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId, timeOfUuid, toUuid } from './ids.ts'
import type { Page, PageArgs } from './page.ts'
import { calls } from './tables.ts'
import { atOnce, type Turns } from './turns.ts'

type StoredCall = typeof calls.$inferSelect

/** A call without what its replay needs, which is sealed and read for a replay only. */
export interface CallRow extends Omit<StoredCall, 'sealedRequest'> {
  readonly isReplayable: boolean
}

/** A call to be recorded; its id is still the bare UUID, made when the call began. */
export interface NewCall extends Omit<StoredCall, 'id'> {
  readonly uuid: string
}

/** Calls of one workspace that were written together. */
export interface CallBatch {
  readonly workspaceId: string
  readonly since: Date
  readonly until: Date
  readonly uuids: readonly string[]
}

export interface CallStore {
  /**
   * Writes the calls and adds them to the sums of their hours: both or neither. A call that is there already is left as it
   * is and counted no more: a batch may be written again.
   */
  insertMany(rows: readonly NewCall[]): Promise<void>
  get(workspaceId: string, id: string): Promise<CallRow | undefined>
  /** What a replay of the call needs; undefined when there is no such call, or it is never made again. */
  getSealedRequest(workspaceId: string, id: string): Promise<Buffer | undefined>
  /** Those of a batch that are there, oldest first. */
  getBatch(batch: CallBatch): Promise<CallRow[]>
  /** @throws GatewayError `INVALID_INPUT` about the filter or the page */
  list(workspaceId: string, filter: CallFilter, page: PageArgs): Promise<Page<CallRow>>
}

const { sealedRequest, ...shown } = getTableColumns(calls)

/** What a {@link CallRow} is read from. */
export const callColumns = {
  ...shown,
  isReplayable: sql<boolean>`(${sealedRequest} is not null)`.as('is_replayable'),
}

/** How far the clock that made an id and the one that noted the start may be apart. */
const slackMs = 5_000

/** @param turns for lists, which may look at many rows */
export function createCallStore(db: Db, turns: Turns = atOnce): CallStore {
  /** The id tells the day and with it the partition; calls whose id was made at their end are looked for in all. */
  async function findCall<Row>(
    workspaceId: string,
    id: string,
    select: (where: SQL | undefined) => PromiseLike<Row[]>,
  ): Promise<Row | undefined> {
    if (!isId('call', id)) return undefined
    const isIt = and(eq(calls.workspaceId, workspaceId), eq(calls.id, id))
    const madeAtMs = timeOfUuid(toUuid('call', id))
    const isNear = between(calls.startedAt, new Date(madeAtMs - slackMs), new Date(madeAtMs + slackMs))
    const [near] = await select(and(isIt, isNear))
    return near ?? (await select(isIt))[0]
  }
  return guarded({
    insertMany: (rows: readonly NewCall[]) => recordCalls(db, rows),
    get: (workspaceId: string, id: string) =>
      findCall(workspaceId, id, where => db.select(callColumns).from(calls).where(where)),
    async getSealedRequest(workspaceId: string, id: string) {
      const found = await findCall(workspaceId, id, where => db.select({ sealedRequest }).from(calls).where(where))
      return found?.sealedRequest ?? undefined
    },
    async getBatch({ workspaceId, since, until, uuids }: CallBatch) {
      const isIn = sql`${calls.id} = any(${`{${uuids.join(',')}}`}::uuid[])`
      return await db
        .select(callColumns)
        .from(calls)
        .where(and(eq(calls.workspaceId, workspaceId), between(calls.startedAt, since, until), isIn))
        .orderBy(calls.startedAt, calls.id)
    },
    list: (workspaceId: string, filter: CallFilter, page: PageArgs) =>
      turns(() => listCalls(db, workspaceId, filter, page)),
  })
}
