/** Access keys: the long-lived secrets of servers and partners. */
import { namesOf } from '../access/audit.ts'
import { type Scope as ScopeName, scopes } from '../access/caller.ts'
import type { AccessKey } from '../access/keys.ts'
import { builder } from './builder.ts'
import { toRelay } from './pages.ts'
import { Quota, QuotaInput } from './rate-limits.ts'
import { Rule, RuleInput, rulesOf } from './rules.ts'

const meanings: Readonly<Record<ScopeName, string>> = {
  'passthrough:read': 'Send safe requests (GET, HEAD, OPTIONS) through connections.',
  'passthrough:write': 'Send requests of the other methods through connections.',
  'connections:read': 'Read connections.',
  'connections:write': 'Create, change and delete connections.',
  'integrations:write':
    'Define, change, configure and delete integrations, whatever the key’s rules allow to be called: it decides which hosts credentials may travel to, so give it like admin.',
  'calls:read': 'Read the record of calls.',
  'webhooks:write':
    'List, create, change and delete webhook endpoints and see their deliveries; needs connections:read beside it.',
  'keys:write': 'List, create, change, rotate and delete access keys, none wider than itself.',
  'sessions:create': 'Mint sessions for end users, none wider than itself.',
  admin: 'Everything in the workspace.',
}

/** `passthrough:read` is `PASSTHROUGH_READ` to a caller. */
export const Scope = builder.enumType('Scope', {
  description: 'What an access key may do.',
  values: Object.fromEntries(
    scopes.map(scope => [scope.replace(':', '_').toUpperCase(), { value: scope, description: meanings[scope] }]),
  ),
})

export const AccessKeyType = builder.objectRef<AccessKey>('AccessKey')

builder.node(AccessKeyType, {
  description: 'A long-lived secret of a server or a partner; the secret itself is kept as a hash. Scope: keys:write.',
  id: { resolve: key => key.id },
  loadMany: (ids, context) => {
    const { workspaceId } = context.authorize('keys:write')
    return Promise.all(ids.map(async id => (await context.services.accessKeys.get(workspaceId, id)) ?? null))
  },
  fields: t => ({
    name: t.exposeString('name', { description: 'What it is for.' }),
    hint: t.exposeString('hint', { description: 'The secret’s first characters, to tell keys apart.' }),
    scopes: t.field({ type: [Scope], description: 'What it may do.', resolve: key => key.scopes as ScopeName[] }),
    connectionId: t.exposeID('connectionId', {
      nullable: true,
      description: 'The only connection it may call through; null when it is bound to none.',
    }),
    quota: t.expose('quota', {
      type: Quota,
      nullable: true,
      description: 'How much it and its sessions may call together; null for no limit.',
    }),
    rules: t.field({
      type: [Rule],
      description: 'What it may call and what not; empty for anything.',
      resolve: ({ rules }) => [...rules],
    }),
    maxConcurrency: t.exposeInt('maxConcurrency', {
      nullable: true,
      description:
        'How many of its calls and its sessions’ may be under way at once, in each replica; null for no limit.',
    }),
    registeredOnly: t.exposeBoolean('registeredOnly', {
      description: 'True for a key that runs registered operations only.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ends; null for never.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Its last use, to the minute.',
    }),
  }),
})

builder.queryField('accessKeys', t =>
  t.connection({
    type: AccessKeyType,
    description: 'The workspace’s access keys, newest first. Scope: keys:write.',
    resolve: async (_root, page, context) => {
      const { workspaceId } = context.authorize('keys:write')
      return toRelay(await context.services.accessKeys.list(workspaceId, page))
    },
  }),
)

const CreateAccessKeyInput = builder.inputType('CreateAccessKeyInput', {
  description: 'A new access key.',
  fields: t => ({
    name: t.string({ required: true, description: 'What it is for; 1 to 200 characters.' }),
    scopes: t.field({ type: [Scope], required: true, description: 'What it may do; none that the calling key lacks.' }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'When it ends, no later than the key that asks; with it when absent, which may be never.',
    }),
    quota: t.field({
      type: QuotaInput,
      description:
        'How much it may call; more is `RATE_LIMITED` at once. No more than the key that asks, as much when absent; each key counts for itself.',
    }),
    rules: t.field({
      type: [RuleInput],
      description: 'What it may call and what not; anything when absent. A key with rules mints sessions and no keys.',
    }),
    maxConcurrency: t.int({
      description:
        'How many of its calls may be under way at once, in each replica; more are `RATE_LIMITED`. No more than the key that asks, as many when absent.',
    }),
    registeredOnly: t.boolean({ defaultValue: false, description: 'True: it runs registered operations only.' }),
    connectionId: t.id({
      description:
        'Binds the key to one connection, as the root listener needs it; it then takes passthrough scopes only and ends with the connection.',
    }),
  }),
})

const standardOverlapSeconds = 86_400

const DeleteAccessKeyInput = builder.inputType('DeleteAccessKeyInput', {
  description: 'Which access key to delete.',
  fields: t => ({ id: t.id({ required: true, description: 'A `key_…` id.' }) }),
})

const CreateAccessKeyPayload = builder
  .objectRef<{ accessKey: AccessKey; secret: string }>('CreateAccessKeyPayload')
  .implement({
    description: 'What createAccessKey made.',
    fields: t => ({
      accessKey: t.expose('accessKey', { type: AccessKeyType, description: 'The key without its secret.' }),
      secret: t.exposeString('secret', { description: 'The secret. It is shown here once and nowhere again.' }),
    }),
  })

