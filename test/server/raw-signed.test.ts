/** The raw route with schemes that sign: bodies are whole where the signature covers them, and streams everywhere else. */
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkAws, checkOAuth1, formType } from '../connections/signature-checks.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const account = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'canary-wJalrXUtnFEMI', sessionToken: 'canary-s+==' }
const consumer = { consumerKey: 'client', consumerSecret: 'canary-c&1', tokenSecret: 'canary-t 2' }
const mebibyte = 1024 * 1024

const aws = { scheme: 'awsSigV4', region: 'eu-west-1' }
const schemes: Readonly<Record<string, object>> = {
  api: { ...aws, service: 'execute-api' },
  objects: { ...aws, service: 's3' },
  unsigned: { ...aws, service: 'execute-api', unsignedPayload: true },
  social: { scheme: 'oauth1' },
  plain: { scheme: 'oauth1', signatureMethod: 'PLAINTEXT' },
}

const stack = new AsyncDisposableStack()
let vendor: Upstream
let gateway: TestGateway
/** By kind. */
const ids: Record<string, string> = {}

/** Answers 200 to a good signature of either kind, and 401 to any other. */
beforeAll(async () => {
  vendor = stack.use(
    await createUpstream((request, response) => {
      const isAws = request.headers.authorization?.startsWith('AWS4') === true
      const checked = isAws ? checkAws(request, account) : Promise.resolve(checkOAuth1(request, consumer) !== undefined)
      checked.then(
        isGood => sendJson(response, {}, isGood ? 200 : 401),
        error => response.destroy(error),
      )
    }),
  )
  gateway = stack.use(await createGateway({ allow: [vendor.host] }))
  for (const kind of Object.keys(schemes)) {
    const input = inputsFor(kind, kind, vendor.url)
    await gateway.createIntegration(input.definition)
    ids[kind] = await gateway.createConnection(input.connection)
  }
})

afterAll(() => stack.disposeAsync())

function inputsFor(kind: string, slug: string, baseUrl: string) {
  const isOAuth = kind === 'social' || kind === 'plain'
  const credential = isOAuth ? { oauth1: { token: 't-1', ...consumer } } : { awsSigV4: account }
  const definition = { slug, name: slug, baseUrl, auth: [schemes[kind]] }
  return { definition, connection: { integration: slug, endUserId: 'ann', credential } }
}

interface Sending extends RequestOptions {
  readonly body?: string | Buffer
  /** Sends no length, so that the body is chunked. */
  readonly isChunked?: boolean
}

/** As an SDK would that knows the gateway's key beside its own header. */
function start(kind: string, path: string, options: RequestOptions = {}) {
  const { hostname: host, port } = new URL(gateway.url)
  const headers = { 'x-api-key': adminKey, ...options.headers }
  return httpRequest({ method: 'POST', ...options, host, port, path: `/passthrough/${ids[kind]}${path}`, headers })
}

async function send(kind: string, path: string, { body, isChunked = false, ...options }: Sending = {}) {
  const request = start(kind, path, options)
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  // What the gateway refuses it may refuse before the body's end.
  request.on('error', () => {})
  if (isChunked) request.write(body ?? '')
  request.end(isChunked ? undefined : body)
  const [answer] = await answered
  return { status: answer.statusCode, text: await text(answer) }
}

const last = () => vendor.seen.at(-1)

describe('a body that the signature covers', () => {
  test.each([true, false])('is signed for AWS (chunked: %s)', async isChunked => {
    const body = JSON.stringify({ name: 'Ünï', n: 1 })
    const headers = { 'content-type': 'application/json' }
    const { status } = await send('api', '/stage/items?x=%2F', { body, headers, isChunked })
    expect([status, last()?.text]).toEqual([200, body])
    expect(last()?.headers['content-length']).toBe(String(Buffer.byteLength(body)))
  })

  test('is signed for OAuth 1.0a when it is a form', async () => {
    const body = 'status=Hello%20World+%2b&a=1&a=0'
    const headers = { 'content-type': `${formType}; charset=utf-8` }
    const { status } = await send('social', '/update.json?trim=1', { body, headers })
    expect([status, last()?.text]).toEqual([200, body])
  })

  test('may be empty', async () => {
    expect((await send('api', '/a', { isChunked: true })).status).toBe(200)
    expect((await send('api', '/a', { method: 'DELETE' })).status).toBe(200)
    expect((await send('api', '/a', { method: 'GET' })).status).toBe(200)
  })

  test('may have 10 MiB', async () => {
    const body = Buffer.alloc(10 * mebibyte, 'a')
    const { status } = await send('api', '/a', { body })
    expect([status, last()?.body.length]).toEqual([200, body.length])
  })

  test.each([
    ['api', { 'content-type': 'text/plain' }],
    ['social', { 'content-type': formType }],
  ])('is refused above that, whether it says its length or not (%s)', async (slug, headers) => {
    const before = vendor.seen.length
    const body = Buffer.alloc(10 * mebibyte + 1, 'a')
    for (const isChunked of [true, false]) {
      const { status, text } = await send(slug, '/a', { body, headers, isChunked })
      const problem = JSON.parse(text)
      expect([status, problem.code]).toEqual([413, 'REQUEST_TOO_LARGE'])
      expect(text).toContain('The credential')
    }
    expect(vendor.seen).toHaveLength(before)
  })

  test('that says it is too long is refused before a byte of it came', async () => {
    const request = start('api', '/a', { headers: { 'content-length': 10 * mebibyte + 1 } })
    request.on('error', () => {})
    request.flushHeaders()
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    expect([answer.statusCode, JSON.parse(await text(answer)).code]).toEqual([413, 'REQUEST_TOO_LARGE'])
    request.destroy()
  })

  test('is not waited for when the destination is refused', async () => {
    const request = start('api', '/a?__domain=https://example.com', { headers: { 'content-length': 5 } })
    request.on('error', () => {})
    request.flushHeaders()
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    expect(JSON.parse(await text(answer)).code).toBe('DESTINATION_NOT_ALLOWED')
    request.destroy()
  })
})

