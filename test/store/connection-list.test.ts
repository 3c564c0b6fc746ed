/** The list of connections: each filter, alone and together. */
import { describe, expect, test } from 'vitest'
import { type ConnectionFilter, type ConnectionOrder, createConnectionStore } from '../../src/store/connections.ts'
import { newId } from '../../src/store/ids.ts'
import type { JsonObject } from '../../src/store/tables.ts'
import { connectionRow, createWorkspace, kinds, refusal, refusalOf, useDatabase } from './fixtures.ts'

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

  test('finds by one or two characters what begins with them, however it is written', async () => {
    const ids = ['Xavier', 'x-1', 'Ann@Example.com', 'aX', 'ÄRA', 'ärb', '🚀rocket', 'straße']
    const { list } = await open(ids)
    expect(await list({ search: 'X' })).toEqual(['Xavier', 'x-1'])
    expect(await list({ search: 'x' })).toEqual(['Xavier', 'x-1'])
    expect(await list({ search: 'xA' })).toEqual(['Xavier'])
    expect(await list({ search: 'X-' })).toEqual(['x-1'])
    expect(await list({ search: 'är' })).toEqual(['ÄRA', 'ärb'])
    expect(await list({ search: '🚀' })).toEqual(['🚀rocket'])
    expect(await list({ search: 'y' })).toEqual([])
    expect(await list({ search: 'ße' })).toEqual(['straße'])
  })

  test('finds a connection by its id', async () => {
    const { store, workspaceId, list } = await open(['ann', 'bob'])
    const { id } = await store.insert(connectionRow(workspaceId, { endUserId: 'cid' }))
    expect(await list({ search: id })).toEqual(['cid'])
    expect(await list({ search: id, status: 'DISABLED' })).toEqual([])
    await store.insert(connectionRow(workspaceId, { endUserId: `for ${id}` }))
    expect(await list({ search: id })).toEqual(['cid', `for ${id}`])
    expect(await list({ search: newId('conn') })).toEqual([])
    const { id: foreign } = await store.insert(connectionRow(await createWorkspace(database.db)))
    expect(await list({ search: foreign })).toEqual([])
  })

  test('takes the wildcards of LIKE as what they are', async () => {
    const { list } = await open(['100%', '1000', 'a_b', 'axb', 'c:\\dir', 'c:dir', "o'hara", '%-', '_-', '\\-'])
    expect(await list({ search: '%' })).toEqual(['%-'])
    expect(await list({ search: '_' })).toEqual(['_-'])
    expect(await list({ search: '\\' })).toEqual(['\\-'])
    expect(await list({ search: '00%' })).toEqual(['100%'])
    expect(await list({ search: '00_' })).toEqual([])
    expect(await list({ search: 'a_b' })).toEqual(['a_b'])
    expect(await list({ search: '\\di' })).toEqual(['c:\\dir'])
    expect(await list({ search: '%di' })).toEqual([])
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

  test.each([{ a: {} }, { a: [] }, { a: { b: [{}] } }])('refuses metadata that holds no value: %j', async metadata => {
    const { list } = await open()
    const message = 'filter.metadata takes fields with values; got only empty objects or lists.'
    expect(await refusalOf(list({ metadata }))).toEqual(refusal('filter.metadata', message))
  })

  test('refuses a search or metadata longer than anything stored', async () => {
    const { list } = await open()
    expect(await list({ search: 'a'.repeat(512) })).toEqual([])
    const tooLong = 'filter.search has 513 characters; it takes at most 512.'
    expect(await refusalOf(list({ search: 'a'.repeat(513) }))).toEqual(refusal('filter.search', tooLong))
    expect(await list({ metadata: { a: 'a'.repeat(16_376) } })).toEqual([])
    const tooLarge = 'filter.metadata takes at most 16384 bytes of JSON; got 16385.'
    expect(await refusalOf(list({ metadata: { a: 'a'.repeat(16_377) } }))).toEqual(refusal('filter.metadata', tooLarge))
  })

  test('sorts by end user byte by byte', async () => {
    const { store, workspaceId } = await open(['b', 'a', 'B', 'ä', 'a-', 'ab', 'Z', '_'])
    const order = { field: 'END_USER_ID', direction: 'ASC' } as const
    const { edges } = await store.list(workspaceId, {}, order, {})
    expect(edges.map(({ node }) => node.endUserId)).toEqual(['B', 'Z', '_', 'a', 'a-', 'ab', 'b', 'ä'])
  })
})
