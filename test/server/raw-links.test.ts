/** Whatever a vendor's link says, a client that follows it below the gateway reaches what the vendor meant. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from './send-raw.ts'

let vendor: Server
let files: Server
let gateway: TestGateway
let connectionId: string
let boundKey: string

const hostOf = (server: Server) => `127.0.0.1:${(server.address() as AddressInfo).port}`

/** Says what was asked for, and hands back what the caller wants as a link. */
async function listen(): Promise<Server> {
  const server = createServer(({ url, headers: { host, 'x-answer-link': wanted } }, response) => {
    const link = String(wanted ?? '')
    response.writeHead(200, { location: link, 'content-location': link, link: `<${link}>; rel="next"` })
    response.end(`http://${host}${url}`)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

beforeAll(async () => {
  ;[vendor, files] = [await listen(), await listen()]
  const hosts = [hostOf(vendor), hostOf(files)]
  gateway = await createGateway({ allow: hosts, env: { PASSGATE_ROOT_PORT: '0' } })
  const auth = [{ scheme: 'none' }]
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: `http://${hostOf(vendor)}/api`, hosts, auth })
  connectionId = await gateway.createConnection({
    integration: 'v',
    endUserId: 'u',
    credential: { none: { ok: true } },
  })
  const input = { name: 'bound', scopes: ['PASSTHROUGH_READ'], connectionId }
  const { createAccessKey } = await gateway.ask(
    'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }',
    { input },
  )
  boundKey = createAccessKey.secret
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  vendor.close()
  files.close()
})

interface Entrance {
  readonly origin: URL
  readonly prefix: string
  readonly key?: string
}

const route = (): Entrance => ({ origin: new URL(gateway.url), prefix: `/passthrough/${connectionId}` })
const root = (): Entrance => ({ origin: gateway.app.rootUrl ?? new URL('http://none'), prefix: '', key: boundKey })

/** The three headers of an answer that holds the link, and where each of them leads. */
async function follow(target: string, link: string, { origin, prefix, key }: Entrance, settings = {}) {
  const sending = { origin, ...(key !== undefined && { key }) }
  const answer = await sendRaw(prefix + target, { ...sending, headers: { 'x-answer-link': link, ...settings } })
  const { location = '', 'content-location': content = '', link: web = '' } = answer.headers
  const references = [location, content, /<(.*)>/.exec(String(web))?.[1] ?? '']
  const reached = references.map(async reference => {
    const url = new URL(reference, new URL(prefix + target, origin))
    return url.host === origin.host ? (await sendRaw(url.pathname + url.search, sending)).text : url.href
  })
  return { asked: answer.text, references, reached: await Promise.all(reached) }
}

const other = () => encodeURIComponent(`http://${hostOf(files)}/store/`)

test.each<[target: string, link: string]>([
  ['/v2/list?a=1', '/api/v2/things/7'],
  ['/v2/list', '/elsewhere/7?x=1#part'],
  ['/v2/list', '/api'],
  ['/v2/list', '/'],
  ['/v2/list', '/api/../outside'],
  ['/v2/list', '/api/%2E%2e/outside?../x'],
  ['/v2/list', '/apix'],
  ['/v2/list', '../../../up'],
  ['/v2/list', '//HOST/api/v2'],
  ['/v2/list', 'http://HOST/api/a/../b'],
  ['/v2/list', 'HTTP://FILES/deep?x=1'],
  ['/v2/list', '//FILES'],
  ['', 'things/7'],
  ['?x=1', 'things/7'],
  ['/repos%2Fo%2Fr%3Fx%3D1', 'issues'],
  ['/v2/list?__domain=OTHER', '/v2/things/7'],
  ['/v2/list?__domain=OTHER', 'things/7'],
  ['/v2/list?__domain=OTHER&a=1', '?page=2'],
  ['/v2/list?__domain=OTHER', '../../top'],
  ['/v2/list?__domain=OTHER', 'http://HOST/api/back'],
])('from %s, %s leads to where the vendor meant', async (path, written) => {
  const target = path.replace('OTHER', other())
  const link = written.replace('HOST', hostOf(vendor)).replace('FILES', hostOf(files))
  const { asked, references, reached } = await follow(target, link, route())
  const meant = new URL(link, asked)
  meant.hash = ''
  expect(reached).toEqual([meant.href, meant.href, meant.href])
  expect(new URL(references[0] ?? '').pathname).toMatch(`/passthrough/${connectionId}`)
})

test.each([
  ['/v2/list', 'things/7?x=1#part'],
  ['/v2/list?a=1', '?page=2'],
  ['?x=1', '?page=2'],
  ['/v2/list', './things'],
  ['/v2/deep/list', '../things'],
  ['/v2/list', '#part'],
  ['/v2/list', 'mailto:a@acme.example'],
  ['/v2/list', 'urn:isbn:1'],
  ['/v2/list', 'https://elsewhere.example/x'],
  ['/v2/list', '//elsewhere.example/x'],
  ['/v2/list', '/\\elsewhere.example/x'],
  ['/v2/list', 'http://[not-a-host/'],
])('from %s, %s stays as it was written', async (target, link) => {
  const answer = await sendRaw(route().prefix + target, { ...route(), headers: { 'x-answer-link': link } })
  const { location, 'content-location': content, link: web } = answer.headers
  expect([location, content, web]).toEqual([link, link, `<${link}>; rel="next"`])
})

test('on the root listener the vendor’s own paths stay, and lead there', async () => {
  for (const link of ['/api/v2/things/7', 'things/7', '?page=2', '../up']) {
    const { asked, references, reached } = await follow('/api/v2/list', link, root())
    expect(references).toEqual([link, link, link])
    expect(reached[0]).toBe(new URL(link, asked).href)
  }
  const { asked, reached } = await follow(`/v2/list?__domain=${other()}`, '/v2/things/7', root())
  expect(reached[0]).toBe(new URL('/v2/things/7', asked).href)
})

test('x-passgate-rewrite: off leaves all of them', async () => {
  for (const link of ['/api/v2/things/7', '../../../up', `http://${hostOf(vendor)}/api/x`]) {
    const { headers } = await sendRaw(`${route().prefix}/v2/list`, {
      origin: route().origin,
      headers: { 'x-answer-link': link, 'x-passgate-rewrite': 'off' },
    })
    expect([headers.location, headers['content-location']]).toEqual([link, link])
  }
})
