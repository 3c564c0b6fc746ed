/** Registered operations: all of a batch or none, one text for a name, and nothing of another workspace. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { newId } from '../../src/store/ids.ts'
import { type ChooseNew, createRegisteredOperationStore } from '../../src/store/registered-operations.ts'
import { createWorkspace, kinds, refusal, refusalOf, useDatabase } from './fixtures.ts'

const row = (name: string, document = `query ${name} { viewer { name } }`) => ({
  id: newId('op'),
  name,
  hash: createHash('sha256').update(document).digest('hex'),
  document,
})

describe.each(kinds)('registered operations (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    const { db } = database
    return {
      store: createRegisteredOperationStore(db),
      own: await createWorkspace(db),
      foreign: await createWorkspace(db),
    }
  }

  test('come back as they were put in, by id, by hash and in the list', async () => {
    const { store, own } = await open()
    const wanted = [row('A'), row('B', '{ viewer { name } } # ünïcode 🚀')]
    const rows = await store.register(own, wanted, () => wanted)
    expect(rows).toEqual(wanted.map(each => ({ ...each, workspaceId: own, createdAt: expect.any(Date) })))
    expect(await store.findByHash(own, wanted[1]?.hash ?? '')).toEqual(rows[1])
    expect(await store.getMany(own, [wanted[0]?.id ?? '', newId('op'), 'op_nonsense'])).toEqual([rows[0]])
    expect((await store.list(own, {})).edges.map(({ node }) => node)).toEqual([rows[1], rows[0]])
  })

  test('are paged, newest first', async () => {
    const { store, own } = await open()
    const wanted = ['A', 'B', 'C'].map(name => row(name))
    await store.register(own, wanted, () => wanted)
    const first = await store.list(own, { first: 2 })
    const rest = await store.list(own, { first: 2, after: first.edges[1]?.cursor })
    expect([...first.edges, ...rest.edges].map(({ node }) => node.name)).toEqual(['C', 'B', 'A'])
    expect([first.hasNextPage, rest.hasNextPage]).toEqual([true, false])
  })

  test('shows who chooses what has a wanted name or hash, and how many there are in all', async () => {
    const { store, own, foreign } = await open()
    const [a, b, c] = [row('A'), row('B'), row('C')]
    await store.register(own, [a, b, c], () => [a, b, c])
    await store.register(foreign, [row('A')], (taken, count) => {
      expect([taken, count]).toEqual([[], 0])
      return []
    })
    const seen: unknown[] = []
    const look: ChooseNew = (taken, count) => {
      seen.push(taken.map(({ name }) => name).sort(), count)
      return []
    }
    await store.register(own, [row('A', '{ other }'), row('Z', b.document)], look)
    expect(seen).toEqual([['A', 'B'], 3])
  })

  test('stores nothing when who chooses refuses', async () => {
    const { store, own } = await open()
    const refused = store.register(own, [row('A')], () => {
      throw new TypeError('no')
    })
    await expect(refused).rejects.toThrow('no')
    expect((await store.list(own, {})).edges).toEqual([])
  })

  test('registers each once when many register the same at once', async () => {
    const { store, own } = await open()
    const once = async () => {
      const wanted = [row('A'), row('B')]
      return await store.register(own, wanted, taken => (taken.length === 0 ? wanted : []))
    }
    const all = await Promise.all(Array.from({ length: 8 }, once))
    const ids = new Set(all.flatMap(rows => rows.map(({ id }) => id)))
    expect(ids.size).toBe(2)
    expect((await store.list(own, {})).edges).toHaveLength(2)
  })

  test('are found and deleted by their own workspace only', async () => {
    const { store, own, foreign } = await open()
    const theirs = row('A')
    await store.register(foreign, [theirs], () => [theirs])
    expect(await store.findByHash(own, theirs.hash)).toBeUndefined()
    expect(await store.getMany(own, [theirs.id])).toEqual([])
    expect((await store.list(own, {})).edges).toEqual([])
    expect(await store.delete(own, { id: theirs.id })).toBeUndefined()
    expect(await store.delete(own, { hash: theirs.hash })).toBeUndefined()
    expect(await store.delete(foreign, { hash: theirs.hash })).toBe(theirs.id)
    expect(await store.delete(foreign, { id: theirs.id })).toBeUndefined()
    expect(await store.delete(foreign, { id: 'op_nonsense' })).toBeUndefined()
  })

  test('refuses text that cannot be stored', async () => {
    const { store, own } = await open()
    const register = (name: string, document: string) => store.register(own, [row(name, document)], () => [])
    expect(await refusalOf(register('a\0b', '{ x }'))).toEqual(
      refusal('name', 'name holds the character U+0000, which cannot be stored.'),
    )
    expect(await refusalOf(register('a', '{ x(a: "\ud800") }'))).toEqual(
      refusal('document', 'document holds half of a surrogate pair, which is no character.'),
    )
  })
})
