/** The actions of an integration are one list, sorted by name, searched and paged whatever they come from. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { actionQuery, importMutation, listQuery } from '../support/actions.ts'
import { type ActionVendor, createActionVendor, createKey, documentOf } from './vendor.ts'

let vendor: ActionVendor
const numbered = Array.from({ length: 1000 }, (_, index) => `op_${String(index).padStart(4, '0')}`)

beforeAll(async () => {
  vendor = await createActionVendor()
  const [first, second] = [
    numbered.filter((_, index) => index % 2 === 0),
    numbered.filter((_, index) => index % 2 === 1),
  ]
  for (const [name, ids] of [
    ['even', first],
    ['odd', second],
  ] as const) {
    const input = { integration: 'acme', name, source: { document: documentOf(ids ?? []) } }
    await vendor.gateway.ask(importMutation, { input })
  }
})
afterAll(() => vendor[Symbol.asyncDispose]())

async function list(args: object) {
  const { integration } = await vendor.gateway.ask(listQuery, { integration: 'acme', ...args })
  return integration.actions
}

const all = [...numbered, 'ping']
const namesOf = (page: { nodes: { name: string }[] }) => page.nodes.map(({ name }) => name)

test('every action is on exactly one page, forwards and backwards', async () => {
  const forwards: string[] = []
  let after: string | undefined
  do {
    const page = await list({ first: 100, after })
    forwards.push(...namesOf(page))
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined
    expect(page.pageInfo.hasPreviousPage).toBe(forwards.length > 100)
  } while (after !== undefined)
  expect(forwards).toEqual(all)
  const backwards: string[] = []
  let before: string | undefined
  do {
    const page = await list({ last: 100, before })
    backwards.unshift(...namesOf(page))
    before = page.pageInfo.hasPreviousPage ? page.pageInfo.startCursor : undefined
  } while (before !== undefined)
  expect(backwards).toEqual(all)
})

test('a page has 20 unless told, and 100 at most', async () => {
  expect(namesOf(await list({}))).toEqual(all.slice(0, 20))
  const { errors } = await vendor.gateway.run(listQuery, { integration: 'acme', first: 101 })
  expect(errors?.[0]).toMatchObject({ message: 'first takes a number from 1 to 100; got 101.' })
})

test.each([
  ['PING', ['ping']],
  ['is it there', []],
  ['it is THERE', ['ping']],
  ['asks whether', ['ping']],
  ['/op_0999', ['op_0999']],
  ['op_099', numbered.slice(990)],
  ['%', []],
  ['_0001', ['op_0001']],
  ['', all.slice(0, 20)],
])('the search "%s" is for a part of name, path or description', async (search, names) => {
  expect(namesOf(await list({ search }))).toEqual(names)
})

test('an action found by its name is the one of the list, and an unknown name is null', async () => {
  const find = async (name: string) =>
    (await vendor.gateway.ask(actionQuery, { integration: 'acme', name })).integration.action
  expect(await find('op_0001')).toMatchObject({ id: 'acme:op_0001', path: '/op_0001', document: 'odd', method: 'GET' })
  expect(await find('ping')).toMatchObject({
    id: 'acme:ping',
    document: null,
    description: 'Asks whether it is there.',
  })
  for (const name of ['op_1000', 'PING', '', 'a\u0000', 'constructor', '__proto__']) expect(await find(name)).toBeNull()
})

test('definitions of a page come with it', async () => {
  const query = `{ integration(slug: "acme") { actions(first: 100) { nodes { name inputSchema parameters { name type in } example { input } } } } }`
  const { integration } = await vendor.gateway.ask(query)
  const { nodes } = integration.actions
  expect(nodes).toHaveLength(100)
  for (const node of nodes) {
    expect(node).toMatchObject({ parameters: [{ name: 'q', type: 'string', in: 'QUERY' }], example: { input: {} } })
  }
})

describe('who may see them', () => {
  test('any key, a session too', async () => {
    const key = await createKey(vendor.gateway, ['CALLS_READ'])
    const { createSession } = await vendor.gateway.ask(
      'mutation { createSession(input: { endUserId: "ann" }) { token } }',
    )
    for (const token of [key, createSession.token]) {
      const { integration } = await vendor.gateway.ask(listQuery, { integration: 'acme', first: 1 }, token)
      expect(namesOf(integration.actions)).toEqual(['op_0000'])
    }
  })

  test('nobody in another workspace', async () => {
    const stranger = await vendor.gateway.createWorkspace()
    const ask = (query: string, variables: object) => vendor.gateway.run(query, variables, stranger)
    expect((await ask(listQuery, { integration: 'acme' })).data.integration).toBeNull()
    const definition = { slug: 'acme', name: 'Theirs', baseUrl: 'https://acme.example', auth: [{ scheme: 'none' }] }
    await ask('mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { id } } }', {
      d: definition,
    })
    expect((await ask(listQuery, { integration: 'acme' })).data.integration.actions.nodes).toEqual([])
    expect((await ask(actionQuery, { integration: 'acme', name: 'op_0001' })).data.integration.action).toBeNull()
    const imports = '{ integration(slug: "acme") { openApiImports { name } } }'
    expect((await ask(imports, {})).data.integration.openApiImports).toEqual([])
    const gone = 'mutation { deleteOpenApiImport(input: { integration: "acme", name: "even" }) { deletedName } }'
    expect((await ask(gone, {})).errors?.[0]?.message).toBe('name names no imported document of "acme".')
    const own = { integration: 'acme', name: 'even', source: { document: documentOf(['op_0000', 'theirs']) } }
    expect((await ask(importMutation, { input: own })).data.importOpenApi.openApiImport).toMatchObject({
      taken: 2,
      skippedTotal: 0,
    })
    expect(namesOf(await list({ search: 'theirs' }))).toEqual([])
    expect((await list({ first: 1 })).nodes).toMatchObject([{ name: 'op_0000', document: 'even' }])
  })
})
