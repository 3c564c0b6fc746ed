/** The actions of an integration as a workspace sees them: those of its definition, and those of imported documents. */
import type { Integration } from '../connections/integrations.ts'
import { GatewayError } from '../errors.ts'
import { Memo } from '../memo.ts'
import type { Method } from '../passthrough/request.ts'
import { foldActionText, type ImportedActionRow, type ImportedActionStore } from '../store/imported-actions.ts'
import { type Page, type PageArgs, pageOfList } from '../store/page.ts'
import type { Action, ActionDefinition } from './action.ts'
import { catalogActions } from './catalog-actions.ts'
import { mergePages } from './merge-pages.ts'

const maxNameLength = 200
/** Of a search: a longer one finds nothing that a shorter does not. */
const maxSearchLength = 200

export class Actions {
  readonly #store: Pick<ImportedActionStore, 'list' | 'get' | 'definitions'>
  readonly #found = new Memo<Action>()

  constructor(store: Pick<ImportedActionStore, 'list' | 'get' | 'definitions'>) {
    this.#store = store
  }

  /** Sorted by name. */
  async list(integration: Integration, search: string | null, args: PageArgs): Promise<Page<Action>> {
    const wanted = foldActionText(search ?? '').slice(0, maxSearchLength)
    const own = [...catalogActions(integration.definition).values()].filter(action => isFound(action, wanted))
    const ownPage = pageOfList(own, nameOf, 'actions', args)
    const page = await this.#store.list(placeOf(integration), wanted, args)
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
      const definition = once(async () => JSON.parse(stored.definition) as ActionDefinition)
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

export function placeOf({ workspaceId, slug }: Integration): { workspaceId: string; integration: string } {
  return { workspaceId, integration: slug }
}

function toAction(row: ImportedActionRow, definition: () => Promise<ActionDefinition>): Action {
  const { integration, name, description, method, path, deprecated, document } = row
  return { integration, name, description, method: method as Method, path, deprecated, document, definition }
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
