/** Lists of actions that are asked for together are read together: equal ones once, and only where there is something to read. */
import { expect, test, vi } from 'vitest'
import { Actions } from '../../src/actions/actions.ts'
import type { Integration } from '../../src/connections/integrations.ts'
import { GatewayError } from '../../src/errors.ts'
import type { ImportedActionRow, ImportedActionStore, ImportPlace } from '../../src/store/imported-actions.ts'

const integration = (slug: string, workspaceId = 'w') =>
  ({ workspaceId, slug, definition: { slug, name: slug, auth: [] } }) as unknown as Integration

function openStore() {
  const node = { integration: 'big', name: 'a', method: 'GET', path: '/a' } as unknown as ImportedActionRow
  return {
    withImports: vi.fn(async (workspaceId: string, slugs: readonly string[]) =>
      workspaceId === 'w' && slugs.includes('big') ? new Set(['big']) : new Set<string>(),
    ),
    list: vi.fn(async (_place: ImportPlace, _search: string | null, _page: object) => ({
      edges: [{ cursor: 'c', node }],
      hasNextPage: false,
      hasPreviousPage: false,
    })),
    definitions: vi.fn(async () => new Map([['a', '{"input":{"type":"object"},"parameters":[]}']])),
    get: vi.fn(),
  } satisfies Pick<ImportedActionStore, 'withImports' | 'list' | 'definitions' | 'get'>
}

const namesOf = (page: { edges: readonly { node: { name: string } }[] } | Error) =>
  page instanceof Error ? page.message : page.edges.map(({ node }) => node.name)

test('a hundred lists of some integrations take one look at which have documents, and one at each that has', async () => {
  const store = openStore()
  const actions = new Actions(store)
  const lists = Array.from({ length: 100 }, (_, index) => ({
    integration: integration(index % 2 === 0 ? 'big' : `built-in-${index}`),
    search: null,
    page: { first: 10 },
  }))
  const pages = await actions.listMany(lists)
  expect(pages.map(namesOf)).toEqual(lists.map((_, index) => (index % 2 === 0 ? ['a'] : [])))
  expect([store.withImports.mock.calls.length, store.list.mock.calls.length]).toEqual([1, 1])
})

test('lists that differ are read apart, and workspaces are asked about apart', async () => {
  const store = openStore()
  const actions = new Actions(store)
  const big = integration('big')
  const pages = await actions.listMany([
    { integration: big, search: null, page: { first: 10 } },
    { integration: big, search: 'a', page: { first: 10 } },
    { integration: big, search: null, page: { first: 11 } },
    { integration: integration('big', 'other'), search: null, page: { first: 10 } },
  ])
  expect(pages.map(namesOf)).toEqual([['a'], ['a'], ['a'], []])
  expect(store.withImports.mock.calls.map(([workspaceId]) => workspaceId)).toEqual(['w', 'other'])
  expect(store.list.mock.calls.length).toBe(3)
})

test('one that is wrong leaves the others', async () => {
  const big = integration('big')
  const [wrong, control, right] = await new Actions(openStore()).listMany([
    { integration: big, search: null, page: { first: 101 } },
    { integration: integration('none'), search: '\0', page: {} },
    { integration: big, search: null, page: {} },
  ])
  expect([wrong, control].map(page => page instanceof GatewayError && page.code)).toEqual([
    'INVALID_INPUT',
    'INVALID_INPUT',
  ])
  expect(right && namesOf(right)).toEqual(['a'])
})

test('the definition of an action is read and parsed once, however often it is asked for', async () => {
  const store = openStore()
  const [page] = await new Actions(store).listMany([{ integration: integration('big'), search: null, page: {} }])
  const action = page instanceof Error ? undefined : page?.edges[0]?.node
  expect(await action?.definition()).toBe(await action?.definition())
  expect(store.definitions.mock.calls.length).toBe(1)
})
