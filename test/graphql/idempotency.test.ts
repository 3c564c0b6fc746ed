import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let id: string

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    const count = upstream.seen.filter(({ url }) => url === request.url).length
    if (request.url === '/507') return void response.writeHead(507).end()
    if (request.url === '/large') return void response.end(Buffer.alloc(9 * 1024 * 1024))
    if (request.url.startsWith('/flaky') && count === 1) return void response.writeHead(503).end('later')
    response.writeHead(201, { 'content-type': 'application/json', 'x-count': String(count) })
    response.end(`{"n":${count},"exact":9007199254740993}`)
  })
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({
    slug: 'pay',
    name: 'Pay',
    baseUrl: upstream.url,
    auth: [{ scheme: 'bearer' }],
    idempotencyHeader: 'Idempotency-Key',
  })
  id = await gateway.createConnection({ integration: 'pay', endUserId: 'u', credential: { bearer: { token: 't' } } })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const mutation = `mutation($id: ID!, $path: String!, $body: JSON, $key: String, $format: BodyFormat) {
  passthrough(connectionId: $id, method: POST, path: $path, body: $body, options: { idempotencyKey: $key, bodyFormat: $format }) {
    status text attempts header(name: "x-count")
  }
}`
const run = (path: string, key: string | null, body: object = { amount: 1 }, more: object = {}) =>
  gateway.run(mutation, { id, path, key, body, ...more })
const count = (path: string) => upstream.seen.filter(({ url }) => url === path).length

test('a repeat is answered with the stored answer, and the vendor gets the key', async () => {
  const first = (await run('/charge', 'k1')).data.passthrough
  const second = (await run('/charge', 'k1')).data.passthrough
  expect(first).toEqual({ status: 201, text: '{"n":1,"exact":9007199254740993}', attempts: 1, header: '1' })
  expect(second).toEqual({ ...first, attempts: 0 })
  expect([count('/charge'), upstream.seen.find(({ url }) => url === '/charge')?.headers['idempotency-key']]).toEqual([
    1,
    'k1',
  ])
  await gateway.app.flush()
  const { calls } = await gateway.ask('{ calls { nodes { path } } }')
  expect(calls.nodes.filter(({ path }: { path: string }) => path === '/charge').length).toBe(1)
})

test('another body or path under the same key is IDEMPOTENCY_CONFLICT; nothing is sent', async () => {
  await run('/conflict', 'k2')
  for (const [path, body] of [
    ['/conflict', { amount: 2 }],
    ['/conflict2', { amount: 1 }],
  ] as const) {
    const { errors } = await run(path, 'k2', body)
    expect(errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_CONFLICT')
  }
  expect([count('/conflict'), count('/conflict2')]).toEqual([1, 0])
})

test('it makes a write safe to send again by itself', async () => {
  const { data } = await run('/flaky', 'k3')
  expect(data.passthrough).toMatchObject({ status: 201, attempts: 2 })
  expect(count('/flaky')).toBe(2)
})

test('twenty at once are one write', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => run('/rush', 'k4')))
  expect(count('/rush')).toBe(1)
  expect(new Set(answers.map(({ data }) => data.passthrough.text)).size).toBe(1)
})

test('the same multipart parts are the same request, though their boundary is drawn anew', async () => {
  const body = { note: 'x', file: { filename: 'a', text: 'b' } }
  await run('/multi', 'k5', body, { format: 'MULTIPART' })
  expect((await run('/multi', 'k5', body, { format: 'MULTIPART' })).data.passthrough.status).toBe(201)
  const other = { ...body, note: 'y' }
  expect((await run('/multi', 'k5', other, { format: 'MULTIPART' })).errors?.[0]?.extensions.code).toBe(
    'IDEMPOTENCY_CONFLICT',
  )
  expect(count('/multi')).toBe(1)
})

test('a wrong key is refused by name', async () => {
  const { errors } = await run('/never', 'two words')
  expect(errors?.[0]?.extensions).toMatchObject({
    code: 'INVALID_INPUT',
    details: [{ field: 'options.idempotencyKey' }],
  })
  expect(count('/never')).toBe(0)
})

test('no failure of the vendor’s is kept', async () => {
  await run('/507', 'k6')
  await run('/507', 'k6')
  expect(count('/507')).toBe(2)
})

test('stored answers count in the budget of an operation like new ones', async () => {
  const write = (alias: string) =>
    `${alias}: passthrough(connectionId: "${id}", method: POST, path: "/large", options: { idempotencyKey: "k7" }) { status }`
  const { errors } = await gateway.run(
    `mutation { ${Array.from({ length: 9 }, (_, index) => write(`a${index}`)).join(' ')} }`,
  )
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['BUDGET_EXCEEDED', 'BUDGET_EXCEEDED'])
  expect(count('/large')).toBe(1)
})
