/** The list of integrations as a dashboard browses it: filtered, in an order that cursors keep to, and counted. */
import type { SchemeName } from '../auth/scheme.ts'
import { titleOfCategory } from '../catalog/categories.ts'
import { invalidInput } from '../errors.ts'
import { type Page, type PageArgs, pageOfList } from '../store/page.ts'
import { rankOf, termsOf } from './integration-search.ts'
import type { Integration } from './integrations.ts'

export interface IntegrationFilter {
  readonly search?: string | null | undefined
  readonly categories?: readonly string[] | null | undefined
  readonly authSchemes?: readonly SchemeName[] | null | undefined
  readonly connected?: boolean | null | undefined
  readonly configured?: boolean | null | undefined
}

export interface IntegrationPage extends Page<Integration> {
  readonly totalCount: number
}

export interface CategoryCount {
  readonly category: string
  readonly title: string
  readonly count: number
}

/** What each further choice would leave: every count heeds all of the filter but what it is about. */
export interface IntegrationFacets {
  readonly totalCount: number
  readonly categories: readonly CategoryCount[]
  readonly authSchemes: readonly { readonly authScheme: SchemeName; readonly count: number }[]
  readonly connected: number
  readonly notConnected: number
  readonly configured: number
  readonly notConfigured: number
}

/** Whether the slug has connections, as far as the caller sees. */
export type IsConnected = (slug: string) => boolean

const maxSearchLength = 100
const maxChoices = 50
const maxCategories = 200

/** @throws GatewayError `INVALID_INPUT` naming the field */
export function checkIntegrationFilter({ search, categories, authSchemes }: IntegrationFilter): void {
  const length = search?.length ?? 0
  if (length > maxSearchLength) {
    throw invalidInput('filter.search', `filter.search takes at most ${maxSearchLength} characters; got ${length}.`)
  }
  for (const [name, list] of Object.entries({ categories, authSchemes })) {
    if (list == null || list.length <= maxChoices) continue
    throw invalidInput(`filter.${name}`, `filter.${name} takes at most ${maxChoices} items; got ${list.length}.`)
  }
}

/** Sorted by slug; with a search by how well they fit, then by slug. */
export function pageOfIntegrations(
  integrations: readonly Integration[],
  filter: IntegrationFilter,
  isConnected: IsConnected,
  args: PageArgs,
): IntegrationPage {
  const conditions = conditionsOf(filter, isConnected)
  const terms = termsOf(filter.search ?? '')
  const rank = ({ definition }: Integration) => (terms.length === 0 ? '' : String(rankOf(definition, terms)))
  const matching = integrations
    .filter(integration => Object.values(conditions).every(isMet => isMet(integration)))
    .map(integration => ({ integration, key: `${rank(integration)}${integration.slug}` }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const name = terms.length === 0 ? 'integrations' : 'integrations found'
  const { edges, ...info } = pageOfList(matching, ({ key }) => key, name, args)
  return {
    ...info,
    edges: edges.map(({ cursor, node }) => ({ cursor, node: node.integration })),
    totalCount: matching.length,
  }
}

export function countFacets(
  integrations: readonly Integration[],
  filter: IntegrationFilter,
  isConnected: IsConnected,
): IntegrationFacets {
  const conditions = conditionsOf(filter, isConnected)
  const besides = (own?: keyof typeof conditions) => {
    const others = Object.entries(conditions).filter(([name]) => name !== own)
    return integrations.filter(integration => others.every(([, isMet]) => isMet(integration)))
  }
  const [connected, notConnected] = countBoth(besides('connected'), ({ slug }) => isConnected(slug))
  const [configured, notConfigured] = countBoth(besides('configured'), integration => integration.configured)
  const categories = countEach(besides('categories'), ({ definition }) => definition.categories)
  const authSchemes = countEach(besides('authSchemes'), ({ definition }) => definition.auth.map(({ scheme }) => scheme))
  return {
    totalCount: besides().length,
    categories: categories
      .slice(0, maxCategories)
      .map(([category, count]) => ({ category, title: titleOfCategory(category), count })),
    authSchemes: authSchemes.map(([authScheme, count]) => ({ authScheme, count })),
    connected,
    notConnected,
    configured,
    notConfigured,
  }
}

function conditionsOf(filter: IntegrationFilter, isConnected: IsConnected) {
  const { search, categories, authSchemes, connected, configured } = filter
  const terms = termsOf(search ?? '')
  return {
    search: ({ definition }: Integration) => terms.length === 0 || rankOf(definition, terms) !== undefined,
    categories: ({ definition }: Integration) =>
      categories == null || categories.some(category => definition.categories.includes(category)),
    authSchemes: ({ definition }: Integration) =>
      authSchemes == null || definition.auth.some(({ scheme }) => authSchemes.includes(scheme)),
    connected: ({ slug }: Integration) => connected == null || isConnected(slug) === connected,
    configured: (integration: Integration) => configured == null || integration.configured === configured,
  }
}

function countBoth(integrations: readonly Integration[], is: (integration: Integration) => boolean): [number, number] {
  const count = integrations.filter(is).length
  return [count, integrations.length - count]
}

/** How many have each value, the most frequent first; a value that one has twice counts once. */
function countEach<Value extends string>(
  integrations: readonly Integration[],
  valuesOf: (integration: Integration) => readonly Value[],
): [Value, number][] {
  const counts = new Map<Value, number>()
  for (const integration of integrations) {
    for (const value of new Set(valuesOf(integration))) counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return [...counts].sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1))
}
