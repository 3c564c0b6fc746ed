/** The HTTP edge: what each address answers, whom a browser lets in, and the id that ties an answer to its log lines. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await createGateway({ env: { PASSGATE_CORS_ORIGINS: 'https://app.example' } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const request = (path: string, init: RequestInit = {}) =>
  fetch(new URL(path, gateway.url), { redirect: 'manual', ...init })
const post = (body: string, headers: Record<string, string> = {}) =>
  request('graphql', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}`, ...headers },
  })
const document = (query: string) => JSON.stringify({ query })

describe('addresses', () => {
  test.each([
    ['livez', 200],
    ['readyz', 200],
    ['', 302],
    ['health', 404],
    ['graphql/health', 404],
    ['x/health', 404],
    ['graphql/', 404],
  ])('/%s answers %i', async (path, status) => {
    expect((await request(path)).status).toBe(status)
  })

  test('a browser at /graphql gets GraphiQL, which loads nothing from elsewhere', async () => {
    const page = await (await request('graphql', { headers: { accept: 'text/html' } })).text()
    expect(page).toContain('<title>Passgate</title>')
    expect([...page.matchAll(/<(?:script|link)[^>]+(?:src|href)="(https?:[^"]+)"/g)].map(match => match[1])).toEqual([])
    expect(page).not.toContain(adminKey)
  })

  test('readiness says when the store is away, and life goes on', async () => {
    await using doomed = await createGateway()
    await doomed.database[Symbol.asyncDispose]()
    const ready = await fetch(new URL('readyz', doomed.url))
    const store = { ok: false, reason: 'it could not be asked' }
    expect([ready.status, await ready.json()]).toMatchObject([503, { ready: false, checks: { store } }])
    expect((await fetch(new URL('livez', doomed.url))).status).toBe(200)
  })
})

describe('the request id', () => {
  test('of a caller is kept when it is harmless', async () => {
    const answer = await post(document('{ connection(id: "x") { id } }'), { 'x-request-id': 'order-4711-a' })
    expect(answer.headers.get('x-request-id')).toBe('order-4711-a')
  })

  test('is made anew when the caller’s could be anything', async () => {
    const answer = await post(document('{ passthrough(connectionId: "x", path: "/") { status } }'), {
      'x-request-id': 'a"b',
    })
    const { errors } = (await answer.json()) as { errors: { extensions: { requestId: string } }[] }
    expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9a-f-]{36}$/)
    expect(errors[0]?.extensions.requestId).toBe(answer.headers.get('x-request-id'))
  })
})

describe('a browser', () => {
  const origin = (name: string) => ({
    origin: name,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type',
  })

  test('of an allowed origin may ask with a key', async () => {
    const answer = await request('graphql', { method: 'OPTIONS', headers: origin('https://app.example') })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect(answer.headers.get('access-control-allow-headers')).toMatch(/authorization/i)
    expect(answer.headers.get('access-control-allow-credentials')).not.toBe('true')
  })

  test.each(['https://evil.example', 'https://app.example.evil.example', 'null'])('of %s may not', async name => {
    const preflight = await request('graphql', { method: 'OPTIONS', headers: origin(name) })
    expect(preflight.headers.get('access-control-allow-origin')).not.toBe(name)
    const answer = await post(document('{ viewer { name } }'), { origin: name })
    expect(answer.headers.get('access-control-allow-origin')).not.toBe(name)
  })

  test('cannot make a mutation run by a plain link', async () => {
    const query = encodeURIComponent('mutation { deleteConnection(input: {id: "x"}) { deletedConnectionId } }')
    const answer = await request(`graphql?query=${query}`, { headers: { authorization: `Bearer ${adminKey}` } })
    expect(answer.status).toBe(405)
  })
})

describe('a wrong request', () => {
  test.each([
    ['no JSON', '{"query":', 400, 'INVALID_INPUT'],
    ['no query', '{}', 200, 'INVALID_INPUT'],
    ['a batch', '[{"query":"{ viewer { name } }"}]', 400, 'INVALID_INPUT'],
    [
      'a document without end',
      document(`{ a: viewer { name } #${'x'.repeat(37 * 1024 * 1024)}\n}`),
      413,
      'REQUEST_TOO_LARGE',
    ],
  ])('with %s is refused with a code of the list', async (_what, body, status, code) => {
    const answer = await post(body)
    const { errors } = (await answer.json()) as { errors: { extensions: { code: string; origin: string } }[] }
    expect([answer.status, errors[0]?.extensions]).toMatchObject([status, { code, origin: 'GATEWAY' }])
  })

  test('of an unknown field names it', async () => {
    const { errors } = await gateway.run('{ viewer { secret } }')
    expect(errors).toMatchObject([
      {
        message: 'Cannot query field "secret" on type "Viewer".',
        extensions: { code: 'INVALID_INPUT', origin: 'GATEWAY' },
      },
    ])
  })

  test('of an unknown method names the ones there are', async () => {
    const { errors } = await gateway.run(
      'query($m: HttpMethod!) { passthrough(connectionId: "x", method: $m, path: "/") { status } }',
      { m: 'FETCH' },
    )
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/^m is wrong: Value "FETCH" does not exist in "HttpMethod" enum/),
        extensions: { code: 'INVALID_INPUT', details: [{ field: 'm' }] },
      },
    ])
  })
})

test('what fails inside has no message of its own, and the id finds it in the log', async () => {
  await using doomed = await createGateway()
  await doomed.database[Symbol.asyncDispose]()
  const answer = await doomed.run('{ viewer { name } }')
  expect(answer.errors).toMatchObject([
    { message: 'Internal error.', extensions: { code: 'INTERNAL', origin: 'GATEWAY' } },
  ])
  expect(answer.status).toBe(500)
  expect(doomed.log()).toContain(`"requestId":"${answer.errors?.[0]?.extensions.requestId}"`)
})
