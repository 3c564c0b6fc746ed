/** Replays: a safe call of the log, made once more. */
import { builder } from './builder.ts'
import { PassthroughResult } from './passthrough-result.ts'

const ReplayCallInput = builder.inputType('ReplayCallInput', {
  description: 'Which call is made again.',
  fields: t => ({
    id: t.id({ required: true, description: 'A `call_…` id of a GET, HEAD or OPTIONS.' }),
  }),
})

builder.mutationField('replayCall', t =>
  t.field({
    type: PassthroughResult,
    nullable: true,
    description:
      'Sends a recorded safe call again: the same path, query and headers with the connection’s credential of today. It takes the whole road anew, with the rights of who replays it, and is recorded as a call of its own. A call with a body is replayed while the workspace keeps that body whole (`callBodies`); one whose path and headers have more than 4,096 characters is not. Scope: calls:read and passthrough:read.',
    args: { input: t.arg({ type: ReplayCallInput, required: true, description: 'The call.' }) },
    resolve: (_root, { input }, context) => {
      context.authorize('calls:read')
      return context.services.gateway.replay(context.operation(), input.id)
    },
  }),
)
