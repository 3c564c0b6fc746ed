/** Migrations: current with the tables, applied once by however many start together. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'
import { createWorkspaceStore } from '../../src/store/workspaces.ts'
import { createTestPlace } from '../support/database.ts'
import { kinds } from './fixtures.ts'

const root = join(import.meta.dirname, '../..')

test('are applied once when four processes start on one empty server', async () => {
  await using place = await createTestPlace('postgres', 'empty')
  await using databases = new AsyncDisposableStack()
  // Replicas have a directory each.
  const opened = await Promise.all(
    Array.from({ length: 4 }, (_, index) =>
      openDatabase({ url: place.url, dataDir: join(place.dataDir, String(index)) }),
    ),
  )
  for (const database of opened) databases.use(database)
  const made = await Promise.all(opened.map(({ db }) => createWorkspaceStore(db).ensureDefault()))
  expect(new Set(made.map(({ id }) => id)).size).toBe(1)
  const [first] = opened
  const applied = await first?.db.execute(sql`select hash from drizzle.__drizzle_migrations`)
  expect(applied).toHaveLength(readdirSync(join(root, 'drizzle')).filter(name => name.endsWith('.sql')).length)
})

test.each(kinds)('leave a migrated store as it is (%s)', async kind => {
  await using place = await createTestPlace(kind, 'empty')
  const ids = []
  for (let start = 0; start < 2; start++) {
    await using database = await openDatabase(place)
    await database.ping()
    ids.push((await createWorkspaceStore(database.db).ensureDefault()).id)
  }
  expect(ids[1]).toBe(ids[0])
})

test('are all that the tables need', () => {
  using folder = createFolder()
  cpSync(join(root, 'drizzle'), join(folder.path, 'drizzle'), { recursive: true })
  const before = contentsOf(folder.path)
  const kit = join(dirname(createRequire(import.meta.url).resolve('drizzle-kit')), 'bin.cjs')
  const options = ['--dialect', 'postgresql', '--schema', 'src/store/tables.ts']
  const out = ['--out', relative(root, join(folder.path, 'drizzle'))]
  const said = execFileSync(process.execPath, [kit, 'generate', ...options, ...out], { cwd: root, encoding: 'utf8' })
  expect(said).toContain('No schema changes, nothing to migrate')
  expect(contentsOf(folder.path)).toEqual(before)
})

function createFolder() {
  const path = mkdtempSync(join(tmpdir(), 'passgate-migrations-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

function contentsOf(folder: string) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => /\.(?:sql|json)$/.test(name))
  return Object.fromEntries(names.sort().map(name => [name, readFileSync(join(folder, name), 'utf8')]))
}
