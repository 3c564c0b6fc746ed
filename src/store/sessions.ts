/** Sessions: short-lived callers for one end user each, and what of their budget is spent. */
import { and, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId } from './ids.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs } from './page.ts'
import { checkJson, checkKey, checkText } from './stored-text.ts'
import { sessions } from './tables.ts'

export type SessionRow = typeof sessions.$inferSelect
export type NewSessionRow = Omit<SessionRow, 'spentCalls' | 'spentBytes' | 'heldCalls' | 'heldUntil' | 'createdAt'>

/** What a call under way counts against a budget of bytes until it is known how many it took. */
export const heldBytesPerCall = 16_384
/** As long as what a process held counts when it died with it. */
const heldMinutes = 10

export interface SessionStore {
  insert(row: NewSessionRow): Promise<SessionRow>
  get(workspaceId: string, id: string): Promise<SessionRow | undefined>
  getMany(workspaceId: string, ids: readonly string[]): Promise<SessionRow[]>
  /** Those that are not over, newest first. */
  list(workspaceId: string, filter: { readonly endUserId?: string | null }, page: PageArgs): Promise<Page<SessionRow>>
  /** One more call, unless the budget is spent, or held by calls under way: then what is spent. */
  holdCall(workspaceId: string, id: string): Promise<{ ok: true } | { ok: false; row: SessionRow | undefined }>
  /** A call that was held is over. */
  settleCall(workspaceId: string, id: string, bytes: number): Promise<void>
  /** True when there was one. */
  delete(workspaceId: string, id: string): Promise<boolean>
  /** All of an end user's. @returns how many of them were not over */
  deleteOf(workspaceId: string, endUserId: string): Promise<number>
  /** Of all workspaces. */
  deleteExpired(limit: number): Promise<number>
}

const newestFirst: KeysetOrder<SessionRow> = {
  name: 'sessions',
  isDescending: true,
  keys: [{ column: sessions.id, write: row => row.id, read: text => (isId('ses', text) ? text : undefined) }],
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
    async getMany(workspaceId: string, ids: readonly string[]) {
      const known = ids.filter(id => isId('ses', id))
      if (known.length === 0) return []
      return await db
        .select()
        .from(sessions)
        .where(and(eq(sessions.workspaceId, workspaceId), inArray(sessions.id, known), isUnderWay))
    },
    async list(workspaceId: string, { endUserId }: { readonly endUserId?: string | null }, page: PageArgs) {
      checkText('filter.endUserId', endUserId ?? '')
      const isMeant = endUserId == null ? undefined : eq(sessions.endUserId, endUserId)
      return await fetchPage(page, newestFirst, ({ where, orderBy, limit }) =>
        db
          .select()
          .from(sessions)
          .where(and(eq(sessions.workspaceId, workspaceId), isMeant, isUnderWay, where))
          .orderBy(...orderBy)
          .limit(limit),
      )
    },
    async insert(row: NewSessionRow) {
      checkKey('endUserId', row.endUserId)
      checkAll('integrations', row.integrations)
      checkAll('connections', row.connections)
      checkJson('rules', { rules: row.rules })
      const [inserted] = await db.insert(sessions).values(row).returning()
      if (inserted === undefined) throw new TypeError('an insert returned no row')
      return inserted
    },
    async holdCall(workspaceId: string, id: string) {
      const held = sql`(case when ${sessions.heldUntil} > now() then ${sessions.heldCalls} else 0 end)`
      const hasCalls = sql`(${sessions.maxCalls} is null or ${sessions.spentCalls} < ${sessions.maxCalls})`
      const counted = sql`${sessions.spentBytes} + ${held} * ${sql.raw(`${heldBytesPerCall}`)}`
      const hasBytes = sql`(${sessions.maxBytes} is null or ${counted} < ${sessions.maxBytes})`
      const taken = await db
        .update(sessions)
        .set({
          spentCalls: sql`${sessions.spentCalls} + 1`,
          heldCalls: sql`${held} + 1`,
          heldUntil: sql`now() + ${heldMinutes} * interval '1 minute'`,
        })
        .where(and(isOne(workspaceId, id), hasCalls, hasBytes))
        .returning({ id: sessions.id })
      if (taken.length > 0) return { ok: true } as const
      return { ok: false, row: await get(workspaceId, id) } as const
    },
    async settleCall(workspaceId: string, id: string, bytes: number) {
      await db
        .update(sessions)
        .set({
          spentBytes: sql`${sessions.spentBytes} + ${bytes}`,
          heldCalls: sql`greatest(${sessions.heldCalls} - 1, 0)`,
        })
        .where(isOne(workspaceId, id))
    },
    async delete(workspaceId: string, id: string) {
      if (!isId('ses', id)) return false
      const deleted = await db.delete(sessions).where(isOne(workspaceId, id)).returning({ id: sessions.id })
      return deleted.length > 0
    },
    async deleteOf(workspaceId: string, endUserId: string) {
      checkText('endUserId', endUserId)
      const deleted = await db
        .delete(sessions)
        .where(and(eq(sessions.workspaceId, workspaceId), eq(sessions.endUserId, endUserId)))
        .returning({ expiresAt: sessions.expiresAt })
      return deleted.filter(({ expiresAt }) => expiresAt.getTime() > Date.now()).length
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

const isUnderWay = gt(sessions.expiresAt, sql`now()`)

function checkAll(field: string, names: readonly string[] | null): void {
  for (const [index, name] of names?.entries() ?? []) checkText(`${field}.${index}`, name)
}
