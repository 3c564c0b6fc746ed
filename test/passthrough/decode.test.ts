/** Content codings: undone for the views, described no longer, never beyond the bound, and refused when they lie. */
import { randomBytes } from 'node:crypto'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createCore, failureOf } from '../support/passthrough-core.ts'
import { createUpstream } from '../support/upstream.ts'

const text = '{"id": 9007199254740993, "name": "ü"}'
const plain = Buffer.from(text)
const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)

async function exchange(
  encoding: string | string[],
  bytes: Buffer,
  options: object = {},
  method: 'GET' | 'HEAD' = 'GET',
  status = 200,
) {
  await using upstream = await createUpstream((_, response) => {
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Encoding': encoding,
      'Content-Length': bytes.length,
      ETag: '"x"',
    })
    response.end(bytes)
  })
  await using core = createCore({ url: upstream.url })
  return await core.send({ method, options })
}

describe('a body in a coding that is known', () => {
  test.each<[string | string[], Buffer]>([
    ['gzip', gzipSync(plain)],
    ['GZip', gzipSync(plain)],
    ['x-gzip', gzipSync(plain)],
    ['br', brotliCompressSync(plain)],
    ['zstd', zstdCompressSync(plain)],
    ['deflate', deflateSync(plain)],
    ['deflate', deflateRawSync(plain)],
    ['gzip, br', brotliCompressSync(gzipSync(plain))],
    ['gzip , identity,, br', brotliCompressSync(gzipSync(plain))],
    [['gzip', 'br'], brotliCompressSync(gzipSync(plain))],
    ['gzip', Buffer.concat([gzipSync(half(plain)), gzipSync(plain.subarray(plain.length / 2))])],
  ])('%s reads as what it holds', async (encoding, bytes) => {
    const { response, outcome } = await exchange(encoding, bytes)
    expect([response.text(), (await response.json())?.text, response.sizeBytes]).toEqual([text, text, plain.length])
    expect(response.bytes.equals(plain)).toBe(true)
    expect(response.headers.map(({ name }) => name)).toEqual(expect.arrayContaining(['Content-Type', 'ETag']))
    expect([response.header('content-encoding'), response.header('content-length')]).toEqual([undefined, undefined])
    expect(outcome.bytesReceived).toBe(bytes.length)
  })
})

describe('a body that is left as it came', () => {
  test.each<[string, Buffer]>([
    ['identity', plain],
    ['', plain],
    ['compress', plain],
    ['aws-chunked', plain],
    ['gzip, unknown', gzipSync(plain)],
    ['constructor', plain],
    ['__proto__', plain],
    ['toString', plain],
    ['gzip', Buffer.alloc(0)],
  ])('%s', async (encoding, bytes) => {
    const { response } = await exchange(encoding, bytes)
    expect(response.bytes.equals(bytes)).toBe(true)
    expect([response.header('content-encoding'), response.header('content-length')]).toEqual([
      encoding,
      String(bytes.length),
    ])
  })

  test('the answer to HEAD', async () => {
    const { response, outcome } = await exchange('gzip', gzipSync(plain), { maxResponseBytes: 1 }, 'HEAD')
    expect([response.status, response.sizeBytes, response.header('content-encoding'), outcome.bytesReceived]).toEqual([
      200,
      0,
      'gzip',
      0,
    ])
  })

  test('part of an encoded body', async () => {
    const part = gzipSync(plain).subarray(5, 20)
    const { response } = await exchange('gzip', part, {}, 'GET', 206)
    expect([response.bytes.equals(part), response.header('content-encoding')]).toEqual([true, 'gzip'])
  })
})

describe('a body that is not what its coding says', () => {
  test.each<[string, Buffer]>([
    ['gzip', plain],
    ['br', Buffer.from([255, 255, 255, 255])],
    ['zstd', plain],
    ['deflate', Buffer.from([255, 255, 255])],
    ['gzip', half(gzipSync(plain))],
    ['br', half(brotliCompressSync(plain))],
    ['zstd', half(zstdCompressSync(plain))],
    ['deflate', half(deflateSync(plain))],
    ['br, gzip', brotliCompressSync(gzipSync(plain))],
    ['gzip', Buffer.concat([gzipSync(plain).subarray(0, -8), Buffer.alloc(8)])],
  ])('%s', async (encoding, bytes) => {
    const failure = await failureOf(exchange(encoding, bytes))
    expect([failure.error.code, failure.message]).toEqual([
      'UPSTREAM_PROTOCOL',
      'The answer cannot be decoded as its content-encoding says.',
    ])
    expect(failure.outcome).toMatchObject({ executed: true, attempts: 1, bytesReceived: bytes.length })
  })

  test('too many codings', async () => {
    const failure = await failureOf(exchange('gzip, gzip, gzip, gzip', plain))
    expect([failure.error.code, failure.message]).toEqual([
      'UPSTREAM_PROTOCOL',
      'The answer names 4 content codings; at most 3 are undone.',
    ])
  })
})

describe('the bound on what is read', () => {
  const zeros = Buffer.alloc(20 * 1024 * 1024)
  const message = 'The decoded answer is larger than 1048576 bytes; raise options.maxResponseBytes.'
  test.each<[string, Buffer]>([
    ['gzip', gzipSync(zeros)],
    ['br', brotliCompressSync(zeros)],
    ['zstd', zstdCompressSync(zeros)],
    ['deflate', deflateSync(zeros)],
    ['deflate', deflateRawSync(zeros)],
    ['gzip, gzip', gzipSync(gzipSync(zeros))],
  ])('holds for a bomb in %s', async (encoding, bytes) => {
    const failure = await failureOf(exchange(encoding, bytes, { maxResponseBytes: 1024 * 1024 }))
    expect([failure.error.code, failure.message]).toEqual(['RESPONSE_TOO_LARGE', message])
    expect(failure.outcome).toMatchObject({ executed: true, bytesReceived: bytes.length })
  })

  test('lets through what fits exactly', async () => {
    const bytes = randomBytes(1000).toString('hex')
    const { response } = await exchange('gzip', gzipSync(bytes), { maxResponseBytes: 2000 })
    expect(response.text()).toBe(bytes)
    const failure = await failureOf(exchange('gzip', gzipSync(bytes), { maxResponseBytes: 1999 }))
    expect(failure.error.code).toBe('RESPONSE_TOO_LARGE')
  })
})
