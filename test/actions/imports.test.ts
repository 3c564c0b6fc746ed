/** An imported document is reported, replaced as a whole, keeps names unique, and is deleted with its actions. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { executeMutation, importMutation, listQuery } from '../support/actions.ts'
import { type ActionVendor, createActionVendor, createKey, documentOf } from './vendor.ts'

let vendor: ActionVendor
beforeAll(async () => {
  vendor = await createActionVendor()
})
afterAll(() => vendor[Symbol.asyncDispose]())

const run = (input: object, key?: string) =>
  vendor.gateway.run(importMutation, { input: { integration: 'acme', ...input } }, key)

async function importInto(input: object) {
  const { data, errors } = await run(input)
  expect(errors).toBeUndefined()
  return data.importOpenApi.openApiImport
}

async function names(): Promise<string[]> {
  const { integration } = await vendor.gateway.ask(listQuery, { integration: 'acme', first: 100 })
  return integration.actions.nodes.map(({ name }: { name: string }) => name)
}

async function remove(name: string) {
  return await vendor.gateway.run(
    'mutation($input: DeleteOpenApiImportInput!) { deleteOpenApiImport(input: $input) { deletedName integration { slug } } }',
    { input: { integration: 'acme', name } },
  )
}

const imports = async () =>
  (await vendor.gateway.ask('{ integration(slug: "acme") { openApiImports { name title taken sha256 } } }')).integration
    .openApiImports

describe('importOpenApi', () => {
  test('reports what was taken, what was not and why, under the title as a slug', async () => {
    const document = documentOf(['one', 'two'])
    const paths = {
      ...Object(Reflect.get(document, 'paths')),
      '/t': { trace: {} },
      '/s': { get: { servers: [{ url: 'https://evil.example' }] } },
    }
    const report = await importInto({ source: { document: { ...document, paths } } })
    expect(report).toMatchObject({
      name: 'acme-api',
      title: 'Acme API',
      version: '7',
      sourceUrl: null,
      sha256: createHash('sha256')
        .update(JSON.stringify({ ...document, paths }))
        .digest('hex'),
      taken: 2,
      skippedTotal: 2,
      skipped: [
        { method: 'TRACE', path: '/t', operationId: null, reason: 'the method TRACE is not sent' },
        { method: 'GET', path: '/s', reason: expect.stringContaining('outside the pinned hosts') },
      ],
      warnings: [],
    })
    expect(await names()).toEqual(['one', 'ping', 'two'])
    const { executeAction } = await vendor.gateway.ask(executeMutation, {
      connectionId: vendor.connectionId,
      action: 'one',
      input: { q: 'x' },
    })
    expect(executeAction).toMatchObject({ status: 'SUCCESS', data: { url: '/one?q=x' } })
    await remove('acme-api')
  })

  test('takes YAML and JSON as text, too', async () => {
    const yaml = 'openapi: 3.1.0\ninfo: {title: Y}\npaths: {/y: {get: {operationId: y}}}\n'
    expect(await importInto({ name: 'y', source: { document: yaml } })).toMatchObject({
      name: 'y',
      taken: 1,
      version: '',
    })
    expect(await importInto({ name: 'y', source: { document: JSON.stringify(documentOf(['j'])) } })).toMatchObject({
      taken: 1,
    })
    expect(await names()).toEqual(['j', 'ping'])
    await remove('y')
  })

  test('of the same name replaces the actions, and a refused one leaves them', async () => {
    await importInto({ name: 'doc', source: { document: documentOf(['a', 'b']) } })
    await importInto({ name: 'doc', source: { document: documentOf(['b', 'c']) } })
    expect(await names()).toEqual(['b', 'c', 'ping'])
    const refused = await run({ name: 'doc', source: { document: { swagger: '1.2' } } })
    expect(refused.errors?.[0]).toMatchObject({
      message: 'The document has the OpenAPI version "1.2"; 2.0, 3.0 and 3.1 are taken.',
      extensions: { code: 'INVALID_INPUT', details: [{ field: 'source' }] },
    })
    expect(await names()).toEqual(['b', 'c', 'ping'])
    expect(await imports()).toMatchObject([{ name: 'doc', taken: 2 }])
    await remove('doc')
  })

  test('skips a name that another document or the integration itself has', async () => {
    await importInto({ name: 'first', source: { document: documentOf(['a', 'b']) } })
    const report = await importInto({ name: 'second', source: { document: documentOf(['b', 'c', 'ping']) } })
    expect(report).toMatchObject({
      taken: 1,
      skippedTotal: 2,
      skipped: [
        { method: 'GET', path: '/b', operationId: 'b', reason: 'another imported document has an action "b"' },
        { method: 'GET', path: '/ping', operationId: 'ping', reason: 'the integration itself has an action "ping"' },
      ],
    })
    expect((await imports()).map(({ name }: { name: string }) => name)).toEqual(['first', 'second'])
    await remove('first')
    expect(await importInto({ name: 'second', source: { document: documentOf(['b', 'c']) } })).toMatchObject({
      taken: 2,
    })
    await remove('second')
  })

  test('takes one document after the other when many come at once', async () => {
    const all = await Promise.all(
      ['p', 'q', 'r'].map(name => importInto({ name, source: { document: documentOf(['same', name]) } })),
    )
    expect(all.map(({ taken }) => taken).sort()).toEqual([1, 1, 2])
    expect(await names()).toEqual(['p', 'ping', 'q', 'r', 'same'])
    for (const name of ['p', 'q', 'r']) await remove(name)
  })

  test.each<[string, object, string, string]>([
    ['no source', { source: {} }, 'source', 'INVALID_INPUT'],
    ['two sources', { source: { url: 'https://a.example', document: {} } }, 'source', 'INVALID_INPUT'],
    ['a name that is none', { name: 'a b', source: { document: {} } }, 'name', 'INVALID_INPUT'],
    ['what is no document', { source: { document: [1] } }, 'source', 'INVALID_INPUT'],
    [
      'an integration that is not there',
      { integration: 'nope', source: { document: {} } },
      'integration',
      'INTEGRATION_NOT_FOUND',
    ],
  ])('refuses %s', async (_what, input, field, code) => {
    const { data, errors } = await run(input)
    expect(data?.importOpenApi).toBeFalsy()
    expect(errors?.[0]?.extensions).toMatchObject({ code })
    const [detail] = (errors?.[0]?.extensions.details ?? []) as { field: string }[]
    expect(detail?.field).toBe(field)
  })

  test('needs the scope integrations:write', async () => {
    const key = await createKey(vendor.gateway, ['PASSTHROUGH_WRITE', 'CONNECTIONS_WRITE'])
    const { errors } = await run({ source: { document: documentOf(['a']) } }, key)
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining('This needs the scope integrations:write'),
      extensions: { code: 'FORBIDDEN' },
    })
  })
})

describe('deleteOpenApiImport', () => {
  test('takes the actions along, and says when there is none', async () => {
    await importInto({ name: 'gone', source: { document: documentOf(['a']) } })
    expect((await remove('gone')).data.deleteOpenApiImport).toEqual({
      deletedName: 'gone',
      integration: { slug: 'acme' },
    })
    expect(await names()).toEqual(['ping'])
    const again = await remove('gone')
    expect(again.errors?.[0]).toMatchObject({
      message: 'name names no imported document of "acme".',
      extensions: { code: 'INVALID_INPUT', details: [{ field: 'name' }] },
    })
    const { errors } = await vendor.gateway.run(executeMutation, {
      connectionId: vendor.connectionId,
      action: 'a',
      input: {},
    })
    expect(errors?.[0]?.extensions.code).toBe('ACTION_NOT_FOUND')
  })
})

test('both are in the audit trail', async () => {
  await importInto({ name: 'told', source: { document: documentOf(['a', 'ping']) } })
  await remove('told')
  const { auditEvents } = await vendor.gateway.ask('{ auditEvents(first: 2) { nodes { action targetId details } } }')
  expect(auditEvents.nodes).toEqual([
    { action: 'openApi.deleted', targetId: expect.stringMatching(/^int_/), details: { slug: 'acme', name: 'told' } },
    {
      action: 'openApi.imported',
      targetId: expect.stringMatching(/^int_/),
      details: { slug: 'acme', name: 'told', taken: 1, skipped: 1 },
    },
  ])
})
