/** Attacks end in a clear refusal, change nothing, and leave the memory as it was. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'
import { attacks } from './attack-documents.ts'
import { type Entrances, openEntrances, type Way } from './graphql-exchange.ts'

let upstream: Upstream
let gateway: TestGateway
let entrances: Entrances
let id: string

beforeAll(async () => {
  upstream = await createUpstream((_request, response) => void response.end('{}'))
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { none: { ok: true } } })
  entrances = await openEntrances(gateway)
})
afterAll(async () => {
  await entrances[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const urlOf = (way: Way) => `http://127.0.0.1:${entrances[way]}/graphql`
const bearer = { authorization: `Bearer ${adminKey}` }
const json = { 'content-type': 'application/json' }

const numbered = attacks.map((attack, index) => ({ ...attack, index }))

describe.each<Way>(['short', 'yoga'])('on the way "%s"', way => {
  test.each(numbered)('$name: $code', async ({ body, code, index }) => {
    const response = await fetch(urlOf(way), { method: 'POST', headers: { ...json, ...bearer }, body: body(index) })
    const text = await response.text()
    const { errors } = JSON.parse(text)
    expect(new Set(errors.map((error: { extensions: { code: string } }) => error.extensions.code))).toEqual(
      new Set([code]),
    )
    if (code === 'BUDGET_EXCEEDED') expect(errors[0].message).toMatch(/ \d+ .*at most \d+/)
    expect(response.status).toBeLessThan(500)
    expect(text.length).toBeLessThan(100_000)
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  test('a body of a vendor may have names like __proto__: they arrive, and nothing else has them', async () => {
    const query =
      'mutation($id: ID!, $b: JSON) { passthrough(connectionId: $id, method: POST, path: "/x", body: $b) { status } }'
    const written = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'
    const body = `{"query":${JSON.stringify(query)},"variables":{"id":"${id}","b":${written}}}`
    const response = await fetch(urlOf(way), { method: 'POST', headers: { ...json, ...bearer }, body })
    expect(await response.json()).toEqual({ data: { passthrough: { status: 200 } } })
    expect(upstream.seen.at(-1)?.body.toString()).toBe(written)
    expect('polluted' in {}).toBe(false)
  })

  test.each([
    ['variables.__proto__.polluted', '{"variables":{}}'],
    ['variables.constructor.prototype.polluted', '{"variables":{}}'],
    ['__proto__.polluted', '{"variables":{}}'],
    ['constructor.prototype.polluted', '{"variables":{}}'],
    ['variables.a.__proto__.polluted', '{"variables":{"a":{}}}'],
    ['variables.__proto__', '{"variables":{"a":null}}'],
    ['variables.__proto__.toString', '{"variables":{"a":[]}}'],
  ])('no place "%s" of an upload is taken', async (place, rest) => {
    const form = new FormData()
    form.append('operations', `{"query":"{ __typename }",${rest.slice(1)}`)
    form.append('map', JSON.stringify({ 0: [place] }))
    form.append('0', new File(['x'], 'x'))
    const response = await fetch(urlOf(way), { method: 'POST', headers: bearer, body: form })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      errors: [
        {
          message: `map names "${place}", which is no variable with the value null.`,
          extensions: { code: 'INVALID_INPUT' },
        },
      ],
    })
    expect('polluted' in {}).toBe(false)
    expect({}.toString()).toBe('[object Object]')
  })

  test('no cookie proves anybody', async () => {
    const names = ['authorization', 'access_key', 'x-api-key', 'session', 'token', '__Host-passgate', 'pgk']
    const cookie = names.flatMap(name => [`${name}=${adminKey}`, `${name}=Bearer%20${adminKey}`]).join('; ')
    const body = '{"query":"{ viewer { name } }"}'
    const response = await fetch(urlOf(way), { method: 'POST', headers: { ...json, cookie }, body })
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
    expect(response.headers.get('set-cookie')).toBeNull()
  })

  describe('what a web page can have any browser send, with the key of a login prompt,', () => {
    const mutation =
      'mutation { passthrough(integration: "v", endUserId: "u", method: POST, path: "/forged") { status } }'
    const form = `query=${encodeURIComponent(mutation)}`
    const boundary = '--b\r\ncontent-disposition: form-data; name="operations"\r\n\r\n'
    const multipart = `${boundary}${JSON.stringify({ query: mutation })}\r\n--b\r\ncontent-disposition: form-data; name="map"\r\n\r\n{}\r\n--b--\r\n`
    const login = { authorization: `Basic ${Buffer.from(`x:${adminKey}`).toString('base64')}` }

    test.each<[string, string, Record<string, string>, string | undefined]>([
      ['GET', `?${form}`, {}, undefined],
      ['POST', '', { 'content-type': 'application/x-www-form-urlencoded' }, form],
      ['POST', '', { 'content-type': 'Application/X-WWW-Form-Urlencoded; charset=utf-8' }, form],
      ['POST', '', { 'content-type': 'application/x-www-form-urlencoded, application/json' }, form],
      ['POST', '', { 'content-type': 'multipart/form-data; boundary=b' }, multipart],
      ['POST', '', { 'content-type': 'text/plain' }, JSON.stringify({ query: mutation })],
      ['POST', '', { 'content-type': 'text/plain; application/json' }, JSON.stringify({ query: mutation })],
      ['POST', `?${form}`, { 'content-type': 'text/plain' }, ''],
      ['POST', '', {}, JSON.stringify({ query: mutation })],
      ['POST', `?${form}`, {}, undefined],
      ['HEAD', `?${form}`, {}, undefined],
    ])('executes no mutation: %s %s %j', async (method, search, headers, body) => {
      // As bytes: of a text, fetch would state the type.
      const bytes = body === undefined ? null : Buffer.from(body)
      const response = await fetch(`${urlOf(way)}${search}`, { method, headers: { ...login, ...headers }, body: bytes })
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(response.status).toBeLessThan(500)
      expect(upstream.seen.filter(({ url }) => url === '/forged')).toEqual([])
    })

    test('opens no subscription by GET', async () => {
      const query = encodeURIComponent('subscription { connectionEvents { id } }')
      const headers = { ...login, accept: 'text/event-stream' }
      const response = await fetch(`${urlOf(way)}?query=${query}`, { headers })
      const message = 'A subscription by GET takes the header graphql-preflight'
      expect(await response.text()).toContain(message)
    })

    test.each(['graphql-preflight', 'apollo-require-preflight', 'x-graphql-yoga-csrf'])(
      'is told from a client by the header %s, which a browser asks for first',
      async name => {
        const headers = { ...login, 'content-type': 'application/x-www-form-urlencoded' }
        const body = `query=${encodeURIComponent('{ viewer { name } }')}`
        const refused = await fetch(urlOf(way), { method: 'POST', headers, body })
        expect([refused.status, await refused.json()]).toMatchObject([
          400,
          {
            errors: [
              {
                message: expect.stringContaining('A form takes the header graphql-preflight'),
                extensions: { code: 'INVALID_INPUT' },
              },
            ],
          },
        ])
        const taken = await fetch(urlOf(way), { method: 'POST', headers: { ...headers, [name]: '1' }, body })
        expect((await taken.json()).data.viewer.name).toEqual(expect.any(String))
      },
    )

    test('may ask by GET', async () => {
      const response = await fetch(`${urlOf(way)}?query=${encodeURIComponent('{ __typename }')}`, { headers: login })
      expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
    })
  })

  test.each(['variables', 'extensions'])('%s of a GET that are no JSON are the caller’s mistake', async name => {
    const response = await fetch(`${urlOf(way)}?query=%7B__typename%7D&${name}=%7B`, { headers: bearer })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT' } }] })
  })
})

test('the memory of an attacked process stays what it was', async () => {
  const script = join(import.meta.dirname, 'attacked-process.ts')
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script], { timeout: 100_000 })
  const { hasGc, before, after, sent } = JSON.parse(stdout)
  expect([hasGc, sent]).toEqual([true, 12 * attacks.length])
  process.stdout.write(
    `${sent} attacks: ${Math.round(before / 2 ** 20)} MB before, ${Math.round(after / 2 ** 20)} MB after\n`,
  )
  expect(after - before).toBeLessThan(32 * 2 ** 20)
}, 120_000)
