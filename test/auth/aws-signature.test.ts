/** AWS signatures are those of the published vectors, of AWS's own documentation, and of two independent signers. */
import { createRequire } from 'node:module'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AwsOptions, createAwsSigner } from '../../src/auth/aws-signature.ts'
import type { SignableRequest } from '../../src/auth/request-signer.ts'
import vectors from '../data/aws-sig-v4/vectors.json' with { type: 'json' }
import { refusal } from './refusal.ts'

interface Aws4 {
  sign(request: object, credentials: object): { readonly headers: Readonly<Record<string, string>> }
}

const aws4: Aws4 = createRequire(import.meta.url)('aws4')
const nowMs = Date.UTC(2026, 1, 3, 4, 5, 6, 789)
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const account = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const lambda = { ...account, service: 'lambda', region: 'eu-west-1' } as const
const s3 = { ...account, service: 's3', region: 'us-east-1' } as const

describe('the published vectors', () => {
  it.each(vectors)('$name', ({ context, request: written, signedRequest }) => {
    const { credentials, service, region, sign_body: hashesBody, timestamp } = context
    const signer = createAwsSigner({
      accessKeyId: credentials.access_key_id,
      secretAccessKey: credentials.secret_access_key,
      sessionToken: credentials.token,
      service,
      region,
    })
    const given = readRequest(written)
    // A request that has the header gets the true value in it; that is how this signer is asked for it.
    const asking = hashesBody ? [...given.headers, 'X-Amz-Content-Sha256', ''] : given.headers
    const { headers } = readRequest(signedRequest)
    const expected = readFields(headers.slice(given.headers.length))
    expect(signer({ ...given, headers: asking }, Date.parse(timestamp))).toEqual(expected)
  })

  it('are there', () => {
    expect(vectors.length).toBe(30)
  })
})

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
describe('the examples of the S3 documentation', () => {
  it.each([
    [
      'GET',
      '/test.txt',
      ['Range', 'bytes=0-9'],
      '',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT',
      '/test$file.text',
      ['Date', 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class', 'REDUCED_REDUNDANCY'],
      'Welcome to Amazon S3.',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    ['GET', '/?lifecycle', [], '', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['GET', '/?max-keys=2&prefix=J', [], '', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ])('%s %s', (method, path, headers, body, signature) => {
    const signer = createAwsSigner({
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      service: 's3',
      region: 'us-east-1',
    })
    const origin = 'https://examplebucket.s3.amazonaws.com'
    const signable = request({ method, origin, path, headers, body: body === '' ? null : Buffer.from(body) })
    expect(signer(signable, Date.UTC(2013, 4, 24)).authorization?.split('Signature=')[1]).toBe(signature)
  })
})

describe("AWS's own signer", () => {
  it.each([
    ['lambda', undefined],
    ['execute-api', 'a/session+token=='],
    ['s3', undefined],
    ['s3', 'a/session+token=='],
  ])('agrees on any request to %s with the session token %s', async (service, sessionToken) => {
    const options = { ...account, service, region: 'eu-central-1', sessionToken }
    const signer = createAwsSigner(options)
    const isObjects = service === 's3'
    const verifier = new SignatureV4({
      credentials: options,
      region: options.region,
      service,
      sha256: Sha256,
      applyChecksum: isObjects,
      uriEscapePath: !isObjects,
    })
    await fc.assert(
      fc.asyncProperty(requests, async ({ method, segments, query, headers, body }) => {
        const path = `/${segments.map(encodeStrictly).join('/')}`
        const pairs = Object.entries(query).flatMap(([name, values]) => values.map(value => [name, value] as const))
        const written = pairs.map(pair => pair.map(encodeURIComponent).join('=')).join('&')
        const signed = await verifier.sign(
          {
            method,
            protocol: 'https:',
            hostname: 'a.example',
            path,
            query,
            headers: { ...headers, host: 'a.example' },
            body,
          },
          { signingDate: new Date(nowMs) },
        )
        const given = request({
          method,
          origin: 'https://a.example',
          path: written === '' ? path : `${path}?${written}`,
          headers: Object.entries(headers).flat(),
          body: body ?? null,
        })
        const { host: _, ...expected } = signed.headers
        expect({ ...headers, ...signer(given, nowMs) }).toEqual(expected)
      }),
      { numRuns: 150 },
    )
  })
})

describe('a signer of another author', () => {
  it('agrees on object keys however they are escaped', () => {
    const char = fc.oneof(
      fc.constantFrom(...("/('!*)$,:@=;&~ä%2f%28%7e%20".match(/%..|./g) ?? [])),
      fc.constantFrom('a', '.', '-'),
    )
    fc.assert(
      fc.property(fc.array(char, { maxLength: 10 }), chars => {
        const path = encodeURI(`/k${chars.join('')}`).replaceAll('%25', '%')
        const { authorization } = createAwsSigner(s3)(request({ path }), nowMs)
        const headers = { host: 'a.example', 'x-amz-date': '20260203T040506Z' }
        const asked = { method: 'GET', path, headers, service: 's3', region: 'us-east-1' }
        expect(authorization).toBe(aws4.sign(asked, account).headers.Authorization)
      }),
      { numRuns: 300 },
    )
  })
})

describe('paths and queries', () => {
  it.each([
    ['lambda', '/a%20b', '/a%2520b', false],
    ['lambda', '/a/%2E%2e/b', '/a/../b', false],
    ['lambda', '//a/./b/', '/a/b/', true],
    ['s3', '/a(b)', '/a%28b%29', true],
    ['s3', '/a%2fb', '/a/b', true],
    ['s3', '/a+b', '/a%2Bb', true],
    ['s3', '/a+b', '/a%20b', false],
    ['s3', '//a', '/a', false],
    ['s3', '/a/./b', '/a/b', false],
    ['lambda', '/?a=1&b=2', '/?b=2&a=1', true],
    ['lambda', '/?a=2&a=1', '/?a=1&a=2', true],
    ['lambda', '/?a-=1&a=2', '/?a=2&a-=1', true],
    ['lambda', '/?acl', '/?acl=', true],
    ['lambda', '/?', '/', true],
    ['lambda', '/?a=%7eb%2f', '/?a=~b/', true],
    ['lambda', '/?a=b+c', '/?a=b%2Bc', true],
    ['lambda', '/?a=b+c', '/?a=b%20c', false],
    ['lambda', '/?a=%zz', '/?a=%25zz', true],
    ['lambda', '/?a=b=c', '/?a=b%3Dc', true],
  ])('of %s: %s and %s are the same: %s', (service, one, other, isSame) => {
    const signer = createAwsSigner({ ...account, service, region: 'r' })
    const [first, second] = [one, other].map(path => signer(request({ path }), nowMs).authorization)
    expect(first === second).toBe(isSame)
  })
})

describe('headers', () => {
  it('signs host, content type, x-amz-* and none that belongs to a hop', () => {
    const hop = [
      'Connection',
      'close',
      'TE',
      'trailers',
      'Transfer-Encoding',
      'chunked',
      'Proxy-Authorization',
      'p',
      'Upgrade',
      'u',
    ]
    const rewritten = [
      'accept-encoding',
      'gzip',
      'user-agent',
      'u',
      'x-forwarded-for',
      '::1',
      'traceparent',
      't',
      'authorization',
      'old',
    ]
    const kept = ['Content-Type', 'text/plain', 'X-Amz-Target', 'T']
    const signer = createAwsSigner(lambda)
    const { authorization = '' } = signer(request({ headers: [...hop, ...rewritten, ...kept] }), nowMs)
    expect(authorization).toContain('SignedHeaders=content-type;host;x-amz-date;x-amz-target,')
    expect(authorization).toBe(signer(request({ headers: kept }), nowMs).authorization)
  })

  it('signs the host as it is sent, without a default port', () => {
    const sign = (origin: string, headers: string[] = []) =>
      createAwsSigner(lambda)(request({ origin, headers }), nowMs)
    expect(sign('https://A.example:443')).toEqual(sign('https://a.example'))
    expect(sign('https://a.example:8443')).not.toEqual(sign('https://a.example'))
    expect(sign('https://a.example', ['Host', 'a.example:8443'])).toEqual(sign('https://a.example:8443'))
  })

  it('replaces what the request says of its own signature', () => {
    const headers = ['X-Amz-Date', 'old', 'X-Amz-Security-Token', 'old', 'x-amz-content-sha256', 'UNSIGNED-PAYLOAD']
    const options = { ...s3, sessionToken: 'new' }
    const added = createAwsSigner(options)(request({ headers }), nowMs)
    expect(added).toEqual(createAwsSigner(options)(request({}), nowMs))
    expect(added).toMatchObject({
      'x-amz-date': '20260203T040506Z',
      'x-amz-security-token': 'new',
      'x-amz-content-sha256': emptyHash,
    })
  })

  it.each([
    ['s3', true],
    ['s3express', true],
    ['glacier', true],
    ['aoss', true],
    ['dynamodb', false],
  ])('hashes the body for %s in a header: %s', (service, isHashed) => {
    const added = createAwsSigner({ ...lambda, service })(request({ method: 'POST', body: Buffer.from('{}') }), nowMs)
    expect(Object.hasOwn(added, 'x-amz-content-sha256')).toBe(isHashed)
  })
})

describe('bodies', () => {
  const streamed = request({ method: 'PUT', path: '/key', isStreamed: true })

  it('leaves a streamed body out of the signature where the service allows it', () => {
    for (const options of [s3, { ...lambda, unsignedPayload: true }]) {
      expect(createAwsSigner(options)(streamed, nowMs)).toMatchObject({ 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' })
    }
  })

  it('signs the bytes it knows, unless the integration says otherwise', () => {
    const whole = request({ method: 'PUT', body: Buffer.from('a') })
    const other = request({ method: 'PUT', body: Buffer.from('b') })
    const sign = (options: AwsOptions) =>
      [whole, other].map(given => createAwsSigner(options)(given, nowMs).authorization)
    expect(new Set([...sign(s3), ...sign(lambda)]).size).toBe(4)
    expect(new Set(sign({ ...s3, unsignedPayload: true })).size).toBe(1)
  })

  it('refuses a streamed body elsewhere and says what to do', () => {
    const refused = refusal(() => createAwsSigner(lambda)(streamed, nowMs))
    expect([refused.code, refused.details?.map(({ field }) => field)]).toEqual(['INVALID_INPUT', ['body']])
    expect(refused.message).toMatch(/send it with a GraphQL mutation, or set unsignedPayload/)
  })
})

describe('what cannot be signed with', () => {
  it.each([
    ['credential.awsSigV4.accessKeyId', { accessKeyId: 'CANARY, SignedHeaders=host' }],
    ['credential.awsSigV4.accessKeyId', { accessKeyId: '' }],
    ['credential.awsSigV4.secretAccessKey', { secretAccessKey: '' }],
    ['credential.awsSigV4.sessionToken', { sessionToken: 'CANARY\r\nx: y' }],
    ['region', { region: 'CANARY/s3' }],
    ['service', { service: '' }],
  ])('is refused by its name, never shown: %s of %j', (field, wrong) => {
    const refused = refusal(() => createAwsSigner({ ...lambda, ...wrong }))
    expect([refused.code, refused.details?.map(detail => detail.field)]).toEqual(['INVALID_INPUT', [field]])
    expect(refused.message).not.toContain('CANARY')
  })
})

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
// A slash inside of an object's key has two spellings, of which this verifier takes one; the other one is asked below.
const segment = text.filter(value => value !== '.' && value !== '..' && !value.includes('/'))
const requests = fc.record({
  method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE'),
  segments: fc.array(segment, { maxLength: 3 }),
  query: fc.dictionary(
    text.filter(name => name !== '__proto__' && name.toLowerCase() !== 'x-amz-signature'),
    fc.array(fc.string({ unit: 'grapheme', maxLength: 6 }), { minLength: 1, maxLength: 3 }),
    { maxKeys: 4 },
  ),
  headers: fc.dictionary(
    fc.constantFrom('content-type', 'x-amz-target', 'x-amz-meta-a', 'accept', 'content-md5', 'if-match'),
    fc.string({ unit: fc.constantFrom(...'aZ9 ,;="'), maxLength: 12 }),
    { noNullPrototype: true },
  ),
  body: fc.option(
    fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes)),
    { nil: undefined },
  ),
})

function request(given: Partial<SignableRequest>): SignableRequest {
  const plain = { method: 'GET', origin: 'https://a.example', path: '/', headers: [], body: null, isStreamed: false }
  return { ...plain, ...given }
}

/** As the SDKs write paths: every byte that is not unreserved. */
function encodeStrictly(value: string): string {
  return encodeURIComponent(value).replaceAll(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** A vector's text: request line, headers (folded ones too), an empty line, the body. */
function readRequest(written: string): SignableRequest {
  const [head = '', body = ''] = written.split('\n\n')
  const [line = '', ...fields] = head
    .trimEnd()
    .replaceAll(/\n(?=[ \t])/g, '\r')
    .split('\n')
  const [, method = '', path = ''] = /^(\w+) (.*) HTTP\/1\.1$/.exec(line) ?? []
  const headers = fields.flatMap(field => {
    const colon = field.indexOf(':')
    return [field.slice(0, colon), field.slice(colon + 1).replaceAll('\r', '\n')]
  })
  return request({
    method,
    path,
    headers,
    origin: 'https://example.amazonaws.com',
    body: body === '' ? null : Buffer.from(body),
  })
}

function readFields(headers: readonly string[]): Record<string, string> {
  const names = headers.filter((_, at) => at % 2 === 0)
  return Object.fromEntries(names.map((name, at) => [name.toLowerCase(), headers[2 * at + 1] ?? '']))
}
