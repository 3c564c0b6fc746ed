/** Sealed columns: each is found, slice by slice, and replaced only where its bytes are still those that were read. */
import { randomBytes } from 'node:crypto'
import { getTableColumns, getTableName, is } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import { describe, expect, test } from 'vitest'
import { createConnectionStore } from '../../src/store/connections.ts'
import { createSealedRowStore, type SealedPlace, sealedTables } from '../../src/store/sealed-rows.ts'
import * as tables from '../../src/store/tables.ts'
import { connectionRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

/** Version 2, a key id, and some bytes. */
function sealedUnder(keyId: string): Buffer {
  return Buffer.concat([Buffer.of(2, keyId.length), Buffer.from(keyId), randomBytes(90)])
}

/** What the call log keeps for a while is not carried over to another key: there is a row for each call. */
const endingWithTheirKey = ['call_bodies', 'calls']

test('every column that holds something sealed is among them', () => {
  const found = Object.values(tables)
    .filter(table => is(table, PgTable))
    .filter(table =>
      Object.entries(getTableColumns(table)).some(([name, { dataType, columnType }]) => {
        return (
          /^sealed/.test(name) && dataType === 'custom' && columnType === 'PgCustomColumn' && name !== 'sealedUnder'
        )
      }),
    )
  expect(found.map(table => getTableName(table)).sort()).toEqual([...sealedTables, ...endingWithTheirKey].sort())
})

describe.each(kinds)('sealed rows (%s)', kind => {
  const database = useDatabase(kind)

  async function open(keyIds: readonly string[]) {
    const store = createSealedRowStore(database.db)
    const connections = createConnectionStore(database.db)
    const workspaceIds = [await createWorkspace(database.db), await createWorkspace(database.db)]
    const rows = []
    for (const [index, keyId] of keyIds.entries()) {
      const sealed = { sealedCredential: sealedUnder(keyId), sealedUnder: keyId }
      rows.push(await connections.insert(connectionRow(workspaceIds[index % 2] ?? '', sealed)))
    }
    async function slices(limit: number): Promise<SealedPlace[]> {
      const all: SealedPlace[] = []
      for (;;) {
        const slice = await store.slice('connections', all.at(-1), limit)
        expect(slice.length).toBeLessThanOrEqual(limit)
        all.push(...slice)
        if (slice.length < limit) return all.filter(({ workspaceId }) => workspaceIds.includes(workspaceId))
      }
    }
    return { store, connections, rows, slices }
  }

  test.each([1, 2, 3, 100])('are met once each in slices of %i, across workspaces', async limit => {
    const { rows, slices } = await open(['a', 'b', 'a', 'c', 'a'])
    const met = await slices(limit)
    expect(met.map(({ key: [id] }) => id).sort()).toEqual(rows.map(({ id }) => id).sort())
  })

  test('are counted by how they begin, whatever the bytes are', async () => {
    const { store, connections, rows } = await open(['count-1', 'count-2', 'count-1'])
    const [{ workspaceId } = { workspaceId: '' }] = rows
    for (const bytes of [[], [9], [2, 255], [2, 3, 0, 0, 0, 0]]) {
      await connections.insert(connectionRow(workspaceId, { sealedCredential: Buffer.from(bytes) }))
    }
    const counted = (await store.count()).filter(({ table }) => table === 'connections')
    const rowsOf = (header: Buffer) => counted.find(count => count.header.equals(header))?.rows
    const begin = (keyId: string) => sealedUnder(keyId).subarray(0, 2 + keyId.length)
    expect([rowsOf(begin('count-1')), rowsOf(begin('count-2'))]).toEqual([2, 1])
    expect([[], [9], [2, 255], [2, 3, 0, 0, 0]].map(bytes => rowsOf(Buffer.from(bytes)))).toEqual([1, 1, 1, 1])
  })

  test('are replaced with their key’s id, and only while their bytes are those that were read', async () => {
    const { store, connections, rows } = await open(['old', 'old'])
    const [row, other] = rows
    if (row === undefined || other === undefined) throw new TypeError('there are two')
    const place: SealedPlace = { table: 'connections', workspaceId: row.workspaceId, key: [row.id] }
    const after = { envelope: sealedUnder('new'), keyId: 'new' }
    expect(await store.read(place)).toEqual(row.sealedCredential)
    expect(await store.replace(place, other.sealedCredential, after)).toBe(false)
    expect(await store.replace({ ...place, workspaceId: other.workspaceId }, row.sealedCredential, after)).toBe(false)
    expect(await store.replace(place, row.sealedCredential, after)).toBe(true)
    expect(await store.replace(place, row.sealedCredential, after)).toBe(false)
    const replaced = { sealedCredential: after.envelope, sealedUnder: 'new' }
    expect(await connections.get(row.workspaceId, row.id)).toEqual({ ...row, ...replaced })
    expect(await connections.get(other.workspaceId, other.id)).toEqual(other)
  })

  test('that are gone are undefined to read and not replaced', async () => {
    const { store, connections, rows } = await open(['old'])
    const [row] = rows
    if (row === undefined) throw new TypeError('there is one')
    const place: SealedPlace = { table: 'connections', workspaceId: row.workspaceId, key: [row.id] }
    await connections.remove(row.workspaceId, row.id, 1000)
    expect(await store.read(place)).toBeUndefined()
    expect(await store.replace(place, row.sealedCredential, { envelope: sealedUnder('k'), keyId: 'k' })).toBe(false)
    const deletion: SealedPlace = { ...place, table: 'connection_deletions' }
    expect(await store.read(deletion)).toEqual(row.sealedCredential)
  })
})
