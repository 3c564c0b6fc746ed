/** Sessions: short-lived callers for one end user each, and what of their budget is spent. */
import { and, eq, lt, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId } from './ids.ts'
import { checkJson, checkKey } from './stored-text.ts'
import { sessions } from './tables.ts'

export type SessionRow = typeof sessions.$inferSelect
export type NewSessionRow = Omit<SessionRow, 'spentCalls' | 'spentBytes' | 'createdAt'>

export interface SessionStore {
  insert(row: NewSessionRow): Promise<SessionRow>
  get(workspaceId: string, id: string): Promise<SessionRow | undefined>
  /** One more call, unless the budget is spent: then what is spent. */
  spendCall(workspaceId: string, id: string): Promise<{ ok: true } | { ok: false; row: SessionRow | undefined }>
  spendBytes(workspaceId: string, id: string, bytes: number): Promise<void>
  /** True when there was one. */
  delete(workspaceId: string, id: string): Promise<boolean>
  /** Of all workspaces. */
  deleteExpired(limit: number): Promise<number>
}

export function createSessionStore(db: Db): SessionStore {
  const isOne = (workspaceId: string, id: string) => and(eq(sessions.workspaceId, workspaceId), eq(sessions.id, id))
  async function get(workspaceId: string, id: string): Promise<SessionRow | undefined> {
    if (!isId('ses', id)) return undefined
    const [row] = await db.select().from(sessions).where(isOne(workspaceId, id))
    return row
  }
  return guarded({
    get,
    async insert(row: NewSessionRow) {
      checkKey('endUserId', row.endUserId)
      checkJson('rules', { rules: row.rules })
      const [inserted] = await db.insert(sessions).values(row).returning()
      if (inserted === undefined) throw new TypeError('an insert returned no row')
      return inserted
    },
    async spendCall(workspaceId: string, id: string) {
      const hasCalls = sql`(${sessions.maxCalls} is null or ${sessions.spentCalls} < ${sessions.maxCalls})`
      const hasBytes = sql`(${sessions.maxBytes} is null or ${sessions.spentBytes} < ${sessions.maxBytes})`
      const spent = await db
        .update(sessions)
        .set({ spentCalls: sql`${sessions.spentCalls} + 1` })
        .where(and(isOne(workspaceId, id), hasCalls, hasBytes))
        .returning({ id: sessions.id })
      if (spent.length > 0) return { ok: true } as const
      return { ok: false, row: await get(workspaceId, id) } as const
    },
    async spendBytes(workspaceId: string, id: string, bytes: number) {
      await db
        .update(sessions)
        .set({ spentBytes: sql`${sessions.spentBytes} + ${bytes}` })
        .where(isOne(workspaceId, id))
    },
    async delete(workspaceId: string, id: string) {
      if (!isId('ses', id)) return false
      const deleted = await db.delete(sessions).where(isOne(workspaceId, id)).returning({ id: sessions.id })
      return deleted.length > 0
    },
    async deleteExpired(limit: number) {
      const over = db
        .select({ workspaceId: sessions.workspaceId, id: sessions.id })
        .from(sessions)
        .where(lt(sessions.expiresAt, sql`now()`))
        .limit(limit)
        .as('over')
      const deleted = await db
        .delete(sessions)
        .where(sql`(${sessions.workspaceId}, ${sessions.id}) in (select * from ${over})`)
        .returning({ id: sessions.id })
      return deleted.length
    },
  })
}
