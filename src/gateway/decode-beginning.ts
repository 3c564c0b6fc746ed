/** Content codings undone for what is kept of a body, cut off or not, up to a bound. */

import type { Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'

export interface DecodedBeginning {
  readonly bytes: Buffer
  /** True when there was more, or what came was broken. */
  readonly isCut: boolean
}

/** @param isCut what there is of the bytes is to be decoded, however they end */
type Coding = (bytes: Buffer, isCut: boolean) => Transform

const createGzipDecoder: Coding = (_bytes, isCut) => createGunzip(zlibOptions(isCut))

const codings: ReadonlyMap<string, Coding> = new Map([
  ['gzip', createGzipDecoder],
  ['x-gzip', createGzipDecoder],
  ['deflate', createDeflateDecoder],
  ['br', createBrotliDecoder],
  ['zstd', createZstdDecoder],
])

/** More are never needed, and each costs memory and time. */
const maxCodings = 3

/**
 * Undefined when the coding is not known, or nothing can be made of the bytes.
 * @param encoding the header `content-encoding`; codings in the order they were applied
 * @param maxBytes of the decoded bytes; what is beyond is cut off
 */
export async function decodeBeginning(
  beginning: DecodedBeginning,
  encoding: string | undefined,
  maxBytes: number,
): Promise<DecodedBeginning | undefined> {
  const names = (encoding ?? '').toLowerCase().split(',')
  const chain = names.map(name => name.trim()).filter(name => name !== '' && name !== 'identity')
  if (chain.length > maxCodings) return undefined
  let decoded = beginning
  for (const name of chain.toReversed()) {
    const coding = codings.get(name)
    const next = coding && (await decodeOnce(decoded, coding, maxBytes))
    if (next === undefined) return undefined
    decoded = next
  }
  return decoded
}

/** The coding that the first bytes tell of, where no header does. */
export function sniffCoding(bytes: Buffer): string | undefined {
  const [first = 0, second = 0] = bytes
  if (first === 0x1f && second === 0x8b) return 'gzip'
  if (first === 0x78 && [0x01, 0x5e, 0x9c, 0xda].includes(second)) return 'deflate'
  return bytes.length >= 4 && bytes.readUInt32LE() === 0xfd2fb528 ? 'zstd' : undefined
}

async function decodeOnce(
  { bytes, isCut }: DecodedBeginning,
  coding: Coding,
  maxBytes: number,
): Promise<DecodedBeginning | undefined> {
  const whole = isCut ? undefined : await run(coding(bytes, false), bytes, maxBytes)
  if (whole !== undefined) return whole
  const part = await run(coding(bytes, true), bytes, maxBytes)
  return part === undefined || part.bytes.length === 0 ? undefined : { ...part, isCut: true }
}

/** Undefined when the bytes are not what the decoder takes. */
function run(decoder: Transform, bytes: Buffer, maxBytes: number): Promise<DecodedBeginning | undefined> {
  const { promise, resolve } = Promise.withResolvers<DecodedBeginning | undefined>()
  const chunks: Buffer[] = []
  let size = 0
  decoder.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (size <= maxBytes) return
    resolve({ bytes: Buffer.concat(chunks).subarray(0, maxBytes), isCut: true })
    decoder.destroy()
  })
  decoder.on('end', () => resolve({ bytes: Buffer.concat(chunks), isCut: false }))
  decoder.on('error', () => resolve(undefined))
  decoder.end(bytes)
  return promise
}

function zlibOptions(isCut: boolean): { finishFlush: number } {
  return { finishFlush: isCut ? constants.Z_SYNC_FLUSH : constants.Z_FINISH }
}

/** RFC 9110 §8.4.1.2 says zlib; some servers send the bare deflate data instead. */
function createDeflateDecoder(bytes: Buffer, isCut: boolean): Transform {
  const [first = 0, second = 0] = bytes
  const isZlib = (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0
  return isZlib ? createInflate(zlibOptions(isCut)) : createInflateRaw(zlibOptions(isCut))
}

function createBrotliDecoder(_bytes: Buffer, isCut: boolean): Transform {
  const finishFlush = isCut ? constants.BROTLI_OPERATION_FLUSH : constants.BROTLI_OPERATION_FINISH
  return createBrotliDecompress({ finishFlush })
}

/** RFC 9659 §3: a window of at most 8 MiB. */
function createZstdDecoder(_bytes: Buffer, isCut: boolean): Transform {
  const finishFlush = isCut ? constants.ZSTD_e_flush : constants.ZSTD_e_end
  return createZstdDecompress({ finishFlush, params: { [constants.ZSTD_d_windowLogMax]: 23 } })
}
