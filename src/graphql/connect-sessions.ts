/** Connect sessions: links with which end users connect an account themselves. */
import { namesOf } from '../access/audit.ts'
import type { ConnectLink } from '../connections/connect-sessions.ts'
import { builder } from './builder.ts'

const CreateConnectSessionInput = builder.inputType('CreateConnectSessionInput', {
  description: 'For whom the link is, and what it may be used for.',
  fields: t => ({
    endUserId: t.string({ required: true, description: 'Whose account it will be, by your own id.' }),
    integrations: t.stringList({
      description:
        'The slugs to choose from, at most 100; every configured integration when absent. Those that cannot be connected yet are left out; `INTEGRATION_NOT_CONFIGURED` when no other is left.',
    }),
    connectionId: t.id({
      description:
        'The connection to repair: it keeps its id and takes the same account again. `integrations`, if any, has its integration.',
    }),
    allowOtherAccount: t.boolean({
      defaultValue: false,
      description:
        'With `connectionId`: accepts another account than the one that was connected. Accounts are told apart by the strongest field that the service tells of both: id, else email, else name, else url.',
    }),
    returnUrl: t.string({
      description: 'Where the end user goes afterwards, with `connection_id` and `state` in the query.',
    }),
    state: t.string({ description: 'Handed back in the query of `returnUrl`.' }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'What the connection that is made gets as its metadata, as for createConnection.',
    }),
    expiresInSeconds: t.int({ description: '1 to 1800; 900 when absent.' }),
  }),
})

const CreateConnectSessionPayload = builder.objectRef<ConnectLink>('CreateConnectSessionPayload').implement({
  description: 'The link. Whoever has it can connect an account once, in the name of the end user.',
  fields: t => ({
    id: t.exposeID('id', { description: 'The session’s `cs_…` id.' }),
    url: t.exposeString('url', { description: 'The page to send the end user to.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When the link ends.' }),
  }),
})

interface ConnectPage {
  readonly name: string
  readonly logoUrl: string | null
}

const ConnectPageType = builder.objectRef<ConnectPage>('ConnectPage').implement({
  description: 'How the workspace’s connect pages present themselves.',
  fields: t => ({
    name: t.exposeString('name', { description: 'The name that end users know.' }),
    logoUrl: t.exposeString('logoUrl', { nullable: true, description: 'An https URL of a picture.' }),
  }),
})

const ConfigureConnectPageInput = builder.inputType('ConfigureConnectPageInput', {
  description: 'How the connect pages present the workspace to its end users.',
  fields: t => ({
    name: t.string({ required: true, description: '1 to 80 characters.' }),
    logoUrl: t.string({ description: 'An https URL of a picture.' }),
  }),
})

const ConfigureConnectPagePayload = builder
  .objectRef<{ connectPage: ConnectPage }>('ConfigureConnectPagePayload')
  .implement({
    description: 'What configureConnectPage set.',
    fields: t => ({
      connectPage: t.expose('connectPage', { type: ConnectPageType, description: 'The pages as they are now.' }),
    }),
  })

builder.mutationFields(t => ({
  createConnectSession: t.field({
    type: CreateConnectSessionPayload,
    description:
      'Makes a link to a page on which an end user connects an account, or repairs a connection. Scope: connections:write.',
    args: { input: t.arg({ type: CreateConnectSessionInput, required: true, description: 'For whom and what.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId, keyId } = context.authorize('connections:write')
      const link = await context.services.connectSessions.create(workspaceId, keyId, input)
      const { endUserId, integrations = null, connectionId = null } = input
      await context.audit('connectSession.created', link.id, { endUserId, integrations, connectionId })
      return link
    },
  }),
  configureConnectPage: t.field({
    type: ConfigureConnectPagePayload,
    description: 'Sets the name and logo that end users see on connect pages. Scope: integrations:write.',
    args: { input: t.arg({ type: ConfigureConnectPageInput, required: true, description: 'Name and logo.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('integrations:write')
      const connectPage = await context.services.connectSessions.configurePage(workspaceId, input)
      await context.audit('connectPage.configured', workspaceId, { changed: namesOf(input) })
      return { connectPage }
    },
  }),
}))
