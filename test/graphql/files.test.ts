import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
let id: string

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    if (request.url === '/missing') return void response.writeHead(404).end('no such file')
    if (request.url === '/logo.png') {
      return void response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([0x89, 1, 2, 3]))
    }
    response.writeHead(201, { 'content-type': 'application/json' }).end('{"ok":true}')
  })
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({ slug: 'v', name: 'V', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  id = await gateway.createConnection({ integration: 'v', endUserId: 'u', credential: { bearer: { token: 'tok' } } })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const upload = `mutation($id: ID!, $body: JSON) {
  passthrough(connectionId: $id, method: POST, path: "/upload", body: $body, options: { bodyFormat: MULTIPART }) {
    status attempts
  }
}`

async function partsOf(index: number): Promise<[string, string, string, Buffer][]> {
  const seen = upstream.seen.at(index)
  const form = await new Response(new Uint8Array(seen?.body ?? []), {
    headers: { 'content-type': seen?.headers['content-type'] ?? '' },
  }).formData()
  return await Promise.all(
    [...form].map(
      async ([name, value]): Promise<[string, string, string, Buffer]> =>
        value instanceof File
          ? [name, value.name, value.type, Buffer.from(await value.arrayBuffer())]
          : [name, '', '', Buffer.from(String(value))],
    ),
  )
}

test('several files: from text, from base64, and from a URL of the vendor’s, fetched with the credential', async () => {
  const { passthrough } = await gateway.ask(upload, {
    id,
    body: {
      note: 'three files',
      files: [
        { filename: 'a.txt', contentType: 'text/plain', text: 'grüße' },
        { filename: 'b.bin', base64: 'AAEC' },
        { filename: 'logo.png', url: `${upstream.url}/logo.png` },
      ],
    },
  })
  expect(passthrough).toEqual({ status: 201, attempts: 1 })
  expect(await partsOf(-1)).toEqual([
    ['note', '', '', Buffer.from('three files')],
    ['files', 'a.txt', 'text/plain', Buffer.from('grüße')],
    ['files', 'b.bin', 'application/octet-stream', Buffer.from([0, 1, 2])],
    ['files', 'logo.png', 'image/png', Buffer.from([0x89, 1, 2, 3])],
  ])
  const fetched = upstream.seen.at(-2)
  expect([fetched?.method, fetched?.url, fetched?.headers.authorization]).toEqual(['GET', '/logo.png', 'Bearer tok'])
})

test('a file outside the pin set, one that is not there, and a wrong neighbour: nothing is uploaded', async () => {
  const before = upstream.seen.filter(({ url }) => url === '/upload').length
  const refusal = async (files: object) => (await gateway.run(upload, { id, body: { files } })).errors?.[0]?.extensions
  expect(await refusal({ filename: 'x', url: 'https://evil.example/x' })).toMatchObject({
    code: 'DESTINATION_NOT_ALLOWED',
  })
  expect(await refusal({ filename: 'x', url: `${upstream.url}/missing` })).toMatchObject({
    code: 'INVALID_INPUT',
    details: [{ field: 'body.files.url', message: expect.stringContaining('404') }],
  })
  const count = upstream.seen.length
  expect(
    await refusal([
      { filename: 'x', url: `${upstream.url}/logo.png` },
      { filename: 'y', base64: '*' },
    ] as object),
  ).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'body.files.1.base64' }] })
  // The right one was not fetched for nothing.
  expect(upstream.seen.length).toBe(count)
  expect(upstream.seen.filter(({ url }) => url === '/upload').length).toBe(before)
})

test('explain fetches nothing', async () => {
  const count = upstream.seen.length
  const { explain } = await gateway.ask(
    `query($id: ID!, $body: JSON) {
      explain(connectionId: $id, method: POST, path: "/upload", body: $body, options: { bodyFormat: MULTIPART }) {
        allowed bodyFormat url headers { name value } retry { retries repeatable }
      }
    }`,
    { id, body: { f: { filename: 'x', url: `${upstream.url}/logo.png` } } },
  )
  expect(explain).toMatchObject({
    allowed: true,
    bodyFormat: 'MULTIPART',
    url: `${upstream.url}/upload`,
    retry: { retries: 2, repeatable: false },
  })
  expect(explain.headers).toContainEqual({ name: 'authorization', value: '***' })
  expect(upstream.seen.length).toBe(count)
})

test('a binary answer is whole as base64, and its digest fits', async () => {
  const { passthrough } = await gateway.ask(
    '{ passthrough(integration: "v", endUserId: "u", path: "/logo.png") { base64 sha256 sizeBytes bytesReceived } }',
  )
  const bytes = Buffer.from([0x89, 1, 2, 3])
  expect(passthrough).toEqual({
    base64: bytes.toString('base64'),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    sizeBytes: 4,
    bytesReceived: 4,
  })
})

test('explain says why a call would be refused, and toCurl can be pasted', async () => {
  const { explain, passthrough } = await gateway.ask(
    `query($id: ID!) {
      explain(connectionId: $id, path: "https://evil.example/x") { allowed refusal { code message } }
      passthrough(connectionId: $id, path: "/it's", query: { q: "a b" }) { toCurl }
    }`,
    { id },
  )
  expect(explain).toMatchObject({ allowed: false, refusal: { code: 'DESTINATION_NOT_ALLOWED' } })
  expect(passthrough.toCurl).toBe(
    `curl -X GET '${upstream.url}/it'\\''s?q=a%20b' -H 'accept: */*' -H 'user-agent: passgate' -H 'authorization: ***'`,
  )
})
