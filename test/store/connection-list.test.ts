/** The list of connections: each filter, alone and together. */
import { describe, expect, test } from 'vitest'
import { type ConnectionFilter, type ConnectionOrder, createConnectionStore } from '../../src/store/connections.ts'
import type { JsonObject } from '../../src/store/tables.ts'
import { connectionRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

const oldestFirst: ConnectionOrder = { field: 'CREATED_AT', direction: 'ASC' }

describe.each(kinds)('the list of connections (%s)', kind => {
  const database = useDatabase(kind)

  async function open(endUserIds: readonly string[] = []) {
    const store = createConnectionStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    for (const endUserId of endUserIds) await store.insert(connectionRow(workspaceId, { endUserId }))
    const list = async (filter: ConnectionFilter) => {
      const { edges } = await store.list(workspaceId, filter, oldestFirst, { first: 100 })
      return edges.map(({ node }) => node.endUserId)
    }
    return { store, workspaceId, list }
  }

  test('narrows by integration, end user and status, and by all together', async () => {
    const { store, workspaceId, list } = await open()
    for (const integration of ['github', 'slack']) {
      for (const endUserId of ['ann', 'bob']) {
        const { id } = await store.insert(connectionRow(workspaceId, { integration, endUserId }))
        if (endUserId === 'bob') await store.update(workspaceId, id, { status: 'DISABLED' })
      }
    }
    expect(await list({})).toEqual(['ann', 'bob', 'ann', 'bob'])
    expect(await list({ integration: 'slack' })).toEqual(['ann', 'bob'])
    expect(await list({ endUserId: 'ann' })).toEqual(['ann', 'ann'])
    expect(await list({ status: 'DISABLED' })).toEqual(['bob', 'bob'])
    expect(
      await list({ integration: 'slack', endUserId: 'ann', status: 'ACTIVE', search: 'AN', metadata: {} }),
    ).toEqual(['ann'])
    expect(await list({ integration: 'slack', endUserId: 'ann', status: 'DISABLED' })).toEqual([])
    const none = { integration: null, endUserId: null, status: null, search: null, metadata: null }
    expect(await list(none)).toHaveLength(4)
  })

  test('finds a part of an end user’s id in any case', async () => {
    const { list } = await open(['Ann@Example.com', 'bob@example.com', 'BOB', 'x'])
    expect(await list({ search: 'example' })).toEqual(['Ann@Example.com', 'bob@example.com'])
    expect(await list({ search: 'bOb' })).toEqual(['bob@example.com', 'BOB'])
    expect(await list({ search: 'X' })).toEqual(['Ann@Example.com', 'bob@example.com', 'x'])
    expect(await list({ search: '' })).toHaveLength(4)
    expect(await list({ search: 'nobody' })).toEqual([])
  })

  test.each([
    ['MÜLLER', ['Jürgen Müller']],
    ['жук', ['ЖУКОВ']],
    ['ΣΊΣΥΦΟΣ', ['σίσυφος']],
    ['σίσυφο', ['σίσυφος']],
    ['straße', ['Straße 1']],
    ['STRASSE', ['Straße 1']],
    ['東京', ['東京都']],
    ['🚀', ['🚀rocket']],
  ])('finds %s', async (search, expected) => {
    const { list } = await open(['Jürgen Müller', 'ЖУКОВ', 'σίσυφος', 'Straße 1', '東京都', '🚀rocket', 'plain'])
    expect(await list({ search })).toEqual(expected)
  })

  test('takes the wildcards of LIKE as what they are', async () => {
    const { list } = await open(['100%', '1000', 'a_b', 'axb', 'c:\\dir', 'c:dir', "o'hara"])
    expect(await list({ search: '%' })).toEqual(['100%'])
    expect(await list({ search: '_' })).toEqual(['a_b'])
    expect(await list({ search: 'a_b' })).toEqual(['a_b'])
    expect(await list({ search: '\\' })).toEqual(['c:\\dir'])
    expect(await list({ search: '\\d' })).toEqual(['c:\\dir'])
    expect(await list({ search: "O'H" })).toEqual(["o'hara"])
  })

  test.each<[JsonObject, string[]]>([
    [{}, ['pro', 'free', 'bare']],
    [{ plan: 'pro' }, ['pro']],
    [{ plan: 'PRO' }, []],
    [{ seats: 5 }, ['pro']],
    [{ seats: '5' }, []],
    [{ tags: ['b'] }, ['pro']],
    [{ tags: ['b', 'a'] }, ['pro']],
    [{ owner: { team: 'x' } }, ['pro', 'free']],
    [{ owner: { team: 'x', name: 'N' } }, ['free']],
    [{ gone: null }, ['free']],
    [{ plan: 'pro', seats: 6 }, []],
    [{ "it's": '"%\\' }, ['free']],
  ])('finds metadata that contains %j', async (metadata, expected) => {
    const { store, workspaceId, list } = await open()
    const rows: Record<string, JsonObject> = {
      pro: { plan: 'pro', seats: 5, tags: ['a', 'b'], owner: { team: 'x' } },
      free: { plan: 'free', gone: null, owner: { team: 'x', name: 'N' }, "it's": '"%\\' },
      bare: {},
    }
    for (const [endUserId, own] of Object.entries(rows)) {
      await store.insert(connectionRow(workspaceId, { endUserId, metadata: own }))
    }
    expect(await list({ metadata })).toEqual(expected)
  })

  test('sorts by end user byte by byte', async () => {
    const { store, workspaceId } = await open(['b', 'a', 'B', 'ä', 'a-', 'ab', 'Z', '_'])
    const order = { field: 'END_USER_ID', direction: 'ASC' } as const
    const { edges } = await store.list(workspaceId, {}, order, {})
    expect(edges.map(({ node }) => node.endUserId)).toEqual(['B', 'Z', '_', 'a', 'a-', 'ab', 'b', 'ä'])
  })
})
