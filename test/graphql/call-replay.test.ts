/** A safe call of the log is made again as it was, with the rights of whoever asks; no other call is. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway
let connectionId = ''

const call = `mutation($m: HttpMethod!, $p: String!, $h: JSONObject, $b: JSON) {
  passthrough(integration: "own", endUserId: "ann", method: $m, path: $p, headers: $h, body: $b) { status callId }
}`
const replay = 'mutation($id: ID!) { replayCall(input: {id: $id}) { status body callId connection { id } } }'

async function createKey(scopes: string[], more: object = {}): Promise<string> {
  const query = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret } }'
  return (await gateway.ask(query, { i: { name: 'k', scopes, ...more } })).createAccessKey.secret
}

/** @returns the id of its record, which is there */
async function send(method: string, path: string, headers: object = {}, body?: unknown): Promise<string> {
  const { passthrough } = await gateway.ask(call, { m: method, p: path, h: headers, b: body })
  await gateway.app.flush()
  return passthrough.callId
}

beforeAll(async () => {
  upstream = stack.use(
    await createUpstream((request, response) => {
      if (request.url === '/moved') return void response.writeHead(302, { location: '/target' }).end()
      const { method, url, headers, text: body } = request
      sendJson(response, { method, url, headers, body })
    }),
  )
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  const auth = [{ scheme: 'bearer' }]
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth })
  const input = { integration: 'own', endUserId: 'ann', credential: { bearer: { token: 'canary-token' } } }
  connectionId = await gateway.createConnection(input)
})
afterAll(() => stack.disposeAsync())

describe('a replay', () => {
  test.each(['GET', 'HEAD', 'OPTIONS'])(
    'of a %s sends path, query and headers again, with the credential of today',
    async method => {
      const id = await send(method, '/v1/contacts?limit=3&canary=1', { 'x-version': 'two', accept: 'text/plain' })
      const [original] = upstream.seen.slice(-1)
      const { replayCall } = await gateway.ask(replay, { id })
      expect([replayCall.status, replayCall.connection.id]).toEqual([200, connectionId])
      const [again] = upstream.seen.slice(-1)
      expect([again?.method, again?.url, again?.headers]).toEqual([method, original?.url, original?.headers])
      expect(again?.headers.authorization).toBe('Bearer canary-token')
      await gateway.app.flush()
      const { call } = await gateway.ask('query($id: ID!) { call(id: $id) { method path kind isReplayable } }', {
        id: replayCall.callId,
      })
      expect(call).toEqual({ method, path: '/v1/contacts', kind: 'MUTATION', isReplayable: true })
      expect(replayCall.callId).not.toBe(id)
    },
  )

  test('of a call of the raw route is one, too', async () => {
    const key = await createKey(['PASSTHROUGH_READ'])
    const headers = { 'x-api-key': key, 'x-own': 'kept' }
    await (await fetch(`${gateway.url}passthrough/${connectionId}/raw?q=1`, { headers })).text()
    await gateway.app.flush()
    const { calls } = await gateway.ask('{ calls(first: 1, filter: {kind: RAW}) { nodes { id } } }')
    const { replayCall } = await gateway.ask(replay, { id: calls.nodes[0].id })
    expect(replayCall.body).toMatchObject({ url: '/raw?q=1', headers: { 'x-own': 'kept' } })
    expect(JSON.stringify(replayCall.body)).not.toContain(key)
  })

  test('follows redirects where the call did, and no others', async () => {
    expect((await gateway.ask(replay, { id: await send('GET', '/moved') })).replayCall.status).toBe(200)
    const headers = { 'x-api-key': await createKey(['PASSTHROUGH_READ']) }
    await fetch(`${gateway.url}passthrough/${connectionId}/moved`, { headers, redirect: 'manual' })
    await gateway.app.flush()
    const { calls } = await gateway.ask('{ calls(first: 1, filter: {kind: RAW}) { nodes { id path status } } }')
    expect(calls.nodes[0]).toMatchObject({ path: '/moved', status: 302 })
    expect((await gateway.ask(replay, { id: calls.nodes[0].id })).replayCall.status).toBe(302)
  })

  test('keeps nothing in the clear', async () => {
    await send('GET', '/secret?canary-query=canary-value', { 'x-canary': 'canary-header' })
    const rows = JSON.stringify(await gateway.database.db.execute(sql`select t::text as row from calls t`))
    expect(rows).toContain('/secret')
    expect(rows).not.toMatch(/canary/)
    expect(rows).not.toContain(Buffer.from('canary').toString('hex'))
  })
})

