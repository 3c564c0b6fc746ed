/** Bodies are kept where the workspace asks for it, sealed, for their time, for keys that may read calls, without credentials. */
import { randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway
const connectionIds: Record<string, string> = {}

const fields = `exchange {
  requestHeaders { name value } requestBody { sizeBytes truncated omitted json text base64 }
  responseHeaders { name value } responseBody { sizeBytes truncated omitted json text base64 } truncated expiresAt
}`
const configure =
  'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { callBodies { maxBytes retentionDays redact } } } }'
const post = `mutation($s: String!, $p: String!, $b: JSON, $h: JSONObject) {
  passthrough(integration: $s, endUserId: "ann", method: POST, path: $p, body: $b, headers: $h) { callId }
}`

const keyed = (place: string, name: string) => [{ scheme: 'apiKey', inject: { [place]: { [name]: '{apiKey}' } } }]
const schemes = [
  { slug: 'header', auth: keyed('headers', 'x-own'), credential: { apiKey: { key: 'canary-header-key' } } },
  { slug: 'query', auth: keyed('query', 'q'), credential: { apiKey: { key: 'canary-query-key' } } },
  { slug: 'body', auth: keyed('body', 'k'), credential: { apiKey: { key: 'canary-body-key' } } },
  { slug: 'bearer', auth: [{ scheme: 'bearer' }], credential: { bearer: { token: 'canary-bearer-key' } } },
  {
    slug: 'basic',
    auth: [{ scheme: 'basic' }],
    credential: { basic: { username: 'user', password: 'canary-basic-key' } },
  },
]
/** As it goes on the wire. */
const basicPair = Buffer.from('user:canary-basic-key').toString('base64')

beforeAll(async () => {
  upstream = stack.use(
    await createUpstream((request, response) => {
      if (request.url.startsWith('/stream')) {
        response.writeHead(200, { 'content-type': 'text/plain' })
        for (let chunk = 0; chunk < 50; chunk += 1) response.write('0123456789'.repeat(1000))
        return void response.end()
      }
      if (request.url.startsWith('/break')) {
        response.writeHead(200, { 'content-length': 100 }).write('partly')
        return void setImmediate(() => response.destroy())
      }
      if (request.url.startsWith('/wide')) {
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-16le' })
        return void response.end(Buffer.from(`said ${request.headers['x-own']}, ü`, 'utf16le'))
      }
      if (request.url.startsWith('/half')) {
        response.writeHead(200, { 'content-length': 100 }).write('said canary')
        return void setImmediate(() => response.destroy())
      }
      if (request.url.startsWith('/packed')) {
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        return void response.end(gzipSync(JSON.stringify([request.headers, randomBytes(20_000).toString('hex')])))
      }
      response.setHeader('set-cookie', 'canary-cookie=1')
      const { method, url, headers, text } = request
      sendJson(response, { method, url, headers, text })
    }),
  )
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  for (const { slug, auth, credential } of schemes) {
    await gateway.createIntegration({ slug, name: slug, baseUrl: upstream.url, auth })
    connectionIds[slug] = await gateway.createConnection({ integration: slug, endUserId: 'ann', credential })
    await gateway.ask(configure, { i: { slug, callBodies: { maxBytes: 10_000, retentionDays: 2 } } })
  }
})
afterAll(() => stack.disposeAsync())

async function exchangeOf(id: string, key?: string) {
  await gateway.app.flush()
  return (await gateway.ask(`query($id: ID!) { call(id: $id) { ${fields} } }`, { id }, key)).call.exchange
}

const send = async (slug: string, path: string, body?: unknown, headers: object = {}): Promise<string> =>
  (await gateway.ask(post, { s: slug, p: path, b: body, h: headers })).passthrough.callId

/** One call of the raw route. @returns the id of its record */
async function sendRaw(path: string, body: string | undefined): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const headers = { authorization: `Bearer ${(await createReader()).secret}`, 'content-type': 'text/plain' }
  const url = `${gateway.url}passthrough/${connectionIds.header}${path}`
  const sent = httpRequest(url, { method: body === undefined ? 'GET' : 'POST', headers }, response => {
    response.on('close', resolve).on('error', () => {})
    response.resume()
  })
  sent.on('error', () => resolve())
  for (let at = 0; body !== undefined && at < body.length; at += 1000) sent.write(body.slice(at, at + 1000))
  sent.end()
  await promise
  await gateway.app.flush()
  const { calls } = await gateway.ask(
    'query($p: String) { calls(first: 1, filter: {pathPrefix: $p}) { nodes { id } } }',
    {
      p: path.replace(/\?.*/, ''),
    },
  )
  return calls.nodes[0].id
}

