/** The deletion of a connection: what was done at each step. */
import type { DeletionStep } from '../store/connection-deletions.ts'
import { builder } from './builder.ts'

const DeletionStepName = builder.enumType('DeletionStepName', {
  description: 'What happens when a connection is deleted, in this order.',
  values: {
    STOP: { description: 'No call is made with it any more.' },
    REVOKE: { description: 'The service is told to revoke the credential.' },
    ERASE: { description: 'The sealed credential is erased with its data key.' },
  },
})

const DeletionOutcome = builder.enumType('DeletionOutcome', {
  description: 'How a step ended.',
  values: {
    DONE: { description: 'It is done.' },
    SKIPPED: { description: 'There was nothing to do; the message says why.' },
    FAILED: { description: 'It could not be done; the message says why, and what to do.' },
  },
})

const DeletionStepType = builder.objectRef<DeletionStep>('DeletionStep').implement({
  description: 'One step of a deletion.',
  fields: t => ({
    step: t.expose('step', { type: DeletionStepName, description: 'Which step.' }),
    outcome: t.expose('outcome', { type: DeletionOutcome, description: 'How it ended.' }),
    message: t.exposeString('message', { nullable: true, description: 'Why, when it is not simply done.' }),
  }),
})

export const DeleteConnectionPayload = builder
  .objectRef<{ deletedConnectionId: string; steps: readonly DeletionStep[] }>('DeleteConnectionPayload')
  .implement({
    description: 'What deleteConnection did; deleting twice is the same answer.',
    fields: t => ({
      deletedConnectionId: t.exposeID('deletedConnectionId', { description: 'The id that no longer names anything.' }),
      steps: t.field({ type: [DeletionStepType], description: 'What was done.', resolve: ({ steps }) => [...steps] }),
    }),
  })
