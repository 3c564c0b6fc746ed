/** The first start: an address, a key that is shown once, and a line that works when it is pasted. */
import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createTestPlace } from '../support/database.ts'
import { adminKey, envOf, newEncryptionKey, sentenceOf, startPassgate } from './process.ts'

const run = promisify(execFile)
const keyPattern = /pgk_[A-Za-z0-9_-]{40,}/g
const readContacts =
  '{ passthrough(integration: "sandbox", endUserId: "demo", path: "/v1/contacts?limit=3") { status body } }'

test('prints an address, the admin key and a line that returns the sandbox’s data', async () => {
  await using place = await createTestPlace('embedded', 'empty')
  await using passgate = startPassgate({ PASSGATE_DATA_DIR: join(place.dataDir, 'new') })
  const url = await passgate.listening()
  const said = passgate.stdout()
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(said).toMatch(/Admin key {5}pgk_\S+ {3}\(shown this once; keep it\)/)
  const line = /^ {2}(curl .*)$/m.exec(said)?.[1] ?? ''
  expect(line).not.toBe('')
  const { stdout } = await run('bash', ['-c', `${line} -sS -m 10`])
  const { data } = JSON.parse(stdout)
  expect(data.passthrough.status).toBe(200)
  expect(JSON.stringify(data.passthrough.body)).toContain('@')
  expect(statSync(join(place.dataDir, 'new')).mode & 0o777).toBe(0o700)
  expect(statSync(join(place.dataDir, 'new/encryption-keys')).mode & 0o777).toBe(0o600)
  expect(passgate.stderr()).toBe('')
})

test('is followed by starts that print no key, and the first one still works', async () => {
  await using place = await createTestPlace('postgres')
  const env = envOf(place, { PASSGATE_ADMIN_KEY: undefined, PASSGATE_SANDBOX: 'on' })
  let key = ''
  {
    await using first = startPassgate(env)
    await first.listening()
    key = first.stdout().match(keyPattern)?.[0] ?? ''
    first.signal('SIGTERM')
    expect(await first.ended()).toBe(0)
  }
  await using second = startPassgate(env)
  await second.listening()
  expect(second.stdout()).not.toMatch(keyPattern)
  expect(second.stdout()).toContain('Bearer $PASSGATE_KEY"')
  const { data } = await second.ask(readContacts, {}, key)
  expect(data.passthrough.status).toBe(200)
})

test('shows its key also when an earlier one could not listen', async () => {
  await using place = await createTestPlace('postgres')
  const env = envOf(place, { PASSGATE_ADMIN_KEY: undefined })
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  {
    await using refused = startPassgate({ ...env, PORT: String(port) })
    expect(await refused.ended()).toBe(1)
    expect(refused.stderr()).toBe(
      `The address 127.0.0.1:${port} is in use by another process; set HOST and PORT to another.\n`,
    )
  }
  await new Promise(resolve => taken.close(resolve))
  await using second = startPassgate(env)
  await second.listening()
  expect(second.stdout()).toMatch(keyPattern)
})

test('on a server prints a key too, and has no sandbox unless told', async () => {
  await using place = await createTestPlace('postgres', 'empty')
  const env = envOf(place, { PASSGATE_ADMIN_KEY: undefined })
  await using passgate = startPassgate(env)
  await passgate.listening()
  const key = passgate.stdout().match(keyPattern)?.[0] ?? ''
  expect(passgate.stdout()).not.toContain('curl')
  const { data } = await passgate.ask('{ viewer { name } }', {}, key)
  expect(data.viewer).toEqual({ name: 'admin' })
})

test('with a preset key works with that one, which is nowhere in the output', async () => {
  await using place = await createTestPlace('postgres')
  const env = envOf(place, { PASSGATE_SANDBOX: 'on', LOG_LEVEL: 'trace' })
  const next = `other_${'n'.repeat(40)}`
  {
    await using first = startPassgate({ ...env, PASSGATE_ADMIN_KEY: adminKey })
    expect((await first.ask(readContacts)).data.passthrough.status).toBe(200)
    expect((await first.ask(readContacts, {}, next)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    const line = /^ {2}(curl .*)$/m.exec(first.stdout())?.[1] ?? ''
    const { stdout } = await run('bash', ['-c', `${line} -sS -m 10`], {
      env: { ...process.env, PASSGATE_ADMIN_KEY: adminKey },
    })
    expect(JSON.parse(stdout).data.passthrough.status).toBe(200)
    first.signal('SIGTERM')
    expect(await first.ended()).toBe(0)
    expect(first.stdout() + first.stderr()).not.toContain(adminKey)
    expect(first.stdout()).not.toMatch(keyPattern)
  }
  await using second = startPassgate({ ...env, PASSGATE_ADMIN_KEY: next })
  expect((await second.ask(readContacts, {}, next)).data.passthrough.status).toBe(200)
  expect((await second.ask(readContacts)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  expect((await second.ask('{ accessKeys { edges { node { name } } } }', {}, next)).data.accessKeys.edges).toHaveLength(
    1,
  )
  expect(second.stdout() + second.stderr()).not.toContain(next)
})

test('with the secret of another key as its preset is refused in a sentence', async () => {
  await using place = await createTestPlace('postgres')
  const mint = 'mutation { createAccessKey(input: { name: "reader", scopes: [CONNECTIONS_READ] }) { secret } }'
  const { secret } = await (async () => {
    await using first = startPassgate(envOf(place))
    const { data, errors } = await first.ask(mint)
    expect(errors).toBeUndefined()
    return data.createAccessKey
  })()
  expect(await sentenceOf(envOf(place, { PASSGATE_ADMIN_KEY: secret }))).toBe(
    'PASSGATE_ADMIN_KEY holds the secret of another access key; delete that key or preset another secret.',
  )
})

test('takes a key of the environment before the one in the file', async () => {
  await using place = await createTestPlace('embedded')
  const keys = newEncryptionKey('mine')
  await using passgate = startPassgate({ PASSGATE_DATA_DIR: place.dataDir, PASSGATE_ENCRYPTION_KEYS: keys })
  await passgate.listening()
  expect(statSync(join(place.dataDir, 'encryption-keys'), { throwIfNoEntry: false })).toBeUndefined()
  expect(passgate.stdout()).not.toContain(keys.slice(5))
})
