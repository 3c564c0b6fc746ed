/** `passgate rotate-keys`: beside running gateways or without them, killed and run again, it loses no secret. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'
import { createEncryptionKeyStore } from '../../src/store/encryption-keys.ts'
import { newId } from '../../src/store/ids.ts'
import { createSealedRowStore } from '../../src/store/sealed-rows.ts'
import { connections } from '../../src/store/tables.ts'
import { createWorkspaceStore } from '../../src/store/workspaces.ts'
import { connectionBinding, keyProofBinding } from '../../src/vault/bindings.ts'
import { KeyRing } from '../../src/vault/key-ring.ts'
import { Vault } from '../../src/vault/vault.ts'
import { connectionRow, kinds } from '../store/fixtures.ts'
import { createTestPlace, type TestPlace } from '../support/database.ts'
import { type Env, envOf, type PassgateProcess, startPassgate } from './process.ts'

const [a, b] = ['a', 'b'].map(id => ({ id, key: randomBytes(32) })) as [Key, Key]
interface Key {
  readonly id: string
  readonly key: Buffer
}

const textOf = (...keys: Key[]) => keys.map(({ id, key }) => `${id}:${key.toString('base64')}`).join(',')
const withKeys = (place: TestPlace, ...keys: Key[]) => envOf(place, { PASSGATE_ENCRYPTION_KEYS: textOf(...keys) })

function command(env: Env, words: string) {
  return startPassgate(env, ['sh', '-c', `exec "$0" "$@" ${words}`, process.execPath])
}

async function outcomeOf(env: Env, words: string) {
  await using ran = command(env, words)
  return { code: await ran.ended(), stdout: ran.stdout(), stderr: ran.stderr() }
}

/** Resolves with its first line, after its first slice. @throws when it ends without one */
async function untilItRotates(started: PassgateProcess): Promise<void> {
  let isOver = false
  void started.ended().then(() => {
    isOver = true
  })
  while (!started.stdout().includes('connections ')) {
    if (isOver) throw new Error(`it ended before it rotated: ${started.stderr()}`)
    await sleep(5)
  }
}

/** Connections sealed under `a`, the secret of each its id; gateways have used both keys. */
async function seed(place: TestPlace, count: number): Promise<void> {
  await using database = await openDatabase(place)
  const { db } = database
  const { id: workspaceId } = await createWorkspaceStore(db).ensureDefault()
  const vault = new Vault(new KeyRing([a, b]))
  for (const { id } of [a, b]) {
    await createEncryptionKeyStore(db).insertIfAbsent(id, vault.seal(keyProofBinding(id), 'passgate', id).envelope)
  }
  for (let start = 0; start < count; start += 500) {
    const rows = Array.from({ length: Math.min(500, count - start) }, () => {
      const id = newId('conn')
      const { envelope, keyId } = vault.seal(connectionBinding(workspaceId, id), id)
      const { dueAt: _, ...row } = connectionRow(workspaceId, { id, sealedCredential: envelope, sealedUnder: keyId })
      return { ...row, endUserSearch: row.endUserId }
    })
    await db.insert(connections).values(rows)
  }
}

/** How many connections each key opens; each holds the secret it was given. */
async function countOpened(place: TestPlace): Promise<Record<string, number>> {
  await using database = await openDatabase(place)
  const vault = new Vault(new KeyRing([b, a]))
  const opened: Record<string, number> = { a: 0, b: 0 }
  for (const { workspaceId, id, sealedCredential, sealedUnder } of await database.db.select().from(connections)) {
    expect(vault.open(connectionBinding(workspaceId, id), sealedCredential)).toBe(id)
    expect(vault.keyIdOf(sealedCredential)).toBe(sealedUnder)
    opened[sealedUnder] = (opened[sealedUnder] ?? 0) + 1
  }
  return opened
}

