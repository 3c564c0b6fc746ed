/** No known trick leads to an address of our own: every vector in every place a URL can be given, and each guard alone. */
import { existsSync, readFileSync } from 'node:fs'
import { isIP, type LookupFunction } from 'node:net'
import { join } from 'node:path'
import { Agent } from 'undici'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { HostAllowlist } from '../../src/hosts.ts'
import { Call, type CallOptions } from '../../src/passthrough/call.ts'
import { createGuardedConnector, isPublicAddress } from '../../src/passthrough/egress.ts'
import { createEgressGuard } from '../../src/passthrough/interceptors/egress-guard.ts'
import { ssrfVectors } from '../data/ssrf-vectors.ts'
import { type Canary, createCanary, type Seal, sealNetwork } from '../support/canary.ts'
import { createDns, type DnsServer } from '../support/dns.ts'
import { createCore, noInjection, refusalOf } from '../support/passthrough-core.ts'

const ports = [22, 25, 80, 443, 3128, 6379, 8000, 8080, 9000, 15_070]
const home = 'https://api.test.example'
const nothing = HostAllowlist.parse('')

let canary: Canary
let dns: DnsServer
let seal: Seal
beforeAll(async () => {
  canary = await createCanary(ports)
  // Whatever name a vector has, it leads to a canary.
  dns = await createDns({ '*': [['127.0.0.1', '::1']] })
  seal = sealNetwork()
})
afterAll(async () => {
  seal[Symbol.dispose]()
  await Promise.all([dns[Symbol.asyncDispose](), canary[Symbol.asyncDispose]()])
})
let before = { accepted: 0, dialled: 0 }
beforeEach(() => {
  before = { accepted: canary.accepted.length, dialled: seal.dialled.length }
})
const reached = () => ({
  accepted: canary.accepted.slice(before.accepted),
  dialled: seal.dialled.slice(before.dialled),
})
const nobody = { accepted: [], dialled: [] }

const file = join(import.meta.dirname, '../../../shared/data/ssrf-vectors.json')
const published = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as [string, string][]) : []
const tables = [
  ['our own', Object.values(ssrfVectors).flat(), 120],
  ...(published.length > 0 ? ([['published', published.map(([, url]) => url), 400]] as const) : []),
] as const

