/** Respelling the base path, or going to another pinned place, leads past no rule that denies and into none that allows. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bypass, createBypass } from './bypass.ts'

let bypass: Bypass
let deny: string
let allow: string

beforeAll(async () => {
  bypass = await createBypass()
  deny = await bypass.session([
    { effect: 'DENY', name: 'no admin', paths: ['/admin*', '/chat.delete'] },
    { effect: 'DENY', name: 'no purge', methods: ['POST'], paths: ['/purge/:id'] },
  ])
  allow = await bypass.session([{ effect: 'ALLOW', paths: ['/admin*', '/users*'] }])
})
afterAll(() => bypass[Symbol.asyncDispose]())

const denied = 'POLICY_DENIED'
const fill = (text: string) =>
  text.replace('UP', bypass.upstream.url).replace('OTHER', bypass.other.url).replace('ALIAS', bypass.aliasUrl)

describe('by GraphQL', () => {
  test.each([
    '/admin',
    'UP/v2/admin',
    'UP/%762/admin',
    'UP/%2576%32/admin',
    'UP//v2/admin',
    'UP/v2//admin',
    'UP/V2/admin',
    'UP/v2;a=b/admin',
    'UP/;a=b/v2/admin',
    'UP/v2%2fadmin',
    'UP/v2%5cadmin',
    'UP/%2fv2/admin',
    'UP/v2%20/admin',
    'UP/admin',
    'UP/v3/ADMIN',
    'UP/x/y/adm%C4%B1n/users',
    'UP/v2/chat.delete',
    'UP/%76%32/chat%2edelete/',
    'OTHER/v2/admin',
    'OTHER/admin',
    'ALIAS/v2/admin',
    'ALIAS//api/v2/%61dmin',
    'OTHER/v2/%ff',
  ])('%s is denied', async path => {
    expect(await bypass.attempt(deny, bypass.connections.based, { path: fill(path) })).toEqual([denied, 0])
  })

  test.each<[baseUrl: string, path: string]>([
    ['UP//v2', '/admin'],
    ['UP/%762', '/admin'],
    ['UP/V2', '/admin'],
    ['UP', '/admin'],
    ['UP', '/v2/admin'],
    ['UP/admin', ''],
    ['OTHER/v2', '/admin'],
    ['ALIAS/v2', '/admin'],
  ])('options.baseUrl %s with %s is denied', async (baseUrl, path) => {
    const asked = { path, options: { baseUrl: fill(baseUrl) } }
    expect(await bypass.attempt(deny, bypass.connections.based, asked)).toEqual([denied, 0])
  })

  test.each([
    'UP/%762/users',
    'UP//v2/users',
    'UP/V2/users',
    'UP/users',
    'UP/v2x/users',
    'OTHER/v2/users',
    'ALIAS/v2/users',
  ])('%s is not what a rule allows below the base URL', async path => {
    expect(await bypass.attempt(allow, bypass.connections.based, { path: fill(path) })).toEqual([denied, 0])
  })

  test.each([
    '/users',
    'UP/v2/users',
    'UP/v2/users/admin',
    'OTHER/v2/users',
    'OTHER/files/badmin',
    'UP/v1/users',
    'UP/v2/purge/1',
  ])('%s still passes where paths are denied', async path => {
    expect(await bypass.attempt(deny, bypass.connections.based, { path: fill(path) })).toEqual(['sent', 1])
  })

  test('a denial elsewhere than below the base URL says why', async () => {
    const path = fill('OTHER/v2/purge/1')
    expect(await bypass.attempt(deny, bypass.connections.based, { method: 'POST', path })).toEqual([denied, 0])
    const query =
      'query($id: ID!, $path: String!) { explain(connectionId: $id, path: $path, method: POST) { refusal { message } } }'
    const asked = { id: bypass.connections.based, path }
    expect((await bypass.gateway.ask(query, asked, deny)).explain.refusal.message).toBe(
      'The rule "no purge" of the session denies this request. It does not go below the base URL; elsewhere a path that is denied counts from any slash on.',
    )
  })
})

describe('on the raw route', () => {
  test.each<[path: string, domain: string | undefined]>([
    ['/admin', undefined],
    ['//admin', undefined],
    ['/%61dmin', undefined],
    ['/admin', 'UP//v2'],
    ['/admin', 'UP/%762'],
    ['/admin', 'UP/V2'],
    ['/v2/admin', 'UP'],
    ['/admin', 'OTHER/v2'],
    ['/admin', 'OTHER'],
    ['/chat.delete', 'ALIAS//v2'],
  ])('%s with __domain %s is denied', async (path, domain) => {
    const target = domain === undefined ? path : `${path}?__domain=${encodeURIComponent(fill(domain))}`
    expect(await bypass.attemptRaw(deny, bypass.connections.based, { target })).toEqual([denied, 0])
  })

  test('so are hosts alone', async () => {
    for (const host of [bypass.other.host, new URL(bypass.aliasUrl).host]) {
      const target = `/admin?__domain=${host}`
      expect(await bypass.attemptRaw(deny, bypass.connections.based, { target })).toEqual([denied, 0])
      const open = `/users?__domain=${host}`
      expect(await bypass.attemptRaw(deny, bypass.connections.based, { target: open })).toEqual(['sent', 1])
      expect(await bypass.attemptRaw(allow, bypass.connections.based, { target: open })).toEqual([denied, 0])
    }
  })
})

describe('along a redirect', () => {
  const to = (location: string) => ({ path: `/users/to?${encodeURIComponent(fill(location))}` })

  test.each(['/v2/admin', '/V2/%61dmin', 'UP//v2/admin', 'OTHER/v2/admin', 'ALIAS/admin', '/v2/users/%ff'])(
    'a hop to %s ends the call, and is not sent',
    async location => {
      const before = bypass.upstream.seen.length + bypass.other.seen.length
      const { errors } = await bypass.gateway.run(
        'query($id: ID!, $path: String!) { passthrough(connectionId: $id, path: $path) { status } }',
        { id: bypass.connections.based, ...to(location) },
        deny,
      )
      expect(errors?.[0]).toMatchObject({ extensions: { code: denied, origin: 'GATEWAY' } })
      expect(errors?.[0]?.message).toMatch(/^The vendor redirects the call, and is not followed\. The /)
      expect(bypass.upstream.seen.at(-1)?.url).toContain('/v2/users/to?')
      expect(bypass.upstream.seen.length + bypass.other.seen.length).toBe(before + 1)
    },
  )

  test('one that no rule denies is followed, and on the raw route none is', async () => {
    const id = bypass.connections.based
    const query = 'query($id: ID!, $path: String!) { passthrough(connectionId: $id, path: $path) { status attempts } }'
    const { passthrough } = await bypass.gateway.ask(query, { id, ...to('/v2/users/1') }, deny)
    expect(passthrough).toEqual({ status: 200, attempts: 2 })
    const mutation = query.replace('query', 'mutation').replace('path: $path', 'path: $path, method: POST')
    const { passthrough: written } = await bypass.gateway.ask(mutation, { id, ...to('/v2/admin') }, deny)
    expect(written).toEqual({ status: 302, attempts: 1 })
    expect(await bypass.attemptRaw(deny, id, { target: to('/v2/admin').path })).toEqual(['sent', 1])
  })
})
