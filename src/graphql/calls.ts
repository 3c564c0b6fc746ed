/** Calls: the record of executed passthroughs; what was refused is not in it. */
import type { CallRow } from '../store/calls.ts'
import { builder } from './builder.ts'
import { ConnectionType } from './connections.ts'
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

const CallType = builder.objectRef<CallRow>('Call')

builder.node(CallType, {
  description:
    'The record of one executed passthrough. It holds no header, no body and no query value. Scope: calls:read.',
  id: { resolve: call => call.id },
  loadMany: (ids, context) => {
    const { workspaceId } = context.authorize('calls:read')
    return Promise.all(ids.map(async id => (await context.services.calls.get(workspaceId, id)) ?? null))
  },
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
    callerId: t.exposeID('callerId', { description: 'The access key that made the call.' }),
    kind: t.expose('kind', { type: CallKind, description: 'Which way the call came in.' }),
    method: t.exposeString('method', { description: 'The HTTP method; the raw route takes any.' }),
    path: t.exposeString('path', { description: 'The path on the vendor’s host, without query.' }),
    status: t.exposeInt('status', { nullable: true, description: 'The vendor’s status; null when no answer came.' }),
    errorCode: t.expose('errorCode', { type: ErrorCodeType, nullable: true, description: 'Why no answer came.' }),
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
  }),
})

const CallFilter = builder.inputType('CallFilter', {
  description: 'Narrows the list; all given conditions hold.',
  fields: t => ({
    connectionId: t.id({ description: 'The connection.' }),
    integration: t.string({ description: 'The integration’s slug.' }),
    endUserId: t.string({ description: 'The end user.' }),
    since: t.field({ type: 'DateTime', description: 'Started then or later.' }),
    until: t.field({ type: 'DateTime', description: 'Started before then.' }),
  }),
})

builder.queryField('calls', t =>
  t.connection({
    type: CallType,
    description: 'Executed calls, newest first; one shows up within a second. Scope: calls:read.',
    args: { filter: t.arg({ type: CallFilter, description: 'Narrows the list.' }) },
    resolve: async (_root, { filter, ...page }, context) => {
      const { workspaceId } = context.authorize('calls:read')
      return toRelay(await context.services.calls.list(workspaceId, filter ?? {}, page))
    },
  }),
)
