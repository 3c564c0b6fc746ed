/** What opens nothing costs the same, whatever is wrong with it: one hash, one look-up, each time. */
import { expect, test } from 'vitest'
import { AccessKeys } from '../../src/access/keys.ts'
import { hashSecret, newAccessKeySecret } from '../../src/access/secret.ts'
import { createAccessKeyStore } from '../../src/store/access-keys.ts'
import { accessKeyRow, createWorkspace, useDatabase } from '../store/fixtures.ts'

const database = useDatabase('postgres')

async function open() {
  const store = createAccessKeyStore(database.db)
  const workspaceId = await createWorkspace(database.db)
  const looked: string[] = []
  const counting = {
    ...store,
    findByHash(hash: Buffer) {
      looked.push(hash.toString('hex'))
      return store.findByHash(hash)
    },
  }
  const keys = new AccessKeys(counting, async () => false)
  async function insert(values: Parameters<typeof accessKeyRow>[1]): Promise<{ secret: string; id: string }> {
    const secret = newAccessKeySecret()
    const { id } = await store.insert(accessKeyRow(workspaceId, { ...values, hash: hashSecret(secret) }))
    return { secret, id }
  }
  return { store, workspaceId, keys, looked, insert }
}

test('unknown, malformed, expired, rotated and deleted keys are looked up alike and refused alike', async () => {
  const { store, workspaceId, keys, looked, insert } = await open()
  const expired = await insert({ expiresAt: new Date(Date.now() - 1) })
  const deleted = await insert({})
  const rotated = await insert({})
  for (const { secret } of [deleted, rotated]) expect(await keys.authenticate(secret)).toMatchObject({ workspaceId })
  await keys.delete(await keys.authenticate(deleted.secret), deleted.id)
  const previous = { previousHash: hashSecret(rotated.secret), previousUntil: new Date(Date.now() - 1) }
  await store.replaceSecret(workspaceId, rotated.id, { ...previous, hash: hashSecret('new'), hint: 'new' })
  const wrong = [
    newAccessKeySecret(),
    'nonsense',
    '',
    'k'.repeat(20_000),
    `${deleted.secret}_`,
    expired.secret,
    deleted.secret,
    rotated.secret,
  ]
  looked.length = 0
  for (const secret of [...wrong, ...wrong]) {
    await expect(keys.authenticate(secret)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: 'The access key is unknown, expired or deleted.',
    })
  }
  expect(looked).toEqual([...wrong, ...wrong].map(secret => hashSecret(secret).toString('hex')))
})

test('a key with a typing error is refused alike, and not looked up', async () => {
  const { keys, looked, insert } = await open()
  const { secret } = await insert({})
  for (let at = 4; at < secret.length; at += 1) {
    const other = secret[at] === 'x' ? 'y' : 'x'
    const mistyped = `${secret.slice(0, at)}${other}${secret.slice(at + 1)}`
    await expect(keys.authenticate(mistyped)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: 'The access key is unknown, expired or deleted.',
    })
  }
  expect(looked).toEqual([])
  expect(await keys.authenticate(secret)).toMatchObject({ kind: 'KEY' })
})
