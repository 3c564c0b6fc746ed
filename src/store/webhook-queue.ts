/** The queue of webhook deliveries of all workspaces, for whoever sends them. Times are the database's, so that replicas agree. */
import { and, eq, inArray, isNotNull, isNull, ne, type SQL, sql } from 'drizzle-orm'
import { firstUuidAt } from './connection-events.ts'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { type IdPrefix, toUuid } from './ids.ts'
import { toStorable } from './stored-text.ts'
import { webhookDeliveries, webhookEndpoints } from './tables.ts'
import type { WebhookDeliveryRow } from './webhooks.ts'

/** A delivery that is ours until the lease is over, and where it goes. */
export interface LeasedDelivery
  extends Pick<WebhookDeliveryRow, 'workspaceId' | 'id' | 'endpointId' | 'eventId' | 'eventType' | 'payload'> {
  /** The one that now begins, counted from 1. */
  readonly attempts: number
  readonly url: string
  readonly sealedSecret: Buffer
}

export interface LeaseOptions {
  readonly limit: number
  readonly perEndpoint: number
  readonly perWorkspace: number
  readonly leaseMs: number
  readonly among: Among
}

/** Ids: the only endpoints to take from, or the endpoints and workspaces that have enough under way. */
export type Among =
  | { readonly onlyEndpoints: readonly string[] }
  | { readonly butEndpoints: readonly string[]; readonly butWorkspaces: readonly string[] }

/** What came of an attempt: nothing but the status of an answer is kept. */
export interface AttemptFailure {
  readonly status: number | null
  readonly error: string
  /** Null when it was the last. */
  readonly retryInMs: number | null
}

export interface WebhookQueue {
  /** Takes what is due, oldest first, a few of each endpoint: another process takes none of it before the lease is over. */
  lease(options: LeaseOptions): Promise<LeasedDelivery[]>
  succeed(delivery: LeasedDelivery, status: number): Promise<void>
  /** Unless somebody else has it by now. @returns for how many milliseconds nothing has been delivered there */
  fail(delivery: LeasedDelivery, failure: AttemptFailure): Promise<number>
  /** True for the one who did it. */
  disable(delivery: Pick<LeasedDelivery, 'workspaceId' | 'endpointId'>, reason: string): Promise<boolean>
  /** Gives up what waits for endpoints that are disabled. @returns how many there were, `limit` at most */
  giveUpDisabled(limit: number): Promise<number>
  /** What is older and over. @returns how many there were, `limit` at most */
  deleteOld(ageMs: number, limit: number): Promise<number>
}

/** How many of the oldest are looked at: who fills the queue has enough under way by the next look, and is left out. */
const lookAt = 500

