/**
 * How a secret lies in the store: AES-256-GCM (NIST SP 800-38D) under a random data key of its own, which a
 * key-encryption key wraps the same way. Layout, in bytes:
 *
 *     version 1 | key id length 1 | key id | nonce 12 | wrapped data key 32 | tag 16 | nonce 12 | secret | tag 16
 *
 * The associated data of the outer layer holds the header and the binding, that of the inner one the version and the
 * binding: an envelope opens only where it was sealed, and another key can wrap its data key while the secret stays shut.
 * In a series many secrets have one data key: its outer layer is bound to the series, each inner one to its own place.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { EncryptionKey } from './key-ring.ts'

const version = 2
/** Its inner layer holds the whole header: it opens, but it has to be sealed anew for another key. */
const firstVersion = 1
const seriesVersion = 3
const nonceLength = 12
const keyLength = 32
const tagLength = 16
const wrappedLength = nonceLength + keyLength + tagLength

/** Seals `secret` under a fresh data key wrapped by `key`, bound to `binding`. */
export function sealEnvelope(key: EncryptionKey, binding: string, secret: Buffer): Buffer {
  const dataKey = randomBytes(keyLength)
  try {
    return Buffer.concat([wrap(key, binding, dataKey), encrypt(dataKey, innerData(binding), secret)])
  } finally {
    dataKey.fill(0)
  }
}

/** Opens an envelope sealed by {@link sealEnvelope}. @throws Error when a bit, the binding or the key differs. */
export function openEnvelope(key: EncryptionKey, binding: string, envelope: Buffer): Buffer {
  const { header, wrapped, sealed } = split(envelope)
  const dataKey = decrypt(key.key, outerData(header, binding), wrapped)
  try {
    const isFirst = header[0] === firstVersion
    return decrypt(dataKey, isFirst ? outerData(header, binding) : innerData(binding), sealed)
  } finally {
    dataKey.fill(0)
  }
}

/** A data key that seals several secrets, and how it lies in each of their envelopes. */
export interface SeriesKey {
  readonly dataKey: Buffer
  readonly head: Buffer
}

/** A fresh data key for a series, bound to `seriesBinding`. */
export function startSeries(key: EncryptionKey, seriesBinding: string): SeriesKey {
  const dataKey = randomBytes(keyLength)
  return { dataKey, head: wrap(key, seriesBinding, dataKey, seriesVersion) }
}

export function sealInSeries({ dataKey, head }: SeriesKey, binding: string, secret: Buffer): Buffer {
  return Buffer.concat([head, encrypt(dataKey, innerData(binding, seriesVersion), secret)])
}

/** Opens an envelope sealed by {@link sealInSeries}. @throws Error when a bit, a binding or the key differs */
export function openFromSeries(key: EncryptionKey, seriesBinding: string, binding: string, envelope: Buffer): Buffer {
  const { header, wrapped, sealed } = split(envelope)
  const dataKey = decrypt(key.key, outerData(header, seriesBinding), wrapped)
  try {
    return decrypt(dataKey, innerData(binding, seriesVersion), sealed)
  } finally {
    dataKey.fill(0)
  }
}

/**
 * The same secret under another key: its data key is wrapped anew. Only an envelope of the first version is opened for
 * it, and sealed as today's.
 *
 * @throws Error when a bit of the outer layer, the binding or the key differs
 */
export function rewrapEnvelope(from: EncryptionKey, to: EncryptionKey, binding: string, envelope: Buffer): Buffer {
  const { header, wrapped, sealed } = split(envelope)
  if (header[0] === firstVersion) return resealEnvelope(from, to, binding, envelope)
  const dataKey = decrypt(from.key, outerData(header, binding), wrapped)
  try {
    return Buffer.concat([wrap(to, binding, dataKey), sealed])
  } finally {
    dataKey.fill(0)
  }
}

/** How each envelope begins that `key` wraps today, but for those of series. */
export function envelopeHeader(key: EncryptionKey, ofVersion: number = version): Buffer {
  const id = Buffer.from(key.id, 'latin1')
  return Buffer.concat([Buffer.of(ofVersion, id.length), id])
}

/** The id of the key that wraps this envelope, or undefined when the bytes are no envelope. */
export function envelopeKeyId(envelope: Buffer): string | undefined {
  const id = headerKeyId(envelope)
  if (id === undefined || envelope.length < 2 + id.length + wrappedLength + nonceLength + tagLength) return undefined
  return id
}

/** As {@link envelopeKeyId} when only the beginning of the bytes is there: version, length and key id. */
export function headerKeyId(bytes: Buffer): string | undefined {
  const [first = 0, length] = bytes
  if (first < firstVersion || first > seriesVersion || length === undefined || bytes.length < 2 + length)
    return undefined
  return bytes.toString('latin1', 2, 2 + length)
}

function resealEnvelope(from: EncryptionKey, to: EncryptionKey, binding: string, envelope: Buffer): Buffer {
  const secret = openEnvelope(from, binding, envelope)
  try {
    return sealEnvelope(to, binding, secret)
  } finally {
    secret.fill(0)
  }
}

/** Header and wrapped data key. */
function wrap(key: EncryptionKey, binding: string, dataKey: Buffer, ofVersion: number = version): Buffer {
  const header = envelopeHeader(key, ofVersion)
  return Buffer.concat([header, encrypt(key.key, outerData(header, binding), dataKey)])
}

function split(envelope: Buffer): { header: Buffer; wrapped: Buffer; sealed: Buffer } {
  const headerLength = 2 + (envelope[1] ?? 0)
  return {
    header: envelope.subarray(0, headerLength),
    wrapped: envelope.subarray(headerLength, headerLength + wrappedLength),
    sealed: envelope.subarray(headerLength + wrappedLength),
  }
}

function outerData(header: Buffer, binding: string): Buffer {
  return Buffer.concat([header, Buffer.from(binding)])
}

function innerData(binding: string, ofVersion: number = version): Buffer {
  return Buffer.concat([Buffer.of(ofVersion), Buffer.from(binding)])
}

function encrypt(key: Buffer, associated: Buffer, plain: Buffer): Buffer {
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength })
  cipher.setAAD(associated)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: Buffer, associated: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceLength), { authTagLength: tagLength })
  decipher.setAAD(associated)
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
  return Buffer.concat([decipher.update(sealed.subarray(nonceLength, sealed.length - tagLength)), decipher.final()])
}
