/** Content codings (RFC 9110 §8.4.1) undone for the views of a body, never beyond a bound. */
import { promisify } from 'node:util'
import { brotliDecompress, constants, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'
import { GatewayError } from '../errors.ts'

type Decoder = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const decoders: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', promisify<Buffer, object, Buffer>(gunzip)],
  ['x-gzip', promisify<Buffer, object, Buffer>(gunzip)],
  ['br', promisify<Buffer, object, Buffer>(brotliDecompress)],
  ['zstd', decodeZstd],
  ['deflate', decodeDeflate],
])

/** More are never needed, and each costs memory and time. */
const maxCodings = 3

/**
 * The decoded bytes, or undefined when there is nothing to decode: no coding, an empty body, or a coding that is not known
 * and whose bytes are left as they came.
 * @param encoding the header `content-encoding`; codings in the order they were applied
 * @throws {GatewayError} RESPONSE_TOO_LARGE beyond `maxBytes`, UPSTREAM_PROTOCOL when the bytes are not what the header says
 */
export async function decodeBody(
  bytes: Buffer,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const codings = (encoding ?? '')
    .toLowerCase()
    .split(',')
    .map(coding => coding.trim())
    .filter(coding => coding !== '')
  const chain = codings.filter(coding => coding !== 'identity').map(coding => decoders.get(coding))
  if (bytes.length === 0 || chain.length === 0 || chain.includes(undefined)) return undefined
  if (chain.length > maxCodings) {
    throw new GatewayError(
      'UPSTREAM_PROTOCOL',
      `The answer names ${chain.length} content codings; at most ${maxCodings} are undone.`,
    )
  }
  let decoded = bytes
  for (const decode of chain.toReversed()) {
    if (decode !== undefined) decoded = await decodeOnce(decode, decoded, maxBytes)
  }
  return decoded
}

async function decodeOnce(decode: Decoder, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await decode(bytes, { maxOutputLength: maxBytes })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new GatewayError(
        'RESPONSE_TOO_LARGE',
        `The decoded answer is larger than ${maxBytes} bytes; raise options.maxResponseBytes.`,
        { cause },
      )
    }
    throw new GatewayError('UPSTREAM_PROTOCOL', 'The answer cannot be decoded as its content-encoding says.', { cause })
  }
}

/** RFC 9110 §8.4.1.2 says zlib; some servers send the bare deflate data instead. */
function decodeDeflate(bytes: Buffer, options: { maxOutputLength: number }): Promise<Buffer> {
  const isZlib = ((bytes[0] ?? 0) & 0x0f) === 8 && (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % 31 === 0
  return promisify<Buffer, object, Buffer>(isZlib ? inflate : inflateRaw)(bytes, options)
}

/** RFC 9659 §3: a window of at most 8 MiB. */
function decodeZstd(bytes: Buffer, options: { maxOutputLength: number }): Promise<Buffer> {
  return promisify<Buffer, object, Buffer>(zstdDecompress)(bytes, {
    ...options,
    params: { [constants.ZSTD_d_windowLogMax]: 23 },
  })
}
