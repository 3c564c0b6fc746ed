/** However many replicas start together, one admin key is made, and the one that is shown is the one that works. */
import { expect, test } from 'vitest'
import { AccessKeys } from '../../src/access/keys.ts'
import { newAccessKeySecret } from '../../src/access/secret.ts'
import { createAccessKeyStore } from '../../src/store/access-keys.ts'
import { createWorkspaceStore } from '../../src/store/workspaces.ts'
import { createTestDatabase } from '../support/database.ts'

test.each(['postgres', 'embedded'] as const)('on %s', async kind => {
  await using database = await createTestDatabase(kind)
  const { id } = await createWorkspaceStore(database.db).ensureDefault()
  const replicas = Array.from({ length: 8 }, () => new AccessKeys(createAccessKeyStore(database.db), async () => false))
  const secrets = await Promise.all(replicas.map(keys => keys.createFirstAdmin(id)))
  const shown = secrets.filter(secret => secret !== undefined)
  expect(shown).toHaveLength(1)
  expect(await replicas[0]?.authenticate(shown[0] ?? '')).toMatchObject({ workspaceId: id, scopes: ['admin'] })
  expect(await replicas[1]?.createFirstAdmin(id)).toBeUndefined()
})

test('a preset secret that was copied wrongly stops the start, and one of another form does not', async () => {
  await using database = await createTestDatabase('postgres')
  const { id } = await createWorkspaceStore(database.db).ensureDefault()
  const keys = new AccessKeys(createAccessKeyStore(database.db), async () => false)
  const good = newAccessKeySecret()
  const swapped = `${good.slice(0, 10)}${good[10] === 'x' ? 'y' : 'x'}${good.slice(11)}`
  await expect(keys.presetAdmin(id, swapped)).rejects.toMatchObject({
    name: 'StartError',
    message: 'PASSGATE_ADMIN_KEY has the form of a Passgate key, but its checksum says it is mistyped.',
  })
  for (const secret of [good, `${good}x`, `pgk_${'x'.repeat(40)}`, `pgk_${'.'.repeat(49)}`]) {
    await keys.presetAdmin(id, secret)
    expect(await keys.authenticate(secret)).toMatchObject({ name: 'admin' })
  }
})

test('a preset secret replaces the one before, which then opens nothing', async () => {
  await using database = await createTestDatabase('postgres')
  const { id } = await createWorkspaceStore(database.db).ensureDefault()
  const keys = new AccessKeys(createAccessKeyStore(database.db), async () => false)
  const first = (await keys.createFirstAdmin(id)) ?? ''
  await keys.presetAdmin(id, 'x'.repeat(40))
  expect(await keys.authenticate('x'.repeat(40))).toMatchObject({ name: 'admin' })
  await expect(keys.authenticate(first)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})
