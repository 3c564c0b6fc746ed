/** A vendor's reason phrase cannot end the gateway, whatever its bytes are. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createRawUpstream, type RawUpstream } from '../support/passthrough-core.ts'

let reason: Buffer
let upstream: RawUpstream
let gateway: TestGateway
let id: string

beforeAll(async () => {
  upstream = await createRawUpstream(socket => {
    socket.write(Buffer.concat([Buffer.from('HTTP/1.1 200 '), reason, Buffer.from('\r\ncontent-length: 2\r\n\r\nok')]))
  })
  gateway = await createGateway({ allow: ['127.0.0.1/32'] })
  await gateway.createIntegration({ slug: 'odd', name: 'Odd', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  id = await gateway.createConnection({ integration: 'odd', endUserId: 'u', credential: { none: { ok: true } } })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

test.each([
  ['Latin-1', Buffer.from('caf\u00e9', 'latin1')],
  ['UTF-8', Buffer.from('成功')],
  ['a tab', Buffer.from('a\tb')],
  ['nothing', Buffer.alloc(0)],
])('%s', async (_, bytes) => {
  reason = bytes
  const headers = { authorization: `Bearer ${adminKey}` }
  const answer = await fetch(new URL(`passthrough/${id}/x`, gateway.url), { headers })
  expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
  const link = '{ passthrough(connectionId: "ID", path: "/x") { status downloadUrl } }'.replace('ID', id)
  const { passthrough } = await gateway.ask(link)
  expect(passthrough.status).toBe(200)
  const download = await fetch(passthrough.downloadUrl)
  expect([download.status, await download.text()]).toEqual([200, 'ok'])
})
