/** A search that no index can answer pauses and goes on: every call that is wanted is found once, and no page is endless. */
import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import type { CallFilter } from '../../src/store/call-filter.ts'
import { type CallStore, createCallStore } from '../../src/store/calls.ts'
import { toUuid } from '../../src/store/ids.ts'
import type { PageArgs } from '../../src/store/page.ts'
import { callRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

/** Of 50,000 calls every 10,000th is an OPTIONS, one right behind where a search pauses; all but these are below `/usual/`. */
const rows = 50_000
const every = 10_000
const wanted = [50_000, 40_000, 30_000, 20_000, 10_000].map(n => `/rare/${n}`)

describe('a search among many calls', () => {
  const database = useDatabase('postgres')
  let workspaceId = ''

  beforeAll(async () => {
    workspaceId = await createWorkspace(database.db)
    await database.db.execute(sql`
      insert into calls (workspace_id, id, connection_id, integration, end_user_id, caller_id, kind, method, path, status,
        bytes_sent, bytes_received, attempts, duration_ms, started_at)
      select ${toUuid('ws', workspaceId)}::uuid, uuidv7(), uuidv7(), 'acme', 'ann', 'key', 'QUERY',
        case n % ${every}::int when 0 then 'OPTIONS' else 'GET' end,
        case n % ${every}::int when 0 then '/rare/' else '/usual/' end || n, 200, 0, 0, 1, 1,
        now() - (${rows}::int - n) * interval '10 milliseconds'
      from generate_series(1, ${rows}::int) n`)
  })

  /** Page by page, until there is none. */
  async function walk(filter: CallFilter, isBackward = false) {
    const store = createCallStore(database.db)
    const pages: string[][] = []
    let args: PageArgs = isBackward ? { last: 2 } : { first: 2 }
    for (;;) {
      const page = await store.list(workspaceId, filter, args)
      pages.push(page.edges.map(({ node }) => node.path))
      if (!(isBackward ? page.hasPreviousPage : page.hasNextPage)) return pages
      const end = isBackward
        ? (page.startCursor ?? page.edges.at(0)?.cursor)
        : (page.endCursor ?? page.edges.at(-1)?.cursor)
      args = isBackward ? { last: 2, before: end } : { first: 2, after: end }
      expect(end).toBeDefined()
    }
  }

  test('pauses after 20,000 calls, says so, and goes on after its end', async () => {
    const pages = await walk({ method: 'OPTIONS' })
    expect(pages.flat()).toEqual(wanted)
    expect(pages).toEqual([wanted.slice(0, 2), wanted.slice(2, 4), wanted.slice(4)])
    const none = await walk({ method: 'DELETE' })
    expect(none).toEqual([[], [], []])
  })

  test('pauses on the way back, too', async () => {
    const pages = await walk({ method: 'OPTIONS' }, true)
    expect(pages.flatMap(page => page.toReversed())).toEqual(wanted.toReversed())
  })

  test('does not pause where an index has the answer', async () => {
    const store = createCallStore(database.db)
    for (const filter of [{ integration: 'none' }, { failed: true }, { callerId: 'none' }, { pathPrefix: '/none' }]) {
      const page = await store.list(workspaceId, filter, {})
      expect([page.edges, page.hasNextPage]).toEqual([[], false])
    }
  })

  test('finds few calls below a path by the path, and many by time', async () => {
    const store = createCallStore(database.db)
    const rare = await store.list(workspaceId, { pathPrefix: '/rare/' }, {})
    expect([rare.edges.map(({ node }) => node.path), rare.hasNextPage]).toEqual([wanted, false])
    const usual = await store.list(workspaceId, { pathPrefix: '/usual/' }, { first: 2 })
    expect(usual.edges.map(({ node }) => node.path)).toEqual(['/usual/49999', '/usual/49998'])
    const both = await store.list(workspaceId, { pathPrefix: '/rare/', method: 'GET' }, {})
    expect([both.edges, both.hasNextPage]).toEqual([[], false])
  })
})

describe.each(kinds)('a list of calls of many weeks (%s)', kind => {
  const database = useDatabase(kind)

  test.each([1, 3, 100])(
    'is in order and whole, %d at a time, whichever way it is walked and wherever it begins',
    async size => {
      const store = createCallStore(database.db)
      const workspaceId = await createWorkspace(database.db)
      // Around the ends of the spans that are searched one after the other.
      const daysAgo = [0, 1, 1.99, 2.01, 3, 29, 31.9, 32.1, 100, 700]
      const now = Date.now()
      const calls = daysAgo.map(days =>
        callRow(workspaceId, {
          path: `/${days}`,
          startedAt: new Date(now - days * 86_400_000),
          status: days < 3 ? 200 : 500,
        }),
      )
      await store.insertMany(calls)
      for (const filter of [{}, { endUserId: 'user-1' }, { pathPrefix: '/' }, { method: 'GET' }, { failed: true }]) {
        const all = daysAgo.filter(days => !('failed' in filter) || days >= 3).map(days => `/${days}`)
        expect(await walkAll(store, workspaceId, filter, size, false)).toEqual(all)
        expect(await walkAll(store, workspaceId, filter, size, true)).toEqual(all.toReversed())
        const since = new Date(now - 31 * 86_400_000)
        expect(await walkAll(store, workspaceId, { ...filter, since }, size, true)).toEqual(
          all.filter(path => Number(path.slice(1)) <= 31).toReversed(),
        )
        const until = new Date(now - 1.5 * 86_400_000)
        expect(await walkAll(store, workspaceId, { ...filter, until }, size, false)).toEqual(
          all.filter(path => Number(path.slice(1)) > 1.5),
        )
      }
    },
  )
})

async function walkAll(
  store: CallStore,
  workspaceId: string,
  filter: CallFilter,
  size: number,
  isBackward: boolean,
): Promise<string[]> {
  const paths: string[] = []
  for (let cursor: string | undefined; ; ) {
    const args = isBackward ? { last: size, before: cursor } : { first: size, after: cursor }
    const { edges, hasNextPage, hasPreviousPage } = await store.list(workspaceId, filter, args)
    const page = edges.map(({ node }) => node.path)
    paths.push(...(isBackward ? page.toReversed() : page))
    if (!(isBackward ? hasPreviousPage : hasNextPage)) return paths
    cursor = edges.at(isBackward ? 0 : -1)?.cursor
  }
}
