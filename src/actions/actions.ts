/** The actions of an integration as a workspace sees them: those of its definition, and those of imported documents. */
import type { Integration } from '../connections/integrations.ts'
import { GatewayError } from '../errors.ts'
import { Memo } from '../memo.ts'
import type { Method } from '../passthrough/request.ts'
import {
  foldActionText,
  type ImportedActionRow,
  type ImportedActionStore,
  type ImportPlace,
} from '../store/imported-actions.ts'
import { type Page, type PageArgs, pageOfList } from '../store/page.ts'
import { checkText } from '../store/stored-text.ts'
import type { Action, ActionDefinition } from './action.ts'
import { catalogActions } from './catalog-actions.ts'
import { mergePages } from './merge-pages.ts'

const maxNameLength = 200
/** Of a search: a longer one finds nothing that a shorter does not. */
const maxSearchLength = 200

/** A page of the actions of one integration. */
export interface ActionList {
  readonly integration: Integration
  /** Part of the name, the path or the description, in any case. */
  readonly search: string | null
  readonly page: PageArgs
}

const noPage: Page<ImportedActionRow> = { edges: [], hasNextPage: false, hasPreviousPage: false }

export class Actions {
  readonly #store: Pick<ImportedActionStore, 'list' | 'get' | 'definitions' | 'withImports'>
  readonly #found = new Memo<Action>()

  constructor(store: Pick<ImportedActionStore, 'list' | 'get' | 'definitions' | 'withImports'>) {
    this.#store = store
  }

  /**
   * Each sorted by name. Equal lists are read once, and only integrations with imported documents ask the store.
   * @returns in their order what was found or why it was not
   */
  async listMany(lists: readonly ActionList[]): Promise<(Page<Action> | Error)[]> {
    const imported = await this.#findImports(lists)
    const found = new Map<string, Promise<Page<Action> | Error>>()
    return await Promise.all(
      lists.map(({ integration, search, page }) => {
        const key = JSON.stringify([placeOf(integration), search, page])
        const isImported = imported.has(placeKey(integration))
        const known = found.get(key) ?? this.#list(integration, search, page, isImported).catch(asError)
        found.set(key, known)
        return known
      }),
    )
  }

  async #findImports(lists: readonly ActionList[]): Promise<Set<string>> {
    const places = new Set<string>()
    for (const [workspaceId, own] of Map.groupBy(lists, ({ integration }) => integration.workspaceId)) {
      const slugs = new Set(own.map(({ integration }) => integration.slug))
      for (const slug of await this.#store.withImports(workspaceId, [...slugs]))
        places.add(placeKey({ workspaceId, slug }))
    }
    return places
  }

  async #list(
    integration: Integration,
    search: string | null,
    args: PageArgs,
    isImported: boolean,
  ): Promise<Page<Action>> {
    checkText('search', search ?? '')
    const wanted = foldActionText(search ?? '').slice(0, maxSearchLength)
    const own = [...catalogActions(integration.definition).values()].filter(action => isFound(action, wanted))
    const ownPage = pageOfList(own, nameOf, 'actions', args)
    const page = isImported ? await this.#store.list(placeOf(integration), wanted, args) : noPage
    const definitions = this.#readTogether(
      integration,
      page.edges.map(({ node }) => node.name),
    )
    const edges = page.edges
      .filter(({ node }) => !catalogActions(integration.definition).has(node.name))
      .map(({ cursor, node }) => ({ cursor, node: toAction(node, () => definitions(node.name)) }))
    return mergePages(ownPage, { ...page, edges }, nameOf, args)
  }

  async find(integration: Integration, name: string): Promise<Action | undefined> {
    const own = catalogActions(integration.definition).get(name)
    if (own !== undefined || name.length > maxNameLength || !/^[\x21-\x7e]+$/.test(name)) return own
    const { workspaceId, slug } = integration
    return await this.#found.get(`${workspaceId} ${slug} ${name}`, async () => {
      const stored = await this.#store.get(placeOf(integration), name)
      if (stored === undefined) return undefined
      const definition = async () => JSON.parse(stored.definition) as ActionDefinition
      return toAction(stored.row, definition)
    })
  }

  /** @throws {GatewayError} ACTION_NOT_FOUND */
  async require(integration: Integration, name: string): Promise<Action> {
    const action = await this.find(integration, name)
    if (action !== undefined) return action
    const shown = JSON.stringify(name.slice(0, maxNameLength))
    throw new GatewayError('ACTION_NOT_FOUND', `The integration "${integration.slug}" has no action ${shown}.`, {
      details: [{ field: 'action', message: 'Integration.actions lists the names there are' }],
    })
  }

  /** To be called after imported actions changed. */
  forget(): void {
    this.#found.clear()
  }

  /** The definitions of a page are read in one statement, when the first of them is asked for. */
  #readTogether(integration: Integration, names: readonly string[]): (name: string) => Promise<ActionDefinition> {
    const read = once(() => this.#store.definitions(placeOf(integration), names))
    return async name => {
      const text = (await read()).get(name)
      // Replaced or deleted since its page was read.
      if (text === undefined) return { input: { type: 'object' }, parameters: [] }
      return JSON.parse(text) as ActionDefinition
    }
  }
}

export function placeOf({ workspaceId, slug, builtIn }: Integration): ImportPlace {
  return { workspaceId, integration: slug, isSelfDefined: !builtIn }
}

function placeKey({ workspaceId, slug }: Pick<Integration, 'workspaceId' | 'slug'>): string {
  return `${workspaceId} ${slug}`
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('thrown', { cause: error })
}

function toAction(row: ImportedActionRow, definition: () => Promise<ActionDefinition>): Action {
  const { integration, name, description, method, path, deprecated, document } = row
  return {
    integration,
    name,
    description,
    method: method as Method,
    path,
    deprecated,
    document,
    definition: once(definition),
  }
}

function isFound({ name, path, description }: Action, wanted: string): boolean {
  return wanted === '' || [name, path, description].some(text => foldActionText(text).includes(wanted))
}

function nameOf({ name }: Action): string {
  return name
}

function once<Value>(load: () => Promise<Value>): () => Promise<Value> {
  let loaded: Promise<Value> | undefined
  return () => {
    loaded ??= load()
    return loaded
  }
}
