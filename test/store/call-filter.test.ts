/** A filter means the same in the database, where calls are listed, and in memory, where fresh ones are judged. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { type CallFilter, conditionsOf, statusClasses } from '../../src/store/call-filter.ts'
import { type CallRow, createCallStore, type NewCall } from '../../src/store/calls.ts'
import { newId } from '../../src/store/ids.ts'
import { callRow, createWorkspace, kinds, refusal, refusalOf, useDatabase } from './fixtures.ts'

const at = (minute: number) => new Date(Date.UTC(2026, 2, 1, 10, minute))
const connectionIds = [newId('conn'), newId('conn')]
const callerIds = [newId('key'), newId('ses')]

/** Of each property a few values, so that many calls share them. */
const values = {
  connectionId: connectionIds,
  integration: ['github', 'slack'],
  endUserId: ['ann', 'bob'],
  callerId: callerIds,
  kind: ['QUERY', 'RAW', 'ACTION'] as const,
  action: [null, 'create_contact', 'list'],
  method: ['GET', 'POST', 'get'],
  path: [
    '/',
    '/v1',
    '/v1/contacts',
    '/v1/contacts/7',
    '/v1/contactsx',
    `/${'long/'.repeat(80)}a`,
    '/V1/contacts',
    '/x/v1/contacts/7',
  ],
  end: [
    { status: 200, errorCode: null },
    { status: 300, errorCode: null },
    { status: 500, errorCode: null },
    { status: 101, errorCode: null },
    { status: 304, errorCode: null },
    { status: 399, errorCode: null },
    { status: 400, errorCode: null },
    { status: 503, errorCode: null },
    { status: null, errorCode: 'UPSTREAM_TIMEOUT' },
    { status: null, errorCode: 'UPSTREAM_TLS' },
  ],
  startedAt: Array.from({ length: 6 }, (_, minute) => at(minute)),
} as const

const call = fc.record({
  connectionId: fc.constantFrom(...values.connectionId),
  integration: fc.constantFrom(...values.integration),
  endUserId: fc.constantFrom(...values.endUserId),
  callerId: fc.constantFrom(...values.callerId),
  kind: fc.constantFrom(...values.kind),
  action: fc.constantFrom(...values.action),
  method: fc.constantFrom(...values.method),
  path: fc.constantFrom(...values.path),
  end: fc.constantFrom(...values.end),
  startedAt: fc.constantFrom(...values.startedAt),
})

const conditions: { readonly [Name in keyof CallFilter]-?: fc.Arbitrary<CallFilter[Name]> } = {
  connectionId: fc.constantFrom(...values.connectionId, newId('conn'), 'nonsense'),
  integration: fc.constantFrom(...values.integration, 'other'),
  endUserId: fc.constantFrom(...values.endUserId, 'other'),
  callerId: fc.constantFrom(...values.callerId, 'other'),
  kind: fc.constantFrom(...values.kind, 'MUTATION' as const),
  action: fc.constantFrom('create_contact', 'other'),
  method: fc.constantFrom(...values.method),
  pathPrefix: fc.constantFrom('/', '/v1', '/v1/contacts/', '/v1_', '/%', `/${'long/'.repeat(80)}`, '/V', '/x'),
  statusClass: fc.constantFrom(...(Object.keys(statusClasses) as (keyof typeof statusClasses)[])),
  errorCode: fc.constantFrom('UPSTREAM_TIMEOUT' as const, 'OVERLOADED' as const),
  failed: fc.boolean(),
  since: fc.constantFrom(...values.startedAt),
  until: fc.constantFrom(...values.startedAt),
}
/** Few conditions at a time: many hold for no call. */
const filters: fc.Arbitrary<CallFilter> = fc
  .subarray(Object.keys(conditions) as (keyof CallFilter)[], { minLength: 1, maxLength: 3 })
  .chain(names => {
    const chosen = Object.fromEntries(names.map(name => [name, conditions[name]]))
    return fc.record(chosen as unknown as typeof conditions)
  })

describe.each(kinds)('a filter (%s)', kind => {
  const database = useDatabase(kind)
  let workspaceId = ''
  let rows: CallRow[] = []

  beforeAll(async () => {
    workspaceId = await createWorkspace(database.db)
    const drawn = fc.sample(call, { numRuns: 400, seed: 1 })
    const calls = drawn.map(({ end, ...values }) => callRow(workspaceId, { ...values, ...end } as Partial<NewCall>))
    await createCallStore(database.db).insertMany(calls)
    rows = calls
  })

  async function listAll(filter: CallFilter): Promise<string[]> {
    const store = createCallStore(database.db)
    const ids: string[] = []
    for (let after: string | undefined; ; ) {
      const { edges, hasNextPage } = await store.list(workspaceId, filter, { first: 100, after })
      ids.push(...edges.map(({ node }) => node.id))
      if (!hasNextPage) return ids
      after = edges.at(-1)?.cursor
    }
  }

  test('finds in the store what it holds for in memory', async () => {
    let found = 0
    await fc.assert(
      fc.asyncProperty(filters, async filter => {
        const wanted = conditionsOf(filter)
        const held = rows.filter(row => wanted.every(({ holds }) => holds(row))).map(({ id }) => id)
        const listed = await listAll(filter)
        expect(listed.toSorted()).toEqual(held.toSorted())
        found += listed.length
      }),
      { numRuns: kind === 'postgres' ? 300 : 60 },
    )
    expect(found).toBeGreaterThan(1000)
  })

  test.each<[CallFilter, string, string]>([
    [{ pathPrefix: 'v1' }, 'filter.pathPrefix', 'got "v1".'],
    [{ pathPrefix: `/${'x'.repeat(2048)}` }, 'filter.pathPrefix', `got "/${'x'.repeat(63)}".`],
    [{ integration: 'a\0' }, 'filter.integration', 'U+0000'],
    [{ endUserId: 'x'.repeat(513) }, 'filter.endUserId', '513 characters'],
    [{ callerId: '\ud800' }, 'filter.callerId', 'surrogate'],
    [{ method: 'x'.repeat(513) }, 'filter.method', '513 characters'],
    [{ action: 'x'.repeat(513) }, 'filter.action', '513 characters'],
  ])('refuses %j', async (filter, field, part) => {
    const { message, ...rest } = await refusalOf(createCallStore(database.db).list(workspaceId, filter, {}))
    expect(message).toContain(part)
    expect({ message, ...rest }).toEqual(refusal(field, message))
  })
})
