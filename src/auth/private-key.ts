/** Private keys as people paste them: PEM whose line breaks got lost on the way. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { invalidInput } from '../errors.ts'

const pemBlock = /-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----([^-]*)-----END \1-----/

/**
 * Reads a private key in PEM: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 §A.1.2) or SEC 1 (RFC 5915). Line breaks may be written
 * as `\n`, as environment files carry them, or be blanks, as one-line inputs make of them.
 * @throws {GatewayError} INVALID_INPUT about `credential`; the key is neither in the message nor in a cause
 */
export function readPrivateKey(text: string): KeyObject {
  try {
    return createPrivateKey(restoreLines(text))
  } catch {
    throw invalidInput('credential', 'The private key of the credential is not an unencrypted private key in PEM.')
  }
}

function restoreLines(text: string): string {
  const [, label, inner = ''] = pemBlock.exec(text.replaceAll(/\\r|\\n/g, '\n')) ?? []
  // An old encrypted key has header lines in its block; it is left as it is and refused as encrypted.
  if (label === undefined || inner.includes(':')) return text
  const lines = inner.replaceAll(/\s+/g, '').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
