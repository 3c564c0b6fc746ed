/** What is cleared away of events and webhooks, a slice at a time. */
import type { ConnectionEventStore } from '../store/connection-events.ts'
import type { WebhookQueue } from '../store/webhook-queue.ts'

export interface RetentionTask {
  readonly what: string
  /** @returns how many there were, `limit` at most */
  readonly run: (limit: number) => Promise<number>
}

const keepMs = 30 * 24 * 3_600_000

export function createRetentionTasks(queue: WebhookQueue, events: ConnectionEventStore): RetentionTask[] {
  return [
    { what: 'deliveries to disabled endpoints', run: limit => queue.giveUpDisabled(limit) },
    { what: 'old webhook deliveries', run: limit => queue.deleteOld(keepMs, limit) },
    { what: 'old connection events', run: limit => events.deleteOld(keepMs, limit) },
  ]
}
