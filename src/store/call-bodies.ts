/** Requests and answers of calls, sealed, where a workspace keeps them: beside the log, since most calls have none. */
import { and, eq, lt, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId, toTypeId } from './ids.ts'
import { callBodies } from './tables.ts'

export interface NewCallBody {
  readonly workspaceId: string
  /** Of the call. */
  readonly uuid: string
  readonly sealed: Buffer
  readonly expiresAt: Date
}

export interface CallBody {
  readonly sealed: Buffer
  readonly expiresAt: Date
}

export interface CallBodyStore {
  /** One that is there already is left as it is. */
  insert(body: NewCallBody): Promise<void>
  /** Undefined when none was kept, or it has expired. */
  get(workspaceId: string, callId: string): Promise<CallBody | undefined>
  /** Of all workspaces: what has expired. @returns how many there were, `limit` at most */
  deleteExpired(limit: number): Promise<number>
}

export function createCallBodyStore(db: Db): CallBodyStore {
  const { workspaceId, callId, sealed, expiresAt } = callBodies
  return guarded({
    async insert({ uuid, ...body }: NewCallBody) {
      await db
        .insert(callBodies)
        .values({ ...body, callId: toTypeId('call', uuid) })
        .onConflictDoNothing()
    },
    async get(workspace: string, call: string) {
      if (!isId('call', call)) return undefined
      const [body] = await db
        .select({ sealed, expiresAt })
        .from(callBodies)
        .where(and(eq(workspaceId, workspace), eq(callId, call)))
      return body !== undefined && body.expiresAt > new Date() ? body : undefined
    },
    async deleteExpired(limit: number) {
      const isOver = lt(expiresAt, sql`now()`)
      const slice = db.select({ workspaceId, callId }).from(callBodies).where(isOver).limit(limit)
      const deleted = await db
        .delete(callBodies)
        .where(sql`(${workspaceId}, ${callId}) in (${slice})`)
        .returning({ callId })
      return deleted.length
    },
  })
}
