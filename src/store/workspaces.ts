/** Workspaces: the tenants. */
import { eq } from 'drizzle-orm'
import type { Db } from './database.ts'
import { driverError, guarded } from './failure.ts'
import { isId, newId } from './ids.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs } from './page.ts'
import { checkText } from './stored-text.ts'
import { accessKeys, type StoredCallRetention, type StoredConnectPage, workspaces } from './tables.ts'

export type Workspace = typeof workspaces.$inferSelect

export type FirstKey = Pick<typeof accessKeys.$inferInsert, 'name' | 'hash' | 'hint' | 'scopes'>

export interface WorkspaceStore {
  /** The workspace that every store begins with; the same one for replicas that start together. */
  ensureDefault(): Promise<Workspace>
  /** A workspace together with a key that opens it: both or none. Undefined when the name is taken. */
  insert(name: string, key: FirstKey): Promise<{ workspace: Workspace; keyId: string } | undefined>
  /** All tenants, newest first: for the operator alone. */
  list(page: PageArgs): Promise<Page<Workspace>>
  get(id: string): Promise<Workspace | undefined>
  saveConnectPage(id: string, page: StoredConnectPage): Promise<void>
  /** @returns undefined when there is no such workspace */
  saveCallRetention(id: string, retention: StoredCallRetention): Promise<Workspace | undefined>
}

const defaultName = 'default'

const newestFirst: KeysetOrder<Workspace> = {
  name: 'workspaces',
  isDescending: true,
  keys: [{ column: workspaces.id, write: row => row.id, read: text => (isId('ws', text) ? text : undefined) }],
}

export function createWorkspaceStore(db: Db): WorkspaceStore {
  return guarded({
    async ensureDefault() {
      await db
        .insert(workspaces)
        .values({ id: newId('ws'), name: defaultName })
        .onConflictDoNothing()
      const [workspace] = await db.select().from(workspaces).where(eq(workspaces.name, defaultName))
      if (workspace === undefined) throw new TypeError('the default workspace vanished while it was made')
      return workspace
    },
    async insert(name: string, key: FirstKey) {
      checkText('name', name)
      const keyId = newId('key')
      const [workspace] = await db
        .transaction(async tx => {
          const made = await tx
            .insert(workspaces)
            .values({ id: newId('ws'), name })
            .returning()
          await tx.insert(accessKeys).values(made.map(({ id: workspaceId }) => ({ ...key, workspaceId, id: keyId })))
          return made
        })
        .catch(noneWhenTaken)
      return workspace && { workspace, keyId }
    },
    async list(page: PageArgs) {
      return await fetchPage(page, newestFirst, ({ where, orderBy, limit }) =>
        db
          .select()
          .from(workspaces)
          .where(where)
          .orderBy(...orderBy)
          .limit(limit),
      )
    },
    async get(id: string) {
      const [workspace] = await db.select().from(workspaces).where(eq(workspaces.id, id))
      return workspace
    },
    async saveConnectPage(id: string, connectPage: StoredConnectPage) {
      await db.update(workspaces).set({ connectPage }).where(eq(workspaces.id, id))
    },
    async saveCallRetention(id: string, callRetention: StoredCallRetention) {
      const [saved] = await db.update(workspaces).set({ callRetention }).where(eq(workspaces.id, id)).returning()
      return saved
    },
  })
}

function noneWhenTaken(error: unknown): [] {
  if (driverError(error).constraint === 'workspaces_name_unique') return []
  throw error
}
