/** Webhooks: where the workspace is told of what happens to its connections. */
import { namesOf } from '../access/audit.ts'
import { GatewayError } from '../errors.ts'
import type { ConnectionEventType } from '../store/connection-events.ts'
import type { WebhookDelivery, WebhookEndpoint } from '../webhooks/endpoints.ts'
import { builder } from './builder.ts'
import { ConnectionEventTypeEnum } from './connection-events.ts'
import type { GraphQLContext } from './context.ts'
import { toRelay } from './pages.ts'

const scope = 'Scope: webhooks:write and connections:read.'

const WebhookEndpointType = builder.objectRef<WebhookEndpoint>('WebhookEndpoint')
const WebhookDeliveryType = builder.objectRef<WebhookDelivery>('WebhookDelivery')

const WebhookDeliveryStatus = builder.enumType('WebhookDeliveryStatus', {
  description: 'How far a delivery is.',
  values: {
    PENDING: { description: 'It is to be sent, for the first time or again.' },
    DELIVERED: { description: 'The endpoint answered with a status from 200 to 299.' },
    FAILED: { description: 'It was given up: ten attempts in three days failed, or the endpoint was disabled.' },
  },
})

builder.node(WebhookEndpointType, {
  description: `Where the workspace is told of events, by the rules of Standard Webhooks (https://www.standardwebhooks.com). ${scope}`,
  id: { resolve: endpoint => endpoint.id },
  loadMany: (ids, context) => {
    const workspaceId = authorize(context)
    return Promise.all(ids.map(async id => (await context.services.webhooks.get(workspaceId, id)) ?? null))
  },
  fields: t => ({
    url: t.exposeString('url', { description: 'Where deliveries are sent to, with POST.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it is for.' }),
    eventTypes: t.field({
      type: [ConnectionEventTypeEnum],
      nullable: true,
      description: 'What it is told of; null for everything, also for what is added later.',
      resolve: ({ eventTypes }) => eventTypes as ConnectionEventType[] | null,
    }),
    isEnabled: t.exposeBoolean('isEnabled', { description: 'False when nothing is sent to it.' }),
    disabledReason: t.exposeString('disabledReason', {
      nullable: true,
      description:
        'Why it is disabled: by the workspace, because it answered 410, or because nothing could be delivered for five days.',
    }),
    failingSince: t.expose('failingSince', {
      type: 'DateTime',
      nullable: true,
      description: 'Since when no delivery arrived; null while the last one did.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
})

builder.node(WebhookDeliveryType, {
  description: `One event on its way to one endpoint; kept for 30 days. ${scope}`,
  id: { resolve: delivery => delivery.id },
  loadMany: (ids, context) => {
    const workspaceId = authorize(context)
    return Promise.all(ids.map(async id => (await context.services.webhooks.getDelivery(workspaceId, id)) ?? null))
  },
  fields: t => ({
    endpointId: t.exposeID('endpointId', { description: 'Where it goes.' }),
    endpoint: t.field({
      type: WebhookEndpointType,
      nullable: true,
      description: 'Where it goes; null when that was deleted this moment.',
      resolve: ({ workspaceId, endpointId }, _args, { services }) => services.webhooks.get(workspaceId, endpointId),
    }),
    eventId: t.exposeID('eventId', {
      description:
        'The event; the header `webhook-id` of every attempt, by which receivers tell what they had already.',
    }),
    eventType: t.exposeString('eventType', { description: 'Such as `connection.updated`; `webhook.test` for a test.' }),
    payload: t.exposeString('payload', { description: 'The very text that is signed and sent.' }),
    status: t.expose('status', { type: WebhookDeliveryStatus, description: 'How far it is.' }),
    attempts: t.exposeInt('attempts', { description: 'How many attempts were begun.' }),
    lastStatus: t.exposeInt('lastStatus', {
      nullable: true,
      description: 'The HTTP status of the last answer; null when there was none.',
    }),
    lastError: t.exposeString('lastError', { nullable: true, description: 'Why the last attempt failed.' }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is sent next; null when it is over.',
      resolve: ({ status, nextAttemptAt }) => (status === 'PENDING' ? nextAttemptAt : null),
    }),
    deliveredAt: t.expose('deliveredAt', { type: 'DateTime', nullable: true, description: 'When it arrived.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
})

const WebhookDeliveryFilter = builder.inputType('WebhookDeliveryFilter', {
  description: 'Narrows the list; all given conditions hold.',
  fields: t => ({
    endpointId: t.id({ description: 'To this endpoint.' }),
    status: t.field({ type: WebhookDeliveryStatus, description: 'As far as this.' }),
  }),
})

builder.queryFields(t => ({
  webhookEndpoints: t.connection({
    type: WebhookEndpointType,
    description: `The workspace’s webhook endpoints, newest first. ${scope}`,
    resolve: async (_root, page, context) => toRelay(await context.services.webhooks.list(authorize(context), page)),
  }),
  webhookDeliveries: t.connection({
    type: WebhookDeliveryType,
    description: `Deliveries to the workspace’s webhook endpoints, newest first. ${scope}`,
    args: { filter: t.arg({ type: WebhookDeliveryFilter, description: 'Narrows the list.' }) },
    resolve: async (_root, { filter, ...page }, context) =>
      toRelay(await context.services.webhooks.listDeliveries(authorize(context), filter ?? {}, page)),
  }),
}))

const CreateWebhookEndpointInput = builder.inputType('CreateWebhookEndpointInput', {
  description: 'A new webhook endpoint.',
  fields: t => ({
    url: t.string({
      required: true,
      description: 'An https URL that leads to a public address; redirects are not followed.',
    }),
    description: t.string({ description: 'What it is for; at most 500 characters.' }),
    eventTypes: t.field({
      type: [ConnectionEventTypeEnum],
      description: 'What it is told of; everything when absent.',
    }),
  }),
})

const UpdateWebhookEndpointInput = builder.inputType('UpdateWebhookEndpointInput', {
  description: 'What to replace; an absent field stays as it is.',
  fields: t => ({
    id: t.id({ required: true, description: 'A `whe_…` id.' }),
    url: t.string({ description: 'Where deliveries are sent to from now on, those that wait included.' }),
    description: t.string({ description: 'What it is for; null for nothing.' }),
    eventTypes: t.field({ type: [ConnectionEventTypeEnum], description: 'What it is told of; null for everything.' }),
    isEnabled: t.boolean({ description: 'False switches it off, and what waits for it is given up.' }),
  }),
})

const byId = (name: string, description: string, idDescription: string) =>
  builder.inputType(name, {
    description,
    fields: t => ({ id: t.id({ required: true, description: idDescription }) }),
  })

const endpointId = 'A `whe_…` id.'
const DeleteWebhookEndpointInput = byId('DeleteWebhookEndpointInput', 'Which endpoint to delete.', endpointId)
const RotateWebhookSecretInput = byId('RotateWebhookSecretInput', 'Whose secret to replace.', endpointId)
const SendTestEventInput = byId('SendTestEventInput', 'Which endpoint to test.', endpointId)
const ResendWebhookDeliveryInput = byId('ResendWebhookDeliveryInput', 'What to send again.', 'A `whd_…` id.')

const shownOnce = 'What signs the deliveries (`whsec_…`). It is shown here once and nowhere again.'

const CreateWebhookEndpointPayload = builder
  .objectRef<{ endpoint: WebhookEndpoint; secret: string }>('CreateWebhookEndpointPayload')
  .implement({
    description: 'What createWebhookEndpoint made.',
    fields: t => ({
      webhookEndpoint: t.expose('endpoint', { type: WebhookEndpointType, description: 'The endpoint.' }),
      secret: t.exposeString('secret', { description: shownOnce }),
    }),
  })

const UpdateWebhookEndpointPayload = builder
  .objectRef<{ endpoint: WebhookEndpoint }>('UpdateWebhookEndpointPayload')
  .implement({
    description: 'What updateWebhookEndpoint changed.',
    fields: t => ({
      webhookEndpoint: t.expose('endpoint', { type: WebhookEndpointType, description: 'The endpoint as it is now.' }),
    }),
  })

const DeleteWebhookEndpointPayload = builder
  .objectRef<{ deletedWebhookEndpointId: string }>('DeleteWebhookEndpointPayload')
  .implement({
    description: 'What deleteWebhookEndpoint deleted.',
    fields: t => ({
      deletedWebhookEndpointId: t.exposeID('deletedWebhookEndpointId', {
        description: 'The id that no longer names anything.',
      }),
    }),
  })

const RotateWebhookSecretPayload = builder
  .objectRef<{ endpoint: WebhookEndpoint; secret: string; previousSecretUntil: Date }>('RotateWebhookSecretPayload')
  .implement({
    description: 'What rotateWebhookSecret made.',
    fields: t => ({
      webhookEndpoint: t.expose('endpoint', { type: WebhookEndpointType, description: 'The endpoint.' }),
      secret: t.exposeString('secret', { description: shownOnce }),
      previousSecretUntil: t.expose('previousSecretUntil', {
        type: 'DateTime',
        description: 'Until when deliveries carry a signature by the secret before it, too.',
      }),
    }),
  })

const deliveryPayload = (name: string, description: string) =>
  builder.objectRef<{ delivery: WebhookDelivery }>(name).implement({
    description,
    fields: t => ({
      webhookDelivery: t.expose('delivery', { type: WebhookDeliveryType, description: 'The delivery as it is now.' }),
    }),
  })

const SendTestEventPayload = deliveryPayload('SendTestEventPayload', 'What sendTestEvent put on its way.')
const ResendWebhookDeliveryPayload = deliveryPayload(
  'ResendWebhookDeliveryPayload',
  'What resendWebhookDelivery put on its way.',
)

builder.mutationFields(t => ({
  createWebhookEndpoint: t.field({
    type: CreateWebhookEndpointPayload,
    description: `Makes a webhook endpoint; a workspace has at most 20. ${scope}`,
    args: { input: t.arg({ type: CreateWebhookEndpointInput, required: true, description: 'The endpoint.' }) },
    resolve: async (_root, { input }, context) => {
      const made = await context.services.webhooks.create(authorize(context), input)
      await context.audit('webhookEndpoint.created', made.endpoint.id)
      return made
    },
  }),
  updateWebhookEndpoint: t.field({
    type: UpdateWebhookEndpointPayload,
    description: `Changes a webhook endpoint, or switches it off or on. ${scope}`,
    args: { input: t.arg({ type: UpdateWebhookEndpointInput, required: true, description: 'What to replace.' }) },
    resolve: async (_root, { input: { id, ...change } }, context) => {
      const endpoint = await context.services.webhooks.update(authorize(context), id, change)
      await context.audit('webhookEndpoint.updated', id, { changed: namesOf(change) })
      return { endpoint }
    },
  }),
  deleteWebhookEndpoint: t.field({
    type: DeleteWebhookEndpointPayload,
    description: `Deletes a webhook endpoint and its deliveries. ${scope}`,
    args: { input: t.arg({ type: DeleteWebhookEndpointInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input: { id } }, context) => {
      if (await context.services.webhooks.delete(authorize(context), id)) {
        await context.audit('webhookEndpoint.deleted', id)
        return { deletedWebhookEndpointId: id }
      }
      throw new GatewayError('INVALID_INPUT', 'The workspace has no webhook endpoint with this id.', {
        details: [{ field: 'id', message: 'id names no webhook endpoint of the workspace.' }],
      })
    },
  }),
  rotateWebhookSecret: t.field({
    type: RotateWebhookSecretPayload,
    description: `Gives a webhook endpoint a new secret; the old one signs beside it for 24 hours. ${scope}`,
    args: { input: t.arg({ type: RotateWebhookSecretInput, required: true, description: 'Whose.' }) },
    resolve: async (_root, { input }, context) => {
      const rotated = await context.services.webhooks.rotateSecret(authorize(context), input.id)
      await context.audit('webhookEndpoint.secretRotated', input.id)
      return rotated
    },
  }),
  sendTestEvent: t.field({
    type: SendTestEventPayload,
    description: `Sends an event of the type \`webhook.test\` to an endpoint, whatever it wants to be told of. ${scope}`,
    args: { input: t.arg({ type: SendTestEventInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => ({
      delivery: await context.services.webhooks.sendTest(authorize(context), input.id),
    }),
  }),
  resendWebhookDelivery: t.field({
    type: ResendWebhookDeliveryPayload,
    description: `Sends a delivery that is over once more, under the same id and with all its attempts. ${scope}`,
    args: { input: t.arg({ type: ResendWebhookDeliveryInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => ({
      delivery: await context.services.webhooks.resend(authorize(context), input.id),
    }),
  }),
}))

/** Whoever says where events go reads them: a key that may not read connections cannot have them sent to itself. */
function authorize(context: GraphQLContext): string {
  context.authorize('connections:read')
  return context.authorize('webhooks:write').workspaceId
}
