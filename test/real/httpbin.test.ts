/** Every httpbin endpoint that a proxy can be asked about answers through the raw route what it answers directly. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { type Httpbin, startHttpbin } from '../support/httpbin.ts'
import { answerHeaders, withoutEchoes } from './allowed-differences.ts'

let httpbin: Httpbin
let gateway: TestGateway
let prefix: string
const token = 'the-vendors-own-token'

beforeAll(async () => {
  httpbin = await startHttpbin()
  gateway = await createGateway({ allow: [httpbin.host] })
  await gateway.createIntegration({ slug: 'bin', name: 'httpbin', baseUrl: httpbin.url, auth: [{ scheme: 'bearer' }] })
  const id = await gateway.createConnection({ integration: 'bin', endUserId: 'u', credential: { bearer: { token } } })
  prefix = `/passthrough/${id}`
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await httpbin[Symbol.asyncDispose]()
})

interface Answer {
  readonly status: string
  readonly headers: string[]
  readonly body: Buffer
}

/** A client that repairs, decodes and follows nothing. */
async function exchange(origin: URL, lines: readonly string[], body: Buffer): Promise<Answer> {
  const socket = connect(Number(origin.port), origin.hostname)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = new Promise<void>((resolve, reject) => socket.on('close', () => resolve()).on('error', reject))
  const head = [...lines, `host: ${origin.host}`, 'connection: close', '', ''].join('\r\n')
  socket.write(Buffer.concat([Buffer.from(head, 'latin1'), body]))
  await closed
  const bytes = Buffer.concat(chunks)
  const end = bytes.indexOf('\r\n\r\n')
  const [status = '', ...headers] = bytes.toString('latin1', 0, end).split('\r\n')
  const raw = bytes.subarray(end + 4)
  return { status, headers, body: headers.some(line => /^transfer-encoding: chunked/i.test(line)) ? unchunk(raw) : raw }
}

function unchunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    if (!(size > 0)) return Buffer.concat(parts)
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 4 + size
  }
}

/** Where a client ends up that asked for `address`: at the vendor, whichever way it went. */
function followed(location: string, address: string): string {
  const { origin, pathname, search } = new URL(location, address)
  const isOwn = origin === new URL(gateway.url).origin && pathname.startsWith(prefix)
  return isOwn ? `${new URL(httpbin.url).origin}${pathname.slice(prefix.length)}${search}` : origin + pathname + search
}

function comparable({ status, headers, body }: Answer, address: string) {
  const isText = headers.some(line => /^content-type: (?:application\/json|text\/html)/i.test(line))
  const isCoded = headers.some(line => /^content-encoding:/i.test(line))
  // A body that repeats the request has another length, and a compressed one other bytes.
  const isEcho = isText && withoutEchoes(body.toString()) !== body.toString()
  const kept = headers
    .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const)
    .filter(([name]) => !answerHeaders.has(name.toLowerCase()))
    .filter(([name]) => !((isEcho || isCoded) && /^content-length$/i.test(name)))
    .map(([name, value]) => `${name}: ${/^location$/i.test(name) ? followed(value, address) : value}`)
  // HTTP/1.0 or 1.1 is the server's to say at each hop.
  const line = status.replace(/^HTTP\/1\.[01]/, 'HTTP/1.x')
  return {
    line,
    headers: kept,
    body: isCoded ? 'decoded below' : isEcho ? withoutEchoes(body.toString()) : body.toString('base64'),
  }
}

async function compare(method: string, path: string, headers: readonly string[] = [], body = '') {
  const bytes = Buffer.from(body)
  const length = bytes.length > 0 ? [`content-length: ${bytes.length}`] : []
  const lines = ['accept: */*', 'user-agent: test', ...headers, ...length]
  const own = `authorization: Bearer ${token}`
  const direct = await exchange(new URL(httpbin.url), [`${method} ${path} HTTP/1.1`, own, ...lines], bytes)
  const key = `authorization: Bearer ${adminKey}`
  const through = await exchange(new URL(gateway.url), [`${method} ${prefix}${path} HTTP/1.1`, key, ...lines], bytes)
  const [near, far] = [new URL(prefix + path, gateway.url).href, new URL(path, httpbin.url).href]
  expect(comparable(through, near)).toEqual(comparable(direct, far))
  expect(direct.status).toMatch(/^HTTP\/1\.[01] \d{3}/)
  expect(through.body.toString('latin1')).not.toContain(adminKey)
  return { direct, through }
}

