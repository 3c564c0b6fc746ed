import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Core, createCore } from '../support/passthrough-core.ts'

interface Hop {
  readonly server: Server
  readonly host: string
}

let seen: { host: string; method: string; url: string; authorization: string | undefined }[] = []
let vendor: Hop
let files: Hop
let stranger: Hop
let core: Core

/** `/to/{status}?{location}` redirects; everything else answers. */
async function listen(): Promise<Hop> {
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    seen.push({ host: headers.host ?? '', method, url, authorization: headers.authorization })
    const [, status, location] = /^\/to\/(\d+)\?(.*)$/.exec(url) ?? []
    if (status === undefined) return void response.end('here')
    response.writeHead(Number(status), location === '' ? {} : { location: decodeURIComponent(location ?? '') })
    response.end('see there')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

beforeAll(async () => {
  ;[vendor, files, stranger] = [await listen(), await listen(), await listen()]
  const allow = [vendor, files, stranger].map(({ host }) => host).join(',')
  core = createCore({ url: `http://${vendor.host}`, allow })
})
afterAll(async () => {
  await core[Symbol.asyncDispose]()
  for (const { server } of [vendor, files, stranger]) server.close()
})
beforeEach(() => {
  seen = []
})

const secret = { headers: { authorization: 'Bearer secret' }, query: {}, body: {} }
const to = (status: number, location: string) => `/to/${status}?${encodeURIComponent(location)}`
const send = (path: string, method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST' = 'GET') =>
  core.send({ mode: 'READ', method, path }, { inject: () => secret }, { hosts: [vendor.host, files.host] })

describe('inside the pin set', () => {
  test.each([301, 302, 303, 307, 308])('%d is followed by a read', async status => {
    const { response, outcome } = await send(to(status, '/end?x=1'))
    expect([response.status, response.text(), outcome.attempts]).toEqual([200, 'here', 2])
    expect(outcome.attemptLog[0]).toMatchObject({ status, reason: `redirect ${status}` })
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([`GET ${to(status, '/end?x=1')}`, 'GET /end?x=1'])
  })

  test('another pinned host gets the credential, too', async () => {
    expect((await send(to(302, `http://${files.host}/file`))).response.text()).toBe('here')
    expect(seen.map(({ host, authorization }) => [host, authorization])).toEqual([
      [vendor.host, 'Bearer secret'],
      [files.host, 'Bearer secret'],
    ])
  })

  test('HEAD stays HEAD, OPTIONS becomes GET at 303 alone', async () => {
    await send(to(303, '/end'), 'HEAD')
    await send(to(303, '/end'), 'OPTIONS')
    await send(to(307, '/end'), 'OPTIONS')
    expect(seen.filter(({ url }) => url === '/end').map(({ method }) => method)).toEqual(['HEAD', 'GET', 'OPTIONS'])
  })

  test('five are followed, the sixth is the answer', async () => {
    const nested = Array.from({ length: 6 }).reduce<string>(inner => to(302, inner), '/end')
    const { response, outcome } = await send(nested)
    expect([response.status, outcome.attempts]).toEqual([302, 6])
  })

  test('a loop ends', async () => {
    const { response, outcome } = await core.send(
      { mode: 'READ', path: to(302, '?') },
      { inject: () => secret },
      { hosts: [vendor.host] },
    )
    expect([response.status < 400, outcome.attempts <= 6]).toEqual([true, true])
  })
})

describe('the answer is the 3xx itself', () => {
  test.each([
    ['outside the pin set', () => `http://${stranger.host}/steal`],
    ['towards the metadata service', () => 'http://169.254.169.254/latest/meta-data/'],
    ['with a user name', () => `http://user:pass@${files.host}/x`],
    ['to another scheme', () => 'ftp://127.0.0.1/x'],
    ['to a file', () => 'file:///etc/passwd'],
    ['that is no URL', () => 'http://[::1'],
    ['that is empty', () => ''],
  ])('%s', async (_what, location) => {
    const { response, outcome } = await send(to(302, location()))
    expect([response.status, response.text(), outcome.attempts, seen.length]).toEqual([302, 'see there', 1, 1])
  })

  test('for a write, whatever the status', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      expect((await send(to(status, '/end'), 'POST')).response.status).toBe(status)
    }
    expect(seen.length).toBe(5)
  })

  test('when it names the credential’s own parameter', async () => {
    const connection = { hosts: [vendor.host], injected: { headers: [], query: ['api_key'], body: [] } }
    const inject = () => ({ headers: {}, query: { api_key: 'secret' }, body: {} })
    const { response } = await core.send({ mode: 'READ', path: to(302, '/end?API_KEY=mine') }, { inject }, connection)
    expect([response.status, seen.length]).toEqual([302, 1])
  })
})
