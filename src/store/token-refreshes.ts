/** Who renews a token at the moment, and when it is due. Times are the database's, so that replicas agree. */
import { and, eq, isNull, lte, or, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { tokenRefreshes } from './tables.ts'

export type TokenRefreshRow = typeof tokenRefreshes.$inferSelect

/** Names the life of one connection's token. */
export interface TokenPlace {
  readonly workspaceId: string
  readonly connectionId: string
}

export type Claimed =
  | { readonly state: 'mine'; readonly failures: number; readonly refreshedAt: Date | null }
  /** Somebody else renews it; asked again after `forMs` at the latest. */
  | { readonly state: 'held'; readonly forMs: number }
  /** The vendor is not asked again so soon after a failure. */
  | { readonly state: 'blocked'; readonly forMs: number; readonly lastFailure: string | null }

export interface TokenRefreshStore {
  /** Takes the right to renew, for so long. @param evenIfBlocked by a failure a moment ago */
  claim(place: TokenPlace, owner: string, leaseMs: number, evenIfBlocked?: boolean): Promise<Claimed>
  /** False when the right was lost. */
  prolong(place: TokenPlace, owner: string, leaseMs: number): Promise<boolean>
  /** Gives the right back without a new token; a success is saved with the credential. */
  release(place: TokenPlace, owner: string): Promise<void>
  /** As {@link release}, and nobody asks the vendor for `blockMs`. */
  fail(place: TokenPlace, owner: string, failure: { readonly message: string; readonly blockMs: number }): Promise<void>
  get(place: TokenPlace): Promise<TokenRefreshRow | undefined>
  /** Of all workspaces, those whose time has come; each is due again after `againMs`, whoever takes care of it. */
  takeDue(limit: number, againMs: number): Promise<TokenPlace[]>
}

const { workspaceId, connectionId, owner, leasedUntil, blockedUntil, dueAt } = tokenRefreshes

export function createTokenRefreshStore(db: Db): TokenRefreshStore {
  const isFree = or(isNull(owner), lte(leasedUntil, sql`now()`))
  const isAllowed = or(isNull(blockedUntil), lte(blockedUntil, sql`now()`))
  return guarded({
    async claim(place: TokenPlace, claimant: string, leaseMs: number, evenIfBlocked = false): Promise<Claimed> {
      const taken = { owner: claimant, leasedUntil: fromNow(leaseMs) }
      const [mine] = await db
        .insert(tokenRefreshes)
        .values({ ...place, ...taken })
        .onConflictDoUpdate({
          target: [workspaceId, connectionId],
          set: taken,
          setWhere: and(eq(workspaceId, place.workspaceId), isFree, evenIfBlocked ? undefined : isAllowed),
        })
        .returning()
      if (mine !== undefined) return { state: 'mine', failures: mine.failures, refreshedAt: mine.refreshedAt }
      const [row] = await db
        .select({
          heldMs: msUntil(leasedUntil),
          blockedMs: msUntil(blockedUntil),
          lastFailure: tokenRefreshes.lastFailure,
        })
        .from(tokenRefreshes)
        .where(isAt(place))
      const { heldMs = 0, blockedMs = 0, lastFailure = null } = row ?? {}
      if (blockedMs > 0 && heldMs <= 0) return { state: 'blocked', forMs: blockedMs, lastFailure }
      return { state: 'held', forMs: Math.max(0, heldMs) }
    },
    async prolong(place: TokenPlace, holder: string, leaseMs: number) {
      const set = { leasedUntil: fromNow(leaseMs) }
      const kept = await db.update(tokenRefreshes).set(set).where(isHeldBy(place, holder)).returning({ connectionId })
      return kept.length > 0
    },
    async release(place: TokenPlace, holder: string) {
      await db.update(tokenRefreshes).set({ owner: null, leasedUntil: null }).where(isHeldBy(place, holder))
    },
    async fail(place: TokenPlace, holder: string, { message, blockMs }: { message: string; blockMs: number }) {
      const failures = sql`${tokenRefreshes.failures} + 1`
      const set = { owner: null, leasedUntil: null, failures, lastFailure: message, blockedUntil: fromNow(blockMs) }
      await db.update(tokenRefreshes).set(set).where(isHeldBy(place, holder))
    },
    async get(place: TokenPlace) {
      const [row] = await db.select().from(tokenRefreshes).where(isAt(place))
      return row
    },
    async takeDue(limit: number, againMs: number) {
      const slice = db
        .select({ workspaceId, connectionId })
        .from(tokenRefreshes)
        .where(lte(dueAt, sql`now()`))
        .orderBy(dueAt)
        .limit(limit)
        .for('update', { skipLocked: true })
        .as('slice')
      return await db
        .update(tokenRefreshes)
        .set({ dueAt: fromNow(againMs) })
        .where(sql`(${workspaceId}, ${connectionId}) in (select * from ${slice})`)
        .returning({ workspaceId, connectionId })
    },
  })
}

function isAt(place: TokenPlace) {
  return and(eq(workspaceId, place.workspaceId), eq(connectionId, place.connectionId))
}

function isHeldBy(place: TokenPlace, holder: string) {
  return and(isAt(place), eq(owner, holder))
}

function fromNow(ms: number) {
  return sql`now() + ${ms} * interval '1 millisecond'`
}

function msUntil(column: typeof leasedUntil | typeof blockedUntil) {
  return sql<number>`coalesce(ceil(extract(epoch from ${column} - now()) * 1000), 0)::float8`
}
