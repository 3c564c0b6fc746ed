/** Whatever a vendor makes of a credential, wherever the body is cut off, and however it is compressed: it is not kept. */
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  inflateSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyInjection } from '../../src/auth/strategy.ts'
import { redactExchange } from '../../src/gateway/exchange-redaction.ts'
import { Beginning } from '../../src/gateway/kept-exchange.ts'

type Text = (text: string) => string

const each =
  (write: (character: string, code: number) => string): Text =>
  text =>
    [...text].map(character => write(character, character.codePointAt(0) ?? 0)).join('')
const units =
  (write: (unit: string) => string): Text =>
  text =>
    text
      .split('')
      .map(unit => write(unit.charCodeAt(0).toString(16).padStart(4, '0')))
      .join('')
const everyOther = (write: Text): Text =>
  each((character, code) => (code % 2 === 0 ? write(character) : inJson(character)))
const inJson: Text = text => JSON.stringify(text).slice(1, -1)
const inBase64 =
  (before: number): Text =>
  text =>
    Buffer.from(`${'='.repeat(before)}${text}, and more`).toString('base64')

const spellings: Record<string, Text> = {
  plain: text => text,
  'upper case': text => text.toUpperCase(),
  JSON: inJson,
  'JSON of PHP': text => inJson(text).replaceAll('/', '\\/'),
  'JSON in four digits': units(hex => `\\u${hex}`),
  'JSON in capitals': units(hex => `\\u${hex.toUpperCase()}`),
  'JSON in four digits here and there': everyOther(units(hex => `\\u${hex}`)),
  'JSON in JSON': text => inJson(inJson(text).replaceAll('/', '\\/')),
  'a program’s text': each((character, code) => (code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : character)),
  'a URL': text => encodeURIComponent(text),
  'a URL, every byte': text => Buffer.from(text).toString('hex').replace(/../g, '%$&'),
  'a form': text => new URLSearchParams({ '': text }).toString().slice(1),
  'a URL in a URL in JSON': text => inJson(encodeURIComponent(encodeURIComponent(text))),
  'HTML in decimals': each((_character, code) => `&#${code};`),
  'HTML in hex': each((_character, code) => `&#x${code.toString(16)};`),
  'HTML by name': text =>
    text.replace(
      /[&<>"/+=]/g,
      found => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', '/': 'sol', '+': 'plus', '=': 'equals' }[found]};`,
    ),
  base64: inBase64(0),
  'base64 behind one': inBase64(1),
  'base64 behind two': inBase64(2),
  'base64 for URLs': text => Buffer.from(`header ${text} end`).toString('base64url'),
  'base64 in lines': text => inBase64(1)(text).replace(/.{19}/g, '$&\r\n'),
  'base64 in JSON of PHP': text => inBase64(2)(text).replaceAll('/', '\\/'),
  hex: text => Buffer.from(text).toString('hex'),
  'hex in capitals': text => Buffer.from(text).toString('hex').toUpperCase(),
}

const charsets: Record<string, (text: string) => Buffer> = {
  'utf-8': text => Buffer.from(text),
  'utf-16le': text => Buffer.from(text, 'utf16le'),
  'utf-16be': text => Buffer.from(text, 'utf16le').swap16(),
}

const lenient = { finishFlush: constants.Z_SYNC_FLUSH }
const codings: Record<string, { name: string; encode: (bytes: Buffer) => Buffer; decode: (bytes: Buffer) => Buffer }> =
  {
    identity: { name: 'identity', encode: bytes => bytes, decode: bytes => bytes },
    gzip: { name: 'gzip', encode: bytes => gzipSync(bytes), decode: bytes => gunzipSync(bytes, lenient) },
    deflate: { name: 'deflate', encode: bytes => deflateSync(bytes), decode: bytes => inflateSync(bytes, lenient) },
    'bare deflate': {
      name: 'deflate',
      encode: bytes => deflateRawSync(bytes),
      decode: bytes => inflateRawSync(bytes, lenient),
    },
    brotli: {
      name: 'br',
      encode: bytes => brotliCompressSync(bytes),
      decode: bytes => brotliDecompressSync(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
    },
    zstd: {
      name: 'zstd',
      encode: bytes => zstdCompressSync(bytes),
      decode: bytes => zstdDecompressSync(bytes, { finishFlush: constants.ZSTD_e_flush }),
    },
  }

/** Everything that a reader who tries might make of the bytes. */
function readingsOf(bytes: Buffer): string[] {
  const packed = Object.values(codings).flatMap(({ decode }) => attempt(() => decode(bytes)))
  const texts = packed.flatMap(some => [
    some.toString('latin1'),
    ...[0, 1].flatMap(start => [utf16(some.subarray(start)), utf16(swap(some.subarray(start)))]),
  ])
  const unescaped = [...new Set(texts)].flatMap(text => [
    text,
    ...layers(text, unescapeJson),
    ...layers(text, unescapeUrl),
    ...layers(text, unescapeHtml),
  ])
  return [...new Set([...new Set(unescaped)].flatMap(text => [text, ...basesOf(text)]))]
}

function attempt(decode: () => Buffer): Buffer[] {
  try {
    return [decode()]
  } catch {
    return []
  }
}

function layers(text: string, undo: Text): string[] {
  const once = undo(text)
  return [once, undo(once), unescapeUrl(undo(once)), unescapeUrl(unescapeUrl(once))]
}

const utf8 = (code: number): string => Buffer.from(String.fromCodePoint(Math.min(code, 0x10ffff))).toString('latin1')
const utf16 = (bytes: Buffer): string => Buffer.from(bytes.toString('utf16le')).toString('latin1')
const swap = (bytes: Buffer): Buffer => Buffer.from(bytes.subarray(0, bytes.length & ~1)).swap16()
const unescapeJson: Text = text =>
  text
    .replace(/(?:\\u[\da-f]{4})+/gi, run => {
      const text16 = run
        .split(/\\u/i)
        .slice(1)
        .map(hex => String.fromCharCode(Number.parseInt(hex, 16)))
        .join('')
      return Buffer.from(text16).toString('latin1')
    })
    .replace(/\\x([\da-f]{2})/gi, (_found, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\(.)/g, '$1')
const unescapeUrl: Text = text =>
  text.replaceAll('+', ' ').replace(/%([\da-f]{2})/gi, (_found, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
const unescapeHtml: Text = text =>
  text
    .replace(/&#(\d+);?/g, (_found, code) => utf8(Number(code)))
    .replace(/&#x([\da-f]+);?/gi, (_found, hex) => utf8(Number.parseInt(hex, 16)))
    .replace(
      /&(amp|lt|gt|quot|sol|plus|equals);/g,
      (_found, name) =>
        ({ amp: '&', lt: '<', gt: '>', quot: '"', sol: '/', plus: '+', equals: '=' })[name as 'amp'] ?? '',
    )

function basesOf(text: string): string[] {
  const joined = text.replace(/[\r\n]/g, '')
  const base64 = (joined.match(/[\w+/-]{10,}/g) ?? []).flatMap(run =>
    [0, 1, 2, 3].map(start => Buffer.from(run.slice(start), 'base64').toString('latin1')),
  )
  const hex = (joined.match(/[\da-f]{16,}/gi) ?? []).flatMap(run =>
    [0, 1].map(start => Buffer.from(run.slice(start), 'hex').toString('latin1')),
  )
  return [...base64, ...hex]
}

function repeats(readings: readonly string[], credential: string, length: number): string[] {
  const bytes = Buffer.from(credential).toString('latin1')
  const pieces = Array.from({ length: bytes.length - length + 1 }, (_, at) => bytes.slice(at, at + length))
  return pieces.filter(piece => readings.some(reading => reading.includes(piece)))
}

async function keep(credential: string, body: Buffer, maxBytes: number, headers: Record<string, string>) {
  const beginning = new Beginning(maxBytes)
  beginning.add(body)
  const list = Object.entries(headers).map(([name, value]) => ({ name, value }))
  const taken = { requestHeaders: list, request: beginning, responseHeaders: list, answer: beginning }
  const exchange = await redactExchange(taken, {
    rules: [],
    injection: { ...emptyInjection, query: { key: credential } },
  })
  expect(exchange.requestBody).toEqual(exchange.responseBody)
  return exchange.responseBody
}

const credentials = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'abcXYZ0189/+=_-.~%&"\\<>\'!$*: '), minLength: 8, maxLength: 60 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 200 }),
  fc.string({ unit: fc.constantFrom(...'aé/ü€😀9'), minLength: 8, maxLength: 40 }),
  fc.base64String({ minLength: 24, maxLength: 400 }),
)
const surroundings = fc.oneof(
  fc.constantFrom('', '{"key":"', 'key=', '<a href="?k=', 'said: ', '[1,"a\\n","'),
  fc.json(),
  fc.string({ maxLength: 40 }),
  fc.nat(600).map(length => 'lorem ipsum '.repeat(length / 12)),
)

describe('a credential', () => {
  test.each(Object.keys(spellings))('is not kept, spelled as %s', async name => {
    await fc.assert(
      fc.asyncProperty(
        credentials,
        surroundings,
        surroundings,
        fc.constantFrom(...Object.keys(charsets)),
        fc.boolean(),
        fc.constantFrom(...Object.keys(codings)),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        async (credential, before, after, charset, isTold, codingName, part, isWhole) => {
          const coding = codings[codingName] as (typeof codings)[string]
          const text = `${before}${spellings[name]?.(credential)}${after}`
          const body = coding.encode(charsets[charset]?.(text) ?? Buffer.alloc(0))
          const maxBytes = isWhole ? body.length : Math.max(1, Math.round(body.length * part))
          const contentType = isTold ? `text/plain; charset=${charset}` : 'application/json'
          const headers = { 'content-encoding': coding.name, 'content-type': contentType }
          const kept = await keep(credential, body, maxBytes, headers)
          const readings = kept?.bytes == null ? [] : readingsOf(kept.bytes)
          const found = repeats(readings, credential, 8)
          const beginning = Buffer.from(credential).toString('latin1').slice(0, 6)
          const ends = isWhole ? [] : readings.filter(reading => reading.endsWith(beginning))
          if (found.length + ends.length === 0) return
          // What stands around it may happen to hold a part of it.
          const others = readingsOf(Buffer.from(`${before} ${after}`))
          const chance = new Set(repeats(others, credential, 8))
          expect(found.filter(piece => !chance.has(piece))).toEqual([])
          expect(others.some(other => other.includes(beginning)) ? [] : ends).toEqual([])
        },
      ),
      { numRuns: 30 },
    )
  })
})