describe('a body that no signature covers', () => {
  /** The vendor gets the first bytes while the last are not written yet. */
  test.each([
    ['objects', {}],
    ['unsigned', { 'content-type': 'application/json' }],
    ['social', { 'content-type': 'application/json' }],
    ['plain', { 'content-type': formType }],
  ])('streams (%s %o)', async (kind, headers) => {
    const arrived = Promise.withResolvers<string>()
    const server = createServer(async (request, response) => {
      request.once('data', chunk => arrived.resolve(String(chunk)))
      await once(request, 'end')
      response.end(request.headers['x-amz-content-sha256'])
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
    await using own = await createGateway({ allow: [host] })
    const input = inputsFor(kind, 'acme', `http://${host}`)
    await own.createIntegration(input.definition)
    const id = await own.createConnection(input.connection)
    const { hostname, port } = new URL(own.url)
    const to = { host: hostname, port, method: 'PUT', path: `/passthrough/${id}/b/k` }
    const request = httpRequest({ ...to, headers: { authorization: `Bearer ${adminKey}`, ...headers } })
    const answered = once(request, 'response') as Promise<[IncomingMessage]>
    request.write('first')
    expect(await arrived.promise).toBe('first')
    request.end('last')
    const [answer] = await answered
    expect(answer.statusCode).toBe(200)
    expect(await text(answer)).toBe(['objects', 'unsigned'].includes(kind) ? 'UNSIGNED-PAYLOAD' : '')
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })

  test('is signed as unsigned, with its length', async () => {
    const body = Buffer.alloc(11 * mebibyte, 'b')
    const { status } = await send('objects', '/bucket/odd%20key+%27', { method: 'PUT', body })
    expect([status, last()?.body.length]).toEqual([200, body.length])
    expect(last()?.headers['x-amz-content-sha256']).toBe('UNSIGNED-PAYLOAD')
  })

  test('may be JSON for OAuth 1.0a', async () => {
    const headers = { 'content-type': 'application/json' }
    expect((await send('social', '/a?b=1', { body: '{"a":1}', headers })).status).toBe(200)
  })
})

describe('an SDK that signs by itself', () => {
  /** With the AWS SDK's own signer and an account that is no one's. */
  async function signByItself(service: string, path: string, body: string, host: string) {
    const credentials = { accessKeyId: 'AKIDNOBODY', secretAccessKey: 'nobody', sessionToken: 'nobody-session' }
    const signer = new SignatureV4({ credentials, region: 'us-east-1', service, sha256: Sha256, applyChecksum: true })
    const headers = { host, 'content-type': 'application/json', 'amz-sdk-request': 'attempt=1; max=3' }
    const asked = { method: 'POST', protocol: 'http:', hostname: host, path, headers, body }
    return (await signer.sign(asked)).headers
  }

  test.each(['api', 'objects'])('has its signature replaced, not doubled (%s)', async slug => {
    const body = '{"TableName":"a"}'
    const service = slug === 'api' ? 'execute-api' : 's3'
    const { host: _, ...headers } = await signByItself(service, '/x', body, 'gate.example')
    expect(headers).toMatchObject({ 'x-amz-security-token': 'nobody-session' })
    const { status } = await send(slug, '/x', { body, headers })
    expect(status).toBe(200)
    expect(last()?.headers.authorization).toContain('Credential=AKIDEXAMPLE/')
    expect(last()?.headers['x-amz-security-token']).toBe(account.sessionToken)
    expect(last()?.headers['amz-sdk-request']).toBe('attempt=1; max=3')
    const headersSent = JSON.stringify(last()?.headers)
    expect(headersSent).not.toMatch(/nobody/i)
    expect(headersSent).not.toContain(adminKey)
  })

  test('for OAuth 1.0a has its header replaced', async () => {
    const headers = {
      authorization: 'OAuth oauth_consumer_key="nobody", oauth_signature="x"',
      'content-type': formType,
    }
    expect((await send('social', '/a', { body: 'a=1', headers })).status).toBe(200)
    expect(last()?.headers.authorization).not.toContain('nobody')
  })

  test.each(['objects', 'unsigned', 'api'])('that frames its chunks is told how not to (%s)', async slug => {
    const before = vendor.seen.length
    const headers = {
      'content-encoding': 'gzip, aws-chunked',
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-trailer': 'x-amz-checksum-crc32',
      'x-amz-decoded-content-length': '5',
    }
    const body = '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n'
    const { status, text } = await send(slug, '/b/k', { method: 'PUT', body, headers })
    expect([status, JSON.parse(text).code]).toEqual([400, 'INVALID_INPUT'])
    expect(text).toContain('WHEN_REQUIRED')
    expect(vendor.seen).toHaveLength(before)
  })
})

test('nothing of a credential is in the log', () => {
  expect(vendor.seen.length).toBeGreaterThan(0)
  expect(gateway.log()).not.toMatch(/canary|Signature=|oauth_signature/)
})
