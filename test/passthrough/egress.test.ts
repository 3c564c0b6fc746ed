/** Only public addresses are dialled, unless the operator listed them: judged on the very address of every connection. */
import { describe, expect, test } from 'vitest'
import { carriers, ipv4Ranges, ipv6Ranges } from '../data/special-ranges.ts'
import { createCanary } from '../support/canary.ts'
import { createCore, createLookup, createRawUpstream, failureOf, refusalOf } from '../support/passthrough-core.ts'

const listed = 'the operator can list it in PASSGATE_EGRESS_ALLOW.'
const secretive = () => {
  throw new TypeError('the credential was opened')
}

const firstOf = ([range]: readonly [string, string]) => range.replace(/\/.*$/, '')
const special = [
  ...[...ipv4Ranges, ...ipv6Ranges].map(firstOf),
  ...carriers.map(([, carry]) => carry('127.0.0.1')),
  ...['127.0.0.1', '169.254.169.254', '::ffff:127.0.0.1', '::ffff:10.0.0.1', 'fd12:3456::1', 'febf::1'],
]

describe('a literal address', () => {
  test.each([...new Set(special)])('%s is refused before the credential is opened', async address => {
    const url = `https://${address.includes(':') ? `[${address}]` : address}`
    await using core = createCore({ url })
    const { host } = new URL(url)
    const message = `${host} is no public address, or leads to none; ${listed}`
    for (const input of [{}, { path: `${url}/x` }, { options: { baseUrl: url } }]) {
      expect(await refusalOf(core.send(input, { inject: secretive }))).toEqual({
        code: 'DESTINATION_NOT_ALLOWED',
        message,
        fields: [],
      })
    }
  })

  test.each([
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '①②⑦.0.0.1',
    '127.0.0.1.',
    '127.0.0.1:443',
    '[::ffff:7f00:1]',
  ])('spelled %s is the same address', async host => {
    await using core = createCore({ url: 'https://127.0.0.1' })
    const everything = { hosts: ['127.0.0.1', '[::ffff:7f00:1]', '*.0.1', 'localhost'] }
    expect((await refusalOf(core.send({ path: `https://${host}/` }, { inject: secretive }, everything))).code).toBe(
      'DESTINATION_NOT_ALLOWED',
    )
  })
})

describe('a name', () => {
  const host = 'api.test.example'
  const refused = {
    code: 'DESTINATION_NOT_ALLOWED',
    message: `${host} is no public address, or leads to none; ${listed}`,
  }

  test.each<[string, string[]]>([
    ['loopback', ['127.0.0.1']],
    ['public and loopback', ['93.184.215.14', '127.0.0.1']],
    ['loopback and public', ['127.0.0.1', '93.184.215.14']],
    ['IPv6 loopback', ['::1']],
    ['mapped loopback', ['::ffff:127.0.0.1']],
    ['public IPv4 and local IPv6', ['93.184.215.14', 'fe80::1%lo']],
    ['the metadata service', ['169.254.169.254']],
    ['everything', ['0.0.0.0']],
    ['no address at all', ['not an address']],
  ])('that resolves to %s reaches nobody', async (_, addresses) => {
    await using canary = await createRawUpstream()
    const { lookup, asked } = createLookup({ [host]: [addresses] })
    await using core = createCore({ url: `https://${host}:${canary.port}`, lookup })
    const failure = await failureOf(core.send({ method: 'POST', body: 'four' }))
    expect({ code: failure.error.code, message: failure.message }).toEqual(refused)
    expect(failure.outcome).toMatchObject({ executed: false, attempts: 0, bytesSent: 0, bytesReceived: 0 })
    expect([asked, canary.accepted.length]).toEqual([[host], 0])
  })

  test('that is rebound between two connections is judged again', async () => {
    await using first = await createRawUpstream(
      socket => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'),
    )
    const { lookup, asked } = createLookup({ [host]: [['127.0.0.1'], ['127.0.0.2']] })
    // Listed by its address only: the name itself has no exemption.
    await using core = createCore({ url: `https://${host}:${first.port}`, allow: '127.0.0.1', lookup })
    expect((await failureOf(core.send({}))).error.code).toBe('UPSTREAM_TLS')
    expect([asked.length, first.accepted.length]).toEqual([1, 1])
    expect(await refusalOf(core.send({}))).toMatchObject(refused)
    expect([asked.length, first.accepted.length]).toEqual([2, 1])
  })

  test.each([
    ['its host and port', (port: number) => `${host}:${port}`, true],
    ['its host and another port', (port: number) => `${host}:${port + 1}`, false],
    ['another host', (port: number) => `127.0.0.1:${port}`, false],
    ['the network it leads to', () => '127.0.0.0/8', true],
    ['the address it leads to', () => '127.0.0.1', true],
    ['another network', () => '10.0.0.0/8', false],
  ])('listed by %s', async (_, allow, expected) => {
    await using canary = await createRawUpstream(socket => void socket.destroy())
    const { lookup } = createLookup({ [host]: [['127.0.0.1']] })
    await using core = createCore({ url: `https://${host}:${canary.port}`, allow: allow(canary.port), lookup })
    const { code } = await refusalOf(core.send({}))
    expect([canary.accepted.length > 0, code === 'DESTINATION_NOT_ALLOWED']).toEqual([expected, !expected])
  })

  test('of this machine is refused as the system resolves it', async () => {
    await using canary = await createCanary()
    for (const name of ['localhost', 'LOCALHOST']) {
      await using core = createCore({ url: `https://${name}:${canary.port}` })
      expect((await refusalOf(core.send({}))).code).toBe('DESTINATION_NOT_ALLOWED')
    }
    expect(canary.accepted).toEqual([])
  })

  test('is never exempt from the pin set', async () => {
    await using canary = await createRawUpstream()
    await using core = createCore({
      url: 'https://api.acme.example',
      allow: `127.0.0.0/8, 127.0.0.1:${canary.port}, localhost:${canary.port}`,
    })
    for (const target of [canary.url, `https://localhost:${canary.port}`, `https://127.0.0.1:${canary.port}`]) {
      for (const input of [{ path: target }, { options: { baseUrl: target } }]) {
        expect((await refusalOf(core.send(input, { inject: secretive }))).message).toMatch(
          /is not one of the integration's pinned hosts/,
        )
      }
    }
    expect(canary.accepted).toHaveLength(0)
  })

  test('that answers on IPv6 is reached in brackets', async () => {
    await using upstream = await createRawUpstream(
      socket => void socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
      '::1',
    )
    await using core = createCore({ url: upstream.url })
    expect((await core.send({})).response.status).toBe(204)
    expect(upstream.received()).toContain(`host: [::1]:${upstream.port}`)
  })
})
