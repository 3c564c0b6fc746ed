/** Connections: the linked accounts of end users, without their secrets. */
import { namesOf } from '../access/audit.ts'
import { checkRules } from '../access/rules.ts'
import { seesConnection } from '../access/visibility.ts'
import type { SchemeName } from '../auth/scheme.ts'
import type { Connection } from '../connections/connections.ts'
import { integrationNotFound } from '../connections/integrations.ts'
import type { Account as AccountFacts, Verification } from '../connections/verification.ts'
import { builder } from './builder.ts'
import { DeleteConnectionPayload } from './connection-deletion.ts'
import { CredentialInput, credentialOf } from './credentials.ts'
import { AuthScheme, IntegrationType } from './integrations.ts'
import { Quota, QuotaInput, RateLimit } from './rate-limits.ts'
import { Rule, RuleInput, rulesOf } from './rules.ts'

const refreshTimeoutMs = 30_000

export const ConnectionType = builder.objectRef<Connection>('Connection')

export const ConnectionStatus = builder.enumType('ConnectionStatus', {
  description: 'Whether calls can be made with a connection.',
  values: {
    ACTIVE: { description: 'Calls can be made.' },
    NEEDS_REAUTH: { description: 'The credential no longer works; the end user has to connect again.' },
    DISABLED: { description: 'Switched off by the workspace.' },
  },
})

const Account = builder.objectRef<AccountFacts>('ConnectionAccount').implement({
  description: 'An account at a service, as the service itself tells it.',
  fields: t => ({
    id: t.exposeString('id', { nullable: true, description: 'The service’s own id for it.' }),
    name: t.exposeString('name', { nullable: true, description: 'What it is called there.' }),
    email: t.exposeString('email', { nullable: true, description: 'Its e-mail address.' }),
    url: t.exposeString('url', { nullable: true, description: 'Its page.' }),
  }),
})

builder.node(ConnectionType, {
  description:
    'One linked account of one end user at one integration. Its credential is sealed and never shown. Scope: connections:read.',
  id: { resolve: connection => connection.id },
  loadMany: async (ids, context) => {
    const caller = context.authorize('connections:read')
    const rows = await context.services.connections.getMany(caller.workspaceId, ids)
    const byId = new Map(rows.filter(row => seesConnection(caller, row)).map(row => [row.id, row]))
    return ids.map(id => byId.get(id) ?? null)
  },
  fields: t => ({
    integration: t.field({
      type: IntegrationType,
      description: 'The service it is linked to.',
      resolve: async ({ integration }, _args, { operation }) => {
        const found = await operation().lookups.integration(integration)
        if (found === undefined) throw integrationNotFound(integration)
        return found
      },
    }),
    endUserId: t.exposeString('endUserId', { description: 'Whose account it is, by the workspace’s own id.' }),
    status: t.expose('status', { type: ConnectionStatus, description: 'Whether calls can be made.' }),
    config: t.expose('config', { type: 'JSONObject', description: 'The integration’s config values of this account.' }),
    metadata: t.expose('metadata', {
      type: 'JSONObject',
      description: 'What the workspace keeps with it; never sent upstream.',
    }),
    rateLimit: t.field({
      type: RateLimit,
      nullable: true,
      description: 'What the vendor’s last answer said of its limit for this account; null before it said anything.',
      resolve: ({ workspaceId, id }, _args, { services }) => services.gateway.budgetOf(workspaceId, id),
    }),
    quota: t.expose('quota', {
      type: Quota,
      nullable: true,
      description: 'What the workspace set for this connection; null for none.',
    }),
    authScheme: t.field({
      type: AuthScheme,
      description: 'How its credential proves it.',
      resolve: ({ scheme }) => scheme as SchemeName,
    }),
    account: t.expose('account', {
      type: Account,
      nullable: true,
      description: 'Whose account it is at the service; null until the service told.',
    }),
    verifiedAt: t.expose('verifiedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the service was last asked and took the credential.',
    }),
    tokenExpiresAt: t.expose('tokenExpiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the access token ends; it is renewed before. Null when no end is known.',
    }),
    statusReason: t.exposeString('statusReason', {
      nullable: true,
      description: 'Why it needs its end user again, also while it is disabled; null otherwise.',
    }),
    statusChangedAt: t.expose('statusChangedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the status last changed; null when it never did.',
    }),
    connectUrl: t.string({
      nullable: true,
      description:
        'A page on which its end user connects the same account again, good for 30 minutes; null unless that is needed: the status is NEEDS_REAUTH, or the integration no longer takes such a credential and has another way to connect.',
      resolve: async (connection, _args, { services, operation }) => {
        const integration = await operation().lookups.integration(connection.integration)
        return services.connections.connectUrlFor(connection, integration)
      },
    }),
    rules: t.field({
      type: [Rule],
      description: 'What may be called through it and what not, by whoever; empty for anything.',
      resolve: ({ rules }) => [...rules],
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When a call was last made with it; a second or so late, null before the first.',
    }),
  }),
})

