/** Webhook endpoints of a workspace, and the deliveries to them as their workspace sees them. */
import { and, eq, ne, sql } from 'drizzle-orm'
import { type EventNotice, eventChannel } from './connection-events.ts'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { isId } from './ids.ts'
import { fetchPage, type KeysetOrder, type Page, type PageArgs } from './page.ts'
import { checkText } from './stored-text.ts'
import { webhookDeliveries, webhookEndpoints } from './tables.ts'

export type WebhookEndpointRow = typeof webhookEndpoints.$inferSelect
export type WebhookDeliveryRow = typeof webhookDeliveries.$inferSelect
export type WebhookDeliveryStatus = WebhookDeliveryRow['status']

export type NewWebhookEndpointRow = Pick<
  WebhookEndpointRow,
  'workspaceId' | 'id' | 'url' | 'description' | 'eventTypes' | 'sealedSecret'
>

export type WebhookEndpointPatch = Partial<
  Pick<WebhookEndpointRow, 'url' | 'description' | 'eventTypes' | 'isEnabled' | 'disabledReason' | 'failingSince'>
>

export type NewWebhookDeliveryRow = Pick<
  WebhookDeliveryRow,
  'workspaceId' | 'id' | 'endpointId' | 'eventId' | 'eventType' | 'payload'
>

export interface WebhookDeliveryFilter {
  readonly endpointId?: string | null | undefined
  readonly status?: WebhookDeliveryStatus | null | undefined
}

export interface WebhookStore {
  /** Undefined when the workspace has `max` endpoints already. */
  insertEndpoint(row: NewWebhookEndpointRow, max: number): Promise<WebhookEndpointRow | undefined>
  getEndpoint(workspaceId: string, id: string): Promise<WebhookEndpointRow | undefined>
  listEndpoints(workspaceId: string, page: PageArgs): Promise<Page<WebhookEndpointRow>>
  updateEndpoint(workspaceId: string, id: string, patch: WebhookEndpointPatch): Promise<WebhookEndpointRow | undefined>
  /** Compare and swap. @returns undefined when another secret is there by now, or no endpoint */
  replaceSecret(workspaceId: string, id: string, before: Buffer, after: Buffer): Promise<WebhookEndpointRow | undefined>
  /** With all that was on its way to it. True when there was one. */
  deleteEndpoint(workspaceId: string, id: string): Promise<boolean>
  /** One that belongs to no event of a connection; all processes are told. */
  insertDelivery(row: NewWebhookDeliveryRow): Promise<WebhookDeliveryRow>
  getDelivery(workspaceId: string, id: string): Promise<WebhookDeliveryRow | undefined>
  listDeliveries(workspaceId: string, filter: WebhookDeliveryFilter, page: PageArgs): Promise<Page<WebhookDeliveryRow>>
  /** Begins anew, with all its attempts; what is on its way already stays as it is. All processes are told. */
  resend(workspaceId: string, id: string): Promise<WebhookDeliveryRow | undefined>
}

