/** Integrations of a workspace: its own definitions, and its settings over any integration. */
import { and, eq, exists, isNotNull, not } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isAnyOf, parameter } from './parameters.ts'
import { checkJson } from './stored-text.ts'
import { connections, integrations, type JsonObject, openApiImports } from './tables.ts'

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
  /** Another definition for one of the workspace's own. Undefined when it has none of this slug. */
  redefine(workspaceId: string, slug: string, definition: JsonObject): Promise<IntegrationRow | undefined>
  /** One of the workspace's own, with its settings and imported documents, unless it has connections. */
  delete(workspaceId: string, slug: string): Promise<'DELETED' | 'CONNECTED' | 'ABSENT'>
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
    async redefine(workspaceId: string, slug: string, definition: JsonObject) {
      checkJson('definition', definition)
      if (!isSlug(slug)) return undefined
      const [row] = await db
        .update(integrations)
        .set({ definition, updatedAt: new Date() })
        .where(isOwnDefinition(workspaceId, slug))
        .returning()
      return row
    },
    async delete(workspaceId: string, slug: string) {
      if (!isSlug(slug)) return 'ABSENT' as const
      const isConnected = exists(
        db
          .select({ id: connections.id })
          .from(connections)
          .where(and(eq(connections.workspaceId, workspaceId), eq(connections.integration, slug))),
      )
      return await db.transaction(async tx => {
        const isOwn = isOwnDefinition(workspaceId, slug)
        const gone = await tx
          .delete(integrations)
          .where(and(isOwn, not(isConnected)))
          .returning({ slug: integrations.slug })
        if (gone.length === 0) return (await tx.$count(integrations, isOwn)) > 0 ? 'CONNECTED' : 'ABSENT'
        await tx
          .delete(openApiImports)
          .where(and(eq(openApiImports.workspaceId, workspaceId), eq(openApiImports.integration, slug)))
        return 'DELETED'
      })
    },
  })
}

function isOwnDefinition(workspaceId: string, slug: string) {
  return and(eq(integrations.workspaceId, workspaceId), eq(integrations.slug, slug), isNotNull(integrations.definition))
}

/** What no slug can be is not asked for: it may hold what PostgreSQL refuses as text. */
function isSlug(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text)
}
