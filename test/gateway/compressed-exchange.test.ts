/** Compressed bodies are kept as what they say, or not at all: in what is kept no credential can be found by decoding it. */
import { randomBytes } from 'node:crypto'
import { brotliCompressSync, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { keep } from './keep-answer.ts'

describe('bodies', () => {
  const injection = { headers: { 'x-key': 'canary-key-of-some-length' } }
  const noise = randomBytes(3000).toString('hex')
  const body = JSON.stringify({ key: 'canary-key-of-some-length', noise })

  test.each([
    ['gzip', gzipSync(body)],
    ['deflate', deflateRawSync(body)],
    ['br', brotliCompressSync(body)],
    ['gzip, br', brotliCompressSync(gzipSync(body))],
  ])('that are cut off are kept as far as they can be read, without credentials: %s', async (coding, bytes) => {
    const kept = await keep(bytes, { injection, headers: { 'content-encoding': coding }, maxBytes: 1500 })
    expect(kept.body).toMatchObject({ isTruncated: true, omitted: null, sizeBytes: bytes.length })
    expect(kept.text).toMatch(/^\{"key":"\[redacted\]","noise":"[\da-f]{500,}$/)
  })

  test('that are large when they are decoded are cut off there', async () => {
    const bytes = gzipSync(JSON.stringify({ key: 'canary-key-of-some-length', pad: 'x'.repeat(2_000_000) }))
    const kept = await keep(bytes, { injection, headers: { 'content-encoding': 'gzip' }, maxBytes: 100_000 })
    expect(kept.body?.isTruncated).toBe(true)
    expect(kept.text).toMatch(/^\{"key":"\[redacted\]","pad":"x{1000000,}$/)
  })

  test.each([
    ['cut off before anything can be read', 'zstd', zstdCompressSync(body).subarray(0, 1200)],
    ['not what the header says', 'gzip', Buffer.from(body)],
    ['of a coding that is not known', 'exotic', Buffer.from(body)],
    ['of more codings than are undone', 'gzip, gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(gzipSync(body))))],
  ])('that are %s are not kept', async (_name, coding, bytes) => {
    const kept = await keep(bytes, { injection, headers: { 'content-encoding': coding }, maxBytes: 10_000 })
    expect(kept.body).toMatchObject({ bytes: null, omitted: 'Its content-encoding cannot be undone.' })
  })

  test('that broke off are kept as far as they can be read', async () => {
    const kept = await keep(gzipSync(body).subarray(0, 1000), { injection, headers: { 'content-encoding': 'gzip' } })
    expect(kept.body?.isTruncated).toBe(true)
    expect(kept.text).toMatch(/^\{"key":"\[redacted\]","noise":"[\da-f]{500,}$/)
  })

  test('that no header calls so are not kept with a credential in them, or too much to look through', async () => {
    const omitted = 'It is compressed, and may repeat the credential.'
    for (const bytes of [gzipSync(body), zstdCompressSync(body), gzipSync('x'.repeat(2_000_000))]) {
      expect((await keep(bytes, { injection, maxBytes: 10_000 })).body).toMatchObject({ bytes: null, omitted })
    }
    const harmless = gzipSync('harmless')
    expect((await keep(harmless, { injection })).body?.bytes?.equals(harmless)).toBe(true)
  })
})
