/** What an action sends, and where, as a vendor sees it: at another pinned host, in parts that say what they are. */
import { expect, test } from 'vitest'
import { executeMutation, importMutation } from '../support/actions.ts'
import { createGateway } from '../support/gateway.ts'
import { createUpstream } from '../support/upstream.ts'

test('an operation at another pinned host goes there by plain http where the operator allows it', async () => {
  await using first = await createUpstream()
  await using second = await createUpstream()
  await using gateway = await createGateway({ allow: [first.host, second.host] })
  const hosts = [first.host, second.host]
  const auth = [{ scheme: 'bearer' }]
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: first.url, hosts, auth })
  const credential = { bearer: { token: 'vendor-secret' } }
  const connectionId = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
  const properties = { meta: { type: 'object' }, file: { type: 'string', format: 'binary' } }
  const content = { 'multipart/form-data': { schema: { type: 'object', properties } } }
  const document = {
    openapi: '3.1.0',
    info: { title: 'Files' },
    servers: [{ url: `${second.url}/up` }],
    paths: { '/files': { post: { operationId: 'upload', requestBody: { required: true, content } } } },
  }
  const input = { integration: 'acme', source: { document } }
  expect((await gateway.ask(importMutation, { input })).importOpenApi.openApiImport).toMatchObject({ taken: 1 })
  const { executeAction } = await gateway.ask(executeMutation, {
    connectionId,
    action: 'upload',
    input: { meta: { a: 1 }, file: 'AAEC' },
  })
  expect(executeAction.status).toBe('SUCCESS')
  expect([first.seen.length, second.seen.length]).toEqual([0, 1])
  const [seen] = second.seen
  expect(seen).toMatchObject({ method: 'POST', url: '/up/files', headers: { authorization: 'Bearer vendor-secret' } })
  expect(seen?.text).toContain('name="meta"\r\nContent-Type: application/json\r\n\r\n{"a":1}\r\n')
  expect(seen?.text).toContain('name="file"; filename="file"\r\nContent-Type: application/octet-stream\r\n\r\n')
})
