/** A store that cannot be opened: one sentence says why and never holds a password. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { StartError } from '../../src/errors.ts'
import { type DatabaseOptions, openDatabase } from '../../src/store/database.ts'
import { checkVersion } from '../../src/store/migrate.ts'
import { explainPostgres } from '../../src/store/start-failure.ts'
import { createTestPlace } from '../support/database.ts'

const password = 'hunter2-canary'

describe('a PostgreSQL server', () => {
  test.each([
    [90_624, 9],
    [130_022, 13],
  ])('of version %i is too old', (version, major) => {
    expect(() => checkVersion(version)).toThrow(
      new StartError(`DATABASE_URL leads to PostgreSQL ${major}; it takes version 14 or newer.`),
    )
  })

  test('of version 14 is not', () => {
    expect(() => checkVersion(140_000)).not.toThrow()
  })

  test('where the user may create nothing says what to grant', async () => {
    await using place = await createTestPlace('postgres', 'empty')
    await using role = await createRole(place)
    await expect(openDatabase({ url: role.url, dataDir: place.dataDir })).rejects.toThrow(
      new StartError(
        `DATABASE_URL's user "${role.name}" may not create tables and the extensions pg_trgm and btree_gin in "${role.database}" at ${role.host} (42501); grant CREATE on the database and its public schema.`,
      ),
    )
  })

  test('that an owner of the database uses, who is no superuser, is migrated', async () => {
    await using place = await createTestPlace('postgres', 'empty')
    await using role = await createRole(place)
    await role.own()
    await using database = await openDatabase({ url: role.url, dataDir: place.dataDir })
    await database.ping()
  })

  test.each([
    ['53300', 'has no connection left (53300); raise its max_connections or stop other clients.'],
    ['53100', 'has no disk space left (53100); free some there.'],
    ['57P03', 'is starting up or shutting down (57P03); try again shortly.'],
    ['58P01', "lacks the extension pg_trgm or btree_gin (58P01); install PostgreSQL's contrib package there."],
  ])('that says %s is told by its address', (code, problem) => {
    const target = { host: ['db'], port: [5432], database: 'd', user: 'u', pass: password }
    const { message } = explainPostgres(Object.assign(new Error(password), { code }), target)
    expect(message).toBe(`The server db:5432 of DATABASE_URL ${problem}`)
  })

  test('that says something else is quoted without the password', () => {
    const target = { host: ['a', 'b'], port: [5432, 5433], database: 'd', user: 'u', pass: password }
    const failure = Object.assign(new Error(`odd: ${password}`), { code: 'XX000' })
    expect(explainPostgres(failure, target).message).toBe(
      "DATABASE_URL's database at a:5432, b:5433 cannot be opened (XX000): odd: [redacted]",
    )
  })
})

describe('an embedded store', () => {
  const damages: [string, (store: string) => void][] = [
    [
      'with garbage for a control file',
      store => writeFileSync(join(store, 'global/pg_control'), Buffer.alloc(8192, 7)),
    ],
    ['with half a control file', store => truncateSync(join(store, 'global/pg_control'), 7)],
    ['of another major version', store => writeFileSync(join(store, 'PG_VERSION'), '16\n')],
    ['without its log', store => cutLog(store)],
    ['without its catalog', store => rmSync(join(store, 'base'), { recursive: true })],
  ]

  test.each(damages)('%s is told and left as it is', async (_name, damage) => {
    await using place = await createTestPlace('embedded')
    const store = join(place.dataDir, 'store')
    damage(store)
    const before = readFileSync(join(store, 'PG_VERSION'), 'utf8')
    const failure = await openDatabase(place).catch(error => error)
    expect(failure).toBeInstanceOf(StartError)
    expect(failure.message).toMatch(
      new RegExp(
        `^The store in ${store} cannot be opened \\(.+\\); restore it from a backup, or move it away to start with an empty one\\.$`,
      ),
    )
    expect(readFileSync(join(store, 'PG_VERSION'), 'utf8')).toBe(before)
  })

  test('that a killed first start left half made is made anew', async () => {
    await using place = await createTestPlace('embedded')
    renameSync(join(place.dataDir, 'store'), join(place.dataDir, 'store.new'))
    rmSync(join(place.dataDir, 'store.new/PG_VERSION'))
    await using database = await openDatabase(place)
    await database.ping()
    expect(readdirSync(place.dataDir)).not.toContain('store.new')
  })
})

function cutLog(store: string): void {
  for (const name of readdirSync(join(store, 'pg_wal'))) {
    if (/^[0-9A-F]{24}$/.test(name)) truncateSync(join(store, 'pg_wal', name), 100)
  }
}

/** A user without any right, gone before its database is. */
async function createRole(place: DatabaseOptions) {
  const url = new URL(place.url ?? '')
  const name = `role_${randomBytes(6).toString('hex')}`
  const database = url.pathname.slice(1)
  const admin = postgres(url.href, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create role ${name} login password '${password}'; revoke create on schema public from public`)
  const roleUrl = new URL(url)
  roleUrl.username = name
  roleUrl.password = password
  return {
    url: roleUrl.href,
    name,
    database,
    host: url.host,
    own: () => admin.unsafe(`alter database ${database} owner to ${name}`),
    async [Symbol.asyncDispose]() {
      await admin.unsafe(`reassign owned by ${name} to postgres; drop owned by ${name}; drop role ${name}`)
      await admin.end()
    },
  }
}
