/** Actions of imported documents: those of one document are replaced together, found by name, listed by name. */
import { setImmediate } from 'node:timers/promises'
import { and, eq, getTableColumns, inArray, like, ne, or, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { holdDefinition } from './integrations.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs } from './page.ts'
import { checkKey, checkText, containsPattern, toStorable } from './stored-text.ts'
import { importedActions, openApiImports } from './tables.ts'

export type OpenApiImportRow = typeof openApiImports.$inferSelect
export type NewOpenApiImportRow = Omit<OpenApiImportRow, 'importedAt'>

/** What a list of actions shows. */
export type ImportedActionRow = Omit<typeof importedActions.$inferSelect, 'definition'>

/** With its definition, as JSON. */
export interface StoredAction {
  readonly row: ImportedActionRow
  readonly definition: string
}

export interface NewImportedAction
  extends Pick<ImportedActionRow, 'name' | 'description' | 'method' | 'path' | 'deprecated'> {
  /** JSON. */
  readonly definition: string
}

/** Which integration of a workspace is meant. */
export interface ImportPlace {
  readonly workspaceId: string
  readonly integration: string
  /** True for one that the workspace defined itself. */
  readonly isSelfDefined?: boolean
}

export interface TakenNames {
  /** Names of actions that other documents of the integration have. */
  readonly names: ReadonlySet<string>
  /** How many other documents it has. */
  readonly documents: number
}

/** What is stored, in view of what there is. What it throws leaves everything as it was. */
export type ChooseActions = (taken: TakenNames) => {
  readonly row: Omit<NewOpenApiImportRow, 'workspaceId' | 'integration' | 'name'>
  readonly actions: readonly NewImportedAction[]
}

export interface ImportedActionStore {
  /**
   * The document of this name and its actions, in the place of those it had. Undefined when the integration is the
   * workspace's own and was deleted meanwhile.
   */
  replace(place: ImportPlace, name: string, choose: ChooseActions): Promise<OpenApiImportRow | undefined>
  /** Sorted by name. */
  listImports(place: ImportPlace): Promise<OpenApiImportRow[]>
  /** With its actions. @returns false when there is none */
  deleteImport(place: ImportPlace, name: string): Promise<boolean>
  /** Which of these integrations have documents; all others have no imported action. */
  withImports(workspaceId: string, integrations: readonly string[]): Promise<Set<string>>
  /** Sorted by name; `search` is a part of the name, the path or the description, in any case. */
  list(place: ImportPlace, search: string | null, page: PageArgs): Promise<Page<ImportedActionRow>>
  get(place: ImportPlace, name: string): Promise<StoredAction | undefined>
  /** JSON by name, of those that there are. */
  definitions(place: ImportPlace, names: readonly string[]): Promise<Map<string, string>>
}

/** Rows of one statement: few enough that the embedded store answers it within moments. */
const batchSize = 100
const batchLength = 512 * 1024

const byName: KeysetOrder<ImportedActionRow> = {
  name: 'actions',
  isDescending: false,
  keys: [{ column: importedActions.name, write: row => row.name, read: text => text }],
}

const { definition, ...shown } = getTableColumns(importedActions)

export function createImportedActionStore(db: Db): ImportedActionStore {
  const isOwn = ({ workspaceId, integration }: ImportPlace) =>
    and(eq(importedActions.workspaceId, workspaceId), eq(importedActions.integration, integration))
  const isOwnImport = ({ workspaceId, integration }: ImportPlace) =>
    and(eq(openApiImports.workspaceId, workspaceId), eq(openApiImports.integration, integration))
  return guarded({
    async replace({ isSelfDefined = false, ...place }: ImportPlace, name: string, choose: ChooseActions) {
      checkKey('name', name)
      return await db.transaction(async tx => {
        if (isSelfDefined && !(await holdDefinition(tx, place.workspaceId, place.integration))) return undefined
        // One after the other within an integration, or two at once would both find a name free.
        const lock = `openapi ${place.workspaceId} ${place.integration}`
        await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`)
        const others = await tx
          .select({ name: importedActions.name })
          .from(importedActions)
          .where(and(isOwn(place), ne(importedActions.document, name)))
        const documents = await tx.$count(openApiImports, and(isOwnImport(place), ne(openApiImports.name, name)))
        const { row, actions } = choose({ names: new Set(others.map(other => other.name)), documents })
        await tx.delete(openApiImports).where(and(isOwnImport(place), eq(openApiImports.name, name)))
        const [inserted] = await tx
          .insert(openApiImports)
          .values({ ...place, name, ...storable(row) })
          .returning()
        for (const batch of batches(actions)) {
          // The embedded store answers at once: others would not have their turn before the last.
          await setImmediate()
          await tx.insert(importedActions).values(batch.map(action => ({ ...place, document: name, ...rowOf(action) })))
        }
        if (inserted === undefined) throw new TypeError('an insert returned no row')
        return inserted
      })
    },
    async listImports(place: ImportPlace) {
      return await db.select().from(openApiImports).where(isOwnImport(place)).orderBy(openApiImports.name)
    },
    async deleteImport(place: ImportPlace, name: string) {
      checkText('name', name)
      const isMeant = and(isOwnImport(place), eq(openApiImports.name, name))
      const gone = await db.delete(openApiImports).where(isMeant).returning({ name: openApiImports.name })
      return gone.length > 0
    },
    async withImports(workspaceId: string, integrations: readonly string[]) {
      const rows = await db
        .selectDistinct({ integration: openApiImports.integration })
        .from(openApiImports)
        .where(and(eq(openApiImports.workspaceId, workspaceId), inArray(openApiImports.integration, [...integrations])))
      return new Set(rows.map(({ integration }) => integration))
    },
    async list(place: ImportPlace, search: string | null, page: PageArgs) {
      checkText('search', search ?? '')
      const pattern = containsPattern(foldActionText(search ?? ''))
      const columns = [importedActions.name, importedActions.path, importedActions.description]
      const isFound = or(...columns.map(column => like(sql`upper(${column} collate "C")`, pattern)))
      return await fetchPage(page, byName, ({ where, orderBy, limit }) =>
        db
          .select(shown)
          .from(importedActions)
          .where(and(isOwn(place), search === null || search === '' ? undefined : isFound, where))
          .orderBy(...orderBy)
          .limit(limit),
      )
    },
    async get(place: ImportPlace, name: string) {
      checkText('action', name)
      const [found] = await db
        .select()
        .from(importedActions)
        .where(and(isOwn(place), eq(importedActions.name, name)))
      if (found === undefined) return undefined
      const { definition: stored, ...row } = found
      return { row, definition: String(stored.json) }
    },
    async definitions(place: ImportPlace, names: readonly string[]) {
      if (names.length === 0) return new Map()
      const rows = await db
        .select({ name: importedActions.name, definition })
        .from(importedActions)
        .where(and(isOwn(place), inArray(importedActions.name, [...names])))
      return new Map(rows.map(row => [row.name, String(row.definition.json)]))
    },
  })
}

/** As the search compares: the case of ASCII letters does not count. */
export function foldActionText(text: string): string {
  return text.replace(/[a-z]+/g, letters => letters.toUpperCase())
}

function rowOf({ definition: json, description, path, ...own }: NewImportedAction) {
  // A text inside the JSON: the column would sort the fields, whose order a form keeps.
  return { ...own, description: toStorable(description), path: toStorable(path), definition: { json } }
}

function storable(row: ReturnType<ChooseActions>['row']): ReturnType<ChooseActions>['row'] {
  const clean = (_key: string, value: unknown) => (typeof value === 'string' ? toStorable(value) : value)
  return JSON.parse(JSON.stringify(row), clean) as typeof row
}

function* batches(actions: readonly NewImportedAction[]): Generator<readonly NewImportedAction[]> {
  let batch: NewImportedAction[] = []
  let length = 0
  for (const action of actions) {
    if (batch.length === batchSize || (batch.length > 0 && length + action.definition.length > batchLength)) {
      yield batch
      batch = []
      length = 0
    }
    batch.push(action)
    length += action.definition.length
  }
  if (batch.length > 0) yield batch
}
