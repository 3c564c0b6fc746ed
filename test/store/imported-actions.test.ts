/** Imported actions: those of a document are replaced together, names are unique in an integration, and nothing crosses workspaces. */
import { describe, expect, test } from 'vitest'
import {
  createImportedActionStore,
  type ImportPlace,
  type NewImportedAction,
  type TakenNames,
} from '../../src/store/imported-actions.ts'
import { createWorkspace, kinds, refusal, refusalOf, useDatabase } from './fixtures.ts'

const report = { title: 'Acme', version: '1', sourceUrl: null, hash: 'ab', taken: 1, skipped: [{ total: 0 }] }

function action(name: string, values: Partial<NewImportedAction> = {}): NewImportedAction {
  const path = `/${name}`
  return { name, description: '', method: 'GET', path, deprecated: false, definition: `{"of":"${name}"}`, ...values }
}

describe.each(kinds)('imported actions (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    const { db } = database
    const own: ImportPlace = { workspaceId: await createWorkspace(db), integration: 'acme' }
    const foreign: ImportPlace = { workspaceId: await createWorkspace(db), integration: 'acme' }
    return { store: createImportedActionStore(db), own, foreign, other: { ...own, integration: 'other' } }
  }

  type Store = Awaited<ReturnType<typeof open>>['store']
  const put = (store: Store, place: ImportPlace, name: string, actions: readonly NewImportedAction[]) =>
    store.replace(place, name, () => ({ row: report, actions }))
  const namesOf = async (store: Store, place: ImportPlace, search: string | null = null) =>
    (await store.list(place, search, { first: 100 })).edges.map(({ node }) => node.name)

  test('tell which integrations of the own workspace have any', async () => {
    const { store, own, foreign, other } = await open()
    await put(store, own, 'doc', [action('a')])
    await put(store, own, 'more', [action('b')])
    await put(store, { ...foreign, integration: 'theirs' }, 'doc', [action('a')])
    const asked = [own.integration, other.integration, 'theirs', 'nobody’s']
    expect(await store.withImports(own.workspaceId, asked)).toEqual(new Set(['acme']))
    expect(await store.withImports(foreign.workspaceId, asked)).toEqual(new Set(['theirs']))
    expect(await store.withImports(own.workspaceId, [])).toEqual(new Set())
  })

  test('come back as they were put in, with the text of their definition', async () => {
    const { store, own } = await open()
    const definition = '{"z":1,"a":{"b":90071992547409931,"\\u0000":"ü\\ud800"}}'
    const made = action('repos/get', {
      description: 'Gets\na repo',
      method: 'DELETE',
      path: '/r/{id}?x=1',
      deprecated: true,
      definition,
    })
    const row = await put(store, own, 'doc', [made])
    expect(row).toEqual({ ...own, name: 'doc', ...report, importedAt: expect.any(Date) })
    const { definition: _, ...shown } = made
    const expected = { ...own, document: 'doc', ...shown }
    expect(await store.get(own, 'repos/get')).toEqual({ row: expected, definition })
    expect((await store.list(own, null, {})).edges.map(({ node }) => node)).toEqual([expected])
    expect(await store.definitions(own, ['repos/get', 'nope'])).toEqual(new Map([['repos/get', definition]]))
    expect(await store.listImports(own)).toEqual([row])
  })

  test('of a document are replaced together, in many statements too', async () => {
    const { store, own } = await open()
    await put(store, own, 'doc', [action('a'), action('b')])
    const many = Array.from({ length: 250 }, (_, index) =>
      action(`n${String(index).padStart(3, '0')}`, { definition: `{"x":"${'x'.repeat(30_000)}"}` }),
    )
    await put(store, own, 'doc', many)
    expect(
      (
        await store.definitions(
          own,
          many.map(({ name }) => name),
        )
      ).size,
    ).toBe(250)
    expect(await store.get(own, 'a')).toBeUndefined()
    await put(store, own, 'doc', [])
    expect(await namesOf(store, own)).toEqual([])
    expect(await store.listImports(own)).toHaveLength(1)
  })

  test('stay when a replacement fails, whether who chooses refuses or a name is there twice', async () => {
    const { store, own } = await open()
    await put(store, own, 'one', [action('a')])
    await put(store, own, 'two', [action('b')])
    const refused = store.replace(own, 'one', () => {
      throw new TypeError('no')
    })
    await expect(refused).rejects.toThrow('no')
    await expect(put(store, own, 'one', [action('c'), action('b')])).rejects.toThrow('The store failed: 23505')
    expect(await namesOf(store, own)).toEqual(['a', 'b'])
    expect(await store.listImports(own)).toHaveLength(2)
  })

  test('show who chooses the names of the other documents of the same integration', async () => {
    const { store, own, other, foreign } = await open()
    await put(store, own, 'one', [action('a')])
    await put(store, own, 'two', [action('b')])
    await put(store, other, 'three', [action('c')])
    await put(store, foreign, 'four', [action('d')])
    const seen: TakenNames[] = []
    await store.replace(own, 'two', taken => {
      seen.push(taken)
      return { row: report, actions: [action('b')] }
    })
    expect(seen).toEqual([{ names: new Set(['a']), documents: 1 }])
  })

  test('of two documents that come at once have no name twice', async () => {
    const { store, own } = await open()
    const documents = Array.from({ length: 10 }, (_, index) => `doc${index}`)
    // Each on a connection that is open already: opening one takes longer than the race.
    await Promise.all(documents.map(() => store.listImports(own)))
    const take = (document: string) =>
      store.replace(own, document, ({ names }) => ({
        row: report,
        actions: ['same', document].filter(name => !names.has(name)).map(name => action(name)),
      }))
    await Promise.all(documents.map(take))
    expect(await namesOf(store, own)).toEqual([...documents, 'same'])
  })

  test('are listed by name in byte order, in pages, and found by parts of what they show', async () => {
    const { store, own } = await open()
    const names = ['B', 'a', 'a.b', 'a/b', 'a_b', 'ab']
    await put(store, own, 'doc', [
      ...names.map(name => action(name)),
      action('z', { description: 'Größe 100% _x_', path: '/deep/Path' }),
    ])
    const sorted = ['B', 'a', 'a.b', 'a/b', 'a_b', 'ab', 'z']
    expect(await namesOf(store, own)).toEqual(sorted)
    const first = await store.list(own, null, { first: 3 })
    const rest = await store.list(own, null, { first: 9, after: first.edges[2]?.cursor })
    expect([...first.edges, ...rest.edges].map(({ node }) => node.name)).toEqual(sorted)
    expect([first.hasNextPage, rest.hasNextPage]).toEqual([true, false])
    for (const search of ['größe', 'GRößE', '100%', '_X_', 'deep/path', 'Z'])
      expect([search, await namesOf(store, own, search)]).toEqual([search, ['z']])
    expect(await namesOf(store, own, '%')).toEqual(['z'])
    expect(await namesOf(store, own, 'A_')).toEqual(['a_b'])
  })

  test('are found, listed and deleted by their own workspace and integration only', async () => {
    const { store, own, other, foreign } = await open()
    await put(store, foreign, 'doc', [action('theirs')])
    for (const place of [own, other]) {
      expect(await store.get(place, 'theirs')).toBeUndefined()
      expect(await store.definitions(place, ['theirs'])).toEqual(new Map())
      expect(await namesOf(store, place)).toEqual([])
      expect(await store.listImports(place)).toEqual([])
      expect(await store.deleteImport(place, 'doc')).toBe(false)
    }
    await put(store, own, 'doc', [action('ours')])
    await put(store, own, 'doc', [])
    expect(await namesOf(store, foreign)).toEqual(['theirs'])
    expect([await store.deleteImport(foreign, 'doc'), await store.deleteImport(foreign, 'doc')]).toEqual([true, false])
    expect(await namesOf(store, foreign)).toEqual([])
  })

  test('keep what can be kept of texts, and refuse names that cannot', async () => {
    const { store, own } = await open()
    const odd = 'a\0b\ud800'
    const row = await store.replace(own, 'doc', () => ({
      row: { ...report, title: odd, version: odd, skipped: [{ reason: odd }] },
      actions: [action('a', { description: odd, path: odd })],
    }))
    const kept = 'a\ufffdb\ufffd'
    expect(row).toMatchObject({ title: kept, version: kept, skipped: [{ reason: kept }] })
    expect((await store.get(own, 'a'))?.row).toMatchObject({ description: kept, path: kept })
    expect(await refusalOf(store.get(own, 'a\0'))).toEqual(
      refusal('action', 'action holds the character U+0000, which cannot be stored.'),
    )
    expect(await refusalOf(put(store, own, 'x'.repeat(600), []))).toEqual(
      refusal('name', 'name has 600 characters; it takes at most 512.'),
    )
    expect(await refusalOf(store.list(own, '\ud800', {}))).toEqual(
      refusal('search', 'search holds half of a surrogate pair, which is no character.'),
    )
  })
})