export function createWebhookQueue(db: Db): WebhookQueue {
  const { workspaceId, id, endpointId, status, attempts } = webhookDeliveries
  const isOf = (delivery: LeasedDelivery) => and(eq(workspaceId, delivery.workspaceId), eq(id, delivery.id))
  const endpointOf = (place: Pick<LeasedDelivery, 'workspaceId' | 'endpointId'>) =>
    and(eq(webhookEndpoints.workspaceId, place.workspaceId), eq(webhookEndpoints.id, place.endpointId))
  const isEndpointOfIt = and(eq(webhookEndpoints.workspaceId, workspaceId), eq(webhookEndpoints.id, endpointId))
  return guarded({
    async lease({ limit, perEndpoint, perWorkspace, leaseMs, among }: LeaseOptions) {
      const mine = db.$with('mine', {}).as(sql`
        with oldest as (
          select delivery.workspace_id, delivery.id, delivery.endpoint_id, delivery.next_attempt_at
          from ${webhookDeliveries} as delivery
          join ${webhookEndpoints} as endpoint
            on endpoint.workspace_id = delivery.workspace_id and endpoint.id = delivery.endpoint_id and endpoint.is_enabled
          where ${isDue} and ${isAmong(among)}
          order by delivery.next_attempt_at, delivery.id limit ${lookAt}
        ), of_endpoints as (
          select *, row_number() over (partition by workspace_id, endpoint_id order by next_attempt_at, id) as place
          from oldest
        ), of_workspaces as (
          select workspace_id, id, row_number() over (partition by workspace_id order by place, next_attempt_at, id) as place
          from of_endpoints where place <= ${perEndpoint}
        )
        select delivery.workspace_id, delivery.id from ${webhookDeliveries} as delivery
        join of_workspaces as chosen on chosen.workspace_id = delivery.workspace_id and chosen.id = delivery.id
        where ${isDue} and chosen.place <= ${perWorkspace}
        order by chosen.place, delivery.next_attempt_at limit ${limit}
        for update of delivery skip locked`)
      const leased = await db
        .with(mine)
        .update(webhookDeliveries)
        .set({ attempts: sql`${attempts} + 1`, nextAttemptAt: fromNow(leaseMs) })
        .where(sql`(${workspaceId}, ${id}) in (select * from ${mine})`)
        .returning()
      return await addressed(leased)
    },
    async succeed(delivery: LeasedDelivery, answered: number) {
      const set = { status: 'DELIVERED', lastStatus: answered, lastError: null, deliveredAt: sql`now()` } as const
      await db.transaction(async tx => {
        await tx.update(webhookDeliveries).set(set).where(isOf(delivery))
        const wasFailing = and(endpointOf(delivery), isNotNull(webhookEndpoints.failingSince))
        await tx.update(webhookEndpoints).set({ failingSince: null }).where(wasFailing)
      })
    },
    async fail(delivery: LeasedDelivery, { status: answered, error, retryInMs }: AttemptFailure) {
      const isStillMine = and(isOf(delivery), eq(status, 'PENDING'), eq(attempts, delivery.attempts))
      const next = retryInMs === null ? { status: 'FAILED' as const } : { nextAttemptAt: fromNow(retryInMs) }
      const set = { ...next, lastStatus: answered, lastError: toStorable(error) }
      return await db.transaction(async tx => {
        await tx.update(webhookDeliveries).set(set).where(isStillMine)
        const isFirst = and(endpointOf(delivery), isNull(webhookEndpoints.failingSince))
        await tx.update(webhookEndpoints).set({ failingSince: sql`now()` }).where(isFirst)
        const failingMs = sql<number>`(extract(epoch from now() - ${webhookEndpoints.failingSince}) * 1000)::float8`
        const [endpoint] = await tx.select({ failingMs }).from(webhookEndpoints).where(endpointOf(delivery))
        return endpoint?.failingMs ?? 0
      })
    },
    async disable(place: Pick<LeasedDelivery, 'workspaceId' | 'endpointId'>, reason: string) {
      const disabled = await db
        .update(webhookEndpoints)
        .set({ isEnabled: false, disabledReason: reason, updatedAt: new Date() })
        .where(and(endpointOf(place), webhookEndpoints.isEnabled))
        .returning({ id: webhookEndpoints.id })
      return disabled.length > 0
    },
    async giveUpDisabled(limit: number) {
      const slice = db
        .select({ workspaceId, id })
        .from(webhookDeliveries)
        .innerJoin(webhookEndpoints, and(isEndpointOfIt, eq(webhookEndpoints.isEnabled, false)))
        .where(eq(status, 'PENDING'))
        .limit(limit)
        .as('slice')
      const givenUp = await db
        .update(webhookDeliveries)
        .set({ status: 'FAILED', lastError: 'The endpoint was disabled.' })
        .where(and(eq(status, 'PENDING'), sql`(${workspaceId}, ${id}) in (select * from ${slice})`))
        .returning({ id })
      return givenUp.length
    },
    async deleteOld(ageMs: number, limit: number) {
      const first = firstUuidAt(Date.now() - ageMs)
      // Endpoint by endpoint, because their index is in the order of time.
      const slice = sql`
        select old.workspace_id, old.id from ${webhookEndpoints} as endpoint cross join lateral (
          select workspace_id, id from ${webhookDeliveries} as delivery
          where delivery.workspace_id = endpoint.workspace_id and delivery.endpoint_id = endpoint.id
            and delivery.id < ${first}::uuid and delivery.status <> 'PENDING'
          order by delivery.id limit ${limit}
        ) as old limit ${limit}`
      const deleted = await db
        .delete(webhookDeliveries)
        .where(and(ne(status, 'PENDING'), sql`(${workspaceId}, ${id}) in (${slice})`))
        .returning({ id })
      return deleted.length
    },
  })

  /** With their endpoints, in the order of their making; an endpoint that is gone took its deliveries along. */
  async function addressed(leased: readonly WebhookDeliveryRow[]): Promise<LeasedDelivery[]> {
    if (leased.length === 0) return []
    const ids = [...new Set(leased.map(delivery => delivery.endpointId))]
    const { workspaceId, id, url, sealedSecret } = webhookEndpoints
    const endpoints = await db
      .select({ workspaceId, id, url, sealedSecret })
      .from(webhookEndpoints)
      .where(inArray(id, ids))
    const byPlace = new Map(endpoints.map(endpoint => [`${endpoint.workspaceId} ${endpoint.id}`, endpoint]))
    return leased
      .flatMap(delivery => {
        const endpoint = byPlace.get(`${delivery.workspaceId} ${delivery.endpointId}`)
        return endpoint === undefined ? [] : [{ ...delivery, url: endpoint.url, sealedSecret: endpoint.sealedSecret }]
      })
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}

/** Asked twice: of the row that is locked, too, which another process may have taken and be done with. */
const isDue = sql`delivery.status = 'PENDING' and delivery.next_attempt_at <= now()`

function isAmong(among: Among): SQL {
  if ('onlyEndpoints' in among) return sql`delivery.endpoint_id = any(${uuidArray('whe', among.onlyEndpoints)})`
  return sql`delivery.endpoint_id <> all(${uuidArray('whe', among.butEndpoints)})
    and delivery.workspace_id <> all(${uuidArray('ws', among.butWorkspaces)})`
}

function uuidArray(prefix: IdPrefix, ids: readonly string[]): SQL {
  return sql`${`{${ids.map(id => toUuid(prefix, id)).join(',')}}`}::uuid[]`
}

function fromNow(ms: number): SQL {
  return sql`now() + ${ms} * interval '1 millisecond'`
}
