/** The form of secrets that README gives to secret scanners. */
import { expect, test } from 'vitest'
import { hasTypingError, newAccessKeySecret } from '../../src/access/secret.ts'

const published = /^pgk_[A-Za-z0-9_-]{49}$/

test('a new secret has the form', () => {
  for (let made = 0; made < 100; made += 1) {
    const secret = newAccessKeySecret()
    expect(secret).toMatch(published)
    expect(hasTypingError(secret)).toBe(false)
  }
})

test('the checksum is the CRC-32 of what is between prefix and checksum, big-endian, in base64url', () => {
  expect(hasTypingError('pgk_abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE1HhYvw')).toBe(false)
  expect(hasTypingError('pgk_abcdefghijklmnopqrstuvwxyz0123456789-_ABCDF1HhYvw')).toBe(true)
  expect(hasTypingError('pgk_abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE1HhYvx')).toBe(true)
})

test('texts of other forms have none: they may be secrets that somebody chose', () => {
  for (const text of ['', 'pgk_', 'nonsense', 'pgk_no_such_key', `pgk_${'x'.repeat(48)}`, `pgk_${'x'.repeat(50)}`]) {
    expect(hasTypingError(text)).toBe(false)
  }
})