describe('the command line', () => {
  test.each(['--help', '-h', 'help'])('%s lists the commands', async words => {
    const { code, stdout, stderr } = await outcomeOf({}, words)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: passgate \[command\]\n/)
    expect(stdout).toContain('  rotate-keys ')
  })

  test.each(['rotate', 'rotate-keys --now', '--port 1'])('%s is told in one sentence', async words => {
    expect(await outcomeOf({}, words)).toEqual({
      code: 2,
      stdout: '',
      stderr: `Passgate has no command "${words}"; passgate --help lists them.\n`,
    })
  })
})

describe.each(kinds)('rotate-keys (%s)', kind => {
  test('moves everything, says so, and has nothing to do afterwards', { timeout: 60_000 }, async () => {
    await using place = await createTestPlace(kind)
    await seed(place, 450)
    const first = await outcomeOf(withKeys(place, b, a), 'rotate-keys')
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('connections 450/450\n')
    expect(first.stdout).toContain('450 moved to the key b.\nNothing is left under another key')
    expect(await countOpened(place)).toEqual({ a: 0, b: 450 })
    const again = await outcomeOf(withKeys(place, b, a), 'rotate-keys')
    expect(again.stdout).toContain('0 moved to the key b.\nNothing is left')
    expect(again.code).toBe(0)
  })

  test('killed at any moment goes on when it is run again', { timeout: 120_000 }, async () => {
    await using place = await createTestPlace(kind)
    const count = 5000
    await seed(place, count)
    let before = 0
    // Each start of the embedded store takes seconds.
    for (let kills = 0; kills < (kind === 'embedded' ? 1 : 2); kills++) {
      await using killed = command(withKeys(place, b, a), 'rotate-keys')
      await untilItRotates(killed)
      await sleep(Math.random() * 200)
      killed.signal('SIGKILL')
      await killed.ended()
      const { a: old = 0, b: moved = 0 } = await countOpened(place)
      expect(old + moved).toBe(count)
      expect(moved).toBeGreaterThanOrEqual(before)
      if (kills === 0) expect([moved > 0, old > 0]).toEqual([true, true])
      before = moved
    }
    expect(await outcomeOf(withKeys(place, b, a), 'rotate-keys')).toMatchObject({ code: 0, stderr: '' })
    expect(await countOpened(place)).toEqual({ a: 0, b: count })
  })

  test('interrupted says what is left, and that it is not done', { timeout: 60_000 }, async () => {
    await using place = await createTestPlace(kind)
    await seed(place, 5000)
    await using stopped = command(withKeys(place, b, a), 'rotate-keys')
    await untilItRotates(stopped)
    stopped.signal('SIGINT')
    expect(await stopped.ended()).toBe(1)
    expect(stopped.stderr()).toBe('')
    const { a: left } = await countOpened(place)
    expect(left).toBeGreaterThan(0)
    expect(stopped.stdout()).toMatch(new RegExp(`Left:\\n.*\\n {2}a +connections +${left}\\n`))
  })

  test('leaves a tampered row alone, names it, and does not call itself done', { timeout: 60_000 }, async () => {
    await using place = await createTestPlace(kind)
    await seed(place, 5)
    const id = await (async () => {
      await using database = await openDatabase(place)
      const sealedRows = createSealedRowStore(database.db)
      const [row] = await sealedRows.slice('connections', undefined, 1)
      if (row === undefined) throw new TypeError('there are five')
      const sealed = (await sealedRows.read(row)) ?? Buffer.alloc(0)
      const envelope = Buffer.from(sealed)
      envelope[25] = (envelope[25] ?? 0) ^ 1
      await sealedRows.replace(row, sealed, { envelope, keyId: 'a' })
      return row.key[0]
    })()
    const { code, stdout, stderr } = await outcomeOf(withKeys(place, b, a), 'rotate-keys')
    expect(code).toBe(1)
    expect(stderr).toMatch(
      new RegExp(
        `^connections ws_\\w+ "${id}": the sealed secret is damaged or was sealed for another row; it was left alone\\.\\n$`,
      ),
    )
    expect(stdout).toContain('4 moved to the key b.\nLeft:\n')
    expect(stdout).toMatch(/\n {2}a +connections +1\n/)
  })

  test('under keys that are not those of the store is refused', async () => {
    await using place = await createTestPlace(kind)
    await seed(place, 1)
    const wrong = { id: 'a', key: randomBytes(32) }
    const { code, stderr } = await outcomeOf(withKeys(place, b, wrong), 'rotate-keys')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^The encryption key a is not the one this store was sealed with; [^\n]+\.\n$/)
  })
})

