/** No secret in a log line, an error, the call log, the store or an answer, whatever goes wrong. */
import { createServer } from 'node:net'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from './support/gateway.ts'
import { readQuery, writeMutation } from './support/passthrough.ts'
import { createUpstream, type Upstream } from './support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
/** Every answer that left, as text. */
const answers: string[] = []

const inject = (place: string) => [
  { scheme: 'apiKey', inject: { [place]: { [place === 'headers' ? 'x-api-key' : 'api_key']: '{apiKey}' } } },
]

const schemes = [
  { slug: 'header-key', auth: inject('headers'), credential: { apiKey: { key: 'canary-header-key' } } },
  { slug: 'query-key', auth: inject('query'), credential: { apiKey: { key: 'canary-query-key' } } },
  { slug: 'body-key', auth: inject('body'), credential: { apiKey: { key: 'canary-body-key' } } },
  {
    slug: 'basic',
    auth: [{ scheme: 'basic' }],
    credential: { basic: { username: 'canary-user', password: 'canary-password' } },
  },
  { slug: 'bearer', auth: [{ scheme: 'bearer' }], credential: { bearer: { token: 'canary-bearer' } } },
  {
    slug: 'oauth2',
    auth: [{ scheme: 'oauth2', tokenUrl: 'https://id.example/token' }],
    credential: {
      oauth2: { accessToken: 'canary-access', refreshToken: 'canary-refresh', expiresAt: '2030-01-01T00:00:00Z' },
    },
  },
]
const basicCanary = Buffer.from('canary-user:canary-password').toString('base64')

async function run(...args: Parameters<TestGateway['run']>) {
  const answer = await gateway.run(...args)
  answers.push(answer.text)
  return answer
}

/** The same through the raw route: head and body of its answer. */
async function runRaw(slug: string, path: string): Promise<void> {
  const { connections } = await gateway.ask(
    'query($integration: String) { connections(filter: { integration: $integration }) { nodes { id } } }',
    { integration: slug },
  )
  const url = `${gateway.url}passthrough/${connections.nodes[0].id}${path}`
  const body = JSON.stringify({ a: 1 })
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body })
  answers.push(JSON.stringify([response.status, [...response.headers], await response.text()]))
}

