/** The text of a vendor's answer, in whatever coding it came: some compress what was asked for as it is (RFC 9110 §12.5.3). */
import { promisify } from 'node:util'
import { brotliDecompress, constants, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'

type Decoder = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>

/** Of a decoded text, in bytes: as much as an answer may have that is not compressed. */
const maxOutputLength = 1024 * 1024
/** One upon the other. */
const maxCodings = 3

const decodeGzip: Decoder = promisify(gunzip)
const decodeZlib: Decoder = promisify(inflate)
const decodeRaw: Decoder = promisify(inflateRaw)
const decodeZstd = promisify<Buffer, object, Buffer>(zstdDecompress)
/** RFC 9659 §3: a window of at most 8 MiB. */
const zstdParams = { [constants.ZSTD_d_windowLogMax]: 23 }

const decoders: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', decodeGzip],
  ['x-gzip', decodeGzip],
  // RFC 9110 §8.4.1.2 says zlib; some servers send the bare deflate data instead.
  ['deflate', (bytes, options) => decodeZlib(bytes, options).catch(() => decodeRaw(bytes, options))],
  ['br', promisify(brotliDecompress)],
  ['zstd', (bytes, options) => decodeZstd(bytes, { ...options, params: zstdParams })],
])

/** What cannot be decoded, or is longer than 1 MiB then, is taken as it is: it makes no sense to whoever reads it. */
export async function readAnswerText(response: Response): Promise<string> {
  const bytes = Buffer.from(await response.arrayBuffer())
  return new TextDecoder().decode(await decode(bytes, codingsOf(response)).catch(() => bytes))
}

async function decode(bytes: Buffer, codings: readonly string[]): Promise<Buffer> {
  if (codings.length > maxCodings) return bytes
  let decoded = bytes
  for (const coding of codings) decoded = (await decoders.get(coding)?.(decoded, { maxOutputLength })) ?? decoded
  return decoded
}

/** The one that was applied last comes first. */
function codingsOf({ headers }: Response): string[] {
  const names = (headers.get('content-encoding') ?? '').split(',').map(name => name.trim().toLowerCase())
  return names.filter(name => name !== '' && name !== 'identity').reverse()
}