builder.queryFields(t => ({
  connection: t.field({
    type: ConnectionType,
    nullable: true,
    description: 'The connection with this id, or null. Scope: connections:read.',
    args: { id: t.arg.id({ required: true, description: 'A `conn_…` id.' }) },
    resolve: async (_root, { id }, context) => {
      const caller = context.authorize('connections:read')
      const row = await context.services.connections.get(caller.workspaceId, id)
      return row !== undefined && seesConnection(caller, row) ? row : undefined
    },
  }),
}))

const CreateConnectionInput = builder.inputType('CreateConnectionInput', {
  description: 'A credential that the workspace has already, to be sealed and used from now on.',
  fields: t => ({
    integration: t.string({ required: true, description: 'The integration’s slug.' }),
    endUserId: t.string({ required: true, description: 'Whose account it is, by your own id; 1 to 255 characters.' }),
    config: t.field({
      type: 'JSONObject',
      description:
        'Values of the integration’s config fields, e.g. `{dc: "us9"}`. A value that its settings have made needless may be any text.',
    }),
    credential: t.field({ type: CredentialInput, required: true, description: 'The secret; never shown again.' }),
    metadata: t.field({
      type: 'JSONObject',
      description:
        'What you want to keep with it; at most 16 KiB, not secret. A number that a double (IEEE 754) would round is refused: write it as text.',
    }),
    verify: t.boolean({
      defaultValue: true,
      description:
        'Asks the service first, where the integration says how; a credential that it refuses is not stored.',
    }),
  }),
})

const UpdateConnectionInput = builder.inputType('UpdateConnectionInput', {
  description: 'What to replace; an absent field stays as it is.',
  fields: t => ({
    id: t.id({ required: true, description: 'Which connection.' }),
    config: t.field({ type: 'JSONObject', description: 'All config values anew.' }),
    metadata: t.field({ type: 'JSONObject', description: 'All metadata anew, as for createConnection.' }),
    quota: t.field({ type: QuotaInput, description: 'A limit for calls through it; null for none.' }),
    rules: t.field({ type: [RuleInput], description: 'What may be called through it and what not; all anew.' }),
  }),
})

const payload = (name: string, description: string) =>
  builder.objectRef<{ connection: Connection }>(name).implement({
    description,
    fields: t => ({
      connection: t.expose('connection', { type: ConnectionType, description: 'The connection as it is now.' }),
    }),
  })

const byId = (name: string, description: string) =>
  builder.inputType(name, {
    description,
    fields: t => ({ id: t.id({ required: true, description: 'Which connection.' }) }),
  })

const CreateConnectionPayload = payload('CreateConnectionPayload', 'What createConnection made.')
const UpdateConnectionPayload = payload('UpdateConnectionPayload', 'What updateConnection changed.')
const DisableConnectionPayload = payload('DisableConnectionPayload', 'What disableConnection switched off.')
const EnableConnectionPayload = payload('EnableConnectionPayload', 'What enableConnection switched on.')
const RefreshConnectionPayload = payload('RefreshConnectionPayload', 'What refreshConnection renewed.')
const RefreshConnectionInput = byId('RefreshConnectionInput', 'Which connection to renew the token of.')
const VerifyConnectionInput = byId('VerifyConnectionInput', 'Which connection to verify.')
const DisableConnectionInput = byId('DisableConnectionInput', 'Which connection to switch off.')
const EnableConnectionInput = byId('EnableConnectionInput', 'Which connection to switch on again.')
const DeleteConnectionInput = byId('DeleteConnectionInput', 'Which connection to erase.')

const VerificationOutcome = builder.enumType('VerificationOutcome', {
  description: 'What a service says of a credential.',
  values: {
    OK: { description: 'It takes it.' },
    REFUSED: { description: 'It refuses it.' },
    UNKNOWN: { description: 'It could not be asked, or said neither yes nor no.' },
  },
})

