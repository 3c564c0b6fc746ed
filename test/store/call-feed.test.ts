/** The live log never grows with a slow listener: what does not fit is counted, and what cannot be known is said. */
import { expect, test } from 'vitest'
import { CallFeed } from '../../src/store/call-feed.ts'
import { idsPerNotice, readCallNotice } from '../../src/store/call-notices.ts'
import type { CallBatch, CallRow } from '../../src/store/calls.ts'
import type { Listener } from '../../src/store/database.ts'
import { newId, newUuid, toTypeId, toUuid } from '../../src/store/ids.ts'
import { callRow } from './fixtures.ts'

const workspaceId = newId('ws')

/** A feed whose database says what the test says, and whose store answers when it is told to. */
async function openFeed(capacity: number) {
  let listener: Listener | undefined
  const failures: unknown[] = []
  const asked: CallBatch[] = []
  const state = { isAway: false }
  const feed = await CallFeed.open({
    capacity,
    database: {
      listen: async (_channel, given) => {
        listener = given
        return { [Symbol.asyncDispose]: async () => {} }
      },
    },
    store: {
      getBatch: async batch => {
        asked.push(batch)
        if (state.isAway) throw new Error('away')
        return batch.uuids.map((uuid, index): CallRow => callRow(workspaceId, { uuid, path: `/${index}` }))
      },
    },
    onFailure: error => failures.push(error),
  })
  function say(count: number, owner = workspaceId): void {
    const uuids = Array.from({ length: count }, () => newUuid())
    listener?.onMessage(JSON.stringify([toUuid('ws', owner), 0, 1, uuids]))
  }
  return { feed, say, state, failures, asked, breakOff: () => listener?.onListening() }
}

test('a listener that is too slow is told how many calls it missed', async () => {
  const { feed, say } = await openFeed(3)
  await using _ = feed
  const stream = feed.subscribe(workspaceId, () => true)
  say(10)
  const read = []
  for (let count = 0; count < 3; count += 1) read.push((await stream.next()).value)
  expect(read.map(({ call, missed }) => [call.path, missed])).toEqual([
    ['/0', 0],
    ['/1', 0],
    ['/2', 0],
  ])
  say(1)
  expect((await stream.next()).value).toMatchObject({ missed: 7 })
  say(1)
  expect((await stream.next()).value).toMatchObject({ missed: 0 })
})

test('what a listener does not want it has not missed', async () => {
  const { feed, say } = await openFeed(1)
  await using _ = feed
  const stream = feed.subscribe(workspaceId, ({ path }) => path === '/0' || path === '/9')
  say(10)
  expect((await stream.next()).value).toMatchObject({ missed: 0 })
  say(1)
  expect((await stream.next()).value).toMatchObject({ missed: 1 })
})

test('a listener is told that calls are missing when nobody knows how many', async () => {
  const { feed, say, state, failures, breakOff } = await openFeed(10)
  await using _ = feed
  const stream = feed.subscribe(workspaceId, () => true)
  state.isAway = true
  say(1)
  await expect.poll(() => failures).toHaveLength(1)
  state.isAway = false
  say(1)
  expect((await stream.next()).value).toMatchObject({ missed: null })
  say(1)
  expect((await stream.next()).value).toMatchObject({ missed: 0 })
  breakOff()
  say(1)
  expect((await stream.next()).value).toMatchObject({ missed: null })
})

test('nothing is read for a workspace in which nobody listens', async () => {
  const { feed, say, asked } = await openFeed(10)
  await using _ = feed
  say(1)
  const stream = feed.subscribe(workspaceId, () => true)
  say(1, newId('ws'))
  say(1)
  await stream.next()
  stream.end()
  say(1)
  expect([asked.length, feed.size]).toEqual([1, 0])
})

test('more batches than anybody could read are passed over', async () => {
  const { feed, say, asked } = await openFeed(1000)
  await using _ = feed
  const stream = feed.subscribe(workspaceId, () => true)
  for (let batch = 0; batch < 100; batch += 1) say(1)
  await stream.next()
  await expect.poll(() => asked.length).toBeGreaterThan(40)
  expect(asked.length).toBeLessThan(60)
})

test('the end of the feed ends its streams', async () => {
  const { feed } = await openFeed(10)
  const stream = feed.subscribe(workspaceId, () => true)
  const next = stream.next()
  await feed[Symbol.asyncDispose]()
  expect(await next).toEqual({ done: true, value: undefined })
  expect(await feed.subscribe(workspaceId, () => true).next()).toEqual({ done: true, value: undefined })
})

test('a notice is read only when it is one', () => {
  const [workspace, uuid] = [toUuid('ws', workspaceId), newUuid()]
  const since = new Date(1000)
  expect(readCallNotice(JSON.stringify([workspace, 1000, 2000, [uuid]]))).toEqual({
    workspaceId: toTypeId('ws', workspace),
    since,
    until: new Date(2000),
    uuids: [uuid],
  })
  const wrong = [
    'nonsense',
    '{}',
    'null',
    JSON.stringify([workspace, 1000, 2000]),
    JSON.stringify(['x', 1000, 2000, [uuid]]),
    JSON.stringify([workspace, '1000', 2000, [uuid]]),
    JSON.stringify([workspace, 1e300, 2000, [uuid]]),
    JSON.stringify([workspace, 1000, 2000, ["'); drop table calls"]]),
    JSON.stringify([workspace, 1000, 2000, Array(idsPerNotice + 1).fill(uuid)]),
  ]
  expect(wrong.map(readCallNotice)).toEqual(wrong.map(() => undefined))
  const longest = JSON.stringify([
    workspace,
    1_800_000_000_000.123,
    1_800_000_000_000.123,
    Array(idsPerNotice).fill(uuid),
  ])
  // PostgreSQL takes 8,000 bytes, and its own JSON has spaces.
  expect(longest.length + 2 * idsPerNotice).toBeLessThan(7900)
})
