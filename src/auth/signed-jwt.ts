/** JSON Web Tokens that the gateway signs itself (RFC 7519), with the end user's or the client's own key. */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { invalidInput } from '../errors.ts'
import { readPrivateKey } from './private-key.ts'

export type JwtAlgorithm =
  | 'HS256'
  | 'HS384'
  | 'HS512'
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'ES256'
  | 'ES384'
  | 'EdDSA'

export interface JwtOptions {
  readonly algorithm: JwtAlgorithm
  /** A shared secret for HS…, a private key in PEM for the others. */
  readonly key: string
  /** How a shared secret is written; text unless given. `base64` takes the URL-safe alphabet too. */
  readonly keyEncoding?: 'text' | 'hex' | 'base64' | undefined
  /** More header parameters, such as `kid`. */
  readonly header?: Readonly<Record<string, string>> | undefined
  /** `iat` and `exp` among them are replaced. */
  readonly claims: Readonly<Record<string, unknown>>
  readonly lifetimeSeconds: number
}

/** How far clocks may differ. */
const skewSeconds = 30

/**
 * Signs a JWT (RFC 7519; algorithms of RFC 7518 §3 and RFC 8037). `iat` lies 30 seconds back, because vendors refuse a
 * token from the future and clocks differ; `exp` counts from there, because vendors bound `exp - iat` (Google: one hour)
 * and the distance of `exp` from now (GitHub: ten minutes). A token that lives less than a minute is set back by half its life.
 * @throws {GatewayError} INVALID_INPUT about `credential` when the key is not one for the algorithm; it never shows the key
 */
export async function signJwt(options: JwtOptions, nowMs: number): Promise<{ token: string; expiresAt: Date }> {
  const { algorithm, header, claims, lifetimeSeconds } = options
  const key = readKey(options)
  // Both change how the token is read (RFC 7515 §4.1.11, RFC 7797), and neither is a text.
  if (header !== undefined && ('crit' in header || 'b64' in header)) {
    throw invalidInput('jwtHeader', 'The header parameters crit and b64 cannot be set.')
  }
  const iat = Math.floor(nowMs / 1000) - Math.min(skewSeconds, Math.floor(lifetimeSeconds / 2))
  const exp = iat + lifetimeSeconds
  const token = await new SignJWT({ ...claims, iat, exp })
    .setProtectedHeader({ typ: 'JWT', ...header, alg: algorithm })
    .sign(key)
  return { token, expiresAt: new Date(exp * 1000) }
}

function readKey({ algorithm, key, keyEncoding = 'text' }: JwtOptions): KeyObject {
  if (algorithm.startsWith('HS')) return createSecretKey(readSecret(algorithm, key, keyEncoding))
  const privateKey = readPrivateKey(key)
  if (isKeyFor(algorithm, privateKey)) return privateKey
  throw invalidInput('credential', `${algorithm} takes ${keyNames[algorithm] ?? 'an RSA key of at least 2048 bits'}.`)
}

const keyNames: Readonly<Partial<Record<JwtAlgorithm, string>>> = {
  ES256: 'an elliptic-curve key on P-256',
  ES384: 'an elliptic-curve key on P-384',
  EdDSA: 'an Ed25519 key',
}

/** RFC 7518 §3.3 to §3.5, RFC 8037 §3.1. */
function isKeyFor(algorithm: JwtAlgorithm, { asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength = 0, namedCurve } = asymmetricKeyDetails ?? {}
  if (algorithm === 'ES256') return type === 'ec' && namedCurve === 'prime256v1'
  if (algorithm === 'ES384') return type === 'ec' && namedCurve === 'secp384r1'
  if (algorithm === 'EdDSA') return type === 'ed25519'
  return type === 'rsa' && modulusLength >= 2048
}

const secretPatterns = {
  text: /./s,
  hex: /^(?:[0-9A-Fa-f]{2})+$/,
  base64: /^[A-Za-z0-9+/_-]{2,}={0,2}$/,
}

function readSecret(algorithm: JwtAlgorithm, key: string, keyEncoding: 'text' | 'hex' | 'base64'): Buffer {
  // A PEM block as a shared secret is a mistake, and with a public key one that lets anybody sign.
  if (key.includes('-----BEGIN '))
    throw invalidInput('credential', `${algorithm} takes a shared secret and no PEM key.`)
  if (!secretPatterns[keyEncoding].test(key)) {
    throw invalidInput('credential', `${algorithm} takes a shared secret written as ${keyEncoding}.`)
  }
  return Buffer.from(key, keyEncoding === 'text' ? 'utf8' : keyEncoding)
}