describe('methods', () => {
  test.each([
    ['GET', '/get?a=1&a=2&b=%20x'],
    ['HEAD', '/get'],
    ['OPTIONS', '/get'],
    ['POST', '/post'],
    ['PUT', '/put'],
    ['PATCH', '/patch'],
    ['DELETE', '/delete'],
    ['POST', '/get'],
  ])('%s %s', async (method, path) => {
    // A server that refuses a method may close before it has read a body, and the reset may overtake its answer.
    const hasBody = ['POST', 'PUT', 'PATCH'].includes(method) && path !== '/get'
    const body = hasBody ? '{"n": 9007199254740993}' : ''
    await compare(method, path, hasBody ? ['content-type: application/json'] : [], body)
  })

  test.each([
    ['a form', ['content-type: application/x-www-form-urlencoded'], 'a=1&b=%C3%BC'],
    [
      'multipart',
      ['content-type: multipart/form-data; boundary=xx'],
      '--xx\r\ncontent-disposition: form-data; name="f"; filename="a.txt"\r\n\r\nhello\r\n--xx--\r\n',
    ],
    ['bytes', ['content-type: application/octet-stream'], '\u0001\u0002'],
    ['no type', [], 'plain'],
  ])('%s', async (_what, headers, body) => {
    await compare('POST', '/anything/deep/path?x=1', headers, body)
  })
})

describe('statuses', () => {
  test.each([
    200, 201, 202, 203, 204, 206, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 409,
    410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505,
  ])('%i', async status => {
    await compare('GET', `/status/${status}`)
    await compare('POST', `/status/${status}`)
  })
})

describe('everything else', () => {
  test.each([
    '/headers',
    '/ip',
    '/user-agent',
    '/response-headers?X-One=1&X-One=2&freeform=%C3%BC&Content-Type=text/plain',
    '/redirect/3',
    '/relative-redirect/2',
    '/absolute-redirect/2',
    '/redirect-to?url=http://169.254.169.254/latest/',
    '/redirect-to?url=/get&status_code=307',
    '/cookies',
    '/cookies/set?a=1&b=2',
    '/cookies/delete?a',
    '/cache/60',
    '/etag/abc',
    '/bytes/1024?seed=7',
    '/bytes/0?seed=7',
    '/stream-bytes/5000?seed=7&chunk_size=100',
    '/stream/20',
    '/range/1024',
    '/drip?numbytes=20&duration=1&delay=0',
    '/delay/1',
    '/links/5/2',
    '/image/png',
    '/image/jpeg',
    '/image/svg',
    '/image/webp',
    '/html',
    '/xml',
    '/json',
    '/robots.txt',
    '/deny',
    '/encoding/utf8',
    '/forms/post',
    '/base64/SFRUUEJJTiBpcyBhd2Vzb21l',
    '/anything/a;b=c/d,e@f:g!h$i&j=(k)*l+m~n',
    "/anything/o'p",
    '/bearer',
    '/unknown-endpoint',
    '/uuid',
  ])('%s', async path => {
    await compare('GET', path)
  })

  test.each(['gzip', 'deflate', 'brotli'])('%s stays as it is coded', async coding => {
    const { direct, through } = await compare('GET', `/${coding}`, ['accept-encoding: gzip, deflate, br'])
    const coded = (answer: Answer) => answer.headers.find(line => /^content-encoding:/i.test(line))
    expect(coded(through)).toBe(coded(direct))
    expect(coded(direct)).toBeDefined()
    const encoding = coding === 'brotli' ? 'br' : coding
    const decode = async ({ body }: Answer) => {
      const { brotliDecompressSync, gunzipSync, inflateSync } = await import('node:zlib')
      const decoders = { br: brotliDecompressSync, gzip: gunzipSync, deflate: inflateSync } as const
      return decoders[encoding as keyof typeof decoders](body).toString()
    }
    expect(withoutEchoes(await decode(through))).toBe(withoutEchoes(await decode(direct)))
  })

  test.each(['bytes=0-99', 'bytes=100-', 'bytes=-10', 'bytes=5000-6000', 'bytes=0-0'])('range %s', async range => {
    await compare('GET', '/range/1024', [`range: ${range}`])
  })

  test.each([
    ['/etag/abc', 'if-none-match: "abc"'],
    ['/etag/abc', 'if-none-match: "x", "abc"'],
    ['/etag/abc', 'if-match: "other"'],
    ['/cache', 'if-modified-since: Sat, 29 Oct 1994 19:43:31 GMT'],
    ['/cookies', 'cookie: a=1; b="x y"'],
    ['/headers', 'x-many: 1\r\nx-many: 2'],
    ['/headers', 'x-empty: '],
    ['/headers', 'x-latin: caf\u00e9'],
    ['/basic-auth/user/wrong', 'x-a: 1'],
    ['/hidden-basic-auth/user/wrong', 'x-a: 1'],
  ])('%s with %s', async (path, header) => {
    await compare('GET', path, [header])
  })
})
