/** Integrations of a workspace: its own definitions, and its settings over any integration. */
import { and, eq } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isAnyOf, parameter } from './parameters.ts'
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
  const isOneOf = and(
    eq(integrations.workspaceId, parameter('workspaceId', integrations.workspaceId)),
    isAnyOf(integrations.slug, 'slugs'),
  )
  const selectMany = db.select().from(integrations).where(isOneOf).prepare('integrations')
  return guarded({
    async getMany(workspaceId: string, slugs: readonly string[]) {
      const known = slugs.filter(isSlug)
      if (known.length === 0) return []
      return await selectMany.execute({ workspaceId, slugs: known })
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
      // Not an upsert: it looks out for one index only, and a row made at the same moment may be met in the other.
      await db.insert(integrations).values({ workspaceId, id, slug }).onConflictDoNothing()
      const [row] = await db
        .update(integrations)
        .set({ settings, ...secret, updatedAt: new Date() })
        .where(and(eq(integrations.workspaceId, workspaceId), eq(integrations.slug, slug)))
        .returning()
      if (row === undefined) throw new TypeError(`the id ${id} is another integration's than "${slug}"`)
      return row
    },
  })
}

/** What no slug can be is not asked for: it may hold what PostgreSQL refuses as text. */
function isSlug(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text)
}
