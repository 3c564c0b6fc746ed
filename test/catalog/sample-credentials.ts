/** A credential for any scheme of an entry, as a caller imports it, each secret a text that is nowhere else. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { AuthEntry, EntryOf } from '../../src/auth/scheme.ts'
import { placeholdersOf } from '../../src/auth/template.ts'

export interface SampleCredential {
  /** `CredentialInput`. */
  readonly input: Readonly<Record<string, unknown>>
  /** By the placeholder that stands for it in `inject`, where there is one. */
  readonly secrets: Readonly<Record<string, string>>
}

const pem = { type: 'pkcs8', format: 'pem' } as const
const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString()
const ecKeys = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem).toString(),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export(pem).toString(),
  EdDSA: generateKeyPairSync('ed25519').privateKey.export(pem).toString(),
}

/** @returns undefined for a client certificate, which is in no request */
export function sampleCredential(entry: AuthEntry): SampleCredential | undefined {
  const secret = newSecret()
  switch (entry.scheme) {
    case 'none':
      return { input: { none: {} }, secrets: {} }
    case 'apiKey':
      return { input: { apiKey: { key: secret } }, secrets: { apiKey: secret } }
    case 'basic': {
      const username = newSecret()
      return { input: { basic: { username, password: secret } }, secrets: { username, password: secret } }
    }
    case 'bearer':
      return { input: { bearer: { token: secret } }, secrets: { accessToken: secret } }
    case 'oauth2':
      return { input: { oauth2: { accessToken: secret } }, secrets: { accessToken: secret } }
    case 'clientCredentials': {
      const clientSecret = entry.clientAuthentication === 'privateKeyJwt' ? rsaKey : secret
      return { input: { clientCredentials: { clientId: newSecret(), clientSecret } }, secrets: { clientSecret } }
    }
    case 'oauth1': {
      const token = { token: newSecret(), tokenSecret: secret, consumerKey: newSecret() }
      const key: Record<string, string> =
        entry.signatureMethod === 'RSA-SHA1' ? { privateKey: rsaKey } : { consumerSecret: newSecret() }
      return { input: { oauth1: { ...token, ...key } }, secrets: { tokenSecret: secret, ...key } }
    }
    case 'awsSigV4':
      return {
        input: { awsSigV4: { accessKeyId: newSecret(), secretAccessKey: secret } },
        secrets: { secretAccessKey: secret },
      }
    case 'mtls':
      return undefined
    default: {
      const fields = fieldsOf(entry)
      return { input: { [entry.scheme]: { fields } }, secrets: fields }
    }
  }
}

function fieldsOf(entry: EntryOf<'twoStep' | 'jwt' | 'jwtBearer' | 'headers'>): Record<string, string> {
  const keys = 'key' in entry ? placeholdersOf(entry.key) : []
  const entries = Object.keys(entry.fields).map(name => [name, keys.includes(name) ? keyOf(entry) : newSecret()])
  return Object.fromEntries(entries)
}

function keyOf(entry: AuthEntry): string {
  if (!('algorithm' in entry)) throw new TypeError(`${entry.scheme} signs nothing`)
  const { algorithm, keyEncoding = 'text' } = entry
  if (algorithm in ecKeys) return ecKeys[algorithm as keyof typeof ecKeys]
  if (!algorithm.startsWith('HS')) return rsaKey
  return randomBytes(64).toString(keyEncoding === 'text' ? 'hex' : keyEncoding)
}

/** Letters and digits only: it stays as it is in headers, queries and bodies. */
export function newSecret(): string {
  return `canary${randomBytes(12).toString('hex')}`
}
