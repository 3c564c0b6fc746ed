/** No redirect leads to an address of our own: every vector and every special range as the `Location` that a pinned vendor sends. */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { matchesHost } from '../../src/hosts.ts'
import { carriers, ipv4Ranges, ipv6Ranges } from '../data/special-ranges.ts'
import { ssrfVectors } from '../data/ssrf-vectors.ts'
import { type Canary, createCanary, type Seal, sealNetwork } from '../support/canary.ts'
import { createDns } from '../support/dns.ts'
import { createGateway } from '../support/gateway.ts'
import { createCore, createRawUpstream, type RawUpstream } from '../support/passthrough-core.ts'
import { passes, readThrough, refused, secret } from './redirect-verdict.ts'

const open = '93.184.215.14'

/** `/to/{status}/{n}` leads to the nth of them, byte for byte as it is written here. */
const locations: string[] = []
let vendor: RawUpstream
let vendorHost: string
let canary: Canary
let seal: Seal
beforeAll(async () => {
  canary = await createCanary()
  let read = 0
  vendor = await createRawUpstream(socket => {
    const request = vendor.received().slice(read)
    read += request.length
    const [, status = '200', index = ''] = /^\w+ \/to\/(\d+)\/(\d+) /.exec(request) ?? []
    const location = index === '' ? '' : `location: ${locations[Number(index)]}\r\n`
    socket.write(`HTTP/1.1 ${status} -\r\n${location}content-length: 0\r\n\r\n`)
  })
  vendorHost = `127.0.0.1:${vendor.port}`
  seal = sealNetwork()
})
afterAll(async () => {
  seal[Symbol.dispose]()
  await Promise.all([vendor[Symbol.asyncDispose](), canary[Symbol.asyncDispose]()])
})
let before = { heard: 0, dialled: 0, accepted: 0, received: 0 }
beforeEach(() => {
  const { accepted } = vendor
  const heard = canary.accepted.length
  before = { heard, dialled: seal.dialled.length, accepted: accepted.length, received: vendor.received().length }
})

function leadTo(location: string, status = 302): string {
  return `/to/${status}/${locations.push(location) - 1}`
}

/** What was dialled is what the vendor accepted, and no canary has heard a thing. */
function expectNobodyElse(): void {
  expect(canary.accepted.slice(before.heard)).toEqual([])
  const dialled = seal.dialled.slice(before.dialled)
  expect(dialled.filter(address => address !== '127.0.0.1')).toEqual([])
  expect(dialled.length).toBe(vendor.accepted.length - before.accepted)
  expect(dialled.length).toBeGreaterThan(0)
}

/** Every request of a test had the credential, so that a canary would have seen it. */
function expectCredential(requests: number): void {
  const received = vendor.received().slice(before.received)
  expect(received.split(`authorization: ${secret}\r\n`).length - 1).toBe(requests)
  expect(received.split('HTTP/1.1\r\n').length - 1).toBe(requests)
}

/** Over http and https, as it is and as a browser would print it. */
function spellingsOf(vector: string): string[] {
  const text = vector.replaceAll('PORT', String(canary.port))
  const texts = [text, text.replace(/^https:/i, 'http:'), text.replace(/^http:/i, 'https:')]
  const printed = texts.flatMap(spelling => (URL.canParse(spelling) ? [new URL(spelling).href] : []))
  return [...new Set([...texts, ...printed])]
}

const vectors = () => Object.values(ssrfVectors).flat().flatMap(spellingsOf)

/** The rule, read a second time: the vendor's own 3xx, or a refusal where only the look-up can tell. */
function expectedOf(location: string, hosts: readonly string[]): string {
  // Two lines are no header.
  if (/[\r\n]/.test(location)) return 'UPSTREAM_PROTOCOL after 1'
  const url = resolve(location)
  // Without slashes after it, the vendor's own scheme means a path.
  if (url?.origin === `http://${vendorHost}`) return '200 after 2'
  if (url?.protocol !== 'https:' || url.username !== '' || isAddress(url)) return passes
  return hosts.some(pattern => matchesHost(pattern, url)) ? refused : passes
}

/** The bytes of a header are read as Latin-1 (RFC 9110 §5.5). */
function resolve(location: string): URL | undefined {
  const text = Buffer.from(location).toString('latin1')
  return URL.canParse(text, `http://${vendorHost}/to/`) ? new URL(text, `http://${vendorHost}/to/`) : undefined
}

function isAddress({ hostname }: URL): boolean {
  return isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
}

type Judged = readonly [location: string, verdict: string, expected: string]

