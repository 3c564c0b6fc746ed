/** Brings a database to this version's schema, one process at a time. */
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import type { Sql } from 'postgres'
import { StartError } from '../errors.ts'
import { withDeadline } from './failure.ts'

export const migrationsFolder: string = join(import.meta.dirname, '../../drizzle')

const oldestVersion = 14

const firstAnswerTimeoutMs = 15_000

/** Any number that no other program on the same database uses for its advisory locks. */
const migrationLock = 7_016_735_284

/**
 * @param client with one connection only: the session lock and the migration have to be on the same one. The server
 *   drops the lock with the connection, so a replica that dies while migrating blocks nobody.
 */
export async function migratePostgres(client: Sql): Promise<void> {
  // The driver connects anew for as long as the other side hangs up before it says anything.
  const [server] = await withDeadline(
    client`select current_setting('server_version_num')::int as version`,
    firstAnswerTimeoutMs,
  )
  checkVersion(server?.version)
  await client`set lock_timeout = '300s'`
  await client`select pg_advisory_lock(${migrationLock})`
  await client`set lock_timeout = 0`
  await migrate(drizzle(client), { migrationsFolder })
  await client`select pg_advisory_unlock(${migrationLock})`
}

/**
 * @param version as the server spells it: 180004 is 18.4
 * @throws StartError below the oldest version that is tested and has what the statements use.
 */
export function checkVersion(version: number): void {
  const major = Math.floor(version / 10_000)
  if (major >= oldestVersion) return
  throw new StartError(`DATABASE_URL leads to PostgreSQL ${major}; it takes version ${oldestVersion} or newer.`)
}
