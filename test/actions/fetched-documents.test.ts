/** A document is fetched as carefully as anything else: no private address, no credential, no length without end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importMutation } from '../support/actions.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { type ActionVendor, createActionVendor, documentOf } from './vendor.ts'

let vendor: ActionVendor
let shelf: Upstream
/** Listens, but nobody said that it may be dialled. */
let hidden: Upstream
const { promise: late, resolve: answerLate } = Promise.withResolvers<void>()

beforeAll(async () => {
  hidden = await createUpstream((_request, response) => sendJson(response, documentOf(['hidden'])))
  shelf = await createUpstream((request, response) => {
    const { pathname } = new URL(request.url, 'http://shelf')
    const places: Record<string, string> = {
      '/moved': '/openapi.json?token=canary',
      '/away': `${hidden.url}/openapi.json`,
      '/metadata': 'http://169.254.169.254/latest',
      '/file': 'file:///etc/passwd',
      '/round': '/round',
    }
    const location = places[pathname]
    if (location !== undefined) {
      response.writeHead(302, { location }).end()
    } else if (pathname === '/late') {
      void late.then(() => sendJson(response, documentOf(['late'])))
    } else if (pathname === '/long') {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(Buffer.alloc(33 * 1024 * 1024, ' '))
    } else if (pathname === '/openapi.json') sendJson(response, documentOf(['fetched']))
    else if (pathname === '/page') response.end('<html><p>hello</p></html>')
    else sendJson(response, { error: 'no such document' }, 404)
  })
  vendor = await createActionVendor(undefined, [shelf.host])
})
afterAll(async () => {
  await vendor[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
  await hidden[Symbol.asyncDispose]()
})

const fetchFrom = (url: string) =>
  vendor.gateway.run(importMutation, { input: { integration: 'acme', name: 'fetched', source: { url } } })

test('a document that comes when its integration is gone is for nobody', async () => {
  const slug = 'short-lived'
  const definition = { slug, name: 'S', baseUrl: shelf.url, auth: [{ scheme: 'none' }] }
  await vendor.gateway.createIntegration(definition)
  const imported = vendor.gateway.run(importMutation, {
    input: { integration: slug, name: 'late', source: { url: `${shelf.url}/late` } },
  })
  await expect.poll(() => shelf.seen.some(({ url }) => url === '/late')).toBe(true)
  await vendor.gateway.ask(`mutation { deleteIntegration(input: {slug: "${slug}"}) { deletedIntegrationId } }`)
  answerLate()
  expect((await imported).errors?.[0]?.extensions.code).toBe('INTEGRATION_NOT_FOUND')
  await vendor.gateway.createIntegration(definition)
  const { integration } = await vendor.gateway.ask(`{ integration(slug: "${slug}") { actions { nodes { name } } } }`)
  expect(integration.actions.nodes).toEqual([])
})

test('a document is fetched without any credential, and its address is kept without the query', async () => {
  const { data } = await fetchFrom(`${shelf.url}/moved?secret=canary`)
  expect(data.importOpenApi.openApiImport).toMatchObject({ taken: 1, sourceUrl: `${shelf.url}/moved` })
  expect(shelf.seen.slice(-2).map(({ method, url }) => [method, url])).toEqual([
    ['GET', '/moved?secret=canary'],
    ['GET', '/openapi.json?token=canary'],
  ])
  for (const { headers } of shelf.seen) expect(Object.keys(headers).sort()).not.toContain('authorization')
  const rows = await vendor.gateway.ask(
    '{ integration(slug: "acme") { openApiImports { sourceUrl } } auditEvents { nodes { details } } }',
  )
  expect(JSON.stringify(rows)).not.toContain('canary')
  expect(vendor.gateway.log()).not.toContain('canary')
})

describe('is refused', () => {
  test.each<[string, () => string, string, string | RegExp]>([
    ['a private address', () => `${hidden.url}/openapi.json`, 'DESTINATION_NOT_ALLOWED', /./],
    ['a redirect to one', () => `${shelf.url}/away`, 'DESTINATION_NOT_ALLOWED', /./],
    ['a redirect to the metadata of a cloud', () => `${shelf.url}/metadata`, 'DESTINATION_NOT_ALLOWED', /./],
    ['plain http', () => 'http://docs.example/openapi.json', 'DESTINATION_NOT_ALLOWED', /http/],
    [
      'a redirect to a file',
      () => `${shelf.url}/file`,
      'INVALID_INPUT',
      'source.url takes an https URL of at most 2048 characters.',
    ],
    [
      'what is no URL',
      () => 'openapi.json',
      'INVALID_INPUT',
      'source.url takes an https URL of at most 2048 characters.',
    ],
    [
      'a user name',
      () => 'https://me:canary@docs.example/',
      'INVALID_INPUT',
      'source.url has a user name before its host; documents are fetched without a credential.',
    ],
    [
      'an endless address',
      () => `https://docs.example/${'x'.repeat(2048)}`,
      'INVALID_INPUT',
      'source.url takes an https URL of at most 2048 characters.',
    ],
    [
      'nothing there',
      () => `${shelf.url}/none`,
      'INVALID_INPUT',
      /^source\.url leads to no document: 127\.0\.0\.1:\d+ answered 404\.$/,
    ],
    [
      'a page',
      () => `${shelf.url}/page`,
      'INVALID_INPUT',
      /^The document is (?:neither JSON nor YAML|no OpenAPI document)/,
    ],
    ['redirects without end', () => `${shelf.url}/round`, 'UPSTREAM_PROTOCOL', /redirects more than 5 times\.$/],
    ['more than 32 MiB', () => `${shelf.url}/long`, 'RESPONSE_TOO_LARGE', 'The answer is longer than 33554432 bytes.'],
  ])('%s', async (_what, url, code, message) => {
    const { data, errors } = await fetchFrom(url())
    expect(data).toBeNull()
    expect(errors?.[0]?.extensions.code).toBe(code)
    expect(errors?.[0]?.message).toMatch(message)
    expect(JSON.stringify(errors)).not.toContain('canary')
  })

  test('without a word to the address that may not be dialled', () => {
    expect(hidden.seen).toEqual([])
  })

  test('and holds no memory afterwards', () => {
    expect(vendor.gateway.app.services.gateway.memory.heldBytes).toBe(0)
  })
})

test('a document that is given is bounded, too', async () => {
  const document = `{"openapi":"3.1.0","x":"${'x'.repeat(33 * 1024 * 1024)}"}`
  const input = { integration: 'acme', source: { document } }
  const { errors } = await vendor.gateway.run(importMutation, { input })
  expect(errors?.[0]).toMatchObject({
    message: 'A document has at most 33554432 bytes.',
    extensions: { code: 'REQUEST_TOO_LARGE', details: [{ field: 'source.document' }] },
  })
})