const createOwn =
  'mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }'
const connect = 'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }'
const definition = {
  slug: 'own',
  name: 'Own',
  categories: [],
  baseUrl: 'https://api.own.example',
  auth: [{ scheme: 'bearer' }],
}
const input = { integration: 'own', endUserId: 'ann', credential: { bearer: { token: 't' } } }

describe('beside a gateway', () => {
  test('on PostgreSQL it rotates while that one serves', { timeout: 60_000 }, async () => {
    await using place = await createTestPlace('postgres')
    await seed(place, 0)
    await using gateway = startPassgate(withKeys(place, a, b))
    expect((await gateway.ask(createOwn, { input: { definition } })).errors).toBeUndefined()
    expect((await gateway.ask(connect, { input })).errors).toBeUndefined()
    const { code, stdout } = await outcomeOf(withKeys(place, b, a), 'rotate-keys')
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('1 moved to the key b.') })
    // It still seals under the key that is its first, which the next run finds.
    expect((await gateway.ask(connect, { input })).errors).toBeUndefined()
    expect((await outcomeOf(withKeys(place, b, a), 'rotate-keys')).stdout).toContain('1 moved to the key b.')
    expect((await gateway.ask('{ encryptionKeys { id isPrimary rows } }')).data.encryptionKeys).toEqual([
      { id: 'a', isPrimary: true, rows: 0 },
      { id: 'b', isPrimary: false, rows: 2 },
    ])
  })

  test('on PostgreSQL it does not put anything under a key that no gateway has', async () => {
    await using place = await createTestPlace('postgres')
    await using gateway = startPassgate(withKeys(place, a))
    await gateway.listening()
    for (const _ of ['first', 'again']) {
      expect(await outcomeOf(withKeys(place, b, a), 'rotate-keys')).toEqual({
        code: 1,
        stdout: '',
        stderr:
          'No gateway has used the encryption key b with this store yet; start every gateway with b in its PASSGATE_ENCRYPTION_KEYS first, then rotate.\n',
      })
    }
  })

  test('on the embedded store it names the mutation, which does it', { timeout: 60_000 }, async () => {
    await using place = await createTestPlace('embedded')
    await seed(place, 3)
    await using gateway = startPassgate({ ...withKeys(place, b, a), PASSGATE_SANDBOX: 'off' })
    await gateway.listening()
    const { code, stdout, stderr } = await outcomeOf(withKeys(place, b, a), 'rotate-keys')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(
      new RegExp(
        `^The data directory ${place.dataDir} is in use by process ${gateway.pid} \\(started \\S+\\); stop it first, or have it rotate with the mutation rotateEncryptionKeys\\.\\n$`,
      ),
    )
    expect((await gateway.ask('mutation { rotateEncryptionKeys { isRunning } }')).errors).toBeUndefined()
    const isRunning = async () =>
      (await gateway.ask('{ encryptionKeyRotation { isRunning } }')).data.encryptionKeyRotation.isRunning
    while (await isRunning()) await sleep(20)
    gateway.signal('SIGTERM')
    await gateway.ended()
    expect(await countOpened(place)).toMatchObject({ a: 0 })
  })

  test('without a store it makes none', async () => {
    await using place = await createTestPlace('embedded', 'empty')
    expect(await outcomeOf({ PASSGATE_DATA_DIR: place.dataDir }, 'rotate-keys')).toEqual({
      code: 1,
      stdout: '',
      stderr: `The data directory ${place.dataDir} has no store whose keys could be rotated.\n`,
    })
  })
})
