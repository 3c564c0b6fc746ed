/** Databases to test on: migrated, empty, of either driver, gone with the test. */
import { createHash, randomUUID } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { inject } from 'vitest'
import { type Database, type DatabaseOptions, openDatabase } from '../../src/store/database.ts'
import { templateDatabase } from './postgres-server.ts'

export type DatabaseKind = Database['kind']

export interface TestDatabase extends Database, DatabaseOptions {}

/** Where a database is that nobody has opened yet: for tests that start the whole application or a process on it. */
export interface TestPlace extends DatabaseOptions, AsyncDisposable {}

export async function createTestDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const place = await createTestPlace(kind)
  const database = await openDatabase(place)
  return {
    ...database,
    url: place.url,
    dataDir: place.dataDir,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}

/** A migrated database, or with `empty` one that was never opened. */
export async function createTestPlace(
  kind: DatabaseKind,
  contents: 'migrated' | 'empty' = 'migrated',
): Promise<TestPlace> {
  const dataDir = await mkdtemp(join(tmpdir(), 'passgate-data-'))
  const removeDataDir = () => rm(dataDir, { recursive: true, force: true })
  if (kind === 'embedded') {
    if (contents === 'migrated') await cp(await findEmbeddedTemplate(), join(dataDir, 'store'), { recursive: true })
    return { dataDir, [Symbol.asyncDispose]: removeDataDir }
  }
  const name = `test_${randomUUID().replaceAll('-', '')}`
  // Copying files is three times as fast as logging each page of a template that nobody changes.
  const from = contents === 'migrated' ? ` template ${templateDatabase} strategy file_copy` : ''
  await maintain(`create database ${name}${from}`)
  return {
    url: inject('postgresUrl').replace(/postgres$/, name),
    dataDir,
    async [Symbol.asyncDispose]() {
      await maintain(`drop database if exists ${name} with (force)`)
      await removeDataDir()
    },
  }
}

async function maintain(statement: string): Promise<void> {
  const client = postgres(inject('postgresUrl'), { max: 1, onnotice: () => {} })
  try {
    await client.unsafe(statement)
  } finally {
    await client.end()
  }
}

const root = join(import.meta.dirname, '../..')

/** A first start takes seconds: its result is kept between runs, under the hash of all that it depends on. */
async function findEmbeddedTemplate(): Promise<string> {
  const cache = join(root, 'node_modules/.cache/passgate')
  const template = join(cache, `store-${await hashSources()}`)
  await mkdir(cache, { recursive: true })
  const names = await readdir(cache)
  if (names.includes(template.slice(cache.length + 1))) return template
  const dataDir = await mkdtemp(join(cache, 'new-'))
  const database = await openDatabase({ dataDir })
  await database[Symbol.asyncDispose]()
  // Another worker may have been faster: then its directory stays.
  await rename(join(dataDir, 'store'), template).catch(() => {})
  await rm(dataDir, { recursive: true, force: true })
  return template
}

async function hashSources(): Promise<string> {
  const hash = createHash('sha256')
  const migrations = (await readdir(join(root, 'drizzle'))).filter(name => name.endsWith('.sql')).sort()
  const sources = migrations.map(name => `drizzle/${name}`)
  for (const path of [...sources, 'drizzle/meta/_journal.json', 'node_modules/@electric-sql/pglite/package.json']) {
    hash.update(await readFile(join(root, path)))
  }
  return hash.digest('hex').slice(0, 16)
}
