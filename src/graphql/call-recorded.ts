/** Recorded calls, as they are recorded: for dashboards that stay open. */
import { requireScope } from '../access/caller.ts'
import { GatewayError } from '../errors.ts'
import type { RecordedCall } from '../store/call-feed.ts'
import { conditionsOf } from '../store/call-filter.ts'
import { builder } from './builder.ts'
import { CallFilter, CallType } from './calls.ts'
import { watchStream } from './event-stream.ts'

const RecordedCallType = builder.objectRef<RecordedCall>('RecordedCall').implement({
  description: 'A call that has just been recorded.',
  fields: t => ({
    call: t.expose('call', { type: CallType, description: 'The call.' }),
    missed: t.exposeInt('missed', {
      nullable: true,
      description:
        'How many calls were passed over before this one because they came faster than the stream was read; null when some were and nobody knows how many. `calls` has them all.',
    }),
  }),
})

builder.subscriptionField('callRecorded', t =>
  t.field({
    type: RecordedCallType,
    description:
      'Calls as they are recorded from now on, in any process of the gateway, within a second. It is live and no queue: who reads too slowly is told how many calls it missed. It ends with an error when the access key ends. Scope: calls:read.',
    args: { filter: t.arg({ type: CallFilter, description: 'Only these, as in `calls`.' }) },
    subscribe: async (_root, { filter }, context) => {
      const { workspaceId } = context.authorize('calls:read')
      const conditions = conditionsOf(filter ?? {})
      const source = context.services.callFeed.subscribe(workspaceId, call =>
        conditions.every(({ holds }) => holds(call)),
      )
      context.whenClosed(() => source.end())
      return watchStream(source, async () => requireScope(await context.proveAgain(), 'calls:read'))
    },
    resolve: (recorded, _args, context) => {
      if (recorded instanceof GatewayError) throw recorded
      context.renewOperation()
      return recorded
    },
  }),
)
