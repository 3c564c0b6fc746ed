/** Imported OpenAPI documents of an integration: what was taken of each as actions, what was not, and why. */
import { type Integration, integrationNotFound } from '../connections/integrations.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { Memory } from '../gateway/memory.ts'
import type { HostAllowlist } from '../hosts.ts'
import type { Outbound } from '../passthrough/outbound.ts'
import type { ImportedActionStore, OpenApiImportRow, TakenNames } from '../store/imported-actions.ts'
import { type Actions, placeOf } from './actions.ts'
import { catalogActions } from './catalog-actions.ts'
import { fetchDocument, sourceOf } from './fetch-document.ts'
import type { ImportedAction, SkippedOperation } from './openapi/import-document.ts'
import { DocumentReader, type ReadDocument } from './openapi/read-document.ts'

export interface OpenApiSource {
  /** An object, or JSON or YAML as text. */
  readonly document?: unknown
  readonly url?: string | null | undefined
}

export interface ImportOpenApi {
  /** Its title as a slug when absent. */
  readonly name?: string | null | undefined
  readonly source: OpenApiSource
  readonly serverUrl?: string | null | undefined
}

export interface OpenApiImport extends Omit<OpenApiImportRow, 'workspaceId' | 'hash' | 'skipped'> {
  readonly sha256: string
  readonly skippedTotal: number
  /** The first of them. */
  readonly skipped: readonly SkippedOperation[]
  readonly warnings: readonly string[]
}

interface Parts {
  readonly store: ImportedActionStore
  readonly actions: Actions
  readonly memory: Memory
  readonly fetch: Outbound
  /** Where plain http goes. */
  readonly allow: HostAllowlist
}

const maxDocumentBytes = 32 * 1024 * 1024
const maxDocuments = 20
/** Actions of all documents of an integration. */
const maxActions = 20_000
const maxSkipped = 500
const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/

export class OpenApiImports {
  readonly #parts: Parts
  readonly #reader = new DocumentReader()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * All operations that can be actions; importing a document of the same name again replaces it.
   * @throws {GatewayError} INVALID_INPUT, REQUEST_TOO_LARGE, and what a fetch is refused for
   */
  async import(integration: Integration, { name, source, serverUrl }: ImportOpenApi): Promise<OpenApiImport> {
    if (name != null && !namePattern.test(name)) {
      throw invalidInput('name', 'name takes 1 to 63 letters, digits and _.- that start with a letter or digit.')
    }
    const { definition } = integration
    const egressAllow = String(this.#parts.allow)
    const read = await this.#withText(source, text =>
      this.#reader.read({ text, definition, egressAllow, ...(serverUrl == null ? {} : { serverUrl }) }),
    )
    const row = await this.#parts.store.replace(placeOf(integration), name ?? slugOf(read.imported.title), taken =>
      chooseActions(integration, read, taken, source.url == null ? null : sourceOf(source.url)),
    )
    this.#parts.actions.forget()
    if (row === undefined) throw integrationNotFound(integration.slug)
    return fromRow(row)
  }

  /** Sorted by name. */
  async list(integration: Integration): Promise<OpenApiImport[]> {
    return (await this.#parts.store.listImports(placeOf(integration))).map(fromRow)
  }

  /** @throws {GatewayError} INVALID_INPUT when there is none of this name */
  async delete(integration: Integration, name: string): Promise<void> {
    const isGone = await this.#parts.store.deleteImport(placeOf(integration), name)
    this.#parts.actions.forget()
    if (!isGone) throw invalidInput('name', `name names no imported document of "${integration.slug}".`)
  }

  /** A document that is fetched counts as held by its largest size; one that was given is counted already. */
  async #withText<Result>(source: OpenApiSource, use: (text: string) => Promise<Result>): Promise<Result> {
    if (source.url == null) return await use(textOf(source.document))
    const { memory, fetch } = this.#parts
    memory.take(maxDocumentBytes)
    try {
      return await use(await fetchDocument(fetch, source.url, 'source.url', maxDocumentBytes))
    } finally {
      memory.give(maxDocumentBytes)
    }
  }
}

function textOf(document: unknown): string {
  const text = typeof document === 'string' ? document : JSON.stringify(document ?? null)
  if (Buffer.byteLength(text) <= maxDocumentBytes) return text
  const message = `A document has at most ${maxDocumentBytes} bytes.`
  throw new GatewayError('REQUEST_TOO_LARGE', message, { details: [{ field: 'source.document', message }] })
}

function chooseActions(
  integration: Integration,
  { imported, sha256 }: ReadDocument,
  taken: TakenNames,
  sourceUrl: string | null,
) {
  if (taken.documents >= maxDocuments) {
    throw invalidInput('name', `An integration has at most ${maxDocuments} documents; delete one of them first.`)
  }
  const own = catalogActions(integration.definition)
  const actions: ImportedAction[] = []
  const clashes: SkippedOperation[] = []
  for (const action of imported.actions) {
    const reason = reasonToSkip(action, own, taken, actions.length)
    if (reason === undefined) actions.push(action)
    else clashes.push({ method: action.method, path: action.path, operationId: action.name, reason })
  }
  const { title, version, warnings, skippedTotal } = imported
  const skipped = [...imported.skipped, ...clashes].slice(0, maxSkipped)
  const report = [{ total: skippedTotal + clashes.length, warnings }, ...skipped.map(item => ({ ...item }))]
  return { row: { title, version, sourceUrl, hash: sha256, taken: actions.length, skipped: report }, actions }
}

function reasonToSkip(
  { name }: ImportedAction,
  own: ReadonlyMap<string, unknown>,
  { names }: TakenNames,
  count: number,
): string | undefined {
  if (own.has(name)) return `the integration itself has an action "${name}"`
  if (names.has(name)) return `another imported document has an action "${name}"`
  return names.size + count >= maxActions ? `an integration has at most ${maxActions} imported actions` : undefined
}

/** The first entry of the list is about all of them. */
function fromRow({ workspaceId: _, hash, skipped, ...row }: OpenApiImportRow): OpenApiImport {
  const [summary, ...listed] = skipped
  return {
    ...row,
    sha256: hash,
    skippedTotal: Number(summary?.total ?? 0),
    skipped: listed as unknown as readonly SkippedOperation[],
    warnings: (summary?.warnings ?? []) as readonly string[],
  }
}

function slugOf(title: string): string {
  const slug = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60)
  return slug.replace(/-$/, '') || 'openapi'
}
