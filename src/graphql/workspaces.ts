/** Workspaces: the tenants, which the operator makes. */
import type { NewWorkspace } from '../access/workspaces.ts'
import { builder } from './builder.ts'
import { authorizeOperator } from './operator.ts'
import { toRelay } from './pages.ts'
import { WorkspaceType } from './viewer.ts'

const why = 'Workspaces are the operator’s to make and to list'

builder.queryField('workspaces', t =>
  t.connection({
    type: WorkspaceType,
    description:
      'All workspaces, newest first. For an admin key of the default workspace, the operator’s, only. Scope: admin.',
    resolve: async (_root, page, context) => {
      authorizeOperator(context, why)
      return toRelay(await context.services.workspaces.list(page))
    },
  }),
)

const CreateWorkspaceInput = builder.inputType('CreateWorkspaceInput', {
  description: 'A new workspace.',
  fields: t => ({
    name: t.string({ required: true, description: 'What it is called; 1 to 100 characters, its own among all.' }),
  }),
})

const CreateWorkspacePayload = builder.objectRef<NewWorkspace>('CreateWorkspacePayload').implement({
  description: 'What createWorkspace made.',
  fields: t => ({
    workspace: t.expose('workspace', { type: WorkspaceType, description: 'The workspace.' }),
    accessKeyId: t.exposeID('keyId', { description: 'Its first access key, which is an admin of it.' }),
    secret: t.exposeString('secret', { description: 'That key’s secret. It is shown here once and nowhere again.' }),
  }),
})

builder.mutationField('createWorkspace', t =>
  t.field({
    type: CreateWorkspacePayload,
    description:
      'Makes a tenant of its own and the first admin key of it. For an admin key of the default workspace, the operator’s, only. Scope: admin.',
    args: { input: t.arg({ type: CreateWorkspaceInput, required: true, description: 'The workspace.' }) },
    resolve: async (_root, { input }, context) => {
      authorizeOperator(context, why)
      const made = await context.services.workspaces.create(input.name)
      await context.audit('workspace.created', made.workspace.id, { name: made.workspace.name })
      return made
    },
  }),
)