export function createWebhookStore(db: Db): WebhookStore {
  const isEndpoint = (workspaceId: string, id: string) =>
    and(eq(webhookEndpoints.workspaceId, workspaceId), eq(webhookEndpoints.id, id))
  const isDelivery = (workspaceId: string, id: string) =>
    and(eq(webhookDeliveries.workspaceId, workspaceId), eq(webhookDeliveries.id, id))
  return guarded({
    async insertEndpoint(row: NewWebhookEndpointRow, max: number) {
      checkText('url', row.url)
      checkText('description', row.description ?? '')
      return await db.transaction(async tx => {
        // One after the other within a workspace, or two at once would both be the last that fits.
        await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`webhooks ${row.workspaceId}`}, 0))`)
        const isOwn = eq(webhookEndpoints.workspaceId, row.workspaceId)
        if ((await tx.$count(webhookEndpoints, isOwn)) >= max) return undefined
        const [inserted] = await tx.insert(webhookEndpoints).values(row).returning()
        return inserted
      })
    },
    async getEndpoint(workspaceId: string, id: string) {
      if (!isId('whe', id)) return undefined
      const [row] = await db.select().from(webhookEndpoints).where(isEndpoint(workspaceId, id))
      return row
    },
    async listEndpoints(workspaceId: string, page: PageArgs) {
      const isOwn = eq(webhookEndpoints.workspaceId, workspaceId)
      return await fetchPage(page, endpointsNewestFirst, ({ where, orderBy, limit }) =>
        db
          .select()
          .from(webhookEndpoints)
          .where(and(isOwn, where))
          .orderBy(...orderBy)
          .limit(limit),
      )
    },
    async updateEndpoint(workspaceId: string, id: string, patch: WebhookEndpointPatch) {
      if (!isId('whe', id)) return undefined
      checkText('url', patch.url ?? '')
      checkText('description', patch.description ?? '')
      const set = { ...patch, updatedAt: new Date() }
      const [row] = await db.update(webhookEndpoints).set(set).where(isEndpoint(workspaceId, id)).returning()
      return row
    },
    async replaceSecret(workspaceId: string, id: string, before: Buffer, after: Buffer) {
      const isMeant = and(isEndpoint(workspaceId, id), eq(webhookEndpoints.sealedSecret, before))
      const set = { sealedSecret: after, updatedAt: new Date() }
      const [row] = await db.update(webhookEndpoints).set(set).where(isMeant).returning()
      return row
    },
    async deleteEndpoint(workspaceId: string, id: string) {
      if (!isId('whe', id)) return false
      const deleted = await db
        .delete(webhookEndpoints)
        .where(isEndpoint(workspaceId, id))
        .returning({ id: webhookEndpoints.id })
      return deleted.length > 0
    },
    async insertDelivery(row: NewWebhookDeliveryRow) {
      return await db.transaction(async tx => {
        const [inserted] = await tx.insert(webhookDeliveries).values(row).returning()
        if (inserted === undefined) throw new TypeError('an insert returned no row')
        await tellDue(tx, row.endpointId)
        return inserted
      })
    },
    async getDelivery(workspaceId: string, id: string) {
      if (!isId('whd', id)) return undefined
      const [row] = await db.select().from(webhookDeliveries).where(isDelivery(workspaceId, id))
      return row
    },
    async listDeliveries(workspaceId: string, { endpointId, status }: WebhookDeliveryFilter, page: PageArgs) {
      if (endpointId != null && !isId('whe', endpointId))
        return { edges: [], hasNextPage: false, hasPreviousPage: false }
      const conditions = [
        eq(webhookDeliveries.workspaceId, workspaceId),
        endpointId == null ? undefined : eq(webhookDeliveries.endpointId, endpointId),
        status == null ? undefined : eq(webhookDeliveries.status, status),
      ]
      return await fetchPage(page, deliveriesNewestFirst, ({ where, orderBy, limit }) =>
        db
          .select()
          .from(webhookDeliveries)
          .where(and(...conditions, where))
          .orderBy(...orderBy)
          .limit(limit),
      )
    },
    async resend(workspaceId: string, id: string) {
      if (!isId('whd', id)) return undefined
      return await db.transaction(async tx => {
        const isOver = and(isDelivery(workspaceId, id), ne(webhookDeliveries.status, 'PENDING'))
        const set = { status: 'PENDING', attempts: 0, nextAttemptAt: sql`now()`, deliveredAt: null } as const
        const [row] = await tx.update(webhookDeliveries).set(set).where(isOver).returning()
        if (row !== undefined) await tellDue(tx, row.endpointId)
        return row ?? (await tx.select().from(webhookDeliveries).where(isDelivery(workspaceId, id)))[0]
      })
    },
  })
}

/** Told with the commit. */
async function tellDue(tx: Db, endpointId: string): Promise<void> {
  const notice: EventNotice = { hasDeliveries: true, endpointId }
  await tx.execute(sql`select pg_notify(${eventChannel}, ${JSON.stringify(notice)})`)
}

const endpointsNewestFirst: KeysetOrder<WebhookEndpointRow> = {
  name: 'webhookEndpoints',
  isDescending: true,
  keys: [{ column: webhookEndpoints.id, write: row => row.id, read: text => (isId('whe', text) ? text : undefined) }],
}

const deliveriesNewestFirst: KeysetOrder<WebhookDeliveryRow> = {
  name: 'webhookDeliveries',
  isDescending: true,
  keys: [{ column: webhookDeliveries.id, write: row => row.id, read: text => (isId('whd', text) ? text : undefined) }],
}
