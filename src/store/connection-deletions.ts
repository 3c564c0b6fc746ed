/** Connections that are gone, and what became of their credentials. */
import { and, eq, isNotNull, lte, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId } from './ids.ts'
import { connectionDeletions, type StoredDeletionStep } from './tables.ts'

export type DeletionRow = typeof connectionDeletions.$inferSelect
export type DeletionStep = StoredDeletionStep

export interface ConnectionDeletionStore {
  get(workspaceId: string, id: string): Promise<DeletionRow | undefined>
  /** Erases the sealed credential, with its data key. */
  finish(workspaceId: string, id: string, steps: readonly DeletionStep[]): Promise<void>
  /** Of all workspaces: those that a process began and did not finish; held for `leaseMs`. */
  takeUnfinished(limit: number, leaseMs: number): Promise<DeletionRow[]>
}

export function createConnectionDeletionStore(db: Db): ConnectionDeletionStore {
  const { workspaceId, id, sealedCredential, leasedUntil } = connectionDeletions
  return guarded({
    async get(workspace: string, connectionId: string) {
      if (!isId('conn', connectionId)) return undefined
      const isMeant = and(eq(workspaceId, workspace), eq(id, connectionId))
      const [row] = await db.select().from(connectionDeletions).where(isMeant)
      return row
    },
    async finish(workspace: string, connectionId: string, steps: readonly DeletionStep[]) {
      const isMeant = and(eq(workspaceId, workspace), eq(id, connectionId))
      await db.update(connectionDeletions).set({ sealedCredential: null, steps }).where(isMeant)
    },
    async takeUnfinished(limit: number, leaseMs: number) {
      const slice = db
        .select({ workspaceId, id })
        .from(connectionDeletions)
        .where(and(isNotNull(sealedCredential), lte(leasedUntil, sql`now()`)))
        .limit(limit)
        .for('update', { skipLocked: true })
        .as('slice')
      return await db
        .update(connectionDeletions)
        .set({ leasedUntil: sql`now() + ${leaseMs} * interval '1 millisecond'` })
        .where(sql`(${workspaceId}, ${id}) in (select * from ${slice})`)
        .returning()
    },
  })
}