const UpdateAccessKeyInput = builder.inputType('UpdateAccessKeyInput', {
  description: 'What changes of an access key. An absent field stays as it is; null takes a bound away.',
  fields: t => ({
    id: t.id({ required: true, description: 'A `key_…` id.' }),
    name: t.string({ description: 'What it is for; 1 to 200 characters.' }),
    scopes: t.field({ type: [Scope], description: 'What it may do; none that the calling key lacks.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it ends; null for never.' }),
    quota: t.field({ type: QuotaInput, description: 'How much it and its sessions may call together.' }),
    rules: t.field({ type: [RuleInput], description: 'What it may call and what not; all anew.' }),
    maxConcurrency: t.int({ description: 'How many of its calls may be under way at once, in each replica.' }),
  }),
})

const UpdateAccessKeyPayload = builder.objectRef<{ accessKey: AccessKey }>('UpdateAccessKeyPayload').implement({
  description: 'What updateAccessKey changed.',
  fields: t => ({
    accessKey: t.expose('accessKey', { type: AccessKeyType, description: 'The key as it is from now on.' }),
  }),
})

const RotateAccessKeyInput = builder.inputType('RotateAccessKeyInput', {
  description: 'Which access key gets a new secret.',
  fields: t => ({
    id: t.id({ required: true, description: 'A `key_…` id.' }),
    overlapSeconds: t.int({
      defaultValue: standardOverlapSeconds,
      description:
        'How long the old secret still works; 0 to 2592000. While an earlier overlap runs, only 0 is taken: it ends both old secrets at once.',
    }),
  }),
})

const RotateAccessKeyPayload = builder
  .objectRef<{ accessKey: AccessKey; secret: string }>('RotateAccessKeyPayload')
  .implement({
    description: 'What rotateAccessKey made.',
    fields: t => ({
      accessKey: t.expose('accessKey', { type: AccessKeyType, description: 'The key, with the id it had.' }),
      secret: t.exposeString('secret', { description: 'The new secret. It is shown here once and nowhere again.' }),
    }),
  })

const DeleteAccessKeyPayload = builder.objectRef<{ deletedAccessKeyId: string }>('DeleteAccessKeyPayload').implement({
  description: 'What deleteAccessKey deleted.',
  fields: t => ({
    deletedAccessKeyId: t.exposeID('deletedAccessKeyId', { description: 'The id that no longer opens anything.' }),
  }),
})

builder.mutationFields(t => ({
  createAccessKey: t.field({
    type: CreateAccessKeyPayload,
    description:
      'Mints an access key, no wider than the one that asks; a key with rules, or for registered operations only, mints none. Scope: keys:write.',
    args: { input: t.arg({ type: CreateAccessKeyInput, required: true, description: 'The key.' }) },
    resolve: async (_root, { input }, context) => {
      const caller = context.authorize('keys:write')
      const made = await context.services.accessKeys.create(caller, { ...input, rules: rulesOf(input.rules) ?? null })
      const { id, name, scopes: held, connectionId } = made.accessKey
      await context.audit('accessKey.created', id, { name, scopes: held, connectionId })
      return made
    },
  }),
  updateAccessKey: t.field({
    type: UpdateAccessKeyPayload,
    description:
      'Changes what an access key and its sessions may do, on every replica within a second; its secret stays. Not one that is wider than the key that asks, nor to what would be; a key with rules, or for registered operations only, changes none. Scope: keys:write.',
    args: { input: t.arg({ type: UpdateAccessKeyInput, required: true, description: 'What changes.' }) },
    resolve: async (_root, { input: { id, ...change } }, context) => {
      const caller = context.authorize('keys:write')
      const changes = { ...change, rules: change.rules === null ? null : rulesOf(change.rules) }
      const accessKey = await context.services.accessKeys.update(caller, id, changes)
      await context.audit('accessKey.updated', id, { name: accessKey.name, changed: namesOf(change) })
      return { accessKey }
    },
  }),
  rotateAccessKey: t.field({
    type: RotateAccessKeyPayload,
    description:
      'Gives an access key a new secret; the old one works for a while longer. Not one that is wider than the key that asks. Scope: keys:write.',
    args: { input: t.arg({ type: RotateAccessKeyInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const caller = context.authorize('keys:write')
      const overlapSeconds = input.overlapSeconds ?? standardOverlapSeconds
      const rotated = await context.services.accessKeys.rotate(caller, input.id, overlapSeconds)
      await context.audit('accessKey.rotated', input.id, { name: rotated.accessKey.name, overlapSeconds })
      return rotated
    },
  }),
  deleteAccessKey: t.field({
    type: DeleteAccessKeyPayload,
    description:
      'Deletes an access key; it opens nothing from then on. Not one that is wider than the key that asks, nor the preset one, nor the last admin key of a workspace. Scope: keys:write.',
    args: { input: t.arg({ type: DeleteAccessKeyInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const caller = context.authorize('keys:write')
      const { name } = await context.services.accessKeys.delete(caller, input.id)
      await context.audit('accessKey.deleted', input.id, { name })
      return { deletedAccessKeyId: input.id }
    },
  }),
}))
