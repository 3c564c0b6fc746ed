/** Figures of calls are what the calls say: counts exactly, durations to a quarter; by time, group and range. */
import { beforeAll, describe, expect, test } from 'vitest'
import { type CallBucket, createCallHourStore } from '../../src/store/call-hours.ts'
import { createCallStore } from '../../src/store/calls.ts'
import { newId } from '../../src/store/ids.ts'
import { callRow, createWorkspace, kinds, useDatabase } from './fixtures.ts'

const since = new Date('2026-03-01T00:00:00Z')
const until = new Date('2026-03-03T00:00:00Z')
const at = (hours: number) => new Date(since.getTime() + hours * 3_600_000)
const [first, second, third] = [newId('conn'), newId('conn'), newId('conn')]

/** Hour, connection, integration, status, milliseconds, how many. */
const made = [
  [0, first, 'github', 200, 10, 90],
  [0, first, 'github', 500, 1000, 10],
  [1.9, second, 'github', null, 40, 5],
  [23.99, third, 'slack', 200, 0.4, 20],
  [24, third, 'slack', 404, 2_000_000, 1],
  [47.99, first, 'github', 200, 100, 4],
] as const

describe.each(kinds)('figures (%s)', kind => {
  const database = useDatabase(kind)
  let workspaceId = ''
  const store = () => createCallHourStore(database.db)
  const span = () => ({ workspaceId, since, until })

  beforeAll(async () => {
    workspaceId = await createWorkspace(database.db)
    const foreign = await createWorkspace(database.db)
    const rows = [workspaceId, foreign].flatMap(owner =>
      made.flatMap(([hours, connectionId, integration, status, durationMs, count]) =>
        Array.from({ length: owner === foreign ? 1 : count }, () =>
          callRow(owner, {
            startedAt: at(hours),
            connectionId,
            integration,
            status,
            errorCode: status === null ? 'UPSTREAM_TIMEOUT' : null,
            durationMs,
            bytesSent: 2,
            bytesReceived: 3,
          }),
        ),
      ),
    )
    await createCallStore(database.db).insertMany(rows)
  })

  const short = (buckets: readonly CallBucket[]) =>
    buckets.map(({ startsAt, integration, connectionId, calls, failures }) => [
      startsAt?.toISOString().slice(5, 13) ?? null,
      connectionId ?? integration,
      calls,
      failures,
    ])

  test('of all calls are their sums', async () => {
    const { p50Ms, p95Ms, p99Ms, ...counts } = await store().total(span())
    expect(counts).toEqual({ calls: 130, failures: 16, bytesSent: 260, bytesReceived: 390 })
    // Of 130 durations the 65th is 10 ms, the 124th 1000 ms, the 129th 1000 ms.
    for (const [got, exact] of [
      [p50Ms, 10],
      [p95Ms, 1000],
      [p99Ms, 1000],
    ] as const) {
      expect(Math.abs((got ?? Number.NaN) - exact) / exact).toBeLessThanOrEqual(0.25)
    }
  })

  test('of the shortest and the longest calls stay in their classes', async () => {
    const shortest = await store().total({ ...span(), since: at(23), until: at(24) })
    expect(shortest.p99Ms).toBeGreaterThan(0)
    expect(shortest.p99Ms).toBeLessThanOrEqual(1)
    const longest = await store().total({ ...span(), since: at(24), until: at(25) })
    expect(longest.p50Ms).toBeGreaterThan(1_000_000)
  })

  test('are divided by hour and by day in UTC', async () => {
    expect(short(await store().buckets(span(), { per: 'HOUR', limit: 1 }))).toEqual([
      ['03-01T00', null, 100, 10],
      ['03-01T01', null, 5, 5],
      ['03-01T23', null, 20, 0],
      ['03-02T00', null, 1, 1],
      ['03-02T23', null, 4, 0],
    ])
    expect(short(await store().buckets(span(), { per: 'DAY', limit: 1 }))).toEqual([
      ['03-01T00', null, 125, 15],
      ['03-02T00', null, 5, 1],
    ])
  })

  test('are grouped by integration and by connection, those with the most calls first', async () => {
    expect(short(await store().buckets(span(), { groupBy: 'INTEGRATION', limit: 5 }))).toEqual([
      [null, 'github', 109, 15],
      [null, 'slack', 21, 1],
    ])
    expect(short(await store().buckets(span(), { groupBy: 'CONNECTION', limit: 2 }))).toEqual([
      [null, first, 104, 10],
      [null, third, 21, 1],
    ])
    expect(short(await store().buckets(span(), { groupBy: 'CONNECTION', per: 'DAY', limit: 2 }))).toEqual([
      ['03-01T00', first, 100, 10],
      ['03-01T00', third, 20, 0],
      ['03-02T00', first, 4, 0],
      ['03-02T00', third, 1, 1],
    ])
    const [busiest] = await store().buckets(span(), { groupBy: 'CONNECTION', limit: 1 })
    expect(busiest).toMatchObject({ integration: 'github', connectionId: first, bytesSent: 208, bytesReceived: 312 })
  })

  test('are of one integration or one connection when asked', async () => {
    expect((await store().total({ ...span(), integration: 'slack' })).calls).toBe(21)
    expect((await store().total({ ...span(), connectionId: first })).calls).toBe(104)
    expect((await store().total({ ...span(), connectionId: first, integration: 'slack' })).calls).toBe(0)
    expect((await store().total({ ...span(), connectionId: 'nonsense' })).calls).toBe(0)
    expect(await store().buckets({ ...span(), connectionId: 'nonsense' }, { limit: 1 })).toEqual([])
    expect(short(await store().buckets({ ...span(), connectionId: second }, { per: 'HOUR', limit: 1 }))).toEqual([
      ['03-01T01', null, 5, 5],
    ])
  })

  test('count from the first hour to the one before the last', async () => {
    expect((await store().total({ ...span(), since: at(1), until: at(24) })).calls).toBe(25)
    const none = await store().total({ ...span(), since: at(30), until: at(40) })
    expect(none).toEqual({
      calls: 0,
      failures: 0,
      bytesSent: 0,
      bytesReceived: 0,
      p50Ms: null,
      p95Ms: null,
      p99Ms: null,
    })
    expect(await store().buckets({ ...span(), since: at(30), until: at(40) }, { per: 'DAY', limit: 1 })).toEqual([])
  })

  test.each([0.2, 1, 1.26, 17, 250, 999, 60_000])(
    'of calls that all took %d ms are within a quarter of it',
    async ms => {
      const own = await createWorkspace(database.db)
      const rows = Array.from({ length: 30 }, () => callRow(own, { startedAt: since, durationMs: ms }))
      await createCallStore(database.db).insertMany(rows)
      const { p50Ms, p95Ms, p99Ms } = await store().total({ workspaceId: own, since, until })
      for (const got of [p50Ms, p95Ms, p99Ms]) {
        if (ms > 1) expect(Math.abs((got ?? Number.NaN) - ms) / ms).toBeLessThanOrEqual(0.25)
        else expect(got).toBeLessThanOrEqual(1)
      }
    },
  )
})
