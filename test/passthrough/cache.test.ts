import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { toStored } from '../../src/passthrough/cache-policy.ts'
import { PrivateCaches } from '../../src/passthrough/private-caches.ts'
import { type Core, createCore } from '../support/passthrough-core.ts'

let vendor: Server
let url: string
let asked: { method: string; url: string; headers: Record<string, string | string[] | undefined> }[] = []
/** Headers of every 200. */
let headers: Record<string, string> = {}

beforeAll(async () => {
  vendor = createServer((request, response) => {
    asked.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers })
    const { etag } = headers
    if (etag !== undefined && request.headers['if-none-match'] === etag) {
      response.writeHead(304, headers)
      return void response.end()
    }
    response.writeHead(200, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify({ n: asked.length, who: request.headers.authorization ?? null }))
  })
  await new Promise<void>(resolve => vendor.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}`
})
afterAll(() => {
  vendor.close()
})
beforeEach(() => {
  asked = []
  headers = {}
})

type Changes = Parameters<Core['send']>[2]

function reader(core: Core) {
  return async (cache: { maxAgeSeconds?: number } | undefined, changes: Changes = {}, input: object = {}) => {
    const options = cache === undefined ? {} : { cache }
    const secret = { headers: { authorization: `Bearer of ${changes.id ?? 'conn_test'}` }, query: {}, body: {} }
    const sent = await core.send({ mode: 'READ', path: '/x', options, ...input }, { inject: () => secret }, changes)
    return [sent.response.text(), sent.outcome.cache, sent.outcome.attempts] as const
  }
}

describe('a call that does not ask for it', () => {
  test('is never answered from it, and leaves nothing in it', async () => {
    await using core = createCore({ url })
    const read = reader(core)
    headers = { 'cache-control': 'max-age=60' }
    expect((await read(undefined))[1]).toBeNull()
    expect((await read({}))[1]).toBe('MISS')
    expect((await read(undefined))[2]).toBe(1)
    expect(asked.length).toBe(3)
  })
})

describe('a call that asks for it', () => {
  test('is answered by what the vendor let it keep', async () => {
    await using core = createCore({ url })
    const read = reader(core)
    headers = { 'cache-control': 'private, max-age=60' }
    const first = await read({})
    const second = await read({})
    expect([first[1], second[1], second[2], second[0] === first[0], asked.length]).toEqual(['MISS', 'HIT', 0, true, 1])
  })

  test('and revalidates with the ETag what is no longer fresh', async () => {
    await using core = createCore({ url })
    const read = reader(core)
    headers = { 'cache-control': 'max-age=0', etag: '"v1"' }
    const first = await read({})
    const second = await read({})
    expect([second[1], second[2], second[0] === first[0]]).toEqual(['REVALIDATED', 1, true])
    expect(asked[1]?.headers['if-none-match']).toBe('"v1"')
    headers = { 'cache-control': 'max-age=0', etag: '"v2"' }
    expect((await read({}))[1]).toBe('MISS')
  })

  test.each([{ 'cache-control': 'no-store' }, {}])('keeps nothing that the vendor does not allow: %j', async given => {
    await using core = createCore({ url })
    const read = reader(core)
    headers = given as Record<string, string>
    expect([(await read({}))[1], (await read({}))[1]]).toEqual(['MISS', 'MISS'])
  })

  test('with maxAgeSeconds keeps what the vendor says nothing of, and takes nothing older', async () => {
    await using core = createCore({ url })
    const read = reader(core)
    expect([(await read({ maxAgeSeconds: 60 }))[1], (await read({ maxAgeSeconds: 60 }))[1]]).toEqual(['MISS', 'HIT'])
    expect((await read({ maxAgeSeconds: 0 }))[1]).toBe('MISS')
    expect(asked.every(request => request.headers['cache-control'] === undefined)).toBe(true)
  })

  test('never against no-store, whatever maxAgeSeconds says', async () => {
    await using core = createCore({ url })
    const read = reader(core)
    headers = { 'cache-control': 'no-store' }
    expect([(await read({ maxAgeSeconds: 60 }))[1], (await read({ maxAgeSeconds: 60 }))[1]]).toEqual(['MISS', 'MISS'])
  })

  test('heeds Vary', async () => {
    await using core = createCore({ url })
    const read = reader(core)
    headers = { 'cache-control': 'max-age=60', vary: 'accept-language' }
    const inLanguage = (language: string) => read({}, {}, { headers: { 'accept-language': language } })
    expect([(await inLanguage('de'))[1], (await inLanguage('fr'))[1], (await inLanguage('de'))[1]]).toEqual([
      'MISS',
      'MISS',
      'HIT',
    ])
  })

  test('a write makes what is remembered of its URL stale, though it asks for nothing', async () => {
    await using core = createCore({ url })
    const read = reader(core)
    headers = { 'cache-control': 'max-age=60' }
    await read({})
    await core.send({ mode: 'WRITE', method: 'PUT', path: '/x', body: {} })
    expect((await read({}))[1]).toBe('MISS')
  })
})

test('nothing is sent behind a caller’s back, not even where the vendor allows stale answers', async () => {
  await using core = createCore({ url })
  const read = reader(core)
  headers = { 'cache-control': 'max-age=0, stale-while-revalidate=60' }
  await read({})
  await new Promise(resolve => setTimeout(resolve, 20))
  const count = asked.length
  const [, verdict, attempts] = await read({})
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(asked.length - count).toBe(attempts)
  expect(verdict).toBe(attempts === 0 ? 'HIT' : 'MISS')
})

describe('no answer ever crosses', () => {
  test.each<[string, Changes]>([
    ['connections', { id: 'conn_other' }],
    ['workspaces', { workspaceId: 'ws_other' }],
    ['credentials of one connection', { credentialVersion: 2 }],
  ])('%s', async (_what, other) => {
    await using core = createCore({ url })
    const read = reader(core)
    headers = { 'cache-control': 'public, max-age=600, s-maxage=600' }
    const mine = await read({ maxAgeSeconds: 600 })
    const theirs = await read({ maxAgeSeconds: 600 }, other)
    expect([mine[1], theirs[1], theirs[0] === mine[0]]).toEqual(['MISS', 'MISS', false])
    expect((await read({ maxAgeSeconds: 600 }, other))[1]).toBe('HIT')
  })

  test('many connections at once each see their own', async () => {
    await using core = createCore({ url })
    const read = reader(core)
    headers = { 'cache-control': 'max-age=600' }
    const ids = Array.from({ length: 40 }, (_, index) => `conn_${index}`)
    const rounds = [...ids, ...ids, ...ids].map(async id => [id, (await read({}, { id }))[0]] as const)
    for (const [id, text] of await Promise.all(rounds)) expect(JSON.parse(text).who).toBe(`Bearer of ${id}`)
  })
})

describe('all caches together', () => {
  const connection = (id: string) => createCore({ url: 'https://a.example' }).connection({ id })
  const fill = (caches: PrivateCaches, id: string, bytes: number) => {
    const headers = { 'cache-control': 'max-age=60' }
    const answer = { status: 200, statusText: 'OK', headers, body: Buffer.alloc(bytes) }
    const stored = toStored({ method: 'GET', url: 'https://a.example/', headers: {} }, answer, undefined)
    if (stored === undefined) throw new Error('was not storable')
    caches.put(connection(id), 'https://a.example/', stored)
  }

  test('hold a bound; those not used for longest go first', () => {
    const caches = new PrivateCaches({ maxBytes: 3_000_000 })
    for (const id of ['a', 'b', 'c']) fill(caches, id, 1_100_000)
    expect([caches.find(connection('a')), caches.find(connection('c'))?.bytes]).toEqual([undefined, 1_102_140])
  })

  test('and one connection has its own part of it', () => {
    const caches = new PrivateCaches()
    const cache = caches.open(connection('a'))
    const headers = { 'cache-control': 'max-age=60' }
    const answer = { status: 200, statusText: 'OK', headers, body: Buffer.alloc(1_000_000) }
    for (let page = 0; page < 20; page++) {
      const url = `https://a.example/${page}`
      const stored = toStored({ method: 'GET', url, headers: {} }, answer, undefined)
      if (stored !== undefined) caches.put(connection('a'), url, stored)
    }
    expect(cache.bytes).toBeLessThanOrEqual(8 * 1024 * 1024)
    expect(cache.find('https://a.example/0', {})).toBeUndefined()
    expect(cache.find('https://a.example/19', {})).toBeDefined()
  })

  test('lose a connection with the connection', () => {
    const caches = new PrivateCaches()
    fill(caches, 'a', 10)
    caches.forget('ws_test', 'a')
    expect(caches.find(connection('a'))).toBeUndefined()
  })
})
