/** The days of the call log: each is a partition, made before it begins and dropped as a whole when nobody keeps it. */
import { sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { driverError, guarded } from './failure.ts'

export interface CallPartitionStore {
  /**
   * Makes the days that are missing, from the one of `from` on. Calls of such a day that are in the default partition move
   * to their own. Who waits for a lock gives way after a moment, and has what is left done by the next turn.
   * @returns how many were made
   */
  ensure(from: Date, days: number): Promise<number>
  /** Drops the oldest day that was over before `before`. @returns false when there is none, or none that can be dropped now */
  dropOldest(before: Date): Promise<boolean>
}

const dayMs = 86_400_000
/** How long other statements may wait for one of these, which waits in front of them. */
const lockTimeout = sql.raw(`set local lock_timeout = '1s'`)
/** One process at a time: the number has no meaning but to be the same everywhere. */
const lockId = sql.raw('7206350911')

export function createCallPartitionStore(db: Db): CallPartitionStore {
  async function make(start: Date): Promise<boolean> {
    const name = sql.identifier(nameOf(start))
    const [since, until] = [start, new Date(start.getTime() + dayMs)].map(time => sql.raw(`'${time.toISOString()}'`))
    const isOfDay = sql`started_at >= ${since} and started_at < ${until}`
    return await db.transaction(async tx => {
      await tx.execute(lockTimeout)
      await tx.execute(sql`select pg_advisory_xact_lock(${lockId})`)
      if ((await findMissing(tx, [start])).length === 0) return false
      await tx.execute(sql`create table ${name} (like calls including defaults including constraints)`)
      // Readers go on; whoever writes to the default partition would be writing what is about to move.
      await tx.execute(sql`lock table calls_default in share row exclusive mode`)
      await tx.execute(
        sql`with moved as (delete from calls_default where ${isOfDay} returning *) insert into ${name} select * from moved`,
      )
      await tx.execute(sql`alter table calls attach partition ${name} for values from (${since}) to (${until})`)
      return true
    })
  }
  return guarded({
    async ensure(from: Date, days: number) {
      const first = Math.floor(from.getTime() / dayMs) * dayMs
      const wanted = Array.from({ length: days }, (_, index) => new Date(first + index * dayMs))
      let made = 0
      for (const start of await findMissing(db, wanted)) {
        const isMade = await make(start).catch(noneWhenBusy)
        made += isMade === true ? 1 : 0
      }
      return made
    },
    async dropOldest(before: Date) {
      const newest = nameOf(new Date(before.getTime() - dayMs))
      const dropped = await db
        .transaction(async tx => {
          await tx.execute(lockTimeout)
          const [locked] = await tx
            .select({ isMine: sql<boolean>`is_mine` })
            .from(sql`(select pg_try_advisory_xact_lock(${lockId}) as is_mine) as attempt`)
          if (locked?.isMine !== true) return false
          const [oldest] = await tx
            .select({ name: sql<string>`name` })
            .from(
              sql`(select inhrelid::regclass::text as name from pg_inherits where inhparent = 'calls'::regclass) as day`,
            )
            .where(sql`name ~ '^calls_[0-9]{8}$' and name <= ${newest}`)
            .orderBy(sql`name`)
            .limit(1)
          if (oldest === undefined) return false
          await tx.execute(sql`drop table ${sql.identifier(oldest.name)}`)
          return true
        })
        .catch(noneWhenBusy)
      return dropped === true
    },
  })
}

/** The partitions that there are; asked of the catalog's own tables, since names may be remembered as not there. */
const made = sql`(select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
  where inhparent = 'calls'::regclass and relname ~ '^calls_[0-9]{8}$') as day`

/** Those whose partition is not there. */
async function findMissing(db: Pick<Db, 'select'>, days: readonly Date[]): Promise<Date[]> {
  const wanted = `{${days.map(nameOf).join(',')}}`
  const found = await db.select({ name: sql<string>`name` }).from(made).where(sql`name = any(${wanted}::text[])`)
  const names = new Set(found.map(({ name }) => name))
  return days.filter(day => !names.has(nameOf(day)))
}

/** `calls_20261121`: the day in UTC, so that names sort as days do. */
function nameOf(day: Date): string {
  return `calls_${day.toISOString().slice(0, 10).replaceAll('-', '')}`
}

/** The lock was not to be had in time: somebody reads, or another process is at it. */
function noneWhenBusy(error: unknown): undefined {
  if (driverError(error).code === '55P03') return undefined
  throw error
}
