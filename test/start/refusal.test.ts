/**
 * A start that cannot be: one clear sentence, exit code 1, no stack trace, no secret. Each kind of refusal is seen of a
 * process; where only the words differ, the start is one in this process.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { StartError } from '../../src/errors.ts'
import { createLogger } from '../../src/log.ts'
import { kinds } from '../store/fixtures.ts'
import { createTestPlace, type TestPlace } from '../support/database.ts'
import { type Env, envOf, newEncryptionKey, sentenceOf, startPassgate } from './process.ts'

const secret = 'hunter2-canary'

describe('a server that cannot be used', () => {
  const envAt = (url: string) => ({ DATABASE_URL: url, PASSGATE_ENCRYPTION_KEYS: newEncryptionKey('k1') })

  async function urlParts() {
    const place = await createTestPlace('postgres')
    return { place, url: new URL(place.url ?? '') }
  }

  test('because nothing answers there is named by its address', async () => {
    const port = await findFreePort()
    expect(await sentenceOf(envAt(`postgres://ann:${secret}@127.0.0.1:${port}/db`))).toBe(
      `DATABASE_URL names 127.0.0.1:${port}, where no PostgreSQL answers (ECONNREFUSED); start it or correct the address.`,
    )
  })

  test('because its host is unknown is named', async () => {
    expect(await wordsOf(envAt(`postgres://ann:${secret}@passgate-nowhere.invalid/db`))).toMatch(
      /^DATABASE_URL names passgate-nowhere\.invalid:5432, where no PostgreSQL answers \((?:ENOTFOUND|EAI_AGAIN)\); start it or correct the address\.$/,
    )
  })

  test('because the password is wrong is told without it', async () => {
    const { place, url } = await urlParts()
    await using _place = place
    url.password = secret
    expect(await wordsOf(envAt(url.href))).toBe(
      `DATABASE_URL's user "postgres" is refused by ${url.host} (28P01); correct the user or the password.`,
    )
  })

  test('because the database is not there is told', async () => {
    const { place, url } = await urlParts()
    await using _place = place
    url.pathname = '/elsewhere'
    expect(await wordsOf(envAt(url.href))).toBe(
      `DATABASE_URL names the database "elsewhere", which ${url.host} does not have (3D000); create it or correct the name.`,
    )
  })

  test.each([`mysql://ann:${secret}@host/db`, `ann:${secret}@host`, secret, `postgres://ann:${secret}@host:port/db`])(
    'because the URL is none is told without the URL',
    async url => {
      const sentence = await sentenceOf(envAt(url))
      expect(sentence).toMatch(/^DATABASE_URL /)
      expect(sentence).not.toContain(secret)
    },
  )
})

describe.each(kinds)('a store (%s)', kind => {
  // A start that is refused changes nothing: they share one.
  let place: TestPlace
  beforeAll(async () => {
    place = await startedPlace(kind)
  })
  afterAll(() => place[Symbol.asyncDispose]())

  test('sealed with another key of that name is told', async () => {
    const sentence = await wordsOf(envOf(place, { PASSGATE_ENCRYPTION_KEYS: newEncryptionKey('k1') }))
    expect(sentence).toBe(
      'The encryption key k1 is not the one this store was sealed with; give PASSGATE_ENCRYPTION_KEYS (or the file encryption-keys in the data directory) the key that was used before.',
    )
  })

  test('sealed with a key that is missing is told, and starts again with that key', async () => {
    const sentence = await wordsOf(envOf(place, { PASSGATE_ENCRYPTION_KEYS: newEncryptionKey('k2') }))
    expect(sentence).toBe(
      'PASSGATE_ENCRYPTION_KEYS has k2, but this store was sealed with k1; add that key after the new one.',
    )
    await using again = await start(envOf(place))
    await again.listen()
  })

  test('in use by another process is told, and that process goes on', async () => {
    await using first = startPassgate(envOf(place))
    await first.listening()
    const sentence = await sentenceOf(envOf(place))
    expect(sentence).toMatch(
      new RegExp(
        `^The data directory ${place.dataDir} is in use by process ${first.pid} \\(started \\S+Z\\); stop it first or set PASSGATE_DATA_DIR to another directory\\.$`,
      ),
    )
    expect((await first.ask('{ viewer { name } }')).data.viewer.name).toBe('admin')
  })
})

describe('a data directory', () => {
  let started: TestPlace
  beforeAll(async () => {
    started = await startedPlace('embedded')
  })
  afterAll(() => started[Symbol.asyncDispose]())

  test.each(['', 'k1:short', 'k1', '\0\0\0\0'])(
    'with the damaged key file %j is told, and the file stays',
    async text => {
      const file = join(started.dataDir, 'encryption-keys')
      writeFileSync(file, text)
      expect(await wordsOf({ PASSGATE_DATA_DIR: started.dataDir })).toBe(
        `The file ${file} is damaged; restore it from a backup: without it no stored credential can be opened.`,
      )
      expect(readFileSync(file, 'utf8')).toBe(text)
    },
  )

  test('that is a file, or below one, is told', async () => {
    await using place = await createTestPlace('embedded', 'empty')
    const file = join(place.dataDir, 'file')
    writeFileSync(file, '')
    for (const [dataDir, code] of [
      [file, 'ENOTDIR'],
      [join(file, 'below'), 'ENOTDIR'],
    ] as const) {
      expect(await wordsOf({ PASSGATE_DATA_DIR: dataDir })).toBe(
        `The data directory ${dataDir} is not a directory (${code}); set PASSGATE_DATA_DIR to another one or mend this one.`,
      )
    }
  })

  test('whose store lacks its main file is told, and nothing is written over it', async () => {
    await using place = await createTestPlace('embedded', 'empty')
    mkdirSync(join(place.dataDir, 'store'))
    expect(await wordsOf({ PASSGATE_DATA_DIR: place.dataDir })).toBe(
      `The store in ${place.dataDir}/store cannot be opened (its file PG_VERSION is missing); restore it from a backup, or move it away to start with an empty one.`,
    )
    expect(existsSync(join(place.dataDir, 'store/base'))).toBe(false)
  })

  test('that cannot be made is told', async () => {
    expect(await sentenceOf({ PASSGATE_DATA_DIR: '/proc/passgate/data' })).toMatch(
      /^The data directory \/proc\/passgate\/data cannot be (?:made|read and written by this user) \(E[A-Z]+\); set PASSGATE_DATA_DIR to another one or mend this one\.$/,
    )
  })
})

describe.skipIf(!mayMount())('a disk', () => {
  const onDisk = (script: string) => [
    'unshare',
    '-rm',
    'bash',
    '-c',
    `${script} && exec "$@"`,
    'bash',
    process.execPath,
  ]

  test('that fills late in the start is told', async () => {
    await using place = await createTestPlace('embedded', 'empty')
    const mount = 'mount -t tmpfs -o size=39700k tmpfs "$PASSGATE_DATA_DIR"'
    expect(await sentenceOf({ PASSGATE_DATA_DIR: place.dataDir }, onDisk(mount))).toMatch(
      /No space left on device|ENOSPC/,
    )
  })

  test.each(['64k', '1m', '8m', '30m', '37m'])('of %s, which is too small, is told', async size => {
    await using place = await createTestPlace('embedded', 'empty')
    const mount = `mount -t tmpfs -o size=${size} tmpfs "$PASSGATE_DATA_DIR"`
    expect(await sentenceOf({ PASSGATE_DATA_DIR: place.dataDir }, onDisk(mount))).toBe(
      `The data directory ${place.dataDir} has no space left (ENOSPC); set PASSGATE_DATA_DIR to another one or mend this one.`,
    )
  })

  test('that is read-only is told', async () => {
    await using place = await createTestPlace('embedded', 'empty')
    const mount = 'mount -t tmpfs -o ro tmpfs "$PASSGATE_DATA_DIR"'
    expect(await sentenceOf({ PASSGATE_DATA_DIR: place.dataDir }, onDisk(mount))).toBe(
      `The data directory ${place.dataDir} is on a read-only file system (EROFS); set PASSGATE_DATA_DIR to another one or mend this one.`,
    )
  })

  test('that is read-only stops no replica on a server', async () => {
    await using place = await createTestPlace('postgres')
    const mount = 'mount -t tmpfs -o ro tmpfs "$PASSGATE_DATA_DIR"'
    await using replica = startPassgate(envOf(place), onDisk(mount))
    expect((await replica.ask('{ viewer { name } }')).data.viewer.name).toBe('admin')
  })
})

test('a port that is taken is told', async () => {
  await using place = await createTestPlace('postgres')
  const taken = createServer()
  const port = await listen(taken)
  expect(await sentenceOf(envOf(place, { PORT: String(port) }))).toBe(
    `The address 127.0.0.1:${port} is in use by another process; set HOST and PORT to another.`,
  )
  taken.close()
})

test('a wrong variable is told without its value when that is secret', async () => {
  const sentence = await sentenceOf({ PASSGATE_ADMIN_KEY: secret })
  expect(sentence).toMatch(/^PASSGATE_ADMIN_KEY /)
  expect(sentence).not.toContain(secret)
})

/** Where Passgate was started once. */
async function startedPlace(kind: (typeof kinds)[number]) {
  const place = await createTestPlace(kind)
  await using first = await start(envOf(place))
  await first.listen()
  return place
}

function start(env: Env): Promise<App> {
  const { config, secrets } = readConfig({ PORT: '0', ...env })
  return createApp({ config, secrets, log: createLogger({ level: 'trace', destination: { write: () => {} } }) })
}

/** What a start in this process is refused with: as a process would say it. */
async function wordsOf(env: Env): Promise<string> {
  const refused = await start(env).then(
    app => app[Symbol.asyncDispose](),
    error => error,
  )
  if (!(refused instanceof StartError))
    throw new TypeError('the start was not refused in a sentence', { cause: refused })
  expect(refused.message).toMatch(/^[A-Z][^\n]*\.$/)
  return refused.message
}

function mayMount(): boolean {
  try {
    execFileSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise(resolve => server.close(resolve))
  return port
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
