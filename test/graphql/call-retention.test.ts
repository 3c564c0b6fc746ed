/** A workspace says how long its calls are kept, within bounds, for itself alone. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callRow } from '../store/fixtures.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await createGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const configure =
  'mutation($i: ConfigureCallLogInput!) { configureCallLog(input: $i) { workspace { callRetention { days maxCalls } } } }'
const set = async (input: object, key?: string) =>
  (await gateway.ask(configure, { i: input }, key)).configureCallLog.workspace.callRetention

test('what is absent stays, null goes back to the standard', async () => {
  const stranger = await gateway.createWorkspace()
  expect(await set({})).toEqual({ days: 30, maxCalls: null })
  expect(await set({ retentionDays: 90, maxCalls: 1000 })).toEqual({ days: 90, maxCalls: 1000 })
  expect(await set({ maxCalls: 5 })).toEqual({ days: 90, maxCalls: 5 })
  expect(await set({ retentionDays: null })).toEqual({ days: 30, maxCalls: 5 })
  expect(await set({ maxCalls: null, retentionDays: 400 })).toEqual({ days: 400, maxCalls: null })
  const read = '{ viewer { workspace { callRetention { days maxCalls } } } }'
  expect((await gateway.ask(read)).viewer.workspace.callRetention).toEqual({ days: 400, maxCalls: null })
  expect((await gateway.ask(read, {}, stranger)).viewer.workspace.callRetention).toEqual({ days: 30, maxCalls: null })
})

test('a gateway has a day for its calls from its start on', async () => {
  const today = new Date().toISOString().slice(0, 10).replaceAll('-', '')
  const startedAt = new Date()
  await gateway.app.services.calls.insertMany([callRow(gateway.app.workspace.id, { startedAt })])
  const rows = await gateway.database.db.execute(sql`select tableoid::regclass::text as place from calls`)
  expect([...(rows as Iterable<unknown>)]).toEqual([{ place: `calls_${today}` }])
})

test.each([
  [{ retentionDays: 0 }, 'retentionDays', 'retentionDays takes a whole number from 1 to 400; got 0.'],
  [{ retentionDays: 401 }, 'retentionDays', 'retentionDays takes a whole number from 1 to 400; got 401.'],
  [{ maxCalls: 0 }, 'maxCalls', 'maxCalls takes a whole number from 1 to 2000000000; got 0.'],
  [{ maxCalls: 2_000_000_001 }, 'maxCalls', 'maxCalls takes a whole number from 1 to 2000000000; got 2000000001.'],
])('%j is refused', async (input, field, message) => {
  const { errors } = await gateway.run(configure, { i: input })
  expect(errors).toMatchObject([{ message, extensions: { code: 'INVALID_INPUT', details: [{ field, message }] } }])
})
