/** AWS Signature Version 4 in the Authorization header of one request. */
import { createHash, createHmac } from 'node:crypto'
import { invalidInput } from '../errors.ts'
import { joinSorted, percentEncode, readPairs, recodePercent } from './percent-encoding.ts'
import { hostOf, type RequestSigner, type SignableRequest, splitPath } from './request-signer.ts'

export interface AwsOptions {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  /** The signing name, such as `execute-api`. */
  readonly service: string
  readonly region: string
  /** True: bodies are not part of the signature. */
  readonly unsignedPayload?: boolean | undefined
}

const algorithm = 'AWS4-HMAC-SHA256'

/** The services whose paths are object keys: a path is encoded once, and `//` and dots in it are part of the key. */
const objectServices: ReadonlySet<string> = new Set(['s3', 's3-object-lambda', 's3-outposts', 's3express'])

/** They ask for the hash of the body in a header of its own. */
const hashedServices: ReadonlySet<string> = new Set([...objectServices, 'aoss', 'glacier'])

/**
 * Not signed: what belongs to one hop (RFC 9110 §7.6.1), and what proxies and load balancers on the way rewrite. A changed
 * header would make the signature a wrong one, and AWS asks for `host`, `content-type` and `x-amz-*` only.
 */
const unsigned =
  /^(?:accept-encoding|authorization|cache-control|connection|expect|forwarded|from|keep-alive|max-forwards|pragma|referer|te|traceparent|tracestate|trailer|transfer-encoding|upgrade|user-agent|via|x-amzn-trace-id|(?:proxy|sec|x-forwarded)-.*)$/

/**
 * A signer by https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. It adds
 * `authorization`, `x-amz-date`, `x-amz-security-token` with a session token, and `x-amz-content-sha256` where the service
 * asks for it or the payload is not signed.
 * @throws {GatewayError} INVALID_INPUT on a credential, service or region that no header can carry; the signer throws it
 * on a streamed body that the service wants signed
 */
export function createAwsSigner(options: AwsOptions): RequestSigner {
  checkOptions(options)
  const { accessKeyId, sessionToken, service, region } = options
  return (request, nowMs) => {
    const date = new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, '')
    const payload = hashPayload(request, options)
    const headers = readHeaders(request)
    const added: Record<string, string> = { 'x-amz-date': date }
    if (sessionToken !== undefined) added['x-amz-security-token'] = sessionToken
    if (payload === 'UNSIGNED-PAYLOAD' || hashedServices.has(service) || headers.has('x-amz-content-sha256')) {
      added['x-amz-content-sha256'] = payload
    }
    for (const [name, value] of Object.entries(added)) headers.set(name, value)
    const names = [...headers.keys()].sort()
    const { pathname, query } = splitPath(request.path)
    const canonical = [
      request.method,
      objectServices.has(service) ? encodeKey(pathname) : encodePath(pathname),
      // `+` is a plus here and no space: AWS's signers decode `%XX` only.
      joinSorted(readPairs(query)),
      ...names.map(name => `${name}:${headers.get(name)}`),
      '',
      names.join(';'),
      payload,
    ].join('\n')
    const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`
    const signature = createHmac('sha256', deriveKey(options, date.slice(0, 8)))
      .update(`${algorithm}\n${date}\n${scope}\n${sha256(canonical)}`)
      .digest('hex')
    const credential = `Credential=${accessKeyId}/${scope}`
    return {
      ...added,
      authorization: `${algorithm} ${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
    }
  }
}

function checkOptions({ accessKeyId, secretAccessKey, sessionToken, service, region }: AwsOptions): void {
  // Between commas and blanks the header has its own parameters; the sentences name the field and never its value.
  const isToken = (text: string): boolean => /^[\x21-\x2b\x2d-\x7e]+$/.test(text)
  if (!isToken(accessKeyId)) {
    throw invalidInput('credential.awsSigV4.accessKeyId', 'An access key id takes visible ASCII without commas.')
  }
  if (secretAccessKey === '') {
    throw invalidInput('credential.awsSigV4.secretAccessKey', 'The secret access key is empty.')
  }
  if (sessionToken !== undefined && !isToken(sessionToken)) {
    throw invalidInput('credential.awsSigV4.sessionToken', 'A session token takes visible ASCII without commas.')
  }
  for (const [field, value] of Object.entries({ service, region })) {
    if (!/^[\w.-]+$/.test(value)) {
      throw invalidInput(
        field,
        `The ${field} of an AWS signature takes letters, digits, hyphens, dots and underscores.`,
      )
    }
  }
}

function hashPayload(request: SignableRequest, { service, unsignedPayload = false }: AwsOptions): string {
  if (unsignedPayload || (request.isStreamed && objectServices.has(service))) return 'UNSIGNED-PAYLOAD'
  if (!request.isStreamed) return sha256(request.body ?? '')
  const message =
    'The AWS signature covers the body, so it cannot be streamed: send it with a GraphQL mutation, or set unsignedPayload in the integration if the service takes UNSIGNED-PAYLOAD.'
  throw invalidInput('body', message)
}

/** The headers to sign: values trimmed, runs of blanks made one, repeated headers joined in their order. */
function readHeaders(request: SignableRequest): Map<string, string> {
  const found = new Map<string, string>()
  for (let at = 0; at + 1 < request.headers.length; at += 2) {
    const name = (request.headers[at] ?? '').toLowerCase()
    if (unsigned.test(name)) continue
    const value = (request.headers[at + 1] ?? '').replace(/\s+/g, ' ').trim()
    const before = found.get(name)
    found.set(name, before === undefined ? value : `${before},${value}`)
  }
  return found.set('host', hostOf(request))
}

/** What the service decodes is encoded again, each character in the one way. */
function encodeKey(pathname: string): string {
  return pathname.split('/').map(recodePercent).join('/').replaceAll('%2F', '/')
}

/** The path without dot segments and empty ones (RFC 3986 §6.2.2.3), encoded once more than it is on the wire. */
function encodePath(pathname: string): string {
  const segments: string[] = []
  for (const segment of pathname.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(percentEncode(segment))
  }
  return `/${segments.join('/')}${segments.length > 0 && pathname.endsWith('/') ? '/' : ''}`
}

function deriveKey({ secretAccessKey, region, service }: AwsOptions, day: string): Buffer {
  const steps = [day, region, service, 'aws4_request']
  return steps.reduce(
    (key, step) => createHmac('sha256', key).update(step).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  )
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
