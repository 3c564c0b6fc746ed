/** Counts of connections: what a dashboard shows before it lists anything. */
import { narrowFilter } from '../access/visibility.ts'
import type { ConnectionCount } from '../store/connection-counts.ts'
import { builder } from './builder.ts'
import { ConnectionStatus } from './connections.ts'
import { IntegrationType } from './integrations.ts'

const ConnectionCountType = builder.objectRef<ConnectionCount>('ConnectionCount').implement({
  description: 'How many connections are alike.',
  fields: t => ({
    integration: t.field({
      type: IntegrationType,
      nullable: true,
      description: 'Where they are; null when they are not grouped by it, or the workspace no longer has it.',
      resolve: ({ integration }, _args, { operation }) =>
        integration === null ? null : operation().lookups.integration(integration),
    }),
    integrationSlug: t.exposeString('integration', {
      nullable: true,
      description: 'The integration by its slug; null when they are not grouped by it.',
    }),
    status: t.expose('status', {
      type: ConnectionStatus,
      nullable: true,
      description: 'Their status; null when they are not grouped by it.',
    }),
    count: t.exposeInt('count', { description: 'How many there are.' }),
  }),
})

const StatusCount = builder.objectRef<ConnectionCount>('ConnectionStatusCount').implement({
  description: 'How many connections have a status.',
  fields: t => ({
    status: t.field({
      type: ConnectionStatus,
      description: 'The status.',
      resolve: ({ status }) => {
        if (status === null) throw new TypeError('connections were not counted by status')
        return status
      },
    }),
    count: t.exposeInt('count', { description: 'How many have it.' }),
  }),
})

builder.objectFields(IntegrationType, t => ({
  connectionCount: t.int({
    description:
      'How many connections there are that the caller sees: for a session its end user’s, counted up to 10,000. Scope: connections:read.',
    resolve: async ({ slug }, _args, context) => {
      context.authorize('connections:read')
      return (await context.countsOf(slug)).reduce((sum, { count }) => sum + count, 0)
    },
  }),
  connectionCounts: t.field({
    type: [StatusCount],
    description: 'The same by status, the most frequent first; what none has is left out. Scope: connections:read.',
    resolve: async ({ slug }, _args, context) => {
      context.authorize('connections:read')
      return [...(await context.countsOf(slug))]
    },
  }),
}))

const ConnectionCountFilter = builder.inputType('ConnectionCountFilter', {
  description: 'Narrows what is counted; all given conditions hold.',
  fields: t => ({
    integration: t.string({ description: 'The integration’s slug.' }),
    status: t.field({ type: ConnectionStatus, description: 'The status.' }),
    endUserId: t.string({ description: 'The end user, exactly; at most 10,000 connections are counted then.' }),
  }),
})

const ConnectionCountGroup = builder.enumType('ConnectionCountGroup', {
  description: 'What connections are counted by.',
  values: { INTEGRATION: { description: 'Where they are.' }, STATUS: { description: 'Whether calls can be made.' } },
})

builder.queryField('connectionCounts', t =>
  t.field({
    type: [ConnectionCountType],
    description:
      'How many connections there are in each group, the largest first, at most 1,000 groups; without groups one count of all. Exact, and as fast with a million as with none. A session counts its end user’s only. Scope: connections:read.',
    args: {
      filter: t.arg({ type: ConnectionCountFilter, description: 'Narrows what is counted.' }),
      groupBy: t.arg({
        type: [ConnectionCountGroup],
        description: 'One count for each of these, or for each pair. None: one count of all.',
      }),
    },
    resolve: (_root, { filter, groupBy }, context) => {
      const caller = context.authorize('connections:read')
      const groups = {
        integration: groupBy?.includes('INTEGRATION') === true,
        status: groupBy?.includes('STATUS') === true,
      }
      return context.services.connectionCounts.group(caller.workspaceId, narrowFilter(caller, filter ?? {}), groups)
    },
  }),
)
