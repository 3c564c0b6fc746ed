/** A redirect between names of one pinned wildcard goes where the names lead at that very moment, and never to an address of our own. */
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Canary, createCanary, type Seal, sealNetwork } from '../support/canary.ts'
import { createDns, type Zone } from '../support/dns.ts'
import { createCore } from '../support/passthrough-core.ts'
import { testTls, trustTestTls } from '../support/tls.ts'
import { passes, readThrough, refused, secret } from './redirect-verdict.ts'

const open = '93.184.215.14'

let canary: Canary
let seal: Seal
let trust: Disposable
beforeAll(async () => {
  canary = await createCanary()
  seal = sealNetwork()
  trust = trustTestTls()
})
afterAll(async () => {
  trust[Symbol.dispose]()
  seal[Symbol.dispose]()
  expect(canary.accepted).toEqual([])
  await canary[Symbol.asyncDispose]()
})

interface Site extends AsyncDisposable {
  readonly port: number
  readonly seen: { readonly url: string; readonly host: string; readonly authorization: string }[]
}

/** `/` leads to `location`; each answer ends its connection, so that each hop has to look its name up. */
async function createSite(locationOf: (port: number) => string): Promise<Site> {
  const seen: Site['seen'] = []
  const server: Server = createServer(testTls, ({ url = '', headers }, response) => {
    seen.push({ url, host: headers.host ?? '', authorization: headers.authorization ?? '' })
    const { port } = server.address() as AddressInfo
    if (url === '/') response.writeHead(302, { location: locationOf(port), connection: 'close' })
    response.end('site')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** A call to `first.test.example`, at which the site itself listens. @returns how it ended, who was asked for and dialled */
async function visit(site: Site, zone: Zone, allow: string) {
  await using dns = await createDns(zone)
  const url = `https://first.test.example:${site.port}`
  await using core = createCore({ url, allow: allow.replace('PORT', String(site.port)), lookup: dns.lookup })
  const dialled = seal.dialled.length
  const verdict = await readThrough(core, '/', [`*.test.example:${site.port}`]).catch(error => String(error))
  const names = dns.asked.filter(text => text.startsWith('A ')).map(text => text.replace(/^A (\w+).*/, '$1'))
  return { verdict, names, dialled: seal.dialled.slice(dialled) }
}

const home = { 'first.test.example': [['127.0.0.1']] }
const listedName = 'first.test.example:PORT'

test('the second one is followed, with the credential, when it may be dialled', async () => {
  await using site = await createSite(port => `https://second.test.example:${port}/end`)
  const visited = await visit(site, { ...home, 'second.test.example': [['127.0.0.1']] }, '127.0.0.1')
  expect(visited.verdict).toBe('200 after 2')
  expect(site.seen.map(({ url, host }) => `${host.split('.')[0]} ${url}`)).toEqual(['first /', 'second /end'])
  expect(site.seen.map(({ authorization }) => authorization)).toEqual([secret, secret])
})

test('the second one is dialled when it is public', async () => {
  await using site = await createSite(port => `https://second.test.example:${port}/end`)
  const visited = await visit(site, { ...home, 'second.test.example': [[open]] }, listedName)
  // The seal lets nothing out.
  expect([visited.dialled, site.seen.length]).toEqual([['127.0.0.1', open], 1])
})

test.each<[what: string, zone: Zone]>([
  ['the very listener of the first', { 'second.test.example': [['127.0.0.1']] }],
  ['IPv6 loopback', { 'second.test.example': [['::1']] }],
  ['a private address', { 'second.test.example': [['10.0.0.1']] }],
  ['public and private', { 'second.test.example': [[open, '127.0.0.1']] }],
  ['the metadata service', { 'second.test.example': [['169.254.169.254']] }],
  ['the first one by an alias', { 'second.test.example': [['first.test.example']] }],
])('the second one is refused when it leads to %s, though the first is listed', async (_what, zone) => {
  await using site = await createSite(port => `https://second.test.example:${port}/end`)
  const visited = await visit(site, { ...home, ...zone }, listedName)
  expect(visited).toEqual({ verdict: refused, names: ['first', 'second'], dialled: ['127.0.0.1'] })
  expect(site.seen.map(({ url }) => url)).toEqual(['/'])
})

test.each<[what: string, second: string[]]>([
  ['another loopback address', ['127.0.0.2']],
  ['a private address', ['10.0.0.1']],
  ['a mapped one', ['::ffff:127.0.0.2']],
  ['the listed address and another', ['127.0.0.1', '127.0.0.2']],
])('the same one is refused when it is rebound to %s before the second hop', async (_what, second) => {
  await using site = await createSite(() => '/end')
  const zone = { 'first.test.example': [['127.0.0.1'], second] }
  const visited = await visit(site, zone, '127.0.0.1')
  expect(visited).toEqual({ verdict: refused, names: ['first', 'first'], dialled: ['127.0.0.1'] })
  expect(site.seen.map(({ url }) => url)).toEqual(['/'])
})

test.each([
  ['with a dot at its end', (port: number) => `https://first.test.example.:${port}/end`],
  ['on another port', () => `https://first.test.example:${canary.port}/end`],
  ['over plain http', (port: number) => `http://second.test.example:${port}/end`],
  ['with a user name', (port: number) => `https://first.test.example@second.test.example:${port}/end`],
  ['that is the suffix itself', (port: number) => `https://test.example:${port}/end`],
])('a name %s is not followed', async (_what, locationOf) => {
  await using site = await createSite(locationOf)
  const visited = await visit(site, { '*': [['127.0.0.1']] }, listedName)
  expect(visited).toEqual({ verdict: passes, names: ['first'], dialled: ['127.0.0.1'] })
  expect(site.seen.length).toBe(1)
})
