/** The call log: what was executed and nothing else, found by every filter, for keys with the scope and for nobody else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway
const connections: Record<string, string> = {}
/** By path: the id that each call's own answer gave. */
const ids: Record<string, string> = {}
let otherKey: { secret: string; id: string }

const fields = 'id method path status errorCode kind action callerId endUserId requestId isReplayable startedAt'
const createKey = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret accessKey { id } } }'

async function send(path: string, method = 'GET', endUserId = 'ann', key?: string): Promise<void> {
  const [kind, type] = method === 'GET' ? ['query', 'path: $p'] : ['mutation', `method: ${method}, path: $p`]
  const query = `${kind}($p: String!) { passthrough(integration: "own", endUserId: "${endUserId}", ${type}) { status callId } }`
  const { data } = await gateway.run(query, { p: path }, key)
  if (data?.passthrough != null) ids[path] = data.passthrough.callId
}

beforeAll(async () => {
  upstream = stack.use(
    await createUpstream((request, response) => {
      if (request.url.startsWith('/gone')) return sendJson(response, {}, 404)
      if (request.url.startsWith('/broken')) return sendJson(response, {}, 503)
      if (request.url.startsWith('/reset')) return void response.destroy()
      sendJson(response, { ok: true })
    }),
  )
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  const auth = [{ scheme: 'bearer' }]
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth })
  for (const endUserId of ['ann', 'bob']) {
    const input = { integration: 'own', endUserId, credential: { bearer: { token: 't' } } }
    connections[endUserId] = await gateway.createConnection(input)
  }
  const scopes = ['PASSTHROUGH_READ', 'CALLS_READ']
  const made = (await gateway.ask(createKey, { i: { name: 'other', scopes } })).createAccessKey
  otherKey = { secret: made.secret, id: made.accessKey.id }
  await send('/v1/contacts?secret=1')
  await send('/v1/contacts/7', 'PATCH')
  await send('/gone')
  await send('/broken', 'POST')
  await send('/reset', 'POST', 'bob')
  await send('/v1/other', 'GET', 'bob', otherKey.secret)
  const raw = `${gateway.url}passthrough/${connections.bob}/raw/v2`
  const headers = { authorization: `Bearer ${otherKey.secret}`, 'x-request-id': 'request-of-the-test' }
  await (await fetch(raw, { headers })).text()
  await gateway.app.flush()
})
afterAll(() => stack.disposeAsync())

async function pathsOf(filter: object): Promise<string[]> {
  const { calls } = await gateway.ask('query($f: CallFilter) { calls(first: 100, filter: $f) { nodes { path } } }', {
    f: filter,
  })
  return calls.nodes.map(({ path }: { path: string }) => path)
}

describe('a call', () => {
  test('is in the log under the id that its own answer gave, without its query', async () => {
    const id = ids['/v1/contacts?secret=1']
    const { call, node } = await gateway.ask(
      `query($id: ID!) { call(id: $id) { ${fields} } node(id: $id) { ... on Call { path } } }`,
      { id },
    )
    expect(call).toEqual({
      id,
      method: 'GET',
      path: '/v1/contacts',
      status: 200,
      errorCode: null,
      kind: 'QUERY',
      action: null,
      callerId: expect.stringMatching(/^key_/),
      endUserId: 'ann',
      requestId: expect.stringMatching(/^req_/),
      isReplayable: true,
      startedAt: expect.any(String),
    })
    expect(node).toEqual({ path: '/v1/contacts' })
  })

  test('names the request of the raw route that it came with', async () => {
    const { calls } = await gateway.ask('{ calls(filter: {kind: RAW}) { nodes { path requestId } } }')
    expect(calls.nodes).toEqual([{ path: '/raw/v2', requestId: 'request-of-the-test' }])
  })

  test('that was answered from the cache, or refused, has no id and no record', async () => {
    const ask = `{ passthrough(integration: "own", endUserId: "ann", path: "/kept", options: {cache: {maxAgeSeconds: 60}}) { cache callId } }`
    const first = (await gateway.ask(ask)).passthrough
    const second = (await gateway.ask(ask)).passthrough
    expect([first, second]).toEqual([
      { cache: 'MISS', callId: expect.stringMatching(/^call_/) },
      { cache: 'HIT', callId: null },
    ])
    const refused = await gateway.run(
      '{ passthrough(integration: "own", endUserId: "ann", path: "https://evil.example/") { status } }',
    )
    expect(refused.errors?.[0]?.extensions.code).toBe('DESTINATION_NOT_ALLOWED')
    await gateway.app.flush()
    expect(await pathsOf({ pathPrefix: '/kept' })).toEqual(['/kept'])
    expect(await pathsOf({ errorCode: 'DESTINATION_NOT_ALLOWED' })).toEqual([])
  })

  test('that does not exist, or is another workspace’s, is null in the same words', async () => {
    const stranger = await gateway.createWorkspace()
    const ask = (id: string | undefined) => gateway.run('query($id: ID!) { call(id: $id) { id } }', { id }, stranger)
    const [foreign, absent, nonsense] = [
      await ask(ids['/gone']),
      await ask('call_01h455vb4pex5vsknk084sn02q'),
      await ask('nonsense'),
    ]
    expect([foreign?.text, absent?.text, nonsense?.text]).toEqual(Array(3).fill('{"data":{"call":null}}'))
  })
})

