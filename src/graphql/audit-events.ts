/** Audit events: who changed what. */
import { type AuditEvent, auditActions } from '../access/audit.ts'
import { builder } from './builder.ts'
import { toRelay } from './pages.ts'

const AuditActorKind = builder.enumType('AuditActorKind', {
  description: 'What kind of caller made a change.',
  values: {
    KEY: { description: 'An access key.' },
    SESSION: { description: 'A session.' },
    END_USER: { description: 'An end user on a connect page.' },
    GATEWAY: { description: 'The gateway by itself.' },
  },
})

const AuditActor = builder.objectRef<AuditEvent>('AuditActor').implement({
  description: 'Who made a change, as it was then.',
  fields: t => ({
    kind: t.expose('actorKind', { type: AuditActorKind, description: 'What kind of caller it was.' }),
    id: t.exposeID('actorId', {
      description: 'A `key_…` or `ses_…` id, an end user by the workspace’s own id, or `gateway`.',
    }),
    name: t.exposeString('actorName', { description: 'What it was called.' }),
  }),
})

const AuditEventType = builder.objectRef<AuditEvent>('AuditEvent')

builder.node(AuditEventType, {
  description: 'One change that was made. It is never changed and is kept for 400 days. Scope: admin.',
  id: { resolve: event => event.id },
  loadMany: (ids, context) => {
    const { workspaceId } = context.authorize('admin')
    return Promise.all(ids.map(async id => (await context.services.auditTrail.get(workspaceId, id)) ?? null))
  },
  fields: t => ({
    actor: t.field({ type: AuditActor, description: 'Who made it.', resolve: event => event }),
    action: t.exposeString('action', { description: `What was done: ${auditActions.map(quote).join(', ')}.` }),
    targetId: t.exposeID('targetId', {
      nullable: true,
      description: 'What it was done to, also when that is gone since; null when it has no id.',
    }),
    details: t.expose('details', {
      type: 'JSONObject',
      description: 'Names and ids of what changed; never a secret, and no values that could be one.',
    }),
    requestId: t.exposeString('requestId', { nullable: true, description: 'The request; null when there was none.' }),
    address: t.exposeString('address', {
      nullable: true,
      description: 'Where the request came from: the other end of its connection; null when there was none.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
})

const AuditEventFilter = builder.inputType('AuditEventFilter', {
  description: 'Narrows the list; all given conditions hold.',
  fields: t => ({
    action: t.string({ description: 'What was done, such as `connection.deleted`.' }),
    targetId: t.id({ description: 'What it was done to.' }),
    actorId: t.id({ description: 'Who did it.' }),
    since: t.field({ type: 'DateTime', description: 'Made then or later.' }),
    until: t.field({ type: 'DateTime', description: 'Made before then.' }),
  }),
})

builder.queryField('auditEvents', t =>
  t.connection({
    type: AuditEventType,
    description:
      'Who changed what in the workspace, newest first; a change is listed once it is answered. Scope: admin.',
    args: { filter: t.arg({ type: AuditEventFilter, description: 'Narrows the list.' }) },
    resolve: async (_root, { filter, ...page }, context) => {
      const { workspaceId } = context.authorize('admin')
      return toRelay(await context.services.auditTrail.list(workspaceId, filter ?? {}, page))
    },
  }),
)

function quote(action: string): string {
  return `\`${action}\``
}
