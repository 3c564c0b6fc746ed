/** One request id from the caller to the log and the audit trail, and one line for each request that was refused. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let connectionId: string

beforeAll(async () => {
  upstream = await createUpstream((_request, response) => {
    response.writeHead(404, { 'x-request-id': 'the-vendors-own' }).end('{}')
  })
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'none' }] })
  connectionId = await gateway.createConnection({
    integration: 'v',
    endUserId: 'u',
    credential: { none: { ok: true } },
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const key = { authorization: `Bearer ${adminKey}` }
const request = (path: string, init: RequestInit & { headers: Record<string, string> }) =>
  fetch(new URL(path, gateway.url), { redirect: 'manual', ...init })
const graphql = (query: string, headers: Record<string, string>) =>
  request('graphql', {
    method: 'POST',
    body: JSON.stringify({ query }),
    headers: { 'content-type': 'application/json', ...headers },
  })

interface Line {
  readonly level: string
  readonly msg: string
  readonly requestId?: string
  readonly [name: string]: unknown
}

/** The one line of a request; it comes when the answer is out. */
async function lineOf(requestId: string): Promise<Line> {
  const find = () =>
    gateway
      .log()
      .split('\n')
      .filter(text => text.includes('"request '))
      .map(text => JSON.parse(text) as Line)
      .filter(line => line.requestId === requestId)
  await expect.poll(find).toHaveLength(1)
  return find()[0] as Line
}

describe('the request id', () => {
  const routes: readonly (readonly [what: string, send: (headers: Record<string, string>) => Promise<Response>])[] = [
    ['GraphQL', headers => graphql('{ viewer { name } }', { ...key, ...headers })],
    ['a GraphQL refusal', headers => graphql('{ viewer { name } }', headers)],
    ['a syntax error', headers => graphql('{', { ...key, ...headers })],
    ['GraphiQL', headers => request('graphql', { headers: { accept: 'text/html', ...headers } })],
    ['a raw refusal', headers => request('passthrough/conn_none/x', { headers: { ...key, ...headers } })],
    ['a download link', headers => request('downloads/none', { headers })],
    ['a connect page', headers => request('connect/none', { headers })],
    ['the way back', headers => request('oauth/callback', { headers })],
    ['readiness', headers => request('readyz', { headers })],
    ['metrics', headers => request('metrics', { headers })],
    ['nothing', headers => request('nothing/here', { headers })],
  ]

  test.each(routes)('of the caller comes back: %s', async (what, send) => {
    const id = `own.${what.replace(/\W/g, '-')}_1`
    const answer = await send({ 'x-request-id': id })
    await answer.arrayBuffer()
    expect(answer.headers.get('x-request-id')).toBe(id)
    expect(await lineOf(id)).toMatchObject({ requestId: id })
  })

  test.each(['short', 'x'.repeat(65), 'a b c d e f', 'a:b:c:d:e:f', '<script>alert', '"},{"level":"fatal'])(
    'is made anew in place of %j',
    async id => {
      const answer = await request('livez', { headers: { 'x-request-id': id } })
      expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9a-f-]{36}$/)
    },
  )

  test('of the raw route stands beside the vendor’s own', async () => {
    const headers = { ...key, 'x-request-id': 'own.raw_1' }
    const answer = await request(`passthrough/${connectionId}/x`, { headers })
    expect(answer.headers.get('x-request-id')).toBe('the-vendors-own')
    expect(answer.headers.get('x-passgate-request-id')).toBe('own.raw_1')
  })

  test('is the one in errors and in the audit trail', async () => {
    const refused = (await (await graphql('{ viewer { name } }', { 'x-request-id': 'own.error_1' })).json()) as {
      errors: { extensions: { requestId: string } }[]
    }
    expect(refused.errors[0]?.extensions.requestId).toBe('own.error_1')
    const problem = await request('passthrough/x/y', { headers: { 'x-request-id': 'own.error_2' } })
    expect(await problem.json()).toMatchObject({ requestId: 'own.error_2' })
    const update = `mutation { updateConnection(input: { id: "${connectionId}", metadata: { a: 1 } }) { connection { id } } }`
    await graphql(update, { ...key, 'x-request-id': 'own.change_1' })
    const { auditEvents } = await gateway.ask('{ auditEvents(first: 1) { nodes { requestId } } }')
    expect(auditEvents.nodes).toEqual([{ requestId: 'own.change_1' }])
  })
})

describe('the line of a request', () => {
  const facts = { durationMs: expect.any(Number), callerId: null }

  test('that was refused is at info, with the code', async () => {
    await (await graphql('{ viewer { name } }', { 'x-request-id': 'own.line_1' })).arrayBuffer()
    expect(await lineOf('own.line_1')).toMatchObject({
      level: 'info',
      msg: 'request refused',
      route: '/graphql',
      method: 'POST',
      status: 200,
      errorCodes: ['UNAUTHENTICATED'],
      ...facts,
    })
    const raw = await request('passthrough/conn_none/x', { headers: { ...key, 'x-request-id': 'own.line_2' } })
    await raw.arrayBuffer()
    const line = await lineOf('own.line_2')
    expect(line).toMatchObject({
      level: 'info',
      route: '/passthrough/{connectionId}/{path}',
      status: 404,
      errorCodes: ['CONNECTION_NOT_FOUND'],
    })
    expect(line.callerId).toMatch(/^key_/)
  })

  test('that was refused the same thing in many fields names it once', async () => {
    const many = Array.from({ length: 50 }, (_, n) => `f${n}: passthrough(connectionId: "x", path: "/") { status }`)
    await (await graphql(`{ ${many.join(' ')} }`, { ...key, 'x-request-id': 'own.line_3' })).arrayBuffer()
    expect((await lineOf('own.line_3')).errorCodes).toEqual(['CONNECTION_NOT_FOUND'])
  })

  test('that went well, or that a vendor answered, is at debug', async () => {
    await (await graphql('{ viewer { name } }', { ...key, 'x-request-id': 'own.line_4' })).arrayBuffer()
    expect(await lineOf('own.line_4')).toMatchObject({ level: 'debug', msg: 'request finished', status: 200 })
    const headers = { ...key, 'x-request-id': 'own.line_5' }
    await (await request(`passthrough/${connectionId}/x?secret=canary`, { headers })).arrayBuffer()
    expect(await lineOf('own.line_5')).toMatchObject({ level: 'debug', status: 404 })
  })

  test('has no path, no query and no header of the caller’s', () => {
    const lines = gateway
      .log()
      .split('\n')
      .filter(text => text.includes('"request '))
    expect(lines.length).toBeGreaterThan(15)
    expect(lines.join('\n')).not.toMatch(/canary|conn_|nothing\/here/)
  })
})
