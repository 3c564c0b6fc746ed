/** Mutual TLS (RFC 8446 §4.4.2): the connection to the upstream presents the end user's certificate. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { invalidInput } from '../errors.ts'
import { expectScheme } from './expect-scheme.ts'
import { type AuthStrategy, emptyInjection } from './strategy.ts'

/** What a TLS client presents; both in PEM. */
export interface ClientCertificate {
  readonly cert: string
  readonly key: string
  readonly passphrase?: string | undefined
}

export function createClientCertificate(): AuthStrategy {
  return credential => {
    expectScheme(credential, 'mtls')
    const { certificate, privateKey, passphrase } = credential
    const leaf = readCertificate(certificate)
    const key = readPrivateKey(privateKey, passphrase)
    if (!leaf.checkPrivateKey(key)) {
      throw invalidInput('credential.mtls.privateKey', 'The private key is not the one of the certificate.')
    }
    return { ...emptyInjection, certificate: { cert: certificate, key: privateKey, passphrase } }
  }
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw invalidInput('credential.mtls.certificate', 'credential.mtls.certificate takes an X.509 certificate in PEM.')
  }
}

function readPrivateKey(key: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) })
  } catch {
    const takes = 'a private key in PEM, with its passphrase when it is encrypted'
    throw invalidInput('credential.mtls.privateKey', `credential.mtls.privateKey takes ${takes}.`)
  }
}
