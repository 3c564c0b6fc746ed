/** Header bytes beyond ASCII reach an upstream, and come back from it, as the bytes that they were, whatever HTTP it speaks. */
import { createServer, type Server } from 'node:http'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { testTls, trustTestTls } from '../support/tls.ts'
import { sendRaw } from './send-raw.ts'

let one: Server
let two: Http2SecureServer
let gateway: TestGateway
let trust: Disposable
let connections: Record<string, string>

/** Node writes and reads header values as Latin-1: one character is one byte. */
const hexOf = (value: unknown) => Buffer.from(String(value), 'latin1').toString('hex')

beforeAll(async () => {
  trust = trustTestTls()
  one = createServer(({ headers: { 'x-a': value = '' } }, response) => {
    response.writeHead(200, { 'x-back': value, 'content-type': 'text/plain' })
    response.end(hexOf(value))
  })
  two = createSecureServer({ ...testTls, allowHTTP1: false })
  two.on('stream', (stream: ServerHttp2Stream, { 'x-a': value = '' }) => {
    stream.respond({ ':status': 200, 'x-back': value, 'content-type': 'text/plain' })
    stream.end(hexOf(value))
  })
  for (const server of [one, two]) await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  gateway = await createGateway({ allow: ['127.0.0.1/32'] })
  connections = {
    'HTTP/1.1': await connect('one', `http://127.0.0.1:${(one.address() as AddressInfo).port}`),
    'HTTP/2': await connect('two', `https://127.0.0.1:${(two.address() as AddressInfo).port}`),
  }
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  one.close()
  two.close()
  trust[Symbol.dispose]()
})

async function connect(slug: string, baseUrl: string): Promise<string> {
  await gateway.createIntegration({ slug, name: slug, baseUrl, auth: [{ scheme: 'none' }] })
  return await gateway.createConnection({ integration: slug, endUserId: 'u', credential: { none: { ok: true } } })
}

const texts: [name: string, bytes: Buffer][] = [
  ['Latin-1', Buffer.from('café ÿ', 'latin1')],
  ['UTF-8', Buffer.from('café 日本 😀')],
  ['windows-1252', Buffer.from([0x61, 0x80, 0x93, 0x62])],
  ['no coding at all', Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0x28, 0xad, 0x62])],
]

test.each(['HTTP/1.1', 'HTTP/2'].flatMap(version => texts.map(([name, bytes]) => [version, name, bytes] as const)))(
  'over %s the bytes of %s stay, both ways',
  async (version, _, bytes) => {
    const sending = { origin: new URL(gateway.url), headers: { 'x-a': bytes.toString('latin1') } }
    const { text, headers } = await sendRaw(`/passthrough/${connections[version]}/x`, sending)
    expect([text, hexOf(headers['x-back'])]).toEqual([bytes.toString('hex'), bytes.toString('hex')])
  },
)

test.each(['HTTP/1.1', 'HTTP/2'])('over %s a GraphQL caller’s text goes as Latin-1, or is refused', async version => {
  const query = `query($id: ID!, $headers: JSONObject) {
    passthrough(connectionId: $id, path: "/x", headers: $headers) { text header(name: "x-back") } }`
  const id = connections[version]
  const { passthrough } = await gateway.ask(query, { id, headers: { 'x-a': 'café' } })
  expect(passthrough).toEqual({ text: '636166e9', header: 'café' })
  const { errors } = await gateway.run(query, { id, headers: { 'x-a': '日本' } })
  expect(errors?.[0]).toMatchObject({
    message: 'headers.x-a has a line break, control character or character beyond Latin-1.',
    extensions: { code: 'INVALID_INPUT' },
  })
})
