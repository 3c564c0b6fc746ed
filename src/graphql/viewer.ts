/** The viewer: who is calling. */
import type { Caller } from '../access/caller.ts'
import type { Workspace } from '../store/workspaces.ts'
import { Scope } from './access-keys.ts'
import { builder } from './builder.ts'

const WorkspaceType = builder.objectRef<Workspace>('Workspace').implement({
  description: 'The tenant that everything belongs to.',
  fields: t => ({
    id: t.exposeID('id', { description: 'A `ws_…` id.' }),
    name: t.exposeString('name', { description: 'Its name.' }),
  }),
})

const ViewerType = builder.objectRef<Caller>('Viewer').implement({
  description: 'Who is calling, as the gateway sees it.',
  fields: t => ({
    accessKeyId: t.exposeID('keyId', { description: 'The access key.' }),
    name: t.exposeString('name', { description: 'The access key’s name.' }),
    scopes: t.field({ type: [Scope], description: 'What it may do.', resolve: caller => caller.scopes }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ends; null for never.',
    }),
    workspace: t.field({
      type: WorkspaceType,
      description: 'Its workspace.',
      nullable: true,
      resolve: ({ workspaceId }, _args, { services }) => services.workspaces.get(workspaceId),
    }),
  }),
})

builder.queryField('viewer', t =>
  t.field({
    type: ViewerType,
    description: 'Who is calling: the key, its workspace and scopes. Any access key may ask.',
    resolve: (_root, _args, { caller }) => caller(),
  }),
)
