/** Integrations of a workspace: its own definitions, and its settings over any integration. */
import { and, eq, inArray } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { checkJson } from './stored-text.ts'
import { integrations, type JsonObject } from './tables.ts'

export type IntegrationRow = typeof integrations.$inferSelect

export interface NewIntegration {
  readonly workspaceId: string
  readonly id: string
  readonly slug: string
  readonly definition: JsonObject
}

export interface NewSettings {
  /** The id of the row, when it has to be made. */
  readonly id: string
  readonly settings: JsonObject
  /** Absent: stays as it is. */
  readonly sealedClientSecret?: Buffer | null
}

export interface IntegrationStore {
  getMany(workspaceId: string, slugs: readonly string[]): Promise<IntegrationRow[]>
  list(workspaceId: string): Promise<IntegrationRow[]>
  /** Undefined when the workspace has the slug already. */
  insert(row: NewIntegration): Promise<IntegrationRow | undefined>
  saveSettings(workspaceId: string, slug: string, settings: NewSettings): Promise<IntegrationRow>
}

export function createIntegrationStore(db: Db): IntegrationStore {
  return guarded({
    async getMany(workspaceId: string, slugs: readonly string[]) {
      const known = slugs.filter(isSlug)
      if (known.length === 0) return []
      const isWanted = and(eq(integrations.workspaceId, workspaceId), inArray(integrations.slug, known))
      return await db.select().from(integrations).where(isWanted)
    },
    async list(workspaceId: string) {
      const isOwn = eq(integrations.workspaceId, workspaceId)
      return await db.select().from(integrations).where(isOwn).orderBy(integrations.slug)
    },
    async insert(row: NewIntegration) {
      checkJson('definition', row.definition)
      const [inserted] = await db.insert(integrations).values(row).onConflictDoNothing().returning()
      return inserted
    },
    async saveSettings(workspaceId: string, slug: string, { id, settings, ...secret }: NewSettings) {
      checkJson('settings', settings)
      const set = { settings, ...secret, updatedAt: new Date() }
      const [row] = await db
        .insert(integrations)
        .values({ workspaceId, id, slug, ...set })
        .onConflictDoUpdate({ target: [integrations.workspaceId, integrations.slug], set })
        .returning()
      if (row === undefined) throw new TypeError('an upsert returned no row')
      return row
    },
  })
}

/** What no slug can be is not asked for: it may hold what PostgreSQL refuses as text. */
function isSlug(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text)
}
