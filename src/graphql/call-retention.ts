/** How long a workspace keeps its calls. */
import { namesOf } from '../access/audit.ts'
import { standardRetention } from '../store/call-retention.ts'
import type { StoredCallRetention } from '../store/tables.ts'
import type { Workspace } from '../store/workspaces.ts'
import { builder } from './builder.ts'
import { WorkspaceType } from './viewer.ts'

const CallRetentionType = builder.objectRef<StoredCallRetention>('CallRetention').implement({
  description: 'How long calls are kept, and how many.',
  fields: t => ({
    days: t.exposeInt('days', { description: 'Calls that are older are deleted, within some ten minutes.' }),
    maxCalls: t.exposeInt('maxCalls', {
      nullable: true,
      description: 'Of more, the oldest are deleted; null for as many as there are.',
    }),
  }),
})

builder.objectField(WorkspaceType, 'callRetention', t =>
  t.field({
    type: CallRetentionType,
    description: 'How long its calls are kept.',
    resolve: ({ callRetention }) => callRetention ?? standardRetention,
  }),
)

const ConfigureCallLogInput = builder.inputType('ConfigureCallLogInput', {
  description: 'An absent field stays as it is; null goes back to the standard.',
  fields: t => ({
    retentionDays: t.int({ description: 'How many days calls are kept, 1 to 400; 30 is the standard.' }),
    maxCalls: t.int({ description: 'How many calls are kept at most; any number is the standard.' }),
  }),
})

const ConfigureCallLogPayload = builder.objectRef<{ workspace: Workspace }>('ConfigureCallLogPayload').implement({
  description: 'What configureCallLog changed.',
  fields: t => ({
    workspace: t.expose('workspace', { type: WorkspaceType, description: 'The workspace as it is now.' }),
  }),
})

builder.mutationField('configureCallLog', t =>
  t.field({
    type: ConfigureCallLogPayload,
    description:
      'Says how long the workspace’s calls are kept, and how many. What is beyond is deleted for good, with its bodies; its sums in `callStats` stay. Scope: admin.',
    args: { input: t.arg({ type: ConfigureCallLogInput, required: true, description: 'The change.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('admin')
      const workspace = await context.services.workspaces.configureCallLog(workspaceId, input)
      await context.audit('callLog.configured', workspaceId, { changed: namesOf(input) })
      return { workspace }
    },
  }),
)