describe('the list', () => {
  test.each<[object, string[]]>([
    [{ method: 'POST' }, ['/reset', '/broken']],
    [{ statusClass: 'CLIENT_ERROR' }, ['/gone']],
    [{ statusClass: 'SERVER_ERROR' }, ['/broken']],
    [{ failed: true }, ['/reset', '/broken', '/gone']],
    [{ errorCode: 'UPSTREAM_TLS' }, []],
    [{ errorCode: 'UPSTREAM_UNREACHABLE' }, ['/reset']],
    [{ pathPrefix: '/v1/contacts' }, ['/v1/contacts/7', '/v1/contacts']],
    [{ pathPrefix: '/v1/contacts/', method: 'PATCH' }, ['/v1/contacts/7']],
    [{ kind: 'RAW' }, ['/raw/v2']],
    [{ kind: 'ACTION' }, []],
    [{ action: 'create_contact' }, []],
    [{ endUserId: 'bob', failed: false }, ['/raw/v2', '/v1/other']],
    [{ until: '2020-01-01T00:00:00Z' }, []],
  ])('is narrowed by %j', async (filter, paths) => {
    expect(await pathsOf(filter)).toEqual(paths)
  })

  test('is narrowed by who called', async () => {
    expect(await pathsOf({ callerId: otherKey.id })).toEqual(['/raw/v2', '/v1/other'])
    expect(await pathsOf({ callerId: otherKey.id, connectionId: connections.ann })).toEqual([])
  })

  test('refuses a filter that makes no sense', async () => {
    const message =
      'filter.pathPrefix takes the beginning of a path, which starts with "/" and has at most 2048 characters; got "v1".'
    const answer = await gateway.run('{ calls(filter: {pathPrefix: "v1"}) { nodes { id } } }')
    expect(answer.errors).toMatchObject([
      { message, extensions: { code: 'INVALID_INPUT', details: [{ field: 'filter.pathPrefix', message }] } },
    ])
  })
})

describe('the scope calls:read', () => {
  test('is a whole workspace’s: no session and no key for one connection can have it', async () => {
    const mint = (input: object) =>
      gateway.run('mutation($i: CreateSessionInput!) { createSession(input: $i) { token } }', { i: input })
    const session = await mint({ endUserId: 'ann', scopes: ['CALLS_READ'] })
    expect(session.errors?.[0]?.extensions.code).toBe('INVALID_INPUT')
    const bound = await gateway.run(createKey, {
      i: { name: 'bound', scopes: ['CALLS_READ'], connectionId: connections.ann },
    })
    expect(bound.errors?.[0]?.extensions.code).toBe('INVALID_INPUT')
    const { token } = (await mint({ endUserId: 'ann' })).data.createSession
    const queries = [
      '{ calls { nodes { id } } }',
      `{ call(id: "${ids['/gone']}") { id } }`,
      '{ callStats { total { calls } } }',
      `mutation { replayCall(input: {id: "${ids['/gone']}"}) { status } }`,
    ]
    for (const query of queries) {
      const { errors } = await gateway.run(query, {}, token)
      expect([query, errors?.[0]?.extensions.code]).toEqual([query, 'FORBIDDEN'])
      expect(errors?.[0]?.message).toContain('This needs the scope calls:read; the session has:')
    }
  })
})
