/** The list of connections: its filter, its order and its pages. */
import { narrowFilter } from '../access/visibility.ts'
import { builder } from './builder.ts'
import { ConnectionStatus, ConnectionType } from './connections.ts'
import { toRelay } from './pages.ts'

const ConnectionFilter = builder.inputType('ConnectionFilter', {
  description: 'Narrows the list; all given conditions hold.',
  fields: t => ({
    integration: t.string({ description: 'The integration’s slug.' }),
    endUserId: t.string({ description: 'The end user, exactly.' }),
    status: t.field({ type: ConnectionStatus, description: 'The status.' }),
    search: t.string({
      description:
        'Part of the end user’s id, in any case; one or two characters are what it begins with. The id of a connection (`conn_…`) finds that connection. At most 512 characters.',
    }),
    metadata: t.field({
      type: 'JSONObject',
      description:
        'Metadata that contains these fields with these values, such as `{plan: "pro", tags: ["eu"]}`. At most 16 KiB; as in metadata, a number that a double (IEEE 754) would round is refused.',
    }),
  }),
})

const ConnectionOrderField = builder.enumType('ConnectionOrderField', {
  description: 'What a list of connections is sorted by.',
  values: {
    CREATED_AT: { description: 'When it was made.' },
    END_USER_ID: { description: 'The end user’s id, byte by byte.' },
  },
})

const OrderDirection = builder.enumType('OrderDirection', {
  description: 'Which end comes first.',
  values: { ASC: { description: 'Smallest or oldest first.' }, DESC: { description: 'Largest or newest first.' } },
})

const ConnectionOrder = builder.inputType('ConnectionOrder', {
  description: 'How a list of connections is sorted. A cursor belongs to the order it was made for.',
  fields: t => ({
    field: t.field({ type: ConnectionOrderField, required: true, description: 'What to sort by.' }),
    direction: t.field({
      type: OrderDirection,
      required: true,
      defaultValue: 'ASC',
      description: 'Which end comes first.',
    }),
  }),
})

builder.queryField('connections', t =>
  t.connection(
    {
      type: ConnectionType,
      description: 'The workspace’s connections, newest first unless ordered otherwise. Scope: connections:read.',
      args: {
        filter: t.arg({ type: ConnectionFilter, description: 'Narrows the list.' }),
        orderBy: t.arg({ type: ConnectionOrder, description: 'Newest first when absent.' }),
      },
      resolve: async (_root, { filter, orderBy, ...page }, context) => {
        const caller = context.authorize('connections:read')
        const order = orderBy ?? { field: 'CREATED_AT', direction: 'DESC' }
        const within = narrowFilter(caller, filter ?? {})
        const found = await context.services.connections.list(caller.workspaceId, within, order, page)
        const count = () => context.services.connectionCounts.total(caller.workspaceId, within)
        return { ...toRelay(found), count }
      },
    },
    {
      fields: t => ({
        totalCount: t.int({
          nullable: true,
          description:
            'How many the filter finds, on all pages. Null where only reading them would tell: with a search or metadata, unless the filter names one end user; and for more than 10,000 of one end user.',
          resolve: ({ count }) => count(),
        }),
      }),
    },
  ),
)