const VerifyConnectionPayload = builder
  .objectRef<{ connection: Connection; verification: Verification | undefined }>('VerifyConnectionPayload')
  .implement({
    description: 'What the service said.',
    fields: t => ({
      connection: t.expose('connection', { type: ConnectionType, description: 'The connection as it is now.' }),
      outcome: t.field({
        type: VerificationOutcome,
        nullable: true,
        description: 'Null when the integration has no request with which to ask.',
        resolve: ({ verification }) => verification?.outcome ?? null,
      }),
      httpStatus: t.int({
        nullable: true,
        description: 'Of the service’s answer; null when there was none.',
        resolve: ({ verification }) => verification?.status ?? null,
      }),
      message: t.string({
        nullable: true,
        description: 'One sentence.',
        resolve: ({ verification }) => verification?.message ?? null,
      }),
    }),
  })

builder.mutationFields(t => ({
  createConnection: t.field({
    type: CreateConnectionPayload,
    description: 'Imports a credential as a new connection. Scope: connections:write.',
    args: { input: t.arg({ type: CreateConnectionInput, required: true, description: 'The connection.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('connections:write')
      const { verify, ...rest } = input
      const connection = { ...rest, credential: credentialOf(input.credential) }
      const options = { verify: verify ?? true }
      const made = await context.services.connections.create(workspaceId, connection, options)
      await context.audit('connection.created', made.id, factsOf(made))
      return { connection: made }
    },
  }),
  updateConnection: t.field({
    type: UpdateConnectionPayload,
    description: 'Replaces config values, metadata, the quota or the rules. Scope: connections:write.',
    args: { input: t.arg({ type: UpdateConnectionInput, required: true, description: 'What to replace.' }) },
    resolve: async (_root, { input: { id, rules, ...changes } }, context) => {
      const { workspaceId } = context.authorize('connections:write')
      const checked = rules === undefined ? {} : { rules: checkRules('rules', rulesOf(rules)) }
      const connection = await context.services.connections.update(workspaceId, id, { ...changes, ...checked })
      await context.audit('connection.updated', id, { ...factsOf(connection), changed: namesOf({ rules, ...changes }) })
      return { connection }
    },
  }),
  disableConnection: t.field({
    type: DisableConnectionPayload,
    description: 'Stops all calls through a connection until it is enabled. Scope: connections:write.',
    args: { input: t.arg({ type: DisableConnectionInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('connections:write')
      const connection = await context.services.connections.disable(workspaceId, input.id)
      await context.audit('connection.disabled', input.id, factsOf(connection))
      return { connection }
    },
  }),
  enableConnection: t.field({
    type: EnableConnectionPayload,
    description:
      'Undoes disableConnection: calls are made again, unless the credential stopped to work before or meanwhile; then it needs its end user. Scope: connections:write.',
    args: { input: t.arg({ type: EnableConnectionInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('connections:write')
      const connection = await context.services.connections.enable(workspaceId, input.id)
      await context.audit('connection.enabled', input.id, factsOf(connection))
      return { connection }
    },
  }),
  deleteConnection: t.field({
    type: DeleteConnectionPayload,
    description:
      'Stops all use of a connection, has the service revoke its credential where it can, and erases it. Scope: connections:write.',
    args: { input: t.arg({ type: DeleteConnectionInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('connections:write')
      const { steps, isFirst } = await context.services.connections.delete(workspaceId, input.id)
      const outcomes = steps.map(({ step, outcome }) => `${step} ${outcome}`)
      if (isFirst) await context.audit('connection.deleted', input.id, { steps: outcomes })
      return { deletedConnectionId: input.id, steps }
    },
  }),
  refreshConnection: t.field({
    type: RefreshConnectionPayload,
    description:
      'Has the service give a new token now; calls do so by themselves before the old one ends. Scope: connections:write.',
    args: { input: t.arg({ type: RefreshConnectionInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('connections:write')
      const wait = { deadlineMs: Date.now() + refreshTimeoutMs }
      const connection = await context.services.connections.refresh(workspaceId, input.id, wait)
      await context.audit('connection.refreshed', input.id, factsOf(connection))
      return { connection }
    },
  }),
  verifyConnection: t.field({
    type: VerifyConnectionPayload,
    description:
      'Asks the service whether it takes the credential, and whose account it is. Changes no status. Scope: connections:write.',
    args: { input: t.arg({ type: VerifyConnectionInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('connections:write')
      const verified = await context.services.connections.verify(workspaceId, input.id)
      const outcome = verified.verification?.outcome ?? null
      await context.audit('connection.verified', input.id, { ...factsOf(verified.connection), outcome })
      return verified
    },
  }),
}))

/** What tells a reader of the audit trail which connection it was, once it is gone. */
function factsOf({ integration, endUserId, scheme }: Connection) {
  return { integration, endUserId, authScheme: scheme }
}