async function createReader() {
  const query = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret } }'
  const scopes = ['PASSTHROUGH_READ', 'PASSTHROUGH_WRITE', 'CALLS_READ']
  return (await gateway.ask(query, { i: { name: 'r', scopes } })).createAccessKey as { secret: string }
}

describe('an exchange', () => {
  test('is what was sent and answered, for its time', async () => {
    const before = Date.now()
    const exchange = await exchangeOf(
      await send('header', '/things?page=2', { note: 'hello', big: 1 }, { 'x-note': 'n', 'x-token': 't' }),
    )
    expect(exchange.requestBody).toMatchObject({ truncated: false, omitted: null, json: { note: 'hello', big: 1 } })
    expect(exchange.requestHeaders).toContainEqual({ name: 'x-note', value: 'n' })
    expect(exchange.requestHeaders).toContainEqual({ name: 'x-token', value: '[redacted]' })
    expect(exchange.responseBody.json).toMatchObject({ method: 'POST', text: '{"note":"hello","big":1}' })
    expect(exchange.responseHeaders).toContainEqual({ name: 'set-cookie', value: '[redacted]' })
    expect(exchange.truncated).toBe(false)
    const expiresAt = Date.parse(exchange.expiresAt)
    expect(expiresAt).toBeGreaterThanOrEqual(before + 2 * 86_400_000)
    expect(expiresAt).toBeLessThan(Date.now() + 2 * 86_400_000 + 1)
  })

  test.each(schemes.map(({ slug }) => slug))(
    'never holds the credential, although the vendor repeats it: %s',
    async slug => {
      const exchange = await exchangeOf(await send(slug, '/echo', { a: 1 }))
      expect(JSON.stringify(upstream.seen.at(-1))).toContain(slug === 'basic' ? basicPair : `canary-${slug}-key`)
      expect(JSON.stringify(exchange)).not.toMatch(/canary/)
      expect(JSON.stringify(exchange)).not.toContain(basicPair)
      expect(Buffer.from(exchange.responseBody.base64, 'base64').toString()).toContain('[redacted]')
    },
  )

  test('is cut off at its bound while the caller gets everything', async () => {
    const exchange = await exchangeOf(await sendRaw('/stream', 'x'.repeat(50_000)))
    expect(upstream.seen.at(-1)?.text).toHaveLength(50_000)
    expect(exchange.requestBody).toMatchObject({ sizeBytes: 50_000, truncated: true, text: 'x'.repeat(10_000) })
    expect(exchange.responseBody).toMatchObject({ sizeBytes: 500_000, truncated: true, json: null })
    expect(exchange.responseBody.text).toBe('0123456789'.repeat(1000))
    expect(exchange.truncated).toBe(true)
  })

  test('of an answer that broke off is what came of it', async () => {
    const exchange = await exchangeOf(await sendRaw('/break', undefined))
    expect(exchange.requestBody).toBeNull()
    expect(exchange.responseBody).toMatchObject({ sizeBytes: 6, text: 'partly' })
  })

  test('that was compressed and cut off is what can be read of it, without the credential', async () => {
    const { responseBody } = await exchangeOf(await sendRaw('/packed', undefined))
    expect(responseBody).toMatchObject({ truncated: true, omitted: null, json: null })
    expect(responseBody.text).toMatch(/"x-own":"\[redacted\]"/)
    expect(responseBody.text).toHaveLength(Buffer.from(responseBody.base64, 'base64').length)
  })

  test('is read as UTF-8 where the credential was taken out of another charset', async () => {
    const { responseBody } = await exchangeOf(await sendRaw('/wide', undefined))
    expect(responseBody).toMatchObject({
      text: 'said [redacted], ü',
      sizeBytes: 2 * 'said canary-header-key, ü'.length,
    })
  })

  test('of an answer that broke off in the credential has no part of it', async () => {
    const { responseBody } = await exchangeOf(await sendRaw('/half', undefined))
    expect(responseBody).toMatchObject({ text: 'said [redacted]', truncated: true })
  })

  test('is sealed in the store', async () => {
    await exchangeOf(await send('header', '/things', { note: 'canary-body' }))
    const rows = JSON.stringify(await gateway.database.db.execute(sql`select t::text as row from call_bodies t`))
    expect(rows.length).toBeGreaterThan(1000)
    expect(rows).not.toContain(Buffer.from('canary').toString('hex'))
  })

  test('is not another workspace’s, and needs the scope', async () => {
    const id = await send('header', '/things', { a: 1 })
    await gateway.app.flush()
    const stranger = await gateway.createWorkspace()
    const query = `query($id: ID!) { call(id: $id) { ${fields} } }`
    expect((await gateway.ask(query, { id }, stranger)).call).toBeNull()
    expect((await exchangeOf(id, (await createReader()).secret)).requestBody.json).toEqual({ a: 1 })
  })
})