beforeAll(async () => {
  upstream = await createUpstream((request, response, raw) => {
    if (request.url.startsWith('/reset')) return void raw.socket.destroy()
    if (request.url.startsWith('/garbage')) return void raw.socket.end('not http\r\n\r\n')
    if (request.url.startsWith('/hang')) return
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}')
  })
  const closed = createServer()
  await new Promise<void>(resolve => closed.listen(0, '127.0.0.1', resolve))
  const address = closed.address()
  const deadHost = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  await new Promise(resolve => closed.close(resolve))
  gateway = await createGateway({ allow: [upstream.host, deadHost] })
  for (const { slug, auth, credential } of schemes) {
    await run('mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }', {
      input: { definition: { slug, name: slug, baseUrl: upstream.url, hosts: [upstream.host, deadHost], auth } },
    })
    await run(
      'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id config metadata } } }',
      {
        input: { integration: slug, endUserId: 'u', credential },
      },
    )
    const caller = { integration: slug, endUserId: 'u' }
    const body = { a: 1 }
    for (const path of [
      '/fine?q=1',
      '/reset',
      '/garbage',
      `http://${deadHost}/refused`,
      'https://evil.example/',
      '/a\nb',
    ]) {
      await run(readQuery, { ...caller, path, options: { timeoutMs: 2000 } })
      await run(writeMutation, { ...caller, method: 'POST', path, body, options: { timeoutMs: 2000 } })
    }
    await run(readQuery, { ...caller, path: '/hang', options: { timeoutMs: 100 } })
    await run(readQuery, {
      ...caller,
      path: '/fine',
      headers: { authorization: 'x', 'x-api-key': 'y' },
      query: { api_key: 'z' },
    })
    await run(writeMutation, { ...caller, method: 'POST', path: '/fine', body: 'plain text' })
    await run(
      `mutation($integration: String!, $body: JSON) {
        passthrough(integration: $integration, endUserId: "u", method: POST, path: "/fine?q=1", body: $body) {
          toCurl attemptLog { reason } timing { totalMs } sha256
        }
      }`,
      { integration: slug, body },
    )
    const explained = await run(
      `query($integration: String!, $body: JSON) {
        explain(integration: $integration, endUserId: "u", method: POST, path: "/fine", body: $body) {
          url headers { name value } bodySizeBytes toCurl
        }
      }`,
      { integration: slug, body },
    )
    expect(explained.text).toContain('***')
    for (const path of ['/fine', '/reset', '/../x', '/fine?api_key=mine']) await runRaw(slug, path)
  }
  // Credentials that are refused, in forms that a careless error would repeat.
  const refused = [
    { apiKey: { key: 'canary-line\nbreak' } },
    { bearer: { token: 'canary-ünprintable-☃' } },
    { basic: { username: 'canary:colon', password: 'canary-p' } },
    { oauth2: { accessToken: 'canary-a', expiresAt: 'canary-time' } },
    { apiKey: { key: 'canary-extra', more: 'canary-more' } },
    { apiKey: { key: 'canary-x' }, bearer: { token: 'canary-t' } },
    { apiKey: 'canary-text' },
    { apiKey: { key: ['canary-list'] } },
    'canary-whole at "x"; A',
  ]
  for (const credential of refused) {
    await run('mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }', {
      input: { integration: 'basic', endUserId: 'u', credential },
    })
  }
  await run(
    'mutation { configureIntegration(input: {slug: "github", oauthClient: {clientId: "id", clientSecret: "canary-client"}}) { integration { id } } }',
  )
  await gateway.app.flush()
  await run('{ calls(first: 100) { nodes { id path status errorCode callerId connection { id config metadata } } } }')
  await run('{ connections(first: 100) { nodes { id config metadata integration { slug baseUrl } } } }')
  await run('{ viewer { name } accessKeys { nodes { name hint } } }')
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

test('each scheme’s secret reached its upstream, so the search below is for something', () => {
  const seen = upstream.seen.map(request => JSON.stringify([request.url, request.headers, request.text])).join('\n')
  for (const secret of [
    'canary-header-key',
    'canary-query-key',
    'canary-body-key',
    basicCanary,
    'canary-bearer',
    'canary-access',
  ]) {
    expect(seen).toContain(secret)
  }
})

test('no answer holds a secret, not even one that was refused', () => {
  expect(answers.length).toBeGreaterThan(90)
  expect(answers.filter(text => text.includes(basicCanary) || /canary/.test(text))).toEqual([])
})

test('no log line holds a secret', () => {
  const log = gateway.log()
  expect(log.split('\n').length).toBeGreaterThan(60)
  expect(log).not.toMatch(/canary/)
  expect(log).not.toContain(basicCanary)
  expect(log).not.toContain(adminKey)
})

test('no row of the store holds a secret in the clear', async () => {
  const read = async (statement: string) =>
    (await gateway.database.db.execute(sql.raw(statement))) as ArrayLike<{ name: string }>
  const tables = await read("select tablename as name from pg_tables where schemaname = 'public'")
  const filled: string[] = []
  for (const { name } of Array.from(tables)) {
    const rows = await read(`select encode(convert_to(t::text, 'UTF8'), 'escape') as row from ${name} t`)
    if (rows.length > 0) filled.push(name)
    const text = JSON.stringify(rows)
    expect(text).not.toMatch(/canary/)
    // bytea prints as hex.
    expect(text).not.toContain(Buffer.from('canary').toString('hex'))
    expect(text).not.toContain(adminKey)
  }
  const expected = ['workspaces', 'integrations', 'connections', 'access_keys', 'calls', 'encryption_keys']
  expect(filled).toEqual(expect.arrayContaining(expected))
})
