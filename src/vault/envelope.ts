/**
 * How a secret lies in the store: AES-256-GCM (NIST SP 800-38D) under a random data key of its own, which a
 * key-encryption key wraps the same way. Layout, in bytes:
 *
 *     version 1 | key id length 1 | key id | nonce 12 | wrapped data key 32 | tag 16 | nonce 12 | secret | tag 16
 *
 * The associated data of both layers holds the header and the binding, so an envelope opens only where it was sealed.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { EncryptionKey } from './key-ring.ts'

const version = 1
const nonceLength = 12
const keyLength = 32
const tagLength = 16
const wrappedLength = nonceLength + keyLength + tagLength

/** Seals `secret` under a fresh data key wrapped by `key`, bound to `binding`. */
export function sealEnvelope(key: EncryptionKey, binding: string, secret: Buffer): Buffer {
  const id = Buffer.from(key.id, 'latin1')
  const header = Buffer.concat([Buffer.of(version, id.length), id])
  const associated = Buffer.concat([header, Buffer.from(binding)])
  const dataKey = randomBytes(keyLength)
  const envelope = Buffer.concat([header, encrypt(key.key, associated, dataKey), encrypt(dataKey, associated, secret)])
  dataKey.fill(0)
  return envelope
}

/** The id of the key that wraps this envelope, or undefined when the bytes are no envelope. */
export function envelopeKeyId(envelope: Buffer): string | undefined {
  const length = envelope[1]
  if (envelope[0] !== version || length === undefined) return undefined
  if (envelope.length < 2 + length + wrappedLength + nonceLength + tagLength) return undefined
  return envelope.toString('latin1', 2, 2 + length)
}

/** Opens an envelope sealed by {@link sealEnvelope}. @throws Error when a bit, the binding or the key differs. */
export function openEnvelope(key: EncryptionKey, binding: string, envelope: Buffer): Buffer {
  const headerLength = 2 + (envelope[1] ?? 0)
  const associated = Buffer.concat([envelope.subarray(0, headerLength), Buffer.from(binding)])
  const dataKey = decrypt(key.key, associated, envelope.subarray(headerLength, headerLength + wrappedLength))
  try {
    return decrypt(dataKey, associated, envelope.subarray(headerLength + wrappedLength))
  } finally {
    dataKey.fill(0)
  }
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
