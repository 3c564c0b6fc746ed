/** Only public addresses are dialled, unless the operator listed them: judged on the very address of every connection. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../src/passthrough/egress.ts'
import { createCore, createLookup, createRawUpstream, failureOf, refusalOf } from '../support/passthrough-core.ts'

const special = [
  ...['0.0.0.0', '0.1.2.3', '0.255.255.255', '10.0.0.0', '10.0.0.1', '10.255.255.255', '100.64.0.0', '100.64.0.1'],
  ...['100.127.255.255', '127.0.0.0', '127.0.0.1', '127.1.2.3', '127.255.255.255', '169.254.0.1', '169.254.169.254'],
  ...['172.16.0.0', '172.31.255.255', '192.0.0.1', '192.0.0.170', '192.0.2.1', '192.88.99.1', '192.168.0.1'],
  ...['192.168.255.255', '198.18.0.1', '198.19.255.255', '198.51.100.7', '203.0.113.9', '224.0.0.1', '239.255.255.250'],
  ...['240.0.0.1', '255.255.255.254', '255.255.255.255', '::', '::1', '::2', '::127.0.0.1', '::ffff:127.0.0.1'],
  ...['::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:169.254.169.254', '::ffff:0.0.0.0', '::ffff:0:127.0.0.1'],
  ...['64:ff9b::127.0.0.1', '64:ff9b::8.8.8.8', '64:ff9b:1::1', '100::1', '2001::1', '2001:0:4136:e378::1'],
  ...['2001:2::1', '2001:10::1', '2001:20::1', '2001:db8::1', '2002::1', '2002:7f00:1::', '2002:a00:1::1', '3fff::1'],
  ...['5f00::1', 'fc00::1', 'fd12:3456::1', 'fdff::1', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1', 'ff00::1'],
  ...['ff02::1', 'ffff::1', '0:0:0:0:0:0:0:1', '4000::1', '1::1'],
]
const open = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.1', '100.63.255.255', '100.128.0.1', '126.255.255.255'],
  ...['128.0.0.1', '169.253.255.255', '172.15.255.255', '172.32.0.1', '192.167.255.255', '198.17.255.255'],
  ...['198.20.0.1', '223.255.255.255', '::ffff:8.8.8.8', '2606:4700:4700::1111', '2a00:1450::1', '2400:cb00::1'],
]
const neither = [
  '',
  'localhost',
  '127.1',
  '0x7f.0.0.1',
  '2130706433',
  '010.0.0.1',
  '1.1.1.1.',
  '[::1]',
  '1.1.1.1/32',
  ' 1.1.1.1',
]

describe('isPublicAddress', () => {
  test.each(open)('%s is', address => expect(isPublicAddress(address)).toBe(true))
  test.each([...special, ...neither])('%j is not', address => expect(isPublicAddress(address)).toBe(false))
})

const listed = 'the operator can list it in PASSGATE_EGRESS_ALLOW.'
const secretive = () => {
  throw new TypeError('the credential was opened')
}

describe('a literal address', () => {
  test.each(special.filter(address => !address.includes('%')))(
    '%s is refused before the credential is opened',
    async address => {
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
    },
  )

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

const published = join(import.meta.dirname, '../../../shared/data/ssrf-vectors.json')

describe.skipIf(!existsSync(published))('the published vectors', () => {
  const urls = existsSync(published)
    ? (JSON.parse(readFileSync(published, 'utf8')) as [string, string][]).map(([, url]) => url)
    : []
  const hostOf = (text: string) => (URL.canParse(text) ? new URL(text).host : 'a.test.example')

  test('reach nobody as path, base URL or resolved name, though each is pinned', async () => {
    expect(urls.length).toBeGreaterThanOrEqual(400)
    await using canary = await createRawUpstream()
    const resolved: string[] = []
    await using core = createCore({
      url: 'https://api.test.example',
      lookup: (hostname, _options, callback) => {
        resolved.push(hostname)
        callback(null, [{ address: '127.0.0.1', family: 4 }])
      },
    })
    const outcomes = new Map<string, number>()
    for (const url of urls) {
      const hosts = ['*.test.example', 'api.test.example', hostOf(url), new URL(canary.url).host]
      for (const text of [url, url.replace(/^http:/, 'https:'), url.replace(/:15070/, `:${canary.port}`)]) {
        for (const input of [{ path: text }, { path: '/', options: { baseUrl: text } }]) {
          const { code } = await refusalOf(core.send(input, {}, { hosts }))
          outcomes.set(code, (outcomes.get(code) ?? 0) + 1)
        }
      }
    }
    expect([...outcomes.keys()].sort()).toEqual(['DESTINATION_NOT_ALLOWED', 'INVALID_INPUT'])
    expect(outcomes.get('DESTINATION_NOT_ALLOWED')).toBeGreaterThan(1000)
    expect(resolved.length).toBeGreaterThan(100)
    expect(canary.accepted).toHaveLength(0)
  })

  test('hold no public address', () => {
    const hosts = urls.flatMap(url => (URL.canParse(url) ? [new URL(url).hostname.replace(/^\[|\]$/g, '')] : []))
    const addresses = [...new Set(hosts)].filter(host => /^[\d.]+$|:/.test(host))
    expect(addresses.length).toBeGreaterThanOrEqual(100)
    expect(addresses.filter(isPublicAddress)).toEqual([])
  })
})