describe('is not replayed', () => {
  async function refusalOf(id: string, key?: string) {
    const sent = upstream.seen.length
    const { errors, data } = await gateway.run(replay, { id }, key)
    expect(data).toEqual({ replayCall: null })
    expect(upstream.seen).toHaveLength(sent)
    return { code: errors?.[0]?.extensions.code, message: errors?.[0]?.message }
  }

  test('a call that may change something', async () => {
    expect(await refusalOf(await send('POST', '/things', {}, { a: 1 }))).toEqual({
      code: 'INVALID_INPUT',
      message:
        'The call is a POST, which may change something at the vendor; send it anew with `mutation { passthrough }`, which is a call of your own.',
    })
  })

  test('a call whose body was not kept, or whose request is too long', async () => {
    const message =
      'Its request was not kept: it is long, or has a body, or its encryption key is gone; send it anew with `passthrough`.'
    expect(await refusalOf(await send('GET', '/search', {}, { query: 'x' }))).toEqual({
      code: 'INVALID_INPUT',
      message,
    })
    const long = await send('GET', `/long?q=${'x'.repeat(4096)}`)
    expect(await refusalOf(long)).toEqual({ code: 'INVALID_INPUT', message })
    const { call } = await gateway.ask('query($id: ID!) { call(id: $id) { isReplayable } }', { id: long })
    expect(call).toEqual({ isReplayable: false })
  })

  test('a call that is not there, or is another workspace’s', async () => {
    const id = await send('GET', '/ours')
    const stranger = await gateway.createWorkspace()
    const expected = {
      code: 'INVALID_INPUT',
      message: 'The workspace has no such call; `calls` lists those there are.',
    }
    expect(await refusalOf(id, stranger)).toEqual(expected)
    expect(await refusalOf('call_01h455vb4pex5vsknk084sn02q')).toEqual(expected)
    expect(await refusalOf('nonsense')).toEqual(expected)
  })

  test('what the one who asks may not call', async () => {
    const id = await send('GET', '/v1/private')
    const rules = [{ effect: 'DENY', name: 'no private', paths: ['/v1/private*'] }]
    const denied = await createKey(['CALLS_READ', 'PASSTHROUGH_READ'], { rules })
    expect((await refusalOf(id, denied)).code).toBe('POLICY_DENIED')
    expect((await refusalOf(id, await createKey(['CALLS_READ']))).message).toContain('needs the scope passthrough:read')
    expect((await refusalOf(id, await createKey(['PASSTHROUGH_READ']))).message).toContain('needs the scope calls:read')
  })

  test('through a connection that is switched off, or to a host that is pinned no more', async () => {
    const id = await send('GET', '/v1/later')
    const change = (name: string) =>
      gateway.ask(`mutation($id: ID!) { ${name}(input: {id: $id}) { connection { status } } }`, { id: connectionId })
    await change('disableConnection')
    expect((await refusalOf(id)).code).toBe('CONNECTION_DISABLED')
    await change('enableConnection')
    const point = (baseUrl: string | null) =>
      gateway.ask(
        'mutation($u: String) { configureIntegration(input: {slug: "own", baseUrl: $u}) { integration { id } } }',
        {
          u: baseUrl,
        },
      )
    await point('https://elsewhere.example')
    expect((await refusalOf(id)).code).toBe('DESTINATION_NOT_ALLOWED')
    await point(null)
    expect((await gateway.ask(replay, { id })).replayCall.status).toBe(200)
  })
})

test('a safe call with a body is replayed while the workspace keeps the body whole', async () => {
  const keep = (callBodies: object | null) =>
    gateway.ask(
      'mutation($b: CallBodySettingsInput) { configureIntegration(input: {slug: "own", callBodies: $b}) { integration { id } } }',
      {
        b: callBodies,
      },
    )
  await keep({ maxBytes: 1000, retentionDays: 1 })
  const whole = await send('GET', '/search', {}, { query: 'x' })
  const { replayCall } = await gateway.ask(replay, { id: whole })
  expect(replayCall.body).toMatchObject({ method: 'GET', url: '/search', body: '{"query":"x"}' })
  const cut = await send('GET', '/search', {}, { query: 'x'.repeat(2000) })
  await keep({ maxBytes: 1000, retentionDays: 1, redact: ['$.query'] })
  const redacted = await send('GET', '/search', {}, { query: 'x' })
  for (const id of [cut, redacted]) {
    const { errors } = await gateway.run(replay, { id })
    expect(errors?.[0]?.message).toBe('Its body is not kept as it was sent; send it anew with `passthrough`.')
  }
  await keep(null)
})

test('a replay counts as an upstream call of its operation', async () => {
  const id = await send('GET', '/v1/contacts')
  const many = Array.from({ length: 201 }, (_, index) => `r${index}: replayCall(input: {id: "${id}"}) { status }`)
  const { errors } = await gateway.run(`mutation { ${many.join(' ')} }`)
  expect(errors?.[0]?.extensions.code).toBe('BUDGET_EXCEEDED')
})
