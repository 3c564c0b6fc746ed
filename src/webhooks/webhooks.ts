/** The parts of this room put together: the endpoints, who sends to them, and what is cleared away. */
import type { Events } from '../events.ts'
import type { ConnectionEventStore } from '../store/connection-events.ts'
import type { WebhookQueue } from '../store/webhook-queue.ts'
import type { WebhookStore } from '../store/webhooks.ts'
import { WebhookDispatcher } from './dispatcher.ts'
import { WebhookEndpoints, type WebhookEndpointsOptions } from './endpoints.ts'
import { createWebhookPost, type WebhookFetch } from './post.ts'
import { createRetentionTasks, type RetentionTask } from './retention.ts'

export interface WebhooksParts extends Pick<WebhookEndpointsOptions, 'seal' | 'refuse'> {
  readonly stores: {
    readonly webhooks: WebhookStore
    readonly webhookQueue: WebhookQueue
    readonly connectionEvents: ConnectionEventStore
  }
  readonly fetch: WebhookFetch
  readonly events: Events
}

export interface Webhooks extends AsyncDisposable {
  readonly endpoints: WebhookEndpoints
  readonly dispatcher: WebhookDispatcher
  readonly retention: readonly RetentionTask[]
}

export function createWebhooks({ stores, seal, refuse, fetch, events }: WebhooksParts): Webhooks {
  const dispatcher = new WebhookDispatcher({
    queue: stores.webhookQueue,
    post: createWebhookPost(fetch),
    open: seal.open,
    onDisabled: (place, reason) => events.webhookEndpointDisabled(place, reason),
    onAttempt: isDelivered => events.webhookAttempted(isDelivered ? 'ok' : 'failed'),
    onFailure: error => events.webhooksFailed(error),
  })
  return {
    endpoints: new WebhookEndpoints({ store: stores.webhooks, seal, refuse }),
    dispatcher,
    retention: createRetentionTasks(stores.webhookQueue, stores.connectionEvents),
    [Symbol.asyncDispose]: () => dispatcher[Symbol.asyncDispose](),
  }
}
