/** Facets of the integrations: what a dashboard offers to narrow the list by, and how many each choice leaves. */
import { narrowFilter } from '../access/visibility.ts'
import type { SchemeName } from '../auth/scheme.ts'
import type { CategoryCount, IntegrationFacets } from '../connections/integration-list.ts'
import { builder } from './builder.ts'
import { AuthScheme, IntegrationFilter } from './integrations.ts'

const CategoryCountType = builder.objectRef<CategoryCount>('IntegrationCategoryCount').implement({
  description: 'How many integrations belong to a category.',
  fields: t => ({
    category: t.exposeString('category', { description: 'For `IntegrationFilter.categories`, such as `crm`.' }),
    title: t.exposeString('title', {
      description:
        'What a dashboard calls it; the category itself where only the workspace’s own integrations have it.',
    }),
    count: t.exposeInt('count', { description: 'How many belong to it.' }),
  }),
})

const AuthSchemeCount = builder
  .objectRef<{ readonly authScheme: SchemeName; readonly count: number }>('IntegrationAuthSchemeCount')
  .implement({
    description: 'How many integrations connect by a scheme.',
    fields: t => ({
      authScheme: t.expose('authScheme', { type: AuthScheme, description: 'The scheme.' }),
      count: t.exposeInt('count', { description: 'How many connect by it, some by others, too.' }),
    }),
  })

const IntegrationFacetsType = builder.objectRef<IntegrationFacets>('IntegrationFacets').implement({
  description:
    'How many integrations each further choice would leave. A count heeds all of the filter but the condition that it is about, so that the other choices stay in sight.',
  fields: t => ({
    totalCount: t.exposeInt('totalCount', { description: 'How many the whole filter finds.' }),
    categories: t.field({
      type: [CategoryCountType],
      description: 'By category, the most frequent first; at most 200.',
      resolve: ({ categories }) => [...categories],
    }),
    authSchemes: t.field({
      type: [AuthSchemeCount],
      description: 'By the kinds of credential, the most frequent first.',
      resolve: ({ authSchemes }) => [...authSchemes],
    }),
    connected: t.exposeInt('connected', {
      description: 'How many have a connection in this workspace; for a session, one of its end user’s.',
    }),
    notConnected: t.exposeInt('notConnected', { description: 'How many have none.' }),
    configured: t.exposeInt('configured', { description: 'How many lack nothing.' }),
    notConfigured: t.exposeInt('notConfigured', { description: 'How many wait for an OAuth client of the workspace.' }),
  }),
})

builder.queryField('integrationFacets', t =>
  t.field({
    type: IntegrationFacetsType,
    description: 'What the list of integrations can be narrowed by. Any access key may ask.',
    args: { filter: t.arg({ type: IntegrationFilter, description: 'The filter of the list.' }) },
    resolve: (_root, { filter }, { services, caller }) =>
      services.integrations.facets(caller().workspaceId, filter ?? {}, narrowFilter(caller(), {}).within),
  }),
)
