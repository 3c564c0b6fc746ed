import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

const file = randomBytes(300_000)
let upstream: Upstream
let gateway: TestGateway
let connectionId: string

beforeAll(async () => {
  upstream = await createUpstream((request, response) => {
    if (request.url.startsWith('/page')) {
      response.writeHead(200, {
        'content-type': 'text/html',
        'set-cookie': 'vendor=1',
        'content-disposition': 'inline; filename="a.html"',
        'cache-control': 'public',
      })
      return void response.end('<script>alert(1)</script>')
    }
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? []
    response.writeHead(from === undefined ? 200 : 206, { 'content-type': 'application/octet-stream' })
    response.end(file.subarray(Number(from ?? 0)))
  })
  gateway = await createGateway({ allow: [upstream.host] })
  await gateway.createIntegration({
    slug: 'files',
    name: 'Files',
    baseUrl: upstream.url,
    auth: [{ scheme: 'apiKey', inject: { query: { key: '{apiKey}' } } }],
  })
  connectionId = await gateway.createConnection({
    integration: 'files',
    endUserId: 'u',
    credential: { apiKey: { key: 'file-secret' } },
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const query = `query($id: ID!, $path: String!, $seconds: Int! = 300) {
  passthrough(connectionId: $id, path: $path, headers: { accept: "application/x-file" }) {
    downloadUrl(expiresInSeconds: $seconds)
  }
}`

async function link(path: string, variables: object = {}, key = adminKey): Promise<string> {
  const { passthrough } = await gateway.ask(query, { id: connectionId, path, ...variables }, key)
  return passthrough.downloadUrl
}

test('a link streams the call again, without a key, and tells nothing of the credential', async () => {
  const url = await link('/export?year=2026')
  expect(url.startsWith(`${gateway.url}downloads/`)).toBe(true)
  expect(Buffer.from(url.split('/').at(-1) ?? '', 'base64url').toString('latin1')).not.toMatch(/export|2026|secret/)
  const response = await fetch(url)
  expect(Buffer.from(await response.arrayBuffer()).equals(file)).toBe(true)
  const seen = upstream.seen.at(-1)
  expect([seen?.url, seen?.headers.accept]).toEqual(['/export?year=2026&key=file-secret', 'application/x-file'])
  expect([...response.headers].join()).not.toContain('file-secret')
})

test('a part of it can be asked for', async () => {
  const response = await fetch(await link('/export'), { headers: { range: 'bytes=299990-' } })
  expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([206, 10])
})

test('what a vendor sends does not run as a page of the gateway', async () => {
  const { headers } = await fetch(await link('/page'))
  expect(headers.get('content-disposition')).toBe('attachment; filename="a.html"')
  expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'")
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect([headers.get('set-cookie'), headers.get('cache-control')]).toEqual([null, 'private, no-store'])
})

test('a link that is over, changed or made up opens nothing', async () => {
  const before = upstream.seen.length
  const url = await link('/export', { seconds: 1 })
  const sent = upstream.seen.length
  expect(sent).toBe(before + 1)
  const token = url.split('/').at(-1) ?? ''
  const changed = `${token.slice(0, 40)}${token[40] === 'A' ? 'B' : 'A'}${token.slice(41)}`
  for (const wrong of [changed, '', 'x', 'A'.repeat(5000), `${token}/x`]) {
    const response = await fetch(`${gateway.url}downloads/${wrong}`)
    expect([response.status, (await response.json()).code]).toEqual([401, 'UNAUTHENTICATED'])
  }
  expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(400)
  await new Promise(resolve => setTimeout(resolve, 1100))
  expect((await fetch(url)).status).toBe(401)
  expect(upstream.seen.length).toBe(sent)
})

test('a link ends with the key that asked for it', async () => {
  const { createAccessKey } = await gateway.ask(
    'mutation { createAccessKey(input: { name: "d", scopes: [PASSTHROUGH_READ] }) { secret accessKey { id } } }',
  )
  const url = await link('/export', {}, createAccessKey.secret)
  expect((await fetch(url)).status).toBe(200)
  await gateway.ask('mutation($id: ID!) { deleteAccessKey(input: { id: $id }) { deletedAccessKeyId } }', {
    id: createAccessKey.accessKey.id,
  })
  expect((await fetch(url)).status).toBe(401)
})

test.each([0, -1, 3601])('a lifetime of %i seconds is refused', async seconds => {
  const { errors } = await gateway.run(query, { id: connectionId, path: '/export', seconds })
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'expiresInSeconds' }] })
})

test('there is none for a write', async () => {
  const { errors } = await gateway.run(
    'mutation($id: ID!) { passthrough(connectionId: $id, method: POST, path: "/x") { downloadUrl } }',
    { id: connectionId },
  )
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'downloadUrl' }] })
})
