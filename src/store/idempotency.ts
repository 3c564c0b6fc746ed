/** Idempotency keys: who holds one, and what the write was answered. Times are the database's, so that replicas agree. */
import { and, eq, isNotNull, isNull, lt, or, sql } from 'drizzle-orm'
import { GatewayError } from '../errors.ts'
import type { Db } from './database.ts'
import { driverError, guarded } from './failure.ts'
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
   *
   * @throws {GatewayError} CONNECTION_NOT_FOUND, INVALID_INPUT
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

const isExpired = lt(expiresAt, sql`now()`)
const isAbandoned = and(isNotNull(owner), lt(leasedUntil, sql`now()`))

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
      const isOver = or(isAbandoned, and(isNull(owner), isExpired))
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
          .catch(explainRefusal)
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
      const isOver = and(isExpired, or(isNull(owner), isAbandoned))
      const places = { workspaceId, connectionId, key }
      const slice = db.select(places).from(idempotencyKeys).where(isOver).limit(limit).as('slice')
      const isInSlice = sql`(${workspaceId}, ${connectionId}, ${key}) in (select * from ${slice})`
      // Asked again of the row itself: since the slice was chosen the key may have been claimed anew.
      const deleted = await db.delete(idempotencyKeys).where(and(isOver, isInSlice)).returning({ key })
      return deleted.length
    },
  })
}

function isAt(place: IdempotencyPlace) {
  return and(eq(workspaceId, place.workspaceId), eq(connectionId, place.connectionId), eq(key, place.key))
}

/** The connection may have been deleted since the caller's request found it. */
function explainRefusal(error: unknown): never {
  if (driverError(error).constraint !== 'idempotency_keys_connection') throw error
  throw new GatewayError('CONNECTION_NOT_FOUND', 'The workspace has no connection with this id.')
}

function fromNow(ms: number) {
  return sql`now() + ${ms} * interval '1 millisecond'`
}
