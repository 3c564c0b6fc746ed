/** Whether a database has this version's schema: another may have been put in its place since the start. */
import { max } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { bigint, pgSchema } from 'drizzle-orm/pg-core'
import type { Db } from './database.ts'
import { driverError } from './failure.ts'
import { migrationsFolder } from './migrate.ts'

/** Written by the migrator, not by migrations. */
const applied = pgSchema('drizzle').table('__drizzle_migrations', {
  createdAt: bigint('created_at', { mode: 'number' }),
})

/** What PostgreSQL says of a schema or a table that is not there. */
const absent: ReadonlySet<string | undefined> = new Set(['3F000', '42P01'])

let newestAtMs: number | undefined

/** True for a newer schema, too: a newer version has been started on it, and this one goes on. */
export async function isMigrated(db: Db): Promise<boolean> {
  newestAtMs ??= Math.max(...readMigrationFiles({ migrationsFolder }).map(({ folderMillis }) => folderMillis))
  try {
    const [row] = await db.select({ atMs: max(applied.createdAt) }).from(applied)
    return (row?.atMs ?? 0) >= newestAtMs
  } catch (error) {
    if (absent.has(driverError(error).code)) return false
    throw error
  }
}
