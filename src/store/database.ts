/** The database behind every store: embedded in the data directory, or a PostgreSQL server. */
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import { openPostgres } from './postgres.ts'
import type * as tables from './tables.ts'

/** One type for both drivers: what is written for it runs on either. */
export type Db = PgDatabase<PgQueryResultHKT, typeof tables>

export interface Database extends AsyncDisposable {
  readonly db: Db
  readonly kind: 'embedded' | 'postgres'
  /** @throws StoreError when the database does not answer in time. */
  ping(): Promise<void>
  /** Hears what any process says on a channel from now on, until it is disposed. @throws StoreError */
  listen(channel: string, listener: Listener): Promise<AsyncDisposable>
}

export interface Listener {
  readonly onMessage: (text: string) => void
  /** Called again whenever the connection had broken: what was said meanwhile was not heard. */
  readonly onListening: () => void
}

export interface DatabaseOptions {
  /** PostgreSQL connection string; without it the store is embedded in `dataDir`. */
  readonly url?: string | undefined
  readonly dataDir: string
}

/**
 * Opens the database and migrates it to this version's schema.
 *
 * @throws StartError with one sentence for the operator, whatever stands in the way.
 */
export async function openDatabase({ url, dataDir }: DatabaseOptions): Promise<Database> {
  if (url !== undefined) return await openPostgres(url, dataDir)
  // It brings a whole PostgreSQL along: nothing for a process that has a server.
  const { openEmbedded } = await import('./embedded.ts')
  return await openEmbedded(dataDir)
}
