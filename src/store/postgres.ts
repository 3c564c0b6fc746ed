/** The store on a PostgreSQL server. */
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Options, type Sql } from 'postgres'
import { StartError } from '../errors.ts'
import type { Database } from './database.ts'
import { settle } from './failure.ts'
import { listenTo } from './listening.ts'
import { migratePostgres } from './migrate.ts'
import { takeOwnership } from './owner-lock.ts'
import { explainPostgres } from './start-failure.ts'
import * as tables from './tables.ts'

const pingTimeoutMs = 3_000

/** @throws StartError; no sentence of it holds the connection string's password. */
export async function openPostgres(url: string, dataDir: string): Promise<Database> {
  using owner = new DisposableStack()
  owner.use(ownIfWritable(dataDir))
  await migrate(url)
  const client = connect(url, { max: 10, idle_timeout: 300 })
  const owned = owner.move()
  const db = drizzle(client, { schema: tables })
  return {
    db,
    kind: 'postgres',
    async ping() {
      await settle(db.execute(sql`select 1`), pingTimeoutMs)
    },
    listen: (channel, listener) => listenTo(options => connect(url, options), channel, listener),
    async [Symbol.asyncDispose]() {
      await client.end({ timeout: 5 })
      owned.dispose()
    },
  }
}

/**
 * One rule whatever the store: a data directory has one process, so that a second start by mistake is told. A replica
 * whose file system is read-only keeps nothing there and needs no directory.
 */
function ownIfWritable(dataDir: string): Disposable | undefined {
  try {
    return takeOwnership(dataDir)
  } catch (error) {
    if (error instanceof StartError) throw error
    return undefined
  }
}

/** On a connection of its own, whose end gives back the lock whatever happened. */
async function migrate(url: string): Promise<void> {
  const client = connect(url, { max: 1, max_lifetime: null })
  try {
    await migratePostgres(client)
  } catch (error) {
    throw explainPostgres(error, client.options)
  } finally {
    await client.end({ timeout: 1 })
  }
}

function connect(url: string, options: Options<Record<string, never>>): Sql {
  if (!/^postgres(?:ql)?:\/\/./i.test(url)) throw malformed()
  try {
    return postgres(url, {
      connect_timeout: 10,
      // Without it each new connection asks the server for its array types; drizzle reads arrays itself.
      fetch_types: false,
      onnotice: () => {},
      connection: { application_name: 'passgate' },
      ...options,
    })
  } catch {
    // No cause: the error of `new URL` holds the whole string.
    throw malformed()
  }
}

function malformed(): StartError {
  return new StartError(
    'DATABASE_URL is not a PostgreSQL connection string; it takes postgres://user:password@host:port/database, with special characters percent-encoded.',
  )
}