/** What is wrong, and how many verdicts there were of each kind. */
function summarise(judged: readonly Judged[]) {
  const tally: Record<string, number> = {}
  for (const [, verdict] of judged) tally[verdict] = (tally[verdict] ?? 0) + 1
  return { wrong: judged.filter(([, verdict, expected]) => verdict !== expected), tally }
}

describe('every vector', () => {
  test('outside the pin set is the vendor’s own 3xx', async () => {
    await using core = createCore({ url: `http://${vendorHost}` })
    const judged: Judged[] = []
    for (const location of vectors()) {
      const verdict = await readThrough(core, leadTo(location), [vendorHost])
      judged.push([location, verdict, expectedOf(location, [vendorHost])])
    }
    const { wrong, tally } = summarise(judged)
    expect(wrong).toEqual([])
    expect(tally[passes]).toBeGreaterThan(300)
    expect(tally).not.toHaveProperty(refused)
    expectNobodyElse()
    expectCredential(judged.length + (tally['200 after 2'] ?? 0))
  })

  test('inside the pin set is refused before it is dialled', async () => {
    await using dns = await createDns({ '*': [['127.0.0.1', '::1']] })
    await using core = createCore({ url: `http://${vendorHost}`, lookup: dns.lookup })
    const judged: Judged[] = []
    for (const location of vectors()) {
      const own = resolve(location)?.host ?? vendorHost
      const hosts = [vendorHost, own, canary.host, `localhost:${canary.port}`, '*.test.example']
      judged.push([location, await readThrough(core, leadTo(location), hosts), expectedOf(location, hosts)])
    }
    const { wrong, tally } = summarise(judged)
    expect(wrong).toEqual([])
    expect(tally[passes]).toBeGreaterThan(300)
    expect(tally[refused]).toBeGreaterThan(25)
    expectNobodyElse()
    expectCredential(judged.length + (tally['200 after 2'] ?? 0))
  })

  test('is the same through GraphQL', async () => {
    await using gateway = await createGateway({ allow: [vendorHost] })
    const hosts = [vendorHost, canary.host, `localhost:${canary.port}`, `[::1]:${canary.port}`]
    const definition = { slug: 'v', name: 'v', baseUrl: `http://${vendorHost}`, hosts, auth: [{ scheme: 'bearer' }] }
    await gateway.createIntegration(definition)
    const token = secret.replace('Bearer ', '')
    const id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { bearer: { token } } })
    const judged: Judged[] = []
    for (let at = 0; at < vectors().length; at += 50) {
      const texts = vectors().slice(at, at + 50)
      const fields = texts.map(
        (text, index) => `a${index}: passthrough(connectionId: "${id}", path: "${leadTo(text)}") { status attempts }`,
      )
      const { data, errors = [] } = await gateway.run(`{ ${fields.join(' ')} }`)
      const codes = new Map(errors.map(({ path, extensions }) => [path?.[0], extensions.code]))
      for (const [index, location] of texts.entries()) {
        const result = data[`a${index}`]
        const verdict = `${result?.status ?? codes.get(`a${index}`)} after ${result?.attempts ?? 1}`
        judged.push([location, verdict, expectedOf(location, hosts)])
      }
    }
    const { wrong, tally } = summarise(judged)
    expect(wrong).toEqual([])
    expect(tally[passes]).toBeGreaterThan(300)
    expect(tally[refused]).toBeGreaterThan(1)
    expect(canary.accepted.slice(before.heard)).toEqual([])
    expectCredential(judged.length + (tally['200 after 2'] ?? 0))
  })
})

const edges = [...new Set([...ipv4Ranges, ...ipv6Ranges].flatMap(([range]) => edgesOf(range)))]
const inner = ['127.0.0.1', '10.1.2.3', '169.254.169.254', '192.168.0.1', '100.64.0.1', '0.0.0.0', '168.63.129.16']
const carried = inner.flatMap(ipv4 => [...carriers.map(([, carry]) => carry(ipv4)), `::ffff:${ipv4}`])
const special = [...edges, ...inner, ...carried]

