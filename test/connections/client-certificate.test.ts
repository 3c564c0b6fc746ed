/** Mutual TLS against a server that demands a certificate: each connection presents its own, on a TLS connection of its own. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { testTls, trustTestTls } from '../support/tls.ts'

const clientTls = {
  certificate: readFileSync(join(import.meta.dirname, '../support/tls/client-cert.pem'), 'utf8'),
  privateKey: readFileSync(join(import.meta.dirname, '../support/tls/client-key.pem'), 'utf8'),
}
const otherTls = { certificate: testTls.cert.toString(), privateKey: testTls.key.toString() }

const stack = new AsyncDisposableStack()
let gateway: TestGateway
/** The common names that were presented, by request. */
const presented: (string | undefined)[] = []
const ports = new Set<number | undefined>()

beforeAll(async () => {
  stack.use(trustTestTls())
  const ca = [clientTls.certificate, otherTls.certificate]
  const server = createServer({ ...testTls, requestCert: true, rejectUnauthorized: true, ca }, (request, response) => {
    const socket = request.socket as TLSSocket
    presented.push(String(socket.getPeerCertificate().subject?.CN))
    ports.add(socket.remotePort)
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ as: presented.at(-1) }))
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  stack.defer(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  gateway = stack.use(await createGateway({ allow: [host] }))
  await gateway.createIntegration({
    slug: 'bank',
    name: 'Bank',
    baseUrl: `https://${host}`,
    auth: [{ scheme: 'mtls' }, { scheme: 'none' }],
  })
})

afterAll(() => stack.disposeAsync())

const connect = (endUserId: string, credential: object) =>
  gateway.createConnection({ integration: 'bank', endUserId, credential })
const call = 'query($id: ID!) { passthrough(connectionId: $id, path: "/") { status body } }'

test('a connection’s calls present its certificate, and never another’s', async () => {
  const ids = [await connect('one', { mtls: clientTls }), await connect('two', { mtls: otherTls })]
  const expected = ['client.test.example', 'test.example']
  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all(ids.map(id => gateway.ask(call, { id })))
    expect(answers.map(({ passthrough }) => passthrough.body.as)).toEqual(expected)
  }
  expect(ports.size).toBe(2)
})

test('a connection without one is refused by the server', async () => {
  const { errors } = await gateway.run(call, { id: await connect('three', { none: {} }) })
  expect(['UPSTREAM_TLS', 'UPSTREAM_UNREACHABLE']).toContain(errors?.[0]?.extensions.code)
})

test.each([
  ['no certificate', { ...clientTls, certificate: 'nonsense' }, 'credential.mtls.certificate'],
  ['no key', { ...clientTls, privateKey: 'canary-key-text' }, 'credential.mtls.privateKey'],
  ['the key of another', { ...clientTls, privateKey: otherTls.privateKey }, 'credential.mtls.privateKey'],
])('refuses %s, and shows none of it', async (_, mtls, field) => {
  const query = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'
  const answer = await gateway.run(query, { i: { integration: 'bank', endUserId: 'x', credential: { mtls } } })
  expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field }] })
  expect(answer.text).not.toContain('canary-key-text')
  expect(gateway.log()).not.toMatch(/canary-key-text|PRIVATE KEY/)
})
