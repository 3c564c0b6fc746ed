/** Encryption keys: the first proof of a key stays. */
import { describe, expect, test } from 'vitest'
import { createEncryptionKeyStore } from '../../src/store/encryption-keys.ts'
import { kinds, useDatabase } from './fixtures.ts'

describe.each(kinds)('encryption keys (%s)', kind => {
  const database = useDatabase(kind)

  test('are listed by id with the proof that was there first', async () => {
    const store = createEncryptionKeyStore(database.db)
    expect(await store.list()).toEqual([])
    await store.insertIfAbsent('k2', Buffer.from([2]))
    await store.insertIfAbsent('K1', Buffer.from([1, 0, 255]))
    await store.insertIfAbsent('k2', Buffer.from([9]))
    const keys = await store.list()
    expect(keys.map(({ id, proof }) => ({ id, proof }))).toEqual([
      { id: 'K1', proof: Buffer.from([1, 0, 255]) },
      { id: 'k2', proof: Buffer.from([2]) },
    ])
    expect(keys.every(key => Buffer.isBuffer(key.proof) && key.createdAt instanceof Date)).toBe(true)
  })

  test('may be put in by replicas that start together', async () => {
    const store = createEncryptionKeyStore(database.db)
    await Promise.all(Array.from({ length: 8 }, (_, index) => store.insertIfAbsent('shared', Buffer.from([index]))))
    expect((await store.list()).filter(({ id }) => id === 'shared')).toHaveLength(1)
  })
})
