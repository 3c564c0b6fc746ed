/** Connect sessions: links for end users, and those on their way to a vendor and back. */
import { and, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { checkJson, checkKey, checkText } from './stored-text.ts'
import { connectFlights, connectSessions } from './tables.ts'

export type ConnectSessionRow = typeof connectSessions.$inferSelect
export type ConnectFlightRow = typeof connectFlights.$inferSelect

export type NewConnectSession = Omit<ConnectSessionRow, 'completedAt' | 'resultId' | 'createdAt'>

export interface ConnectSessionStore {
  insert(row: NewConnectSession): Promise<ConnectSessionRow>
  /** By the hash of the link's secret: who follows a link has said no workspace. */
  findByHash(hash: Buffer): Promise<ConnectSessionRow | undefined>
  get(workspaceId: string, id: string): Promise<ConnectSessionRow | undefined>
  /** True for one caller only, and only while the session lasts. */
  complete(workspaceId: string, id: string): Promise<boolean>
  /** After {@link complete}: what it led to; null gives the session back. */
  settle(workspaceId: string, id: string, connectionId: string | null): Promise<void>
  insertFlight(row: ConnectFlightRow): Promise<void>
  /** Each flight is taken once; undefined when it is unknown, taken or over. */
  takeFlight(stateHash: Buffer): Promise<ConnectFlightRow | undefined>
  /** Of all workspaces. */
  deleteExpired(limit: number): Promise<number>
}

const keptAfterExpiry = sql`interval '1 day'`

export function createConnectSessionStore(db: Db): ConnectSessionStore {
  const isOne = (workspaceId: string, id: string) =>
    and(eq(connectSessions.workspaceId, workspaceId), eq(connectSessions.id, id))
  return guarded({
    async insert(row: NewConnectSession) {
      checkKey('endUserId', row.endUserId)
      checkText('returnUrl', row.returnUrl ?? '')
      checkJson('metadata', row.metadata)
      const [inserted] = await db.insert(connectSessions).values(row).returning()
      if (inserted === undefined) throw new TypeError('an insert returned no row')
      return inserted
    },
    async findByHash(hash: Buffer) {
      const [row] = await db.select().from(connectSessions).where(eq(connectSessions.hash, hash))
      return row
    },
    async get(workspaceId: string, id: string) {
      const [row] = await db.select().from(connectSessions).where(isOne(workspaceId, id))
      return row
    },
    async complete(workspaceId: string, id: string) {
      const isOpen = and(
        isOne(workspaceId, id),
        isNull(connectSessions.completedAt),
        gt(connectSessions.expiresAt, sql`now()`),
      )
      const set = { completedAt: sql`now()` }
      const done = await db.update(connectSessions).set(set).where(isOpen).returning({ id: connectSessions.id })
      return done.length > 0
    },
    async settle(workspaceId: string, id: string, connectionId: string | null) {
      const set = connectionId === null ? { completedAt: null } : { resultId: connectionId }
      await db.update(connectSessions).set(set).where(isOne(workspaceId, id))
    },
    async insertFlight(row: ConnectFlightRow) {
      await db.insert(connectFlights).values(row)
    },
    async takeFlight(stateHash: Buffer) {
      const isTheOne = and(eq(connectFlights.stateHash, stateHash), gt(connectFlights.expiresAt, sql`now()`))
      const [row] = await db.delete(connectFlights).where(isTheOne).returning()
      return row
    },
    async deleteExpired(limit: number) {
      const overFlights = db
        .select({ stateHash: connectFlights.stateHash })
        .from(connectFlights)
        .where(lt(connectFlights.expiresAt, sql`now()`))
        .limit(limit)
      const flights = await db
        .delete(connectFlights)
        .where(sql`${connectFlights.stateHash} in ${overFlights}`)
        .returning({ stateHash: connectFlights.stateHash })
      const over = db
        .select({ workspaceId: connectSessions.workspaceId, id: connectSessions.id })
        .from(connectSessions)
        .where(lt(connectSessions.expiresAt, sql`now() - ${keptAfterExpiry}`))
        .limit(limit)
        .as('over')
      const sessions = await db
        .delete(connectSessions)
        .where(sql`(${connectSessions.workspaceId}, ${connectSessions.id}) in (select * from ${over})`)
        .returning({ id: connectSessions.id })
      return flights.length + sessions.length
    },
  })
}
