/** Sessions: what a browser may hold, for one end user and no more than it needs. */
import type { Scope as ScopeName } from '../access/caller.ts'
import type { MintedSession, Session } from '../access/sessions.ts'
import { GatewayError } from '../errors.ts'
import { Scope } from './access-keys.ts'
import { builder } from './builder.ts'
import { toRelay } from './pages.ts'
import { Quota, QuotaInput } from './rate-limits.ts'
import { Rule, RuleInput, rulesOf } from './rules.ts'

const SessionType = builder.objectRef<Session>('Session')

builder.node(SessionType, {
  description:
    'What a browser holds for one end user until it ends; its token is kept nowhere. Scope: sessions:create.',
  id: { resolve: session => session.id },
  loadMany: async (ids, context) => {
    const { workspaceId } = context.authorize('sessions:create')
    return (await context.services.sessions.getMany(workspaceId, ids)).map(session => session ?? null)
  },
  fields: t => ({
    endUserId: t.exposeString('endUserId', { description: 'Whose connections it sees and uses.' }),
    accessKeyId: t.exposeID('keyId', { description: 'The access key that minted it; it ends with that key.' }),
    scopes: t.field({ type: [Scope], description: 'What it may do.', resolve: ({ scopes }) => scopes as ScopeName[] }),
    integrations: t.exposeStringList('integrations', {
      nullable: true,
      description: 'The only integrations it may use; null for any.',
    }),
    connections: t.exposeIDList('connections', {
      nullable: true,
      description: 'The only connections it may use; null for any of the end user’s.',
    }),
    rules: t.field({
      type: [Rule],
      description: 'What it may call and what not, beside the rules of its key; empty for anything.',
      resolve: ({ rules }) => [...rules],
    }),
    quota: t.expose('quota', {
      type: Quota,
      nullable: true,
      description: 'How much it may call; null for as much as its key.',
    }),
    maxConcurrency: t.exposeInt('maxConcurrency', {
      nullable: true,
      description: 'How many of its calls may be under way at once, in each replica; null for as many as its key.',
    }),
    maxCalls: t.exposeInt('maxCalls', {
      nullable: true,
      description: 'How many calls it may make in all; null for no limit.',
    }),
    maxBytes: t.exposeFloat('maxBytes', {
      nullable: true,
      description: 'How many bytes may go both ways in all; null for no limit.',
    }),
    spentCalls: t.exposeInt('spentCalls', { description: 'Calls that it made, where it has a budget; else 0.' }),
    spentBytes: t.exposeFloat('spentBytes', {
      description: 'Bytes that went both ways, where it has a budget; else 0.',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it ends.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was minted.' }),
  }),
})

const SessionFilter = builder.inputType('SessionFilter', {
  description: 'Which sessions.',
  fields: t => ({ endUserId: t.string({ description: 'Those of this end user.' }) }),
})

builder.queryField('sessions', t =>
  t.connection({
    type: SessionType,
    description: 'The workspace’s sessions that have not ended, newest first. Scope: sessions:create.',
    args: { filter: t.arg({ type: SessionFilter, description: 'Narrows the list.' }) },
    resolve: async (_root, { filter, ...page }, context) => {
      const { workspaceId } = context.authorize('sessions:create')
      return toRelay(await context.services.sessions.list(workspaceId, filter ?? {}, page))
    },
  }),
)

const CreateSessionInput = builder.inputType('CreateSessionInput', {
  description: 'Whose session it is, and what it may do; never more than the key that mints it.',
  fields: t => ({
    endUserId: t.string({ required: true, description: 'It sees and uses this end user’s connections only.' }),
    integrations: t.stringList({
      description: 'The only integrations it may use, each one that the workspace has; any when absent.',
    }),
    connections: t.idList({
      description: 'The only connections it may use, each one of the end user’s; any of those when absent.',
    }),
    scopes: t.field({
      type: [Scope],
      description: 'PASSTHROUGH_READ, PASSTHROUGH_WRITE, CONNECTIONS_READ; all that the key has when absent.',
    }),
    rules: t.field({ type: [RuleInput], description: 'Beside those of the key: both have to agree.' }),
    maxCalls: t.int({ description: 'How many calls it may make in all.' }),
    maxBytes: t.float({
      description:
        'How many bytes may go both ways in all. No call starts when they are spent; until its own are known, a call under way counts as 16384, and what would go beyond with those is `RATE_LIMITED`.',
    }),
    quota: t.field({
      type: QuotaInput,
      description:
        'How much it may call, no more than its key; more is `RATE_LIMITED` at once. What its key has counts for all its sessions together.',
    }),
    maxConcurrency: t.int({
      description:
        'How many of its calls may be under way at once, in each replica, no more than its key; more are `RATE_LIMITED`. What its key has counts for all its sessions together.',
    }),
    expiresInSeconds: t.int({ description: '1 to 86400; 3600 when absent. It never outlives its key.' }),
  }),
})

const CreateSessionPayload = builder.objectRef<MintedSession>('CreateSessionPayload').implement({
  description: 'The session that was made.',
  fields: t => ({
    id: t.exposeID('id', { description: 'Its `ses_…` id, to revoke it by.' }),
    token: t.exposeString('token', {
      description:
        'What the browser sends as `authorization: Bearer …`: a signed JWT (EdDSA); `/.well-known/jwks.json` has the public keys.',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it ends.' }),
  }),
})

const RevokeSessionInput = builder.inputType('RevokeSessionInput', {
  description: 'Which session to end.',
  fields: t => ({ id: t.id({ required: true, description: 'A `ses_…` id.' }) }),
})

const RevokeSessionPayload = builder.objectRef<{ revokedSessionId: string }>('RevokeSessionPayload').implement({
  description: 'What revokeSession ended.',
  fields: t => ({
    revokedSessionId: t.exposeID('revokedSessionId', { description: 'The id whose token opens nothing any more.' }),
  }),
})

const RevokeSessionsInput = builder.inputType('RevokeSessionsInput', {
  description: 'Whose sessions to end.',
  fields: t => ({ endUserId: t.string({ required: true, description: 'All of this end user’s.' }) }),
})

const RevokeSessionsPayload = builder.objectRef<{ revokedCount: number }>('RevokeSessionsPayload').implement({
  description: 'What revokeSessions ended.',
  fields: t => ({
    revokedCount: t.exposeInt('revokedCount', { description: 'How many sessions it ended; 0 when there was none.' }),
  }),
})

builder.mutationFields(t => ({
  createSession: t.field({
    type: CreateSessionPayload,
    description: 'Mints a short-lived token for one end user, such as a browser may hold. Scope: sessions:create.',
    args: { input: t.arg({ type: CreateSessionInput, required: true, description: 'Whose, and for what.' }) },
    resolve: async (_root, { input }, context) => {
      const caller = context.authorize('sessions:create')
      const made = await context.services.sessions.create(caller, { ...input, rules: rulesOf(input.rules) ?? null })
      const expiresAt = made.expiresAt.toISOString()
      await context.audit('session.created', made.id, { endUserId: input.endUserId, scopes: made.scopes, expiresAt })
      return made
    },
  }),
  revokeSession: t.field({
    type: RevokeSessionPayload,
    description: 'Ends a session before its time, on every replica within a second. Scope: sessions:create.',
    args: { input: t.arg({ type: RevokeSessionInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('sessions:create')
      if (await context.services.sessions.revoke(workspaceId, input.id)) {
        await context.audit('session.revoked', input.id)
        return { revokedSessionId: input.id }
      }
      throw new GatewayError('INVALID_INPUT', 'The workspace has no session with this id.', {
        details: [{ field: 'id', message: 'id names no session of the workspace.' }],
      })
    },
  }),
  revokeSessions: t.field({
    type: RevokeSessionsPayload,
    description: 'Ends all sessions of an end user, on every replica within a second. Scope: sessions:create.',
    args: { input: t.arg({ type: RevokeSessionsInput, required: true, description: 'Whose.' }) },
    resolve: async (_root, { input: { endUserId } }, context) => {
      const { workspaceId } = context.authorize('sessions:create')
      const revokedCount = await context.services.sessions.revokeOf(workspaceId, endUserId)
      await context.audit('sessions.revoked', endUserId, { endUserId, revokedCount })
      return { revokedCount }
    },
  }),
}))
