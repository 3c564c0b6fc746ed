/** Connection events: what happens to connections, as it happens. */
import { requireScope } from '../access/caller.ts'
import { seesConnection } from '../access/visibility.ts'
import { GatewayError } from '../errors.ts'
import {
  type ConnectionEvent,
  connectionEventTypes,
  type ConnectionEventType as EventTypeName,
} from '../store/connection-events.ts'
import { builder } from './builder.ts'
import { ConnectionType } from './connections.ts'
import { watchStream } from './event-stream.ts'

const meanings: Readonly<Record<EventTypeName, string>> = {
  'connection.created': 'An account was linked or imported.',
  'connection.updated': 'The workspace changed it: config, metadata, quota, or it was switched off or on.',
  'connection.needs_reauth': 'Its credential no longer works; its end user has to connect again.',
  'connection.recovered': 'It works again after its end user connected.',
  'connection.refreshed': 'Its token was renewed.',
  'connection.deleted': 'It is gone.',
}

/** `connection.needs_reauth` is `CONNECTION_NEEDS_REAUTH` to a caller. */
export const ConnectionEventTypeEnum = builder.enumType('ConnectionEventType', {
  description: 'What can happen to a connection. In a webhook’s body it is spelled `connection.needs_reauth`.',
  values: Object.fromEntries(
    connectionEventTypes.map(type => [
      type.replace('.', '_').toUpperCase(),
      { value: type, description: meanings[type] },
    ]),
  ),
})

const ConnectionEventObject = builder.objectRef<ConnectionEvent>('ConnectionEvent').implement({
  description: 'Something that happened to a connection. It never holds a credential.',
  fields: t => ({
    id: t.exposeID('id', { description: 'An `evt_…` id: what comes twice is told by it. Goes into `after`.' }),
    type: t.field({
      type: ConnectionEventTypeEnum,
      description: 'What happened.',
      resolve: ({ type }) => type as EventTypeName,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it happened.' }),
    connectionId: t.exposeID('connectionId', { description: 'The connection, also when it is gone.' }),
    connection: t.field({
      type: ConnectionType,
      nullable: true,
      description: 'The connection as it is now, which may be later than the event; null when it is gone.',
      resolve: ({ workspaceId, connectionId }, _args, { services }) =>
        services.connections.get(workspaceId, connectionId),
    }),
    data: t.expose('data', {
      type: 'JSONObject',
      description:
        'The connection as the event left it: `id`, `integration`, `endUserId`, `status`, `reason`, `account`.',
    }),
  }),
})

builder.subscriptionType({
  description:
    'What happens, as it happens: server-sent events (`accept: text/event-stream`) in the distinct connections mode of the GraphQL over SSE protocol.',
})

builder.subscriptionField('connectionEvents', t =>
  t.field({
    type: ConnectionEventObject,
    description:
      'What happens to the workspace’s connections from now on, in any process of the gateway, at least once each. It ends with an error when the access key ends, and with `OVERLOADED` when it is read too slowly: listen again with `after`. Scope: connections:read.',
    args: {
      types: t.arg({ type: [ConnectionEventTypeEnum], description: 'Only these; all when absent.' }),
      connectionId: t.arg.id({ description: 'Only of this connection.' }),
      integration: t.arg.string({ description: 'Only of connections at the integration with this slug.' }),
      after: t.arg.id({
        description:
          'The last event that you know: what happened since comes first, some of what happened just before it again. Events are kept for 30 days.',
      }),
    },
    subscribe: async (_root, { types, connectionId, integration, after }, context) => {
      const { workspaceId } = context.authorize('connections:read')
      const source = await context.services.eventFeed.subscribe(workspaceId, {
        after,
        wants: event =>
          seesConnection(context.caller(), subjectOf(event)) &&
          (types == null || types.includes(event.type as EventTypeName)) &&
          (connectionId == null || event.connectionId === connectionId) &&
          (integration == null || event.data.integration === integration),
      })
      context.whenClosed(() => source.end())
      return watchStream(source, async () => requireScope(await context.proveAgain(), 'connections:read'))
    },
    resolve: (event, _args, context) => {
      if (event instanceof GatewayError) throw event
      context.renewOperation()
      return event
    },
  }),
)

/** The connection as the event left it: it may be gone by now. */
function subjectOf({ connectionId, data }: ConnectionEvent) {
  const { integration, endUserId } = data
  return { id: connectionId, integration: String(integration), endUserId: String(endUserId) }
}
