/** Calls: the record of executed passthroughs; what was refused is not in it. */
import type { StatusClass } from '../store/call-filter.ts'
import type { CallRow } from '../store/calls.ts'
import { builder } from './builder.ts'
import { ConnectionType } from './connections.ts'
import type { GraphQLContext } from './context.ts'
import { ErrorCodeType } from './error-codes.ts'
import { IntegrationType } from './integrations.ts'
import { toRelay } from './pages.ts'
import { CallAttempt } from './passthrough-result.ts'

const CallKind = builder.enumType('CallKind', {
  description: 'Which way a call came in.',
  values: {
    QUERY: { description: 'A passthrough in a query.' },
    MUTATION: { description: 'A passthrough in a mutation.' },
    RAW: { description: 'The raw HTTP route.' },
    ACTION: { description: 'A named action.' },
  },
})

export const CallType = builder.objectRef<CallRow>('Call')

builder.node(CallType, {
  description:
    'The record of one executed passthrough. It shows no header, no body and no query value, but for an `exchange` that the workspace asked to keep. Scope: calls:read.',
  id: { resolve: call => call.id },
  loadMany: (ids, context) => Promise.all(ids.map(id => findCall(context, id))),
  fields: t => ({
    connectionId: t.exposeID('connectionId', { description: 'The connection, also when it was deleted since.' }),
    connection: t.field({
      type: ConnectionType,
      nullable: true,
      description: 'The connection, or null when it was deleted since.',
      resolve: (call, _args, { operation }) => operation().lookups.connection(call.connectionId),
    }),
    integrationSlug: t.exposeString('integration', { description: 'The integration by its slug.' }),
    integration: t.field({
      type: IntegrationType,
      nullable: true,
      description: 'The integration, or null when the workspace no longer has it.',
      resolve: (call, _args, { operation }) => operation().lookups.integration(call.integration),
    }),
    endUserId: t.exposeString('endUserId', { description: 'The end user whose connection it was.' }),
    callerId: t.exposeID('callerId', { description: 'The access key or session that made the call.' }),
    kind: t.expose('kind', { type: CallKind, description: 'Which way the call came in.' }),
    action: t.exposeString('action', {
      nullable: true,
      description: 'The name of the action; null for a call that is none.',
    }),
    method: t.exposeString('method', { description: 'The HTTP method; the raw route takes any.' }),
    path: t.exposeString('path', { description: 'The path on the vendor’s host, without query.' }),
    status: t.exposeInt('status', { nullable: true, description: 'The vendor’s status; null when no answer came.' }),
    errorCode: t.expose('errorCode', {
      type: ErrorCodeType,
      nullable: true,
      description: 'Why no answer came; null beside a null status when the caller did not wait for one.',
    }),
    bytesSent: t.exposeFloat('bytesSent', { description: 'Bytes of the request’s body.' }),
    bytesReceived: t.exposeFloat('bytesReceived', { description: 'Bytes of the answer’s body as they came.' }),
    attempts: t.exposeInt('attempts', { description: 'How many requests were sent.' }),
    attemptLog: t.field({
      type: [CallAttempt],
      nullable: true,
      description: 'What became of each; null for a call that was answered at the first.',
      resolve: call => (call.attemptLog === null ? null : [...call.attemptLog]),
    }),
    durationMs: t.exposeFloat('durationMs', { description: 'Milliseconds from the start to the last byte.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When the call began.' }),
    requestId: t.exposeString('requestId', {
      nullable: true,
      description: 'The request that it came with, as the gateway’s log and its errors name it.',
    }),
    isReplayable: t.exposeBoolean('isReplayable', {
      description: 'True for a safe call that `replayCall` can make again, as far as its record tells.',
    }),
  }),
})

const StatusClassType = builder.enumType('StatusClass', {
  description: 'The classes of HTTP statuses (RFC 9110, section 15).',
  values: {
    INFORMATIONAL: { description: '1xx.' },
    SUCCESSFUL: { description: '2xx.' },
    REDIRECTION: { description: '3xx.' },
    CLIENT_ERROR: { description: '4xx.' },
    SERVER_ERROR: { description: '5xx.' },
  } satisfies Record<StatusClass, object>,
})

export const CallFilter = builder.inputType('CallFilter', {
  description: 'Narrows the list; all given conditions hold.',
  fields: t => ({
    connectionId: t.id({ description: 'The connection.' }),
    integration: t.string({ description: 'The integration’s slug.' }),
    endUserId: t.string({ description: 'The end user.' }),
    callerId: t.id({ description: 'The access key or session that made the call.' }),
    kind: t.field({ type: CallKind, description: 'Which way the call came in.' }),
    action: t.string({ description: 'The name of the action that it is.' }),
    method: t.string({ description: 'The HTTP method as it was sent, such as `POST`.' }),
    pathPrefix: t.string({
      description: 'How the path on the vendor’s host begins, such as `/v3/contacts`; with the slash.',
    }),
    statusClass: t.field({ type: StatusClassType, description: 'The class of the vendor’s status.' }),
    errorCode: t.field({ type: ErrorCodeType, description: 'Why no answer came.' }),
    failed: t.boolean({
      description: 'True: with an error code, or with an answer of 400 and more; false: the others.',
    }),
    since: t.field({ type: 'DateTime', description: 'Started then or later.' }),
    until: t.field({ type: 'DateTime', description: 'Started before then.' }),
  }),
})

builder.queryFields(t => ({
  call: t.field({
    type: CallType,
    nullable: true,
    description: 'The call with this id, or null. Scope: calls:read.',
    args: { id: t.arg.id({ required: true, description: 'A `call_…` id.' }) },
    resolve: (_root, { id }, context) => findCall(context, id),
  }),
  calls: t.connection({
    type: CallType,
    description:
      'Executed calls, newest first; one shows up within a second. A page looks at 20,000 calls at most where no index has what is asked for: it may then be short, or empty, while `hasNextPage` is true, and goes on after its `endCursor`. Scope: calls:read.',
    args: { filter: t.arg({ type: CallFilter, description: 'Narrows the list.' }) },
    resolve: async (_root, { filter, ...page }, context) => {
      const { workspaceId } = context.authorize('calls:read')
      return toRelay(await context.services.calls.list(workspaceId, filter ?? {}, page))
    },
  }),
}))

async function findCall(context: GraphQLContext, id: string): Promise<CallRow | null> {
  const { workspaceId } = context.authorize('calls:read')
  return (await context.services.calls.get(workspaceId, id)) ?? null
}
