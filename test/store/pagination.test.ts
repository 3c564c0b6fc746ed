/** Pages: walked in either direction and order, each row comes once; what is no page is refused. */
import { describe, expect, test } from 'vitest'
import { createAccessKeyStore } from '../../src/store/access-keys.ts'
import { createCallStore } from '../../src/store/calls.ts'
import { type ConnectionOrder, createConnectionStore } from '../../src/store/connections.ts'
import { newId } from '../../src/store/ids.ts'
import type { Page, PageArgs } from '../../src/store/page.ts'
import {
  accessKeyRow,
  callRow,
  connectionRow,
  createWorkspace,
  kinds,
  refusal,
  refusalOf,
  useDatabase,
} from './fixtures.ts'

type List<Row> = (args: PageArgs) => Promise<Page<Row>>

const orders: ConnectionOrder[] = [
  { field: 'CREATED_AT', direction: 'ASC' },
  { field: 'CREATED_AT', direction: 'DESC' },
  { field: 'END_USER_ID', direction: 'ASC' },
  { field: 'END_USER_ID', direction: 'DESC' },
]
const count = 11
/** Three texts for eleven rows: most places in the order are ties. */
const endUserIds = Array.from({ length: count }, (_, index) => ['b', 'Ä', 'a'][index % 3] ?? '')

describe.each(kinds)('pages (%s)', kind => {
  const database = useDatabase(kind)

  async function openConnections() {
    const store = createConnectionStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    for (const endUserId of endUserIds) await store.insert(connectionRow(workspaceId, { endUserId }))
    return (order: ConnectionOrder) => (args: PageArgs) => store.list(workspaceId, {}, order, args)
  }

  describe.each(orders)('of connections by $field $direction', order => {
    test.each([1, 2, 3, 10, 11, 100])('of %i, walked both ways, hold each row once', async size => {
      const list = (await openConnections())(order)
      const { edges } = await list({ first: 100 })
      const expected = edges.map(({ node }) => node.id)
      expect(new Set(expected).size).toBe(count)
      expect(expected).toEqual(
        edges
          .map(({ node }) => node)
          .sort(byOrder(order))
          .map(({ id }) => id),
      )
      expect(await walkForwards(list, size)).toEqual(expected)
      expect(await walkBackwards(list, size)).toEqual(expected)
    })
  })

  test('of calls of one moment, walked both ways, hold each row once', async () => {
    const store = createCallStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    const moments = [0, 1, 1, 1, 1, 2, 3]
    await store.insertMany(
      moments.map(moment => callRow(workspaceId, { startedAt: new Date(1_800_000_000_000 + moment) })),
    )
    const list: List<{ id: string }> = args => store.list(workspaceId, {}, args)
    const expected = (await list({ first: 100 })).edges.map(({ node }) => node.id)
    expect(new Set(expected).size).toBe(moments.length)
    expect(await walkForwards(list, 2)).toEqual(expected)
    expect(await walkBackwards(list, 2)).toEqual(expected)
  })

  test('of access keys, walked both ways, hold each row once', async () => {
    const store = createAccessKeyStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    for (let index = 0; index < 5; index++) await store.insert(accessKeyRow(workspaceId))
    const list: List<{ id: string }> = args => store.list(workspaceId, args)
    const expected = (await list({})).edges.map(({ node }) => node.id)
    expect(await walkForwards(list, 2)).toEqual(expected)
    expect(await walkBackwards(list, 2)).toEqual(expected)
  })

  test('have 20 rows unless told, and say whether there are more', async () => {
    const store = createConnectionStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    const list = (args: PageArgs) => store.list(workspaceId, {}, { field: 'CREATED_AT', direction: 'ASC' }, args)
    expect(await list({})).toEqual({ edges: [], hasNextPage: false, hasPreviousPage: false })
    for (let index = 0; index < 21; index++) await store.insert(connectionRow(workspaceId))
    const none = { first: null, after: null, last: null, before: null }
    expect(await list(none)).toMatchObject({ edges: { length: 20 }, hasNextPage: true, hasPreviousPage: false })
    expect(await list({ first: 21 })).toMatchObject({ edges: { length: 21 }, hasNextPage: false })
    expect(await list({ last: 21 })).toMatchObject({ hasNextPage: false, hasPreviousPage: false })
    expect(await list({ last: 20 })).toMatchObject({ hasNextPage: false, hasPreviousPage: true })
  })

  test('stay where they are when their cursor’s row is gone or new rows come', async () => {
    const store = createConnectionStore(database.db)
    const workspaceId = await createWorkspace(database.db)
    const rows = []
    for (let index = 0; index < 4; index++) rows.push(await store.insert(connectionRow(workspaceId)))
    const list = (args: PageArgs) => store.list(workspaceId, {}, { field: 'CREATED_AT', direction: 'DESC' }, args)
    const first = await list({ first: 2 })
    const cursor = first.edges[1]
    await store.remove(workspaceId, cursor?.node.id ?? '', 1000)
    await store.insert(connectionRow(workspaceId))
    const second = await list({ first: 2, after: cursor?.cursor })
    expect(second.edges.map(({ node }) => node.id)).toEqual([rows[1]?.id, rows[0]?.id])
  })

  test('may lie between two cursors', async () => {
    const list = (await openConnections())({ field: 'END_USER_ID', direction: 'DESC' })
    const { edges } = await list({ first: 100 })
    const between = { after: edges[2]?.cursor, before: edges[6]?.cursor }
    const ids = async (args: PageArgs) => (await list(args)).edges.map(({ node }) => node.id)
    const expected = edges.slice(3, 6).map(({ node }) => node.id)
    expect(await ids({ ...between, first: 50 })).toEqual(expected)
    expect(await ids({ ...between, last: 2 })).toEqual(expected.slice(1))
  })

  test.each([0, -1, 101, 1.5, Number.NaN])('of %d rows are refused', async size => {
    const list = (await openConnections())({ field: 'CREATED_AT', direction: 'ASC' })
    for (const field of ['first', 'last']) {
      const sentence = `${field} takes a number from 1 to 100; got ${size}.`
      expect(await refusalOf(list({ [field]: size }))).toEqual(refusal(field, sentence))
    }
  })

  test('from both ends are refused', async () => {
    const list = (await openConnections())({ field: 'CREATED_AT', direction: 'ASC' })
    expect(await refusalOf(list({ first: 1, last: 1 }))).toEqual(
      refusal('last', 'A list takes first or last; got both.'),
    )
  })

  test('behind a cursor of another order or list, or behind any other text, are refused', async () => {
    const by = await openConnections()
    const list = by({ field: 'END_USER_ID', direction: 'ASC' })
    const foreign = await by({ field: 'END_USER_ID', direction: 'DESC' })({ first: 1 })
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const name = 'connections END_USER_ID ASC'
    const cursors = [
      foreign.edges[0]?.cursor ?? '',
      '',
      'nonsense',
      '\0',
      encode(null),
      encode([]),
      encode([name]),
      encode([name, 'a']),
      encode([name, 'a', 'no id']),
      encode([name, 'a', newId('key')]),
      encode([name, 7, newId('conn')]),
      encode([name, 'a\0', newId('conn')]),
      encode([name, 'a', newId('conn'), 'more']),
    ]
    for (const field of ['after', 'before']) {
      for (const cursor of cursors) {
        const sentence = `${field} takes a cursor of this list in this order; got another text.`
        expect(await refusalOf(list({ [field]: cursor })), cursor).toEqual(refusal(field, sentence))
      }
    }
  })

  test('behind a made-up cursor are no driver’s error', async () => {
    const workspaceId = await createWorkspace(database.db)
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const calls = createCallStore(database.db)
    for (const instant of ['+275760-09-13T00:00:00.000Z', '-271821-04-20T00:00:00.000Z', '1', '2026-01-01']) {
      const after = encode(['calls', instant, newId('call')])
      expect((await calls.list(workspaceId, {}, { after })).edges).toEqual([])
    }
    const list = (await openConnections())({ field: 'END_USER_ID', direction: 'ASC' })
    const after = encode(['connections END_USER_ID ASC', '\ud800', newId('conn')])
    await expect(list({ after })).resolves.toBeDefined()
  })
})

