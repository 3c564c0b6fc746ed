/** Workspaces: the tenants. */
import { eq } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { newId } from './ids.ts'
import { type StoredConnectPage, workspaces } from './tables.ts'

export type Workspace = typeof workspaces.$inferSelect

export interface WorkspaceStore {
  /** The workspace that every store begins with; the same one for replicas that start together. */
  ensureDefault(): Promise<Workspace>
  get(id: string): Promise<Workspace | undefined>
  saveConnectPage(id: string, page: StoredConnectPage): Promise<void>
}

const defaultName = 'default'

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
    async get(id: string) {
      const [workspace] = await db.select().from(workspaces).where(eq(workspaces.id, id))
      return workspace
    },
    async saveConnectPage(id: string, connectPage: StoredConnectPage) {
      await db.update(workspaces).set({ connectPage }).where(eq(workspaces.id, id))
    },
  })
}
