import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let id: string

beforeAll(async () => {
  upstream = await createUpstream()
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { bearer: { token: 't' } } })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const mutation = `mutation($id: ID!, $body: JSON, $format: BodyFormat) {
  passthrough(connectionId: $id, method: POST, path: "/files", body: $body, options: { bodyFormat: $format }) { status }
}`

async function post(operations: unknown, map: unknown, files: Record<string, File | string>) {
  const form = new FormData()
  form.append('operations', typeof operations === 'string' ? operations : JSON.stringify(operations))
  if (map !== undefined) form.append('map', typeof map === 'string' ? map : JSON.stringify(map))
  for (const [name, file] of Object.entries(files)) form.append(name, file)
  const headers = { authorization: `Bearer ${adminKey}` }
  const response = await fetch(`${gateway.url}graphql`, { method: 'POST', headers, body: form })
  const answer = await response.json()
  return { status: response.status, data: answer.data, error: answer.errors?.[0] }
}

describe('an upload', () => {
  test('is a file of a multipart body, beside others', async () => {
    const bytes = randomBytes(200_000)
    const operations = {
      query: mutation,
      variables: { id, format: 'MULTIPART', body: { note: 'x', files: [null, null] } },
    }
    const { data } = await post(
      operations,
      { 0: ['variables.body.files.0'], 1: ['variables.body.files.1'] },
      { 0: new File([bytes], 'a.bin', { type: 'image/png' }), 1: new File(['grüße'], 'ü.txt', { type: 'text/plain' }) },
    )
    expect(data.passthrough.status).toBe(200)
    const seen = upstream.seen.at(-1)
    const form = await new Response(new Uint8Array(seen?.body ?? []), {
      headers: { 'content-type': seen?.headers['content-type'] ?? '' },
    }).formData()
    const [first, second] = form.getAll('files') as File[]
    const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')
    expect([first?.name, first?.type, digest(new Uint8Array((await first?.arrayBuffer()) ?? []))]).toEqual([
      'a.bin',
      'image/png',
      digest(bytes),
    ])
    expect([second?.name, await second?.text(), form.get('note')]).toEqual(['ü.txt', 'grüße', 'x'])
  })

  test('can be the whole body', async () => {
    await post(
      { query: mutation, variables: { id, body: null } },
      { f: ['variables.body'] },
      { f: new File([Buffer.from([0, 255, 1])], 'x', { type: 'image/gif' }) },
    )
    const seen = upstream.seen.at(-1)
    expect([seen?.body, seen?.headers['content-type']]).toEqual([Buffer.from([0, 255, 1]), 'image/gif'])
  })

  test('in a JSON body is refused: it would be lost', async () => {
    const before = upstream.seen.length
    const { error } = await post(
      { query: mutation, variables: { id, format: 'JSON', body: { a: [null] } } },
      { f: ['variables.body.a.0'] },
      { f: new File(['x'], 'x') },
    )
    expect([error.extensions.code, error.message]).toEqual([
      'INVALID_INPUT',
      'body holds a file; send it with bodyFormat MULTIPART, or as the whole body.',
    ])
    expect(upstream.seen.length).toBe(before)
  })

  test('leaves the digits of its neighbours as they are', async () => {
    const operations = JSON.stringify({ query: mutation, variables: { id, body: { n: 1 } } }).replace(
      '"n":1',
      '"n":9007199254740993',
    )
    await post(operations, {}, {})
    expect(upstream.seen.at(-1)?.text).toBe('{"n":9007199254740993}')
  })
})

describe('a form that is wrong changes nothing', () => {
  const good = { query: mutation, variables: { id, body: null } }
  const file = { f: new File(['x'], 'x') }
  test.each<[string, unknown, unknown, Record<string, File | string>]>([
    ['no JSON', 'nonsense', {}, file],
    ['a batch', [good], {}, file],
    ['a text', '"x"', {}, file],
    ['a map that is no JSON', good, 'nonsense', file],
    ['a map that is a list', good, [], file],
    ['a place that is no list', good, { f: 'variables.body' }, file],
    ['a part that is missing', good, { g: ['variables.body'] }, file],
    ['a part that is no file', good, { f: ['variables.body'] }, { f: 'text' }],
    ['a place that is not there', good, { f: ['variables.nothing'] }, file],
    ['a place that has a value', good, { f: ['variables.id'] }, file],
    ['a place outside the variables', good, { f: ['query'] }, file],
    ['__proto__', good, { f: ['variables.__proto__.polluted'] }, file],
    ['constructor', good, { f: ['variables.constructor.prototype.polluted'] }, file],
    ['more places than anybody needs', good, { f: Array(101).fill('variables.body') }, file],
  ])('%s', async (_what, operations, map, files) => {
    const before = upstream.seen.length
    const { status, error } = await post(operations, map, files)
    expect([status, error.extensions.code, upstream.seen.length]).toEqual([400, 'INVALID_INPUT', before])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})