/** Over http and https, on its own port and on one where a canary surely listens. */
function spellingsOf(vector: string): string[] {
  const text = vector.replaceAll('PORT', String(canary.port))
  const secure = text.replace(/^http:/i, 'https:')
  const moved = secure
    .replace(/:15070/, `:${canary.port}`)
    .replace(/^(https:\/\/[^/?#:]+)([/?#]|$)/, `$1:${canary.port}$2`)
  return [...new Set([text, secure, moved])]
}

const urlsOf = (vectors: readonly string[]) =>
  vectors.flatMap(spellingsOf).flatMap(text => (URL.canParse(text) && /^https?:/i.test(text) ? [new URL(text)] : []))

function tally(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1
  return counts
}

test('the canaries are there, and each notices a request that is allowed', async () => {
  // Only Linux answers on all of 127.0.0.0/8; IPv6 may be missing anywhere.
  expect(canary.listening.length).toBeGreaterThanOrEqual(process.platform === 'linux' ? 6 : 1)
  expect(canary.listening.slice(0, 1)).toEqual([`127.0.0.1:${canary.port}`])
  for (const host of canary.listening) {
    await using core = createCore({ url: `http://${host}`, allow: host })
    expect((await core.send({})).response.text()).toBe('canary')
  }
  expect(reached().accepted).toEqual([...canary.listening])
})

test('the vectors are dangerous: without a guard they arrive, or would', async () => {
  const agent = openAgent({ connect: { lookup: dns.lookup, timeout: 5_000 } })
  const arrived: string[] = []
  for (const url of urlsOf(Object.values(ssrfVectors).flat())) {
    const count = seal.dialled.length
    await agent.request({ origin: url.origin, path: '/', method: 'GET' }).then(
      ({ body }) => body.dump(),
      () => {},
    )
    if (seal.dialled.length > count) arrived.push(url.href)
  }
  expect(arrived.length).toBeGreaterThanOrEqual(120)
  expect(canary.accepted.length - before.accepted).toBeGreaterThanOrEqual(60)
  expect(reached().dialled.filter(isPublicAddress)).toEqual([])
})

describe.each(tables)('%s vectors', (_, vectors, least) => {
  test('are many', () => expect(vectors.length).toBeGreaterThanOrEqual(least))

  test('reach nobody as path or base URL, though their hosts are pinned', async () => {
    await using core = createCore({ url: home, lookup: dns.lookup })
    const codes: string[] = []
    for (const text of vectors.flatMap(spellingsOf)) {
      const host = URL.canParse(text) ? new URL(text).host : 'api.test.example'
      const hosts = ['*.test.example', host, canary.host, `localhost:${canary.port}`, `[::1]:${canary.port}`]
      for (const input of [{ path: text }, { path: '/', options: { baseUrl: text } }]) {
        codes.push((await refusalOf(core.send(input, {}, { hosts }))).code)
      }
    }
    expect(reached()).toEqual(nobody)
    expect(Object.keys(tally(codes)).sort()).toEqual(['DESTINATION_NOT_ALLOWED', 'INVALID_INPUT'])
    expect(tally(codes).DESTINATION_NOT_ALLOWED).toBeGreaterThan(vectors.length)
  })

  test('reach nobody as the base URL of an integration that pins them', async () => {
    await using core = createCore({ url: home, lookup: dns.lookup })
    const urls = urlsOf(vectors)
    const codes: string[] = []
    for (const url of urls) {
      codes.push((await refusalOf(core.send({ path: '/x' }, {}, { baseUrl: url, hosts: [url.host] }))).code)
    }
    expect(reached()).toEqual(nobody)
    expect(tally(codes)).toEqual({ DESTINATION_NOT_ALLOWED: urls.length })
  })

  test('reach nobody through the connector alone', async () => {
    // Also the names that DNS does not take.
    const lookup: LookupFunction = (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
    const connect = createGuardedConnector({ allow: nothing, timeoutMs: 5_000, lookup })
    const agent = openAgent({ connect })
    const urls = urlsOf(vectors)
    const codes: string[] = []
    for (const { origin } of urls)
      codes.push((await refusalOf(agent.request({ origin, path: '/', method: 'GET' }))).code)
    expect(reached()).toEqual(nobody)
    expect(tally(codes)).toEqual({ DESTINATION_NOT_ALLOWED: urls.length })
  })

  test('reach nobody through the interceptor alone, but for names over https, which only the connector can judge', async () => {
    await using core = createCore({ url: home })
    const plan = await core.plan({})
    const agent = openAgent({ connect: { lookup: dns.lookup, timeout: 5_000 } }).compose(createEgressGuard(nothing))
    const urls = urlsOf(vectors).filter(({ protocol, hostname }) => protocol === 'http:' || isAddress(hostname))
    const codes: string[] = []
    for (const { origin, host } of urls) {
      const call = new Call({ ...plan, connection: core.connection({ hosts: [host] }) }, { inject: () => noInjection })
      const options: CallOptions & { origin: string } = { call, origin, path: '/', method: 'GET' }
      codes.push((await refusalOf(agent.request(options))).code)
    }
    expect(reached()).toEqual(nobody)
    expect(tally(codes)).toEqual({ DESTINATION_NOT_ALLOWED: urls.length })
    expect(urls.length).toBeGreaterThan(least / 2)
  })

  test('name no public address', () => {
    const hosts = new Set(urlsOf(vectors).map(({ hostname }) => hostname))
    const addresses = [...hosts].filter(isAddress).map(host => host.replace(/^\[|\]$/g, ''))
    expect(addresses.length).toBeGreaterThanOrEqual(least / 4)
    expect(addresses.filter(isPublicAddress)).toEqual([])
  })
})

function isAddress(hostname: string): boolean {
  return isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
}

function openAgent(options: Agent.Options): Agent {
  const agent = new Agent(options)
  onTestFinished(() => agent.destroy())
  return agent
}