describe('every special address', () => {
  test('as it is', async () => {
    await using core = createCore({ url: `http://${vendorHost}` })
    const wrong: unknown[] = []
    const places = special.flatMap(address => {
      const host = address.includes(':') ? `[${address}]` : address
      return [`https://${host}/`, `https://${host}:${canary.port}/`, `http://${host}/`, `//${host}:${canary.port}/`]
    })
    for (const place of places) {
      const { host } = new URL(place, `http://${vendorHost}`)
      const verdict = await readThrough(core, leadTo(place), [vendorHost, host])
      if (verdict !== passes) wrong.push([place, verdict])
    }
    expect(wrong).toEqual([])
    expectNobodyElse()
    expect(places.length).toBeGreaterThan(600)
  })

  test.each<[what: string, answer: (address: string) => string[]]>([
    ['behind a name', address => [address]],
    ['behind a name that is public, too', address => [open, address]],
    ['behind an alias', address => [`to.${address.replaceAll(':', '-').replaceAll('.', '_')}.example`]],
  ])('%s of a pinned wildcard', async (_what, answer) => {
    const zone: Record<string, string[][]> = {}
    for (const [index, address] of special.entries()) {
      const values = answer(address)
      zone[`n${index}.test.example`] = [values]
      const [alias = ''] = values
      if (alias.startsWith('to.')) zone[alias] = [[address]]
    }
    await using dns = await createDns(zone)
    await using core = createCore({ url: `http://${vendorHost}`, lookup: dns.lookup })
    const hosts = [vendorHost, `*.test.example:${canary.port}`]
    const wrong: unknown[] = []
    for (const [index, address] of special.entries()) {
      const verdict = await readThrough(core, leadTo(`https://n${index}.test.example:${canary.port}/`), hosts)
      if (verdict !== refused) wrong.push([address, verdict])
    }
    expect(wrong).toEqual([])
    expectNobodyElse()
    // Judged by one look-up, and no second one that could be answered otherwise.
    const names = special.map((_, index) => `n${index}.test.example`)
    expect(dns.asked.toSorted()).toEqual(names.flatMap(name => [`A ${name}`, `AAAA ${name}`]).toSorted())
  })
})

describe('whatever leads there', () => {
  const few = () => [`https://127.0.0.1:${canary.port}/`, `//[::1]:${canary.port}/`, 'http://169.254.169.254/latest/']

  test.each([301, 302, 303, 307, 308])('%d of each safe method', async status => {
    await using core = createCore({ url: `http://${vendorHost}` })
    for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
      for (const location of few()) {
        const hosts = [vendorHost, new URL(location, `http://${vendorHost}`).host]
        expect(await readThrough(core, leadTo(location, status), hosts, method)).toBe(`${status} after 1`)
      }
    }
    expectNobodyElse()
  })

  test.each([2, 3, 5, 6])('at hop %d', async hop => {
    await using dns = await createDns({ 'n.test.example': [['127.0.0.1']] })
    await using core = createCore({ url: `http://${vendorHost}`, lookup: dns.lookup })
    const hosts = [vendorHost, canary.host, `[::1]:${canary.port}`, '169.254.169.254', `*.test.example:${canary.port}`]
    const chain = (location: string) =>
      Array.from({ length: hop - 1 }).reduce<string>(inner => leadTo(inner), leadTo(location))
    for (const location of few()) expect(await readThrough(core, chain(location), hosts)).toBe(`302 after ${hop}`)
    // The sixth redirect is not followed wherever it leads.
    const verdict = hop > 5 ? `302 after ${hop}` : `DESTINATION_NOT_ALLOWED after ${hop}`
    expect(await readThrough(core, chain(`https://n.test.example:${canary.port}/`), hosts)).toBe(verdict)
    expectNobodyElse()
  })

  test('a second Location', async () => {
    await using core = createCore({ url: `http://${vendorHost}` })
    for (const location of few()) {
      const hosts = [vendorHost, new URL(location, `http://${vendorHost}`).host]
      const end = leadTo('/')
      expect(await readThrough(core, leadTo(`${end}\r\nlocation: ${location}`), hosts)).toBe(passes)
      expect(await readThrough(core, leadTo(`${location}\r\nlocation: ${end}`), hosts)).toBe(passes)
    }
    expectNobodyElse()
  })

  test.each(['blob', 'filesystem', 'view-source', 'jar', 'feed'])('a %s: URL around a pinned one', async scheme => {
    await using core = createCore({ url: `http://${vendorHost}` })
    // The origin of some is the one inside; that it may be sent to is known from the call itself.
    for (const inside of [`http://${vendorHost}/x`, `http://${canary.host}/x`]) {
      const hosts = [vendorHost, canary.host]
      expect(await readThrough(core, leadTo(`${scheme}:${inside}`), hosts)).toBe(passes)
    }
    expectNobodyElse()
    expectCredential(2)
  })
})

/** Its first and its last address. */
function edgesOf(range: string): string[] {
  const [address, bits] = ipaddr.parseCIDR(range)
  const last = address.toByteArray().map((byte, at) => byte | (0xff >> Math.max(0, Math.min(8, bits - at * 8))))
  return [range.replace(/\/.*$/, ''), ipaddr.fromByteArray(last).toString()]
}
