/** How a client proves itself to a token endpoint: RFC 6749 §2.3.1, RFC 7523 §2.2. */
import { createPrivateKey, type KeyObject, type webcrypto } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import type { ClientAuthentication, OAuthClientFacts } from './token-endpoint.ts'
import { TokenError } from './token-error.ts'

/** `plainBasic` is for servers that do not decode what §2.3.1 has clients encode. */
export type ClientProof = ClientAuthentication | 'plainBasic'

/** The proofs to try, each when the one before was refused. Absent: basic, then body. */
export function proofsFor(
  client: OAuthClientFacts | undefined,
  asked: ClientAuthentication | undefined,
): readonly [ClientProof, ...ClientProof[]] {
  const { clientId = '', clientSecret, privateKey } = client ?? {}
  if (asked === 'basic') {
    const isPlain = [clientId, clientSecret ?? ''].every(text => encodeForm(text) === text)
    return isPlain ? ['basic'] : ['basic', 'plainBasic']
  }
  if (asked !== undefined) return [asked]
  if (clientSecret !== undefined) return ['basic', 'body']
  return [privateKey === undefined ? 'none' : 'privateKeyJwt']
}

/** @throws {TokenError} misconfigured, when the client has not what the proof takes */
export async function prove(client: OAuthClientFacts | undefined, proof: ClientProof): Promise<oauth.ClientAuth> {
  if (client === undefined) return () => {}
  const { clientSecret, privateKey } = client
  switch (proof) {
    case 'none':
      return oauth.None()
    case 'body':
      return oauth.ClientSecretPost(require(clientSecret, 'a client secret'))
    case 'basic':
      return createBasic(require(clientSecret, 'a client secret'), encodeForm)
    case 'plainBasic':
      return createBasic(require(clientSecret, 'a client secret'), text => text)
    case 'privateKeyJwt':
      return await createPrivateKeyJwt(require(privateKey, 'a private key'), client.keyId)
  }
}

function require(value: string | undefined, what: string): string {
  if (value !== undefined && value !== '') return value
  throw new TokenError('misconfigured', { message: `The token endpoint asks for ${what}, and the client has none.` })
}

function createBasic(clientSecret: string, encode: (text: string) => string): oauth.ClientAuth {
  return (_server, client, _body, headers) => {
    const userPass = `${encode(client.client_id)}:${encode(clientSecret)}`
    headers.set('authorization', `Basic ${Buffer.from(userPass).toString('base64')}`)
  }
}

/**
 * `application/x-www-form-urlencoded`, which leaves `-`, `_`, `.` and `*` alone: the package encodes them too, and
 * servers that decode nothing would not know a client whose id is a UUID.
 */
function encodeForm(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

async function createPrivateKeyJwt(text: string, keyId: string | undefined): Promise<oauth.ClientAuth> {
  const { key, kid } = await importKey(text)
  return oauth.PrivateKeyJwt(
    { key, kid: keyId ?? kid },
    {
      [oauth.modifyAssertion](header, payload) {
        // RFC 9864's name for it is too new for most servers.
        if (header.alg === 'Ed25519') header.alg = 'EdDSA'
        // A server whose clock is behind must not refuse what was signed a moment ago.
        delete payload.nbf
      },
    },
  )
}

/** RSA signs RS256; P-256, P-384 and P-521 as RFC 7518 §3.4 says; Ed25519 EdDSA (RFC 8037). */
async function importKey(text: string): Promise<{ key: CryptoKey; kid: string | undefined }> {
  try {
    const jwk: webcrypto.JsonWebKey | undefined = text.trimStart().startsWith('{') ? JSON.parse(text) : undefined
    const key =
      jwk === undefined ? createPrivateKey(unescapeLines(text)) : createPrivateKey({ key: jwk, format: 'jwk' })
    const der = new Uint8Array(key.export({ type: 'pkcs8', format: 'der' }))
    const imported = await crypto.subtle.importKey('pkcs8', der, algorithmOf(key), false, ['sign'])
    const kid = jwk !== undefined && 'kid' in jwk && typeof jwk.kid === 'string' ? jwk.kid : undefined
    return { key: imported, kid }
  } catch {
    throw new TokenError('misconfigured', {
      message: "The client's private key is no RSA, P-256, P-384, P-521 or Ed25519 key in PEM or as a JWK.",
    })
  }
}

/** A PEM that came through an environment variable or JSON has `\n` for its line ends. */
function unescapeLines(pem: string): string {
  return pem.replaceAll('\\n', '\n')
}

const namedCurves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  if (asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  if (asymmetricKeyType !== 'ec') return { name: 'Ed25519' }
  return { name: 'ECDSA', namedCurve: namedCurves[asymmetricKeyDetails?.namedCurve ?? ''] ?? '' }
}
