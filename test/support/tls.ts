/** A self-signed certificate for tests only: of test.example, *.test.example, localhost and 127.0.0.1. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

export const testTls = {
  key: readFileSync(join(import.meta.dirname, 'tls/key.pem')),
  cert: readFileSync(join(import.meta.dirname, 'tls/cert.pem')),
}

/** Until disposed, this process trusts the certificate as it does the public authorities. */
export function trustTestTls(): Disposable {
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, testTls.cert.toString()])
  return { [Symbol.dispose]: () => setDefaultCACertificates(before) }
}
