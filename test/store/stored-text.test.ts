/** Text that PostgreSQL cannot keep is refused by name, before a driver sees it. */
import { describe, expect, test } from 'vitest'
import { createAccessKeyStore } from '../../src/store/access-keys.ts'
import { createCallStore } from '../../src/store/calls.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import { newId } from '../../src/store/ids.ts'
import { createIntegrationStore } from '../../src/store/integrations.ts'
import type { JsonObject } from '../../src/store/tables.ts'
import { accessKeyRow, connectionRow, createWorkspace, kinds, refusal, refusalOf, useDatabase } from './fixtures.ts'

const texts = [
  ['NUL', 'a\0b', 'holds the character U+0000, which cannot be stored.'],
  ['half a surrogate pair', 'a\ud83db', 'holds half of a surrogate pair, which is no character.'],
] as const

describe.each(kinds)('stored text (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    const { db } = database
    const stores = {
      connections: createConnectionStore(db),
      calls: createCallStore(db),
      keys: createAccessKeyStore(db),
      integrations: createIntegrationStore(db),
    }
    return { ...stores, workspaceId: await createWorkspace(db) }
  }

  describe.each(texts)('with %s', (_name, text, problem) => {
    test('is refused in what is stored', async () => {
      const { connections, keys, integrations, workspaceId } = await open()
      const { id } = await connections.insert(connectionRow(workspaceId))
      const attempts: [string, () => Promise<unknown>][] = [
        ['endUserId', () => connections.insert(connectionRow(workspaceId, { endUserId: text }))],
        ['config', () => connections.insert(connectionRow(workspaceId, { config: { dc: text } }))],
        ['metadata', () => connections.insert(connectionRow(workspaceId, { metadata: { [text]: 1 } }))],
        ['metadata', () => connections.update(workspaceId, id, { metadata: { list: [{ deep: text }] } })],
        ['config', () => connections.update(workspaceId, id, { config: { [text]: 'x' } })],
        ['name', () => keys.insert(accessKeyRow(workspaceId, { name: text }))],
        [
          'definition',
          () => integrations.insert({ workspaceId, id: newId('int'), slug: 'a', definition: { name: text } }),
        ],
        [
          'settings',
          () =>
            integrations.saveSettings({ workspaceId, slug: 'a', id: newId('int') }, () => ({
              settings: { baseUrl: text },
            })),
        ],
      ]
      for (const [field, attempt] of attempts) {
        expect(await refusalOf(attempt())).toEqual(refusal(field, `${field} ${problem}`))
      }
      expect(
        (await connections.list(workspaceId, {}, { field: 'CREATED_AT', direction: 'ASC' }, {})).edges,
      ).toHaveLength(1)
    })

    test('is refused in what is asked for', async () => {
      const { connections, calls, workspaceId } = await open()
      const order = { field: 'CREATED_AT', direction: 'ASC' } as const
      const attempts: [string, Promise<unknown>][] = [
        ['filter.integration', connections.list(workspaceId, { integration: text }, order, {})],
        ['filter.endUserId', connections.list(workspaceId, { endUserId: text }, order, {})],
        ['filter.search', connections.list(workspaceId, { search: text }, order, {})],
        ['filter.metadata', connections.list(workspaceId, { metadata: { a: [text] } }, order, {})],
        ['integration', connections.findByEndUser(workspaceId, text, 'ann', 1)],
        ['endUserId', connections.findByEndUser(workspaceId, 'acme', text, 1)],
        ['filter.integration', calls.list(workspaceId, { integration: text }, {})],
        ['filter.endUserId', calls.list(workspaceId, { endUserId: text }, {})],
      ]
      for (const [field, attempt] of attempts) {
        expect(await refusalOf(attempt)).toEqual(refusal(field, `${field} ${problem}`))
      }
    })
  })

  test('that is a key of an index has a longest length, which fits', async () => {
    const { connections, workspaceId } = await open()
    const longest = '€'.repeat(512)
    expect((await connections.insert(connectionRow(workspaceId, { endUserId: longest }))).endUserId).toBe(longest)
    const endUserId = 'a'.repeat(513)
    expect(await refusalOf(connections.insert(connectionRow(workspaceId, { endUserId })))).toEqual(
      refusal('endUserId', 'endUserId has 513 characters; it takes at most 512.'),
    )
  })

  test('within JSON is nested 64 levels at most', async () => {
    const { connections, workspaceId } = await open()
    const nest = (levels: number): JsonObject => (levels === 1 ? {} : { a: nest(levels - 1) })
    await connections.insert(connectionRow(workspaceId, { metadata: nest(64) }))
    const attempt = connections.insert(connectionRow(workspaceId, { metadata: nest(65) }))
    expect(await refusalOf(attempt)).toEqual(refusal('metadata', 'metadata is nested deeper than 64 levels.'))
    const order = { field: 'CREATED_AT', direction: 'ASC' } as const
    expect(await refusalOf(connections.list(workspaceId, { metadata: nest(2000) }, order, {}))).toEqual(
      refusal('filter.metadata', 'filter.metadata is nested deeper than 64 levels.'),
    )
  })

  test('may be any other', async () => {
    const { connections, workspaceId } = await open()
    const endUserId = '\u0001\u007f\uffff\u{10ffff} \n\t\u202e\\u0000 {x} $1 ?'
    const metadata = { [endUserId]: [endUserId], '__proto__ ': 1, constructor: { x: 1 } }
    const { id } = await connections.insert(connectionRow(workspaceId, { endUserId, metadata }))
    expect(await connections.get(workspaceId, id)).toMatchObject({ endUserId, metadata })
  })
})
