/** Who renews a token at the moment, and when it is due. Times are the database's, so that replicas agree. */
import { and, eq, isNull, lte, ne, or, sql } from 'drizzle-orm'
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
  /** The vendor is not asked again so soon after a failure; waiting mends it unless the settings are to blame. */
  | {
      readonly state: 'blocked'
      readonly forMs: number
      readonly lastFailure: string | null
      readonly isMisconfigured: boolean
    }

export interface ClaimOptions {
  /** Also after a failure a moment ago. */
  readonly evenIfBlocked?: boolean
  /** Names the settings that the vendor is asked with: a failure of others is no reason to wait. */
  readonly settings?: string
}

export interface RefreshFailure {
  readonly message: string
  readonly blockMs: number
  /** Names the settings to blame; unless given the vendor was away, which is counted. */
  readonly settings?: string | undefined
}

export interface TokenRefreshStore {
  /** Takes the right to renew, for so long. */
  claim(place: TokenPlace, owner: string, leaseMs: number, options?: ClaimOptions): Promise<Claimed>
  /** False when the right was lost. */
  prolong(place: TokenPlace, owner: string, leaseMs: number): Promise<boolean>
  /** Gives the right back without a new token; a success is saved with the credential. */
  release(place: TokenPlace, owner: string): Promise<void>
  /** As {@link release}, and nobody asks the vendor for `blockMs`, or until the settings to blame are others. */
  fail(place: TokenPlace, owner: string, failure: RefreshFailure): Promise<void>
  get(place: TokenPlace): Promise<TokenRefreshRow | undefined>
  /** Of all workspaces, those whose time has come; each is due again after `againMs`, whoever takes care of it. */
  takeDue(limit: number, againMs: number): Promise<TokenPlace[]>
}

const { workspaceId, connectionId, owner, leasedUntil, blockedUntil, blockedSettings, dueAt } = tokenRefreshes

export function createTokenRefreshStore(db: Db): TokenRefreshStore {
  const isFree = or(isNull(owner), lte(leasedUntil, sql`now()`))
  const isOver = or(isNull(blockedUntil), lte(blockedUntil, sql`now()`))
  return guarded({
    async claim(place: TokenPlace, claimant: string, leaseMs: number, options: ClaimOptions = {}): Promise<Claimed> {
      const { evenIfBlocked = false, settings } = options
      const isAllowed = settings === undefined ? isOver : or(isOver, ne(blockedSettings, settings))
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
          blockedSettings,
        })
        .from(tokenRefreshes)
        .where(isAt(place))
      const { heldMs = 0, blockedMs = 0, lastFailure = null, blockedSettings: toBlame = null } = row ?? {}
      if (blockedMs > 0 && heldMs <= 0)
        return { state: 'blocked', forMs: blockedMs, lastFailure, isMisconfigured: toBlame !== null }
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
    async fail(place: TokenPlace, holder: string, { message, blockMs, settings }: RefreshFailure) {
      const failures = sql`${tokenRefreshes.failures} + ${settings === undefined ? 1 : 0}`
      const block = { lastFailure: message, blockedUntil: fromNow(blockMs), blockedSettings: settings ?? null }
      const set = { owner: null, leasedUntil: null, failures, ...block }
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
