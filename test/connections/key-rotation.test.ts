/** Rotation: every secret ends up under the first key, whatever happens beside it, and none is lost or overwritten. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { countKeyUses, type RotationOptions, rotateKeys } from '../../src/connections/key-rotation.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import type { Db } from '../../src/store/database.ts'
import { createEncryptionKeyStore } from '../../src/store/encryption-keys.ts'
import { newId } from '../../src/store/ids.ts'
import { createSealedRowStore, type SealedRowStore } from '../../src/store/sealed-rows.ts'
import { connectionBinding } from '../../src/vault/bindings.ts'
import { type EncryptionKey, KeyRing } from '../../src/vault/key-ring.ts'
import { Vault } from '../../src/vault/vault.ts'
import { connectionRow, createWorkspace, kinds } from '../store/fixtures.ts'
import { createTestDatabase } from '../support/database.ts'
import { sealFirstVersion } from '../vault/first-version.ts'

const a: EncryptionKey = { id: 'a', key: randomBytes(32) }
const b: EncryptionKey = { id: 'b', key: randomBytes(32) }
const vaultOf = (...keys: EncryptionKey[]) => new Vault(new KeyRing(keys))
const [before, between, after] = [vaultOf(a), vaultOf(b, a), vaultOf(b)]

function storesOf(db: Db) {
  return {
    keys: createEncryptionKeyStore(db),
    sealedRows: createSealedRowStore(db),
    connections: createConnectionStore(db),
  }
}

describe.each(kinds)('rotation (%s)', kind => {
  /** Two workspaces with connections sealed under `a`; the secret of each is its id. */
  async function open(count: number) {
    const database = await createTestDatabase(kind)
    const stores = storesOf(database.db)
    const workspaceIds = [await createWorkspace(database.db), await createWorkspace(database.db)]
    const rows: { workspaceId: string; id: string }[] = []
    async function add(vault: Vault) {
      const workspaceId = workspaceIds[rows.length % 2] ?? ''
      const id = newId('conn')
      const { envelope, keyId } = vault.seal(connectionBinding(workspaceId, id), id)
      const sealed = { sealedCredential: envelope, sealedUnder: keyId }
      await stores.connections.insert(connectionRow(workspaceId, { id, ...sealed }))
      rows.push({ workspaceId, id })
      return { workspaceId, id }
    }
    for (let index = 0; index < count; index++) await add(before)
    async function secretsUnder(vault: Vault): Promise<string[]> {
      const found = await Promise.all(rows.map(({ workspaceId, id }) => stores.connections.get(workspaceId, id)))
      return found.flatMap(row => {
        if (row === undefined) return []
        return vault.open(connectionBinding(row.workspaceId, row.id), row.sealedCredential)
      })
    }
    return {
      stores,
      rows,
      add,
      secretsUnder,
      rotate: (options?: RotationOptions, sealedRows: SealedRowStore = stores.sealedRows) =>
        rotateKeys(between, { ...stores, sealedRows }, options),
      ids: () => rows.map(({ id }) => id),
      get: async (index: number) => {
        const { workspaceId, id } = rows[index] ?? { workspaceId: '', id: '' }
        const row = await stores.connections.get(workspaceId, id)
        if (row === undefined) throw new TypeError('no such connection')
        return row
      },
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    }
  }

  /** A refresh: a new credential in place of the one that is there. */
  async function refresh(
    { connections }: ReturnType<typeof storesOf>,
    row: { workspaceId: string; id: string },
    vault: Vault,
  ) {
    const current = await connections.get(row.workspaceId, row.id)
    const { envelope, keyId } = vault.seal(connectionBinding(row.workspaceId, row.id), `new ${row.id}`)
    const saved = await connections.saveCredential(row.workspaceId, row.id, {
      sealedCredential: envelope,
      sealedUnder: keyId,
      tokenExpiresAt: null,
      tokenRenewAt: null,
      dueAt: null,
      expectedVersion: current?.credentialVersion ?? 0,
      event: 'connection.refreshed',
    })
    expect(saved).toBeDefined()
  }

  test.each([1, 3, 200])('moves all of them in slices of %i, and nothing the second time', async sliceSize => {
    await using house = await open(7)
    const told: string[] = []
    const onProgress: RotationOptions['onProgress'] = ({ table, done, total, moved }) => {
      if (table === 'connections') told.push(`${done}/${total} ${moved}`)
    }
    expect(await house.rotate({ sliceSize, onProgress })).toEqual({ moved: 7, failures: [], left: [] })
    expect(told.at(0)).toBe('0/7 0')
    expect(told.at(-1)).toBe('7/7 7')
    expect(await house.secretsUnder(after)).toEqual(house.ids())
    expect((await house.get(0)).sealedUnder).toBe('b')
    expect((await house.get(0)).credentialVersion).toBe(1)
    expect(await house.rotate({ sliceSize })).toEqual({ moved: 0, failures: [], left: [] })
    expect(await countKeyUses(after, house.stores.sealedRows)).toEqual([
      { table: 'connections', keyId: 'b', isCurrent: true, rows: 7 },
    ])
  })

  test('that is stopped half-way says what is left, and goes on when it is run again', async () => {
    await using house = await open(10)
    const stop = new AbortController()
    const stopped = await house.rotate({
      sliceSize: 2,
      signal: stop.signal,
      onProgress: ({ table, done }) => void (table === 'connections' && done === 4 && stop.abort()),
    })
    expect(stopped).toEqual({
      moved: 4,
      failures: [],
      left: [{ table: 'connections', keyId: 'a', isCurrent: false, rows: 6 }],
    })
    expect(await house.secretsUnder(between)).toEqual(house.ids())
    expect(await house.rotate({ sliceSize: 2 })).toMatchObject({ moved: 6, left: [] })
    expect(await house.secretsUnder(after)).toEqual(house.ids())
  })

  test('never overwrites what a refresh saved between its read and its swap', async () => {
    await using house = await open(6)
    const { stores, rows } = house
    const refreshed = new Set<string>()
    const sealedRows: SealedRowStore = {
      ...stores.sealedRows,
      async read(place) {
        const sealed = await stores.sealedRows.read(place)
        const row = rows.find(({ id }) => id === place.key[0])
        // By a replica that still has the old key first.
        if (row !== undefined && !refreshed.has(row.id)) {
          refreshed.add(row.id)
          await refresh(stores, row, before)
        }
        return sealed
      },
    }
    expect(await house.rotate({}, sealedRows)).toMatchObject({ moved: 6, failures: [], left: [] })
    expect(await house.secretsUnder(after)).toEqual(house.ids().map(id => `new ${id}`))
  })

  test('beside a stream of refreshes and deletions loses none of them', async () => {
    await using house = await open(24)
    const { stores, rows } = house
    const [removed, refreshed] = [rows.slice(0, 6), rows.slice(6, 18)]
    const [report] = await Promise.all([
      house.rotate({ sliceSize: 3 }),
      (async () => {
        for (const [index, row] of refreshed.entries()) {
          await refresh(stores, row, index % 2 === 0 ? before : between)
          const gone = removed[index]
          if (gone !== undefined) await stores.connections.remove(gone.workspaceId, gone.id, 60_000)
        }
      })(),
    ])
    expect(report.failures).toEqual([])
    await house.rotate()
    const isRefreshed = (id: string) => refreshed.some(row => row.id === id)
    expect(await house.secretsUnder(after)).toEqual(rows.slice(6).map(({ id }) => (isRefreshed(id) ? `new ${id}` : id)))
    for (const { workspaceId, id } of removed) {
      const sealed = await stores.sealedRows.read({ table: 'connection_deletions', workspaceId, key: [id] })
      expect(after.open(connectionBinding(workspaceId, id), sealed ?? Buffer.alloc(0))).toBe(id)
    }
  })

  test('by several processes at once moves each row once', async () => {
    await using house = await open(20)
    const reports = await Promise.all([1, 2, 3].map(() => house.rotate({ sliceSize: 4 })))
    expect(reports.reduce((sum, { moved }) => sum + moved, 0)).toBe(20)
    expect(await house.secretsUnder(after)).toEqual(house.ids())
  })

  test('meets in a second pass what was sealed under the old key behind its back', async () => {
    await using house = await open(3)
    let added = 0
    const onProgress: RotationOptions['onProgress'] = ({ table, done }) => {
      if (table === 'connections' && done > 0 && added++ === 0) late = house.add(before)
    }
    let late: Promise<unknown> | undefined
    const sealedRows: SealedRowStore = {
      ...house.stores.sealedRows,
      async slice(table, from, limit) {
        if (table !== 'connections') await late
        return await house.stores.sealedRows.slice(table, from, limit)
      },
    }
    expect(await house.rotate({ onProgress }, sealedRows)).toEqual({ moved: 4, failures: [], left: [] })
    expect(await house.secretsUnder(after)).toEqual(house.ids())
  })

  test('ends although a replica goes on sealing under the old key, and says what is left', async () => {
    await using house = await open(3)
    const sealedRows: SealedRowStore = {
      ...house.stores.sealedRows,
      async slice(table, from, limit) {
        if (table === 'connect_flights') await house.add(before)
        return await house.stores.sealedRows.slice(table, from, limit)
      },
    }
    const { moved, failures, left } = await house.rotate({}, sealedRows)
    expect({ moved, failures }).toEqual({ moved: 5, failures: [] })
    expect(left).toEqual([{ table: 'connections', keyId: 'a', isCurrent: false, rows: 1 }])
    expect(await house.secretsUnder(between)).toEqual(house.ids())
  })

  test('reports tampered rows by their id, leaves them as they are, and moves the others', async () => {
    await using house = await open(8)
    const { stores } = house
    const tampered: Buffer[] = []
    const damages: ((sealed: Buffer) => Buffer)[] = [
      sealed => flip(sealed, 20),
      // A key id that nobody has ever used.
      sealed => flip(sealed, 2),
      sealed => flip(sealed, 0),
      () => Buffer.from([2]),
      sealed => sealed.subarray(0, 40),
    ]
    await stores.keys.insertIfAbsent('a', Buffer.alloc(1))
    for (const [index, damage] of damages.entries()) {
      const { sealedCredential } = await house.get(index)
      tampered.push(damage(sealedCredential))
      await replaceBytes(stores, await house.get(index), damage(sealedCredential))
    }
    // Moved to another row, where it was not sealed.
    tampered.push((await house.get(6)).sealedCredential)
    await replaceBytes(stores, await house.get(5), (await house.get(6)).sealedCredential)
    const told: string[] = []
    const report = await house.rotate({ sliceSize: 3, onFailure: ({ key }) => told.push(...key) })
    expect(report.moved).toBe(2)
    expect(told.sort()).toEqual(house.ids().slice(0, 6).sort())
    expect(report.failures.map(({ key: [id] }) => id).sort()).toEqual(told)
    expect(report.failures).toContainEqual({
      table: 'connections',
      workspaceId: house.rows[0]?.workspaceId,
      key: [house.rows[0]?.id],
      message: 'the sealed secret is damaged or was sealed for another row',
    })
    expect(report.left.reduce((sum, { rows }) => sum + rows, 0)).toBe(6)
    for (const [index, bytes] of tampered.entries()) expect((await house.get(index)).sealedCredential).toEqual(bytes)
    for (const index of [6, 7]) {
      const row = await house.get(index)
      expect(after.open(connectionBinding(row.workspaceId, row.id), row.sealedCredential)).toBe(row.id)
    }
  })

  test('seals anew what lies in the first form, under whichever key', async () => {
    await using house = await open(1)
    const { stores, rows } = house
    for (const key of [a, b]) {
      const { workspaceId, id } = await house.add(before)
      const envelope = sealFirstVersion(key, connectionBinding(workspaceId, id), id)
      await replaceBytes(stores, await house.get(rows.length - 1), envelope)
    }
    expect(await house.rotate()).toEqual({ moved: 3, failures: [], left: [] })
    expect(await house.secretsUnder(after)).toEqual(house.ids())
    for (const index of [0, 1, 2]) expect((await house.get(index)).sealedCredential[0]).toBe(2)
  })

  test('leaves the process its turns, however long it takes', async () => {
    await using house = await open(40)
    let turns = 0
    let isOver = false
    const count = () => {
      turns++
      if (!isOver) setImmediate(count)
    }
    count()
    await house.rotate({ sliceSize: 40 })
    isOver = true
    expect(turns).toBeGreaterThanOrEqual(10)
  })

  test('counts what hangs on a key of this store that the ring lacks, and does not call it damaged', async () => {
    await using house = await open(2)
    const lost = { id: 'lost', key: randomBytes(32) }
    await house.stores.keys.insertIfAbsent('lost', Buffer.alloc(1))
    await house.add(vaultOf(lost))
    expect(await house.rotate()).toEqual({
      moved: 2,
      failures: [],
      left: [{ table: 'connections', keyId: 'lost', isCurrent: false, rows: 1 }],
    })
  })
})

function flip(bytes: Buffer, index: number): Buffer {
  const damaged = Buffer.from(bytes)
  damaged[index] = (damaged[index] ?? 0) ^ 4
  return damaged
}

async function replaceBytes(
  { sealedRows }: ReturnType<typeof storesOf>,
  row: { workspaceId: string; id: string; sealedCredential: Buffer },
  envelope: Buffer,
): Promise<void> {
  const place = { table: 'connections', workspaceId: row.workspaceId, key: [row.id] } as const
  expect(await sealedRows.replace(place, row.sealedCredential, { envelope, keyId: 'a' })).toBe(true)
}
