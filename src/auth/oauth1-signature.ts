/** OAuth 1.0a signatures (RFC 5849 §3): the Authorization header of one request. */
import { createHmac, randomBytes, sign } from 'node:crypto'
import { invalidInput } from '../errors.ts'
import { isHeaderValue } from './header-names.ts'
import { type EncodedPair, joinSorted, percentEncode, readPairs } from './percent-encoding.ts'
import { readPrivateKey } from './private-key.ts'
import { headerOf, hostOf, type RequestSigner, type SignableRequest, splitPath } from './request-signer.ts'

export interface OAuth1Options {
  readonly consumerKey: string
  readonly consumerSecret: string
  readonly token?: string | undefined
  readonly tokenSecret?: string | undefined
  readonly signatureMethod: 'HMAC-SHA1' | 'HMAC-SHA256' | 'RSA-SHA1' | 'PLAINTEXT'
  /** PEM, for RSA-SHA1. */
  readonly privateKey?: string | undefined
  /** Named in the header and not part of what is signed. */
  readonly realm?: string | undefined
  /** For the request of temporary credentials (§2.1): an absolute URL or `oob`. */
  readonly callback?: string | undefined
  /** For the request of token credentials (§2.3). */
  readonly verifier?: string | undefined
}

/**
 * A signer by RFC 5849; `random` makes the nonce, which is to be another one each time.
 * @throws {GatewayError} INVALID_INPUT when RSA-SHA1 has no RSA private key, or a realm is no header text; the signer
 * throws it on a form whose bytes are not known
 */
export function createOAuth1Signer(options: OAuth1Options, random: () => string = createNonce): RequestSigner {
  const { consumerKey, token, signatureMethod, callback, verifier } = options
  const seal = createSeal(options)
  const realm = writeRealm(options.realm)
  const fixed = {
    oauth_consumer_key: consumerKey,
    ...(token === undefined ? {} : { oauth_token: token }),
    oauth_signature_method: signatureMethod,
    // Optional by §3.1, but some servers insist.
    oauth_version: '1.0',
    ...(callback === undefined ? {} : { oauth_callback: callback }),
    ...(verifier === undefined ? {} : { oauth_verifier: verifier }),
  }
  return (request, nowMs) => {
    const parameters = { ...fixed, oauth_timestamp: String(Math.floor(nowMs / 1000)), oauth_nonce: random() }
    const oauth_signature = seal(() => createBaseString(request, parameters))
    const written = encodePairs({ ...parameters, oauth_signature }).map(([name, value]) => `${name}="${value}"`)
    return { authorization: `OAuth ${[...realm, ...written].join(', ')}` }
  }
}

/**
 * The signature base string (§3.4.1) over the request and the protocol parameters.
 * @throws {GatewayError} INVALID_INPUT on a form whose bytes are not known: its fields are part of the string
 */
export function createBaseString(request: SignableRequest, parameters: Readonly<Record<string, string>>): string {
  const { pathname, query } = splitPath(request.path)
  const { protocol } = new URL(request.origin)
  // A Host header may name the default port, which the base string leaves out (§3.4.1.2).
  const { host } = new URL(`${protocol}//${hostOf(request)}`)
  const pairs = [...readForm(query), ...encodePairs(parameters), ...readForm(formBodyOf(request))]
  const parts = [request.method.toUpperCase(), `${protocol}//${host}${pathname}`, joinSorted(pairs)]
  return parts.map(percentEncode).join('&')
}

/** What turns a base string into a signature; PLAINTEXT never asks for it (§3.4.4). */
function createSeal(options: OAuth1Options): (baseString: () => string) => string {
  const { consumerSecret, tokenSecret = '', signatureMethod, privateKey } = options
  const secrets = `${percentEncode(consumerSecret)}&${percentEncode(tokenSecret)}`
  switch (signatureMethod) {
    case 'HMAC-SHA1':
      return baseString => createHmac('sha1', secrets).update(baseString()).digest('base64')
    case 'HMAC-SHA256':
      return baseString => createHmac('sha256', secrets).update(baseString()).digest('base64')
    case 'RSA-SHA1': {
      if (privateKey === undefined)
        throw invalidInput('credential', 'RSA-SHA1 needs the RSA private key of the client.')
      const key = readPrivateKey(privateKey)
      if (key.asymmetricKeyType !== 'rsa') throw invalidInput('credential', 'RSA-SHA1 takes an RSA private key.')
      return baseString => sign('sha1', Buffer.from(baseString()), key).toString('base64')
    }
    case 'PLAINTEXT':
      return () => secrets
  }
}

/** The fields of a form body; of any other body nothing is signed (§3.4.1.3.1). */
function formBodyOf(request: SignableRequest): string {
  const type = headerOf(request, 'content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') return ''
  if (request.isStreamed) {
    const message =
      'An OAuth 1.0a signature covers the fields of a form, so a form cannot be streamed; send it with a GraphQL mutation.'
    throw invalidInput('body', message)
  }
  return request.body?.toString('utf8') ?? ''
}

/** Queries and bodies are both read as forms, where `+` is a space (§3.4.1.3.1). */
function readForm(text: string): EncodedPair[] {
  return readPairs(text.replaceAll('+', '%20'))
}

function encodePairs(parameters: Readonly<Record<string, string>>): EncodedPair[] {
  return Object.entries(parameters).map(([name, value]) => [percentEncode(name), percentEncode(value)])
}

/** A quoted-string (RFC 9110 §5.6.4), unlike the other parameters, which are percent-encoded. */
function writeRealm(realm: string | undefined): string[] {
  if (realm === undefined) return []
  if (!isHeaderValue(`"${realm}"`)) throw invalidInput('realm', 'The realm has characters that no header can carry.')
  return [`realm="${realm.replaceAll(/["\\]/g, '\\$&')}"`]
}

function createNonce(): string {
  return randomBytes(16).toString('hex')
}