async function walkForwards<Row extends { id: string }>(list: List<Row>, size: number): Promise<string[]> {
  const ids: string[] = []
  let after: string | undefined
  for (;;) {
    const page = await list({ first: size, after })
    expect(page.hasPreviousPage).toBe(after !== undefined)
    ids.push(...page.edges.map(({ node }) => node.id))
    if (!page.hasNextPage) return ids
    expect(page.edges).toHaveLength(size)
    after = page.edges.at(-1)?.cursor
  }
}

async function walkBackwards<Row extends { id: string }>(list: List<Row>, size: number): Promise<string[]> {
  const ids: string[] = []
  let before: string | undefined
  for (;;) {
    const page = await list({ last: size, before })
    expect(page.hasNextPage).toBe(before !== undefined)
    ids.unshift(...page.edges.map(({ node }) => node.id))
    if (!page.hasPreviousPage) return ids
    expect(page.edges).toHaveLength(size)
    before = page.edges[0]?.cursor
  }
}

function byOrder({ field, direction }: ConnectionOrder) {
  const sign = direction === 'ASC' ? 1 : -1
  const keyOf = (row: { id: string; endUserId: string }) => (field === 'END_USER_ID' ? row.endUserId : '')
  return (a: { id: string; endUserId: string }, b: { id: string; endUserId: string }) =>
    sign * (Buffer.compare(Buffer.from(keyOf(a)), Buffer.from(keyOf(b))) || (a.id < b.id ? -1 : 1))
}
