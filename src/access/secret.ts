/** The text of an access key: `pgk_`, 32 random bytes in base64url, and a checksum that a typing error fails. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

const prefix = 'pgk_'
/** Four bytes in base64url. */
const checksumLength = 6
const pattern = /^pgk_[A-Za-z0-9_-]{49}$/

/** A new secret: `pgk_` + 43 characters of entropy (256 bits) + 6 of checksum; recognisable to secret scanners. */
export function newAccessKeySecret(): string {
  const entropy = randomBytes(32).toString('base64url')
  return prefix + entropy + checksum(entropy)
}

/**
 * True for a text in the form of a key whose checksum does not fit: it was mistyped, and need not be looked up. Nothing
 * about texts of other forms, which may be secrets that an operator chose.
 */
export function hasTypingError(secret: string): boolean {
  if (!pattern.test(secret)) return false
  const entropy = secret.slice(prefix.length, -checksumLength)
  return !timingSafeEqual(Buffer.from(secret.slice(-checksumLength)), Buffer.from(checksum(entropy)))
}

/** What the store keeps. One round of SHA-256 is enough: the input has at least 32 characters of high entropy. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/** The part of a secret that lists may show: enough to tell keys apart, useless to a thief. */
export function secretHint(secret: string): string {
  return secret.startsWith(prefix) ? `${secret.slice(0, 8)}…` : `${secret.slice(0, 2)}…`
}

function checksum(entropy: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(entropy))
  return bytes.toString('base64url')
}
