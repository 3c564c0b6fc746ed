/** What an integration may hold is bounded: documents, actions, and the schemas of one document together. */
import { expect, test } from 'vitest'
import { Actions } from '../../src/actions/actions.ts'
import { OpenApiImports } from '../../src/actions/openapi-imports.ts'
import type { Integration } from '../../src/connections/integrations.ts'
import { Memory } from '../../src/gateway/memory.ts'
import { HostAllowlist } from '../../src/hosts.ts'
import type { ChooseActions, ImportedActionStore, TakenNames } from '../../src/store/imported-actions.ts'
import { refusalOf } from '../store/fixtures.ts'
import { acme, importInto } from './document.ts'

const definition = acme()
const integration: Integration = {
  id: 'int_1',
  workspaceId: 'ws_1',
  slug: 'acme',
  definition,
  builtIn: false,
  refusal: null,
  configured: true,
  quota: null,
  rules: [],
  callBodies: null,
  changedAt: null,
}

/** Imports one operation where there is something already. @returns what would be stored */
async function importBeside(taken: TakenNames): Promise<ReturnType<ChooseActions>> {
  let chosen: ReturnType<ChooseActions> | undefined
  const store: Pick<ImportedActionStore, 'replace'> = {
    async replace(place, name, choose) {
      chosen = choose(taken)
      return { ...place, name, ...chosen.row, importedAt: new Date() }
    },
  }
  const nothing = { list: async () => [], get: async () => undefined, definitions: async () => new Map() }
  const imports = new OpenApiImports({
    store: { ...nothing, ...store } as unknown as ImportedActionStore,
    actions: new Actions(nothing as unknown as ImportedActionStore),
    memory: new Memory(),
    fetch: () => Promise.reject(new TypeError('nothing is fetched')),
    allow: HostAllowlist.parse(''),
  })
  await imports.import(integration, {
    source: { document: { openapi: '3.1.0', info: {}, paths: { '/a': { get: {} } } } },
  })
  if (chosen === undefined) throw new TypeError('nothing was chosen')
  return chosen
}

test('20 documents, and no more', async () => {
  expect((await importBeside({ names: new Set(), documents: 19 })).actions).toHaveLength(1)
  expect(await refusalOf(importBeside({ names: new Set(), documents: 20 }))).toMatchObject({
    code: 'INVALID_INPUT',
    message: 'An integration has at most 20 documents; delete one of them first.',
  })
})

test('20,000 imported actions, and what is beyond is skipped', async () => {
  const names = (count: number) => new Set(Array.from({ length: count }, (_, index) => `n${index}`))
  expect((await importBeside({ names: names(19_999), documents: 1 })).actions).toHaveLength(1)
  const { row, actions } = await importBeside({ names: names(20_000), documents: 1 })
  expect(actions).toEqual([])
  expect(row).toMatchObject({
    taken: 0,
    skipped: [{ total: 1 }, { operationId: 'get_a', reason: 'an integration has at most 20000 imported actions' }],
  })
})

test('48 MiB of schemas in one document, however little of it they take', () => {
  const remark = 'x'.repeat(1000)
  const properties = Object.fromEntries(
    Array.from({ length: 80 }, (_, index) => [`p${index}`, { description: remark }]),
  )
  const components = { schemas: { Large: { type: 'object', properties } } }
  const schema = { type: 'object', properties: { large: { $ref: '#/components/schemas/Large' } } }
  const post = { requestBody: { content: { 'application/json': { schema } } } }
  const paths = Object.fromEntries(Array.from({ length: 700 }, (_, index) => [`/p${index}`, { post }]))
  const document = { openapi: '3.1.0', info: {}, components, paths }
  expect(JSON.stringify(document).length).toBeLessThan(300_000)
  const { actions, skippedTotal, skipped } = importInto(definition, document)
  const length = actions.reduce((sum, action) => sum + action.definition.length, 0)
  expect(length).toBeGreaterThan(47 * 1024 * 1024)
  expect(length).toBeLessThanOrEqual(48 * 1024 * 1024)
  expect(actions.length + skippedTotal).toBe(700)
  expect(skipped[0]?.reason).toBe('the schemas of the operations before it fill what a document may have')
})
