/** Integrations of a workspace: its own definitions, and its settings over any integration. */
import { and, eq, isNotNull, isNull } from 'drizzle-orm'
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
  readonly settings: JsonObject
  /** Absent: stays as it is. */
  readonly sealedClientSecret?: Buffer | null
}

/** Whose settings: a row is made for a built-in integration only. */
export interface SettingsPlace {
  readonly workspaceId: string
  readonly slug: string
  /** Of the row, when it has to be made; undefined for the workspace's own integrations. */
  readonly id: string | undefined
}

export interface IntegrationStore {
  getMany(workspaceId: string, slugs: readonly string[]): Promise<IntegrationRow[]>
  list(workspaceId: string): Promise<IntegrationRow[]>
  /** Undefined when the workspace has the slug already. */
  insert(row: NewIntegration): Promise<IntegrationRow | undefined>
  /** What `choose` makes of the row as it is; what that throws leaves it so. Undefined when there is none and none is made. */
  saveSettings(
    place: SettingsPlace,
    choose: (before: IntegrationRow) => NewSettings,
  ): Promise<IntegrationRow | undefined>
  /** Another definition for one of the workspace's own, unless `check` throws. Undefined when it has none of this slug. */
  redefine(
    workspaceId: string,
    slug: string,
    definition: JsonObject,
    check: (before: IntegrationRow) => void,
  ): Promise<IntegrationRow | undefined>
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
    async insert({ workspaceId, slug, id, definition }: NewIntegration) {
      checkJson('definition', definition)
      const [inserted] = await db
        .insert(integrations)
        .values({ workspaceId, slug, id, definition })
        .onConflictDoNothing()
        .returning()
      if (inserted !== undefined) return inserted
      // Settings of what was built in once belong to nothing any more.
      const values = { definition, settings: null, sealedClientSecret: null, updatedAt: new Date() }
      const isLeft = and(isOne(workspaceId, slug), isNull(integrations.definition))
      const [taken] = await db.update(integrations).set(values).where(isLeft).returning()
      return taken
    },
    async saveSettings({ workspaceId, slug, id }: SettingsPlace, choose: (before: IntegrationRow) => NewSettings) {
      if (!isSlug(slug)) return undefined
      return await db.transaction(async tx => {
        // Not an upsert: it looks out for one index only, and a row made at the same moment may be met in the other.
        if (id !== undefined) await tx.insert(integrations).values({ workspaceId, id, slug }).onConflictDoNothing()
        const before = await lockRow(tx, workspaceId, slug)
        if (before === undefined) return undefined
        const { settings, ...secret } = choose(before)
        checkJson('settings', settings)
        return await change(tx, before, { settings, ...secret })
      })
    },
    async redefine(workspaceId: string, slug: string, definition: JsonObject, check: (before: IntegrationRow) => void) {
      checkJson('definition', definition)
      if (!isSlug(slug)) return undefined
      return await db.transaction(async tx => {
        const before = await lockRow(tx, workspaceId, slug)
        if (before?.definition == null) return undefined
        check(before)
        return await change(tx, before, { definition })
      })
    },
    async delete(workspaceId: string, slug: string) {
      if (!isSlug(slug)) return 'ABSENT' as const
      return await db.transaction(async tx => {
        // Whoever connects holds the row: what they stored is seen by the statement after this one.
        const before = await lockRow(tx, workspaceId, slug)
        if (before?.definition == null) return 'ABSENT'
        const isOfIt = and(eq(connections.workspaceId, workspaceId), eq(connections.integration, slug))
        const [connected] = await tx.select({ id: connections.id }).from(connections).where(isOfIt).limit(1)
        if (connected !== undefined) return 'CONNECTED'
        await tx.delete(integrations).where(isOne(workspaceId, slug))
        await tx
          .delete(openApiImports)
          .where(and(eq(openApiImports.workspaceId, workspaceId), eq(openApiImports.integration, slug)))
        return 'DELETED'
      })
    },
  })
}

/** False when the workspace has no definition of this slug; one that there is stays until the transaction is over. */
export async function holdDefinition(tx: Pick<Db, 'select'>, workspaceId: string, slug: string): Promise<boolean> {
  const rows = await tx
    .select({ slug: integrations.slug })
    .from(integrations)
    .where(and(isOne(workspaceId, slug), isNotNull(integrations.definition)))
    .for('key share')
  return rows.length > 0
}

async function lockRow(tx: Pick<Db, 'select'>, workspaceId: string, slug: string): Promise<IntegrationRow | undefined> {
  const [row] = await tx.select().from(integrations).where(isOne(workspaceId, slug)).for('update')
  return row
}

/** To be called with the row locked. */
async function change(
  tx: Pick<Db, 'update'>,
  { workspaceId, slug }: IntegrationRow,
  values: Partial<IntegrationRow>,
): Promise<IntegrationRow> {
  const [row] = await tx
    .update(integrations)
    .set({ ...values, updatedAt: new Date() })
    .where(isOne(workspaceId, slug))
    .returning()
  if (row === undefined) throw new TypeError('an integration that was locked is gone')
  return row
}

function isOne(workspaceId: string, slug: string) {
  return and(eq(integrations.workspaceId, workspaceId), eq(integrations.slug, slug))
}

/** What no slug can be is not asked for: it may hold what PostgreSQL refuses as text. */
function isSlug(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text)
}
