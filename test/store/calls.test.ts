/** Calls: written in batches that may come twice, listed newest first under each filter. */
import { describe, expect, test } from 'vitest'
import type { CallFilter } from '../../src/store/call-filter.ts'
import { createCallStore, type NewCall } from '../../src/store/calls.ts'
import { newId } from '../../src/store/ids.ts'
import { callRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 10, minute))

describe.each(kinds)('calls (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    const store = createCallStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    const list = async (filter: CallFilter) =>
      (await store.list(workspaceId, filter, { first: 100 })).edges.map(({ node }) => node.path)
    return { store, workspaceId, list }
  }

  test('come back as they were put in', async () => {
    const { store, workspaceId } = await open()
    const answered = callRow(workspaceId, { kind: 'RAW', bytesSent: Number.MAX_SAFE_INTEGER, durationMs: 0.1 })
    const failed = callRow(workspaceId, { status: null, errorCode: 'UPSTREAM_TIMEOUT', attempts: 3 })
    await store.insertMany([answered, failed])
    expect(await store.get(workspaceId, answered.id)).toEqual(stored(answered))
    expect(await store.get(workspaceId, failed.id)).toEqual(stored(failed))
    expect(await store.get(workspaceId, newId('call'))).toBeUndefined()
    expect(await store.get(workspaceId, 'nonsense')).toBeUndefined()
  })

  test('may be written again, and stay as they were first', async () => {
    const { store, workspaceId, list } = await open()
    const first = callRow(workspaceId, { path: '/first' })
    await store.insertMany([first])
    await store.insertMany([{ ...first, path: '/changed' }, callRow(workspaceId, { path: '/second' })])
    await store.insertMany([])
    expect((await list({})).sort()).toEqual(['/first', '/second'])
  })

  test('are written in the largest batch that the recorder makes', async () => {
    const { store, workspaceId } = await open()
    const batch = Array.from({ length: 500 }, () => callRow(workspaceId))
    await store.insertMany(batch)
    expect(await store.get(workspaceId, batch.at(-1)?.id ?? '')).toEqual(stored(batch.at(-1)))
  })

  test('are kept although a character of them cannot be', async () => {
    const { store, workspaceId } = await open()
    const odd = callRow(workspaceId, { path: '/a\0b\ud800', endUserId: 'u\0' })
    await store.insertMany([odd])
    expect(await store.get(workspaceId, odd.id)).toEqual({
      ...stored(odd),
      path: '/a\uFFFDb\uFFFD',
      endUserId: 'u\uFFFD',
    })
  })

  test('are listed newest first, those of one moment by id', async () => {
    const { store, workspaceId, list } = await open()
    const paths = ['/1', '/2', '/3', '/4']
    const minutes = [1, 3, 3, 2]
    await store.insertMany(
      paths.map((path, index) => callRow(workspaceId, { path, startedAt: at(minutes[index] ?? 0) })),
    )
    expect(await list({})).toEqual(['/3', '/2', '/4', '/1'])
  })

  test('are narrowed by connection, integration, end user and time', async () => {
    const { store, workspaceId, list } = await open()
    const [a, b] = [newId('conn'), newId('conn')]
    await store.insertMany([
      callRow(workspaceId, { path: '/1', connectionId: a, integration: 'github', endUserId: 'ann', startedAt: at(1) }),
      callRow(workspaceId, { path: '/2', connectionId: a, integration: 'github', endUserId: 'ann', startedAt: at(2) }),
      callRow(workspaceId, { path: '/3', connectionId: b, integration: 'slack', endUserId: 'bob', startedAt: at(3) }),
    ])
    expect(await list({ connectionId: a })).toEqual(['/2', '/1'])
    expect(await list({ integration: 'slack' })).toEqual(['/3'])
    expect(await list({ endUserId: 'ann' })).toEqual(['/2', '/1'])
    expect(await list({ since: at(2) })).toEqual(['/3', '/2'])
    expect(await list({ until: at(2) })).toEqual(['/1'])
    expect(await list({ since: at(2), until: at(3) })).toEqual(['/2'])
    expect(await list({ connectionId: a, integration: 'slack' })).toEqual([])
    expect(await list({ connectionId: 'nonsense' })).toEqual([])
    const none = { connectionId: null, integration: null, endUserId: null, since: null, until: null }
    expect(await list(none)).toHaveLength(3)
  })

  test.each(['0000-01-01T00:00:00Z', '-000044-03-15T00:00:00Z', '9999-12-31T23:59:59Z', '+275760-09-13T00:00:00Z'])(
    'may be asked for from and until %s',
    async instant => {
      const { store, workspaceId, list } = await open()
      await store.insertMany([callRow(workspaceId, { path: '/1' })])
      const isPast = new Date(instant) < new Date(0)
      expect(await list({ since: new Date(instant) })).toEqual(isPast ? ['/1'] : [])
      expect(await list({ until: new Date(instant) })).toEqual(isPast ? [] : ['/1'])
    },
  )
})

/** As it is read: its id in one spelling. */
function stored(call: NewCall | undefined) {
  const { uuid: _, sealedRequest: __, ...row } = call ?? callRow('')
  return row
}
