/** Signatures checked as a vendor's server does it, with the packages `oauth-1.0a` and `@smithy/signature-v4`. */
import { createHmac, type KeyObject, verify } from 'node:crypto'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import OAuth from 'oauth-1.0a'
import type { Recorded } from '../support/upstream.ts'

export const formType = 'application/x-www-form-urlencoded'

export type ProtocolParameters = Readonly<Record<string, string>>

/** The parameters of `Authorization: OAuth …` (RFC 5849 §3.5.1); undefined when there is no such header. */
export function readOAuth1({ headers }: Recorded): ProtocolParameters | undefined {
  const { authorization = '' } = headers
  if (!authorization.startsWith('OAuth ')) return undefined
  const found = [...authorization.matchAll(/(\w+)="([^"]*)"/g)]
  return Object.fromEntries(found.map(([, name = '', value = '']) => [name, decodeURIComponent(value)]))
}

export interface OAuth1Secrets {
  readonly consumerKey: string
  readonly consumerSecret: string
  readonly tokenSecret?: string | undefined
  /** Checks RSA-SHA1; HMAC-SHA1 is checked without it. */
  readonly publicKey?: KeyObject | undefined
}

/** The protocol parameters of a request whose signature is the one for it; undefined for any other. */
export function checkOAuth1(request: Recorded, secrets: OAuth1Secrets): ProtocolParameters | undefined {
  const { oauth_signature = '', realm: _, ...parameters } = readOAuth1(request) ?? {}
  const { consumerKey, consumerSecret, tokenSecret, publicKey } = secrets
  const verifier = new OAuth({
    consumer: { key: consumerKey, secret: consumerSecret },
    signature_method: publicKey === undefined ? 'HMAC-SHA1' : 'RSA-SHA1',
    hash_function: (base, key) => createHmac('sha1', key).update(base).digest('base64'),
  })
  const asked = { ...addressOf(request), data: fieldsOf(request) }
  const data = parameters as unknown as OAuth.Data
  const isGood =
    publicKey === undefined
      ? verifier.getSignature(asked, tokenSecret, data) === oauth_signature
      : verify(
          'sha1',
          Buffer.from(verifier.getBaseString(asked, data)),
          publicKey,
          Buffer.from(oauth_signature, 'base64'),
        )
  return isGood && parameters.oauth_consumer_key === consumerKey ? parameters : undefined
}

function addressOf({ method, url, headers }: Recorded): { method: string; url: string } {
  return { method, url: `http://${headers.host}${url.split('?')[0]}` }
}

/** Query and form together, repeated names as lists (RFC 5849 §3.4.1.3.1). */
function fieldsOf({ url, headers, text }: Recorded): Record<string, string[]> {
  const mark = url.indexOf('?')
  const fields = new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1))
  if (headers['content-type']?.split(';')[0] === formType) {
    for (const [name, value] of new URLSearchParams(text)) fields.append(name, value)
  }
  return Object.fromEntries([...fields.keys()].map(name => [name, fields.getAll(name)]))
}

export interface AwsAccount {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** Whether the signature is the one that AWS's own signer makes of what came. */
export async function checkAws(request: Recorded, account: AwsAccount): Promise<boolean> {
  const { headers, method, url, body } = request
  const pattern = /^AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=(\w+)$/
  const [, credential = '', names = '', signature] = pattern.exec(headers.authorization ?? '') ?? []
  const [accessKeyId, , region = '', service = ''] = credential.split('/')
  const signed = names.split(';')
  const isLeftOut = (name: string) => /^x-amz-|^content-type$|^host$/.test(name) && !signed.includes(name)
  if (Object.keys(headers).some(isLeftOut) || accessKeyId !== account.accessKeyId) return false
  if (headers['x-amz-security-token'] !== account.sessionToken) return false
  const isObjects = service === 's3'
  // What the signer adds by itself it has to find out by itself; an unsigned body is the one thing it has to be told.
  const added = ['x-amz-date', 'x-amz-security-token']
  if (headers['x-amz-content-sha256'] !== 'UNSIGNED-PAYLOAD') added.push('x-amz-content-sha256')
  const kept = signed.filter(name => !added.includes(name)).map(name => [name, String(headers[name])])
  const verifier = new SignatureV4({
    credentials: account,
    region,
    service,
    sha256: Sha256,
    applyChecksum: isObjects,
    uriEscapePath: !isObjects,
  })
  const [path = '', ...rest] = url.split('?')
  const asked = {
    method,
    protocol: 'http:',
    hostname: String(headers.host),
    path: isObjects ? spellKey(path) : path,
    query: queryOf(rest.join('?')),
    headers: Object.fromEntries(kept) as Record<string, string>,
    body,
  }
  const { headers: expected } = await verifier.sign(asked, { signingDate: readDate(String(headers['x-amz-date'])) })
  const hash = expected['x-amz-content-sha256']
  if (isObjects && hash !== headers['x-amz-content-sha256']) return false
  return expected.authorization?.endsWith(`Signature=${signature}`) === true
}

/** As the service does: the key that came is decoded, and encoded in the one way, with its slashes as they are. */
function spellKey(path: string): string {
  return encodeURIComponent(decodeURIComponent(path))
    .replaceAll(/[!'()*]/g, spellOne)
    .replaceAll('%2F', '/')
}

function spellOne(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

function queryOf(text: string): Record<string, string[]> {
  const query: Record<string, string[]> = {}
  for (const pair of text.split('&').filter(part => part !== '')) {
    const [name = '', ...value] = pair.split('=')
    const known = query[decodeURIComponent(name)] ?? []
    query[decodeURIComponent(name)] = [...known, decodeURIComponent(value.join('='))]
  }
  return query
}

function readDate(text: string): Date {
  return new Date(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}