describe('the setting', () => {
  test('is off unless it is made, and off again with null', async () => {
    const set = (callBodies: object | null) => gateway.ask(configure, { i: { slug: 'header', callBodies } })
    expect((await set(null)).configureIntegration.integration).toEqual({ callBodies: null })
    expect(await exchangeOf(await send('header', '/things', { a: 1 }))).toBeNull()
    const callBodies = { maxBytes: 10_000, retentionDays: 2, redact: ['X-Note', '$.a'] }
    const { integration } = (await set(callBodies)).configureIntegration
    expect(integration.callBodies).toEqual({ ...callBodies, redact: ['x-note', '$.a'] })
    const exchange = await exchangeOf(await send('header', '/things', { a: 1, b: 2 }, { 'x-note': 'n' }))
    expect(exchange.requestBody.json).toEqual({ a: '[redacted]', b: 2 })
    expect(exchange.requestHeaders).toContainEqual({ name: 'x-note', value: '[redacted]' })
    await set({ maxBytes: 10_000, retentionDays: 2 })
  })

  test.each([
    [
      { maxBytes: 0, retentionDays: 1 },
      'callBodies.maxBytes',
      'callBodies.maxBytes takes a whole number from 1 to 262144; got 0.',
    ],
    [
      { maxBytes: 262_145, retentionDays: 1 },
      'callBodies.maxBytes',
      'callBodies.maxBytes takes a whole number from 1 to 262144; got 262145.',
    ],
    [
      { maxBytes: 1, retentionDays: 31 },
      'callBodies.retentionDays',
      'callBodies.retentionDays takes a whole number from 1 to 30; got 31.',
    ],
    [
      { maxBytes: 1, retentionDays: 1, redact: ['$..list'] },
      'callBodies.redact.0',
      'callBodies.redact.0 takes a header name, or a JSONPath that names every step (names, indexes, [*]; no ..) such as $.data[*].email; got "$..list".',
    ],
    [
      { maxBytes: 1, retentionDays: 1, redact: ['x-ok', 'not a name'] },
      'callBodies.redact.1',
      'callBodies.redact.1 takes a header name, or a JSONPath that names every step (names, indexes, [*]; no ..) such as $.data[*].email; got "not a name".',
    ],
    [
      { maxBytes: 1, retentionDays: 1, redact: Array(51).fill('x') },
      'callBodies.redact',
      'callBodies.redact takes at most 50 rules; got 51.',
    ],
  ])('refuses %j', async (callBodies, field, message) => {
    const { errors } = await gateway.run(configure, { i: { slug: 'header', callBodies } })
    expect(errors).toMatchObject([{ message, extensions: { code: 'INVALID_INPUT', details: [{ field, message }] } }])
  })
})
