/** Idempotency keys: who holds one, and what the write was answered. Times are the database's, so that replicas agree. */
import { and, eq, isNull, lt, or, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { guarded } from './failure.ts'
import { checkKey } from './stored-text.ts'
import { idempotencyKeys } from './tables.ts'

export type IdempotencyRow = typeof idempotencyKeys.$inferSelect

/** Names one key: it belongs to a connection. */
export interface IdempotencyPlace {
  readonly workspaceId: string
  readonly connectionId: string
  readonly key: string
}

export interface Claim extends IdempotencyPlace {
  readonly requestHash: Buffer
  /** New for each claim: whoever lost the key can no longer end it. */
  readonly owner: string
  readonly leaseMs: number
  readonly keepMs: number
}

export interface IdempotencyStore {
  /**
   * Takes the key, unless it is answered or held: the row says which, by its owner. An answer that is over and a holder
   * whose lease ran out give way.
   */
  claim(claim: Claim): Promise<IdempotencyRow>
  get(place: IdempotencyPlace): Promise<IdempotencyRow | undefined>
  /** False when the key was lost. */
  renew(place: IdempotencyPlace, owner: string, leaseMs: number): Promise<boolean>
  finish(
    place: IdempotencyPlace,
    owner: string,
    answer: { status: number; sealedAnswer: Buffer | null },
  ): Promise<boolean>
  release(place: IdempotencyPlace, owner: string): Promise<void>
  /** Of all workspaces. @returns how many there were, `limit` at most */
  deleteExpired(limit: number): Promise<number>
}

const { workspaceId, connectionId, key, owner, leasedUntil, expiresAt } = idempotencyKeys

export function createIdempotencyStore(db: Db): IdempotencyStore {
  async function get(place: IdempotencyPlace): Promise<IdempotencyRow | undefined> {
    const [row] = await db.select().from(idempotencyKeys).where(isAt(place))
    return row
  }
  return guarded({
    get,
    async claim({ leaseMs, keepMs, ...values }: Claim) {
      checkKey('options.idempotencyKey', values.key)
      const times = { leasedUntil: fromNow(leaseMs), expiresAt: fromNow(keepMs) }
      const isOver = or(lt(expiresAt, sql`now()`), and(sql`${owner} is not null`, lt(leasedUntil, sql`now()`)))
      // Between the two statements a holder may let go.
      for (let round = 0; round < 5; round++) {
        const [claimed] = await db
          .insert(idempotencyKeys)
          .values({ ...values, ...times })
          .onConflictDoUpdate({
            target: [workspaceId, connectionId, key],
            set: { owner: values.owner, requestHash: values.requestHash, status: null, sealedAnswer: null, ...times },
            setWhere: and(eq(workspaceId, values.workspaceId), isOver),
          })
          .returning()
        const row = claimed ?? (await get(values))
        if (row !== undefined) return row
      }
      throw new TypeError('an idempotency key came and went')
    },
    async renew(place: IdempotencyPlace, holder: string, leaseMs: number) {
      const renewed = await db
        .update(idempotencyKeys)
        .set({ leasedUntil: fromNow(leaseMs) })
        .where(and(isAt(place), eq(owner, holder)))
        .returning({ key })
      return renewed.length > 0
    },
    async finish(place: IdempotencyPlace, holder: string, answer: { status: number; sealedAnswer: Buffer | null }) {
      const finished = await db
        .update(idempotencyKeys)
        .set({ ...answer, owner: null })
        .where(and(isAt(place), eq(owner, holder)))
        .returning({ key })
      return finished.length > 0
    },
    async release(place: IdempotencyPlace, holder: string) {
      await db.delete(idempotencyKeys).where(and(isAt(place), eq(owner, holder)))
    },
    async deleteExpired(limit: number) {
      const slice = db
        .select({ workspaceId, connectionId, key })
        .from(idempotencyKeys)
        .where(and(lt(expiresAt, sql`now()`), or(isNull(owner), lt(leasedUntil, sql`now()`))))
        .limit(limit)
        .as('slice')
      const isInSlice = sql`(${workspaceId}, ${connectionId}, ${key}) in (select * from ${slice})`
      const deleted = await db.delete(idempotencyKeys).where(isInSlice).returning({ key })
      return deleted.length
    },
  })
}

function isAt(place: IdempotencyPlace) {
  return and(eq(workspaceId, place.workspaceId), eq(connectionId, place.connectionId), eq(key, place.key))
}

function fromNow(ms: number) {
  return sql`now() + ${ms} * interval '1 millisecond'`
}
