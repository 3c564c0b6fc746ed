/** The viewer: who is calling. */
import type { Caller } from '../access/caller.ts'
import type { Workspace } from '../store/workspaces.ts'
import { Scope } from './access-keys.ts'
import { builder } from './builder.ts'
import { Rule } from './rules.ts'

export const WorkspaceType = builder.objectRef<Workspace>('Workspace').implement({
  description: 'The tenant that everything belongs to.',
  fields: t => ({
    id: t.exposeID('id', { description: 'A `ws_…` id.' }),
    name: t.exposeString('name', { description: 'Its name.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
})

const CallerKind = builder.enumType('CallerKind', {
  description: 'What a caller presents.',
  values: {
    KEY: { description: 'An access key.' },
    SESSION: { description: 'A session’s token.' },
  },
})

const ViewerType = builder.objectRef<Caller>('Viewer').implement({
  description: 'Who is calling, as the gateway sees it.',
  fields: t => ({
    kind: t.expose('kind', { type: CallerKind, description: 'A key, or a session that one minted.' }),
    accessKeyId: t.exposeID('keyId', { description: 'The access key, or the one that minted the session.' }),
    sessionId: t.id({
      nullable: true,
      description: 'The session; null for a key.',
      resolve: ({ kind, id }) => (kind === 'SESSION' ? id : null),
    }),
    endUserId: t.exposeString('endUserId', {
      nullable: true,
      description: 'The only end user whose connections it sees; null for all.',
    }),
    rules: t.field({
      type: [Rule],
      description: 'What it may call and what not: its own rules and those of its key, all of which have to agree.',
      resolve: ({ ruleSets }) => ruleSets.flatMap(({ rules }) => [...rules]),
    }),
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
