/** The store inside this process: PGlite in the data directory, which one process owns at a time. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/pglite'
import { migrate } from 'drizzle-orm/pglite/migrator'
import { StartError } from '../errors.ts'
import type { Database } from './database.ts'
import { settle } from './failure.ts'
import { migrationsFolder } from './migrate.ts'
import { takeOwnership } from './owner-lock.ts'
import { explainEmbedded } from './start-failure.ts'
import * as tables from './tables.ts'

const pingTimeoutMs = 3_000

/** @throws StartError */
export async function openEmbedded(dataDir: string): Promise<Database> {
  const log: string[] = []
  await using parts = new AsyncDisposableStack()
  try {
    parts.use(takeOwnership(dataDir))
    const client = parts.adopt(await openStore(dataDir, log), open => open.close())
    // Needs no lock: the embedded store has one owner.
    await migrate(drizzle(client), { migrationsFolder })
    return createDatabase(client, parts.move())
  } catch (error) {
    throw explainEmbedded(error, dataDir, log)
  }
}

function createDatabase(client: PGlite, parts: AsyncDisposableStack): Database {
  const db = drizzle(client, { schema: tables })
  return {
    db,
    kind: 'embedded',
    async ping() {
      await settle(db.execute(sql`select 1`), pingTimeoutMs)
    },
    async listen(channel, { onMessage, onListening }) {
      const unlisten = await client.listen(channel, onMessage)
      onListening()
      return { [Symbol.asyncDispose]: () => unlisten() }
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/**
 * A new store is made beside its place and then moved there: a process that dies before leaves nothing that the next
 * start would take for a store.
 */
async function openStore(dataDir: string, log: string[]): Promise<PGlite> {
  const store = join(dataDir, 'store')
  if (!existsSync(store)) {
    const unfinished = join(dataDir, 'store.new')
    rmSync(unfinished, { recursive: true, force: true })
    mkdirSync(unfinished, { mode: 0o700 })
    await (await openPglite(unfinished, log)).close()
    renameSync(unfinished, store)
  }
  // PGlite takes a directory without this file for a new one and would write over what is there.
  if (!existsSync(join(store, 'PG_VERSION'))) throw new StartError(explainMissing(store))
  return await openPglite(store, log)
}

async function openPglite(directory: string, log: string[]): Promise<PGlite> {
  const keep = (line: string) => {
    log.push(line)
    if (log.length > 100) log.shift()
    return false
  }
  return await PGlite.create(directory, { extensions: { pg_trgm, btree_gin }, onStderr: keep })
}

function explainMissing(store: string): string {
  return `The store in ${store} cannot be opened (its file PG_VERSION is missing); restore it from a backup, or move it away to start with an empty one.`
}
