/** Registered operations: documents that a workspace trusts, found by the hash of their text, listed newest first. */
import { and, eq, inArray, or, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId } from './ids.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs } from './page.ts'
import { checkKey, checkText } from './stored-text.ts'
import { registeredOperations } from './tables.ts'

export type RegisteredOperationRow = typeof registeredOperations.$inferSelect

export type NewRegisteredOperationRow = Pick<RegisteredOperationRow, 'id' | 'name' | 'hash' | 'document'>

/**
 * Which of the wanted rows are to be inserted, in view of those that have a name or a hash of theirs and of how many
 * there are in all. What it throws leaves everything as it was.
 */
export type ChooseNew = (
  taken: readonly RegisteredOperationRow[],
  count: number,
) => readonly NewRegisteredOperationRow[]

export interface RegisteredOperationStore {
  /** All or none of them. @returns the rows that have the wanted hashes now */
  register(
    workspaceId: string,
    wanted: readonly NewRegisteredOperationRow[],
    choose: ChooseNew,
  ): Promise<RegisteredOperationRow[]>
  findByHash(workspaceId: string, hash: string): Promise<RegisteredOperationRow | undefined>
  getMany(workspaceId: string, ids: readonly string[]): Promise<RegisteredOperationRow[]>
  list(workspaceId: string, page: PageArgs): Promise<Page<RegisteredOperationRow>>
  /** @returns what was deleted, or undefined when there is no such operation */
  delete(workspaceId: string, by: { readonly id: string } | { readonly hash: string }): Promise<string | undefined>
}

const newestFirst: KeysetOrder<RegisteredOperationRow> = {
  name: 'registeredOperations',
  isDescending: true,
  keys: [
    { column: registeredOperations.id, write: row => row.id, read: text => (isId('op', text) ? text : undefined) },
  ],
}

export function createRegisteredOperationStore(db: Db): RegisteredOperationStore {
  const isOwn = (workspaceId: string) => eq(registeredOperations.workspaceId, workspaceId)
  return guarded({
    async register(workspaceId: string, wanted: readonly NewRegisteredOperationRow[], choose: ChooseNew) {
      for (const { name, document } of wanted) {
        checkKey('name', name)
        checkText('document', document)
      }
      const hasHash = inArray(
        registeredOperations.hash,
        wanted.map(({ hash }) => hash),
      )
      const hasName = inArray(
        registeredOperations.name,
        wanted.map(({ name }) => name),
      )
      return await db.transaction(async tx => {
        // One after the other within a workspace, or two at once would both find a name free.
        await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`operations ${workspaceId}`}, 0))`)
        const taken = await tx
          .select()
          .from(registeredOperations)
          .where(and(isOwn(workspaceId), or(hasHash, hasName)))
        const count = await tx.$count(registeredOperations, isOwn(workspaceId))
        const fresh = choose(taken, count)
        if (fresh.length === 0) return taken
        const inserted = await tx
          .insert(registeredOperations)
          .values(fresh.map(row => ({ ...row, workspaceId })))
          .returning()
        return [...taken, ...inserted]
      })
    },
    async findByHash(workspaceId: string, hash: string) {
      const isMeant = and(isOwn(workspaceId), eq(registeredOperations.hash, hash))
      const [row] = await db.select().from(registeredOperations).where(isMeant)
      return row
    },
    async getMany(workspaceId: string, ids: readonly string[]) {
      const known = ids.filter(id => isId('op', id))
      if (known.length === 0) return []
      const isMeant = and(isOwn(workspaceId), inArray(registeredOperations.id, known))
      return await db.select().from(registeredOperations).where(isMeant)
    },
    async list(workspaceId: string, page: PageArgs) {
      return await fetchPage(page, newestFirst, ({ where, orderBy, limit }) =>
        db
          .select()
          .from(registeredOperations)
          .where(and(isOwn(workspaceId), where))
          .orderBy(...orderBy)
          .limit(limit),
      )
    },
    async delete(workspaceId: string, by: { readonly id: string } | { readonly hash: string }) {
      if ('id' in by && !isId('op', by.id)) return undefined
      const isMeant = 'id' in by ? eq(registeredOperations.id, by.id) : eq(registeredOperations.hash, by.hash)
      const [gone] = await db
        .delete(registeredOperations)
        .where(and(isOwn(workspaceId), isMeant))
        .returning({ id: registeredOperations.id })
      return gone?.id
    },
  })
}
