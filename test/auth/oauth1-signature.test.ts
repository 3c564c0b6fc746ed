/** OAuth 1.0a signatures are those of RFC 5849, of an independent implementation, and of a server that recomputes them. */
import { createHmac, generateKeyPairSync, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import OAuth from 'oauth-1.0a'
import { describe, expect, it } from 'vitest'
import { createBaseString, createOAuth1Signer, type OAuth1Options } from '../../src/auth/oauth1-signature.ts'
import type { SignableRequest } from '../../src/auth/request-signer.ts'
import { refusal } from './refusal.ts'

const form = 'application/x-www-form-urlencoded'
const nowMs = 1_318_622_958_000
const client = { consumerKey: 'a key', consumerSecret: 'k&d=9/4+ä', token: 't~1', tokenSecret: 's 2%' } as const
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

describe('the examples of RFC 5849', () => {
  it('makes the base string of §3.4.1.1', () => {
    const signable = request({
      method: 'POST',
      origin: 'http://example.com',
      path: '/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b',
      headers: ['Content-Type', form],
      body: Buffer.from('c2&a3=2+q'),
    })
    const parameters = {
      oauth_consumer_key: '9djdj82h48djs9d2',
      oauth_token: 'kkk9d7dh3k39sjv7',
      oauth_signature_method: 'HMAC-SHA1',
      oauth_timestamp: '137131201',
      oauth_nonce: '7d8f3e4a',
    }
    expect(createBaseString(signable, parameters)).toBe(
      'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
    )
  })

  it.each([
    [
      'POST',
      'https://photos.example.net',
      '/initiate',
      { oauth_callback: 'http://printer.example.com/ready', oauth_timestamp: '137131200', oauth_nonce: 'wIjqoS' },
      '',
      '74KNZJeDHnMBp0EMJ9ZHt/XKycU=',
    ],
    [
      'POST',
      'https://photos.example.net',
      '/token',
      {
        oauth_token: 'hh5s93j4hdidpola',
        oauth_verifier: 'hfdp7dh39dks9884',
        oauth_timestamp: '137131201',
        oauth_nonce: 'walatlh',
      },
      'hdhd0244k9j7ao03',
      'gKgrFCywp7rO0OXSjdot/IHF7IU=',
    ],
    [
      'GET',
      'http://photos.example.net',
      '/photos?file=vacation.jpg&size=original',
      { oauth_token: 'nnch734d00sl2jdk', oauth_timestamp: '137131202', oauth_nonce: 'chapoH' },
      'pfkkdhi9sl3r4s00',
      'MdpQcU8iPSUjWoN/UDMsK2sui9I=',
    ],
  ])('signs §1.2: %s %s%s', (method, origin, path, more, tokenSecret, signature) => {
    const parameters = { oauth_consumer_key: 'dpf43f3p2l4k3l03', oauth_signature_method: 'HMAC-SHA1', ...more }
    const baseString = createBaseString(request({ method, origin, path }), parameters)
    expect(createHmac('sha1', `kd94hf93k423kf44&${tokenSecret}`).update(baseString).digest('base64')).toBe(signature)
  })

  it.each([
    ['http://example.com', '/r%20v/X?id=123', ['host', 'EXAMPLE.COM:80'], 'http://example.com/r%20v/X'],
    ['https://www.example.net:8080', '/?q=1', [], 'https://www.example.net:8080/'],
    ['https://example.com:443', '', [], 'https://example.com/'],
    ['https://EXAMPLE.com', '/%7Euser/a+b;c', [], 'https://example.com/%7Euser/a+b;c'],
  ])('takes %s%s as its own address (§3.4.1.2)', (origin, path, headers, address) => {
    const [, uri = ''] = createBaseString(request({ origin, path, headers }), {}).split('&')
    expect(decodeURIComponent(uri)).toBe(address)
  })
})

describe('what is signed', () => {
  it.each([
    ['a=1&a=0&b', '', 'a=0&a=1&b='],
    ['a+b=c+d&e=%2B', '', 'a%20b=c%20d&e=%2B'],
    ['&&=&x', '', '=&x='],
    ['q=%zz&p=%e9', '', 'p=%E9&q=%25zz'],
    ['a-=1&a=2', '', 'a=2&a-=1'],
    ['k=%F0%9F%98%80&K=ä', 'k=*%7e', 'K=%C3%A4&k=%2A~&k=%F0%9F%98%80'],
  ])('reads the query %j and the form %j', (query, body, signed) => {
    const signable = request({
      path: `/?${query}`,
      headers: ['content-type', `${form}; charset=utf-8`],
      body: Buffer.from(body),
    })
    expect(decodeURIComponent(createBaseString(signable, {}).split('&')[2] ?? '')).toBe(signed)
  })

  it.each(['application/json', 'text/plain', `multipart/form-data; type=${form}`])('leaves a body of %s out', type => {
    const plain = request({ method: 'POST', headers: ['content-type', type] })
    expect(createBaseString({ ...plain, body: Buffer.from('a=1') }, {})).toBe(createBaseString(plain, {}))
    expect(createBaseString({ ...plain, isStreamed: true }, {})).toBe(createBaseString(plain, {}))
  })

  it('refuses a form whose bytes it does not know, and sends it where nothing is signed', () => {
    const streamed = request({ method: 'POST', headers: ['Content-Type', form], isStreamed: true })
    const refused = refusal(() => createOAuth1Signer({ ...client, signatureMethod: 'HMAC-SHA1' })(streamed, nowMs))
    expect([refused.code, refused.details?.map(({ field }) => field)]).toEqual(['INVALID_INPUT', ['body']])
    expect(refused.message).toContain('send it with a GraphQL mutation')
    const plain = createOAuth1Signer({ ...client, signatureMethod: 'PLAINTEXT' })(streamed, nowMs)
    expect(readHeader(plain.authorization).oauth_signature).toBe('k%26d%3D9%2F4%2B%C3%A4&s%202%25')
  })
})

describe('the Authorization header', () => {
  it('names all parameters, percent-encoded, and takes the clock and the nonce it is given', () => {
    const signer = createOAuth1Signer({ ...client, signatureMethod: 'PLAINTEXT', realm: 'a "b" \\c' }, () => 'n/1')
    expect(signer(request({}), nowMs + 999)).toEqual({
      authorization:
        'OAuth realm="a \\"b\\" \\\\c", oauth_consumer_key="a%20key", oauth_token="t~1", oauth_signature_method="PLAINTEXT", oauth_version="1.0", oauth_timestamp="1318622958", oauth_nonce="n%2F1", oauth_signature="k%2526d%253D9%252F4%252B%25C3%25A4%26s%25202%2525"',
    })
  })

  it('has the signature of the example that Twitter published ("Creating a signature")', () => {
    const options = {
      consumerKey: 'xvz1evFS4wEEPTGEFPHBog',
      consumerSecret: 'kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw',
      token: '370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb',
      tokenSecret: 'LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE',
      signatureMethod: 'HMAC-SHA1',
    } as const
    const signable = request({
      method: 'POST',
      origin: 'https://api.twitter.com',
      path: '/1/statuses/update.json?include_entities=true',
      headers: ['content-type', form],
      body: Buffer.from('status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21'),
    })
    const signer = createOAuth1Signer(options, () => 'kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg')
    const { authorization } = signer(signable, nowMs)
    expect(readHeader(authorization).oauth_signature).toBe('tnnArxj06cWHq44gCs1OSKk/jLY=')
  })

  it('carries the callback, then the verifier, of the three-legged flow', () => {
    const { consumerKey, consumerSecret } = client
    const options = { consumerKey, consumerSecret, signatureMethod: 'HMAC-SHA1' } as const
    const initiate = createOAuth1Signer({ ...options, callback: 'https://a.example/back?x=1' })(request({}), nowMs)
    expect(readHeader(initiate.authorization)).toMatchObject({ oauth_callback: 'https://a.example/back?x=1' })
    expect(readHeader(initiate.authorization)).not.toHaveProperty('oauth_token')
    const exchange = createOAuth1Signer({ ...options, token: 't', verifier: 'v+1' })(request({}), nowMs)
    expect(readHeader(exchange.authorization)).toMatchObject({ oauth_token: 't', oauth_verifier: 'v+1' })
  })

  it('has another nonce each time', () => {
    const signer = createOAuth1Signer({ ...client, signatureMethod: 'PLAINTEXT' })
    const nonces = Array.from({ length: 100 }, () => readHeader(signer(request({}), nowMs).authorization).oauth_nonce)
    expect(new Set(nonces).size).toBe(100)
  })

  it('refuses a realm that would end the header', () => {
    const refused = refusal(() => createOAuth1Signer({ ...client, signatureMethod: 'HMAC-SHA1', realm: 'a\r\nb: c' }))
    expect([refused.code, refused.details?.[0]?.field]).toEqual(['INVALID_INPUT', 'realm'])
  })
})

describe('RSA-SHA1', () => {
  it('is verified with the public key', () => {
    const privateKey = rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString().replaceAll('\n', '\\n')
    const signable = request({ path: '/a?b=1' })
    const signer = createOAuth1Signer({ ...client, signatureMethod: 'RSA-SHA1', privateKey })
    const { oauth_signature = '', realm: _, ...parameters } = readHeader(signer(signable, nowMs).authorization)
    const baseString = Buffer.from(createBaseString(signable, parameters))
    expect(verify('sha1', baseString, rsa.publicKey, Buffer.from(oauth_signature, 'base64'))).toBe(true)
  })

  it.each([
    ['no key', undefined],
    [
      'a key of another kind',
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ],
    ['a public key', rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['no PEM', 'CANARY-not-a-key'],
  ])('refuses %s without showing it', (_, privateKey) => {
    const refused = refusal(() => createOAuth1Signer({ ...client, signatureMethod: 'RSA-SHA1', privateKey }))
    expect([refused.code, refused.details?.[0]?.field, refused.cause]).toEqual([
      'INVALID_INPUT',
      'credential',
      undefined,
    ])
    expect(refused.message).not.toContain(privateKey ?? client.consumerSecret)
  })
})

describe('an independent implementation', () => {
  it.each(['HMAC-SHA1', 'HMAC-SHA256'] as const)('agrees on %s of any request', signatureMethod => {
    const signer = createOAuth1Signer({ ...client, signatureMethod })
    fc.assert(
      fc.property(requests, given => {
        const { authorization = '' } = signer(given, nowMs)
        expect(
          isGenuine({ ...given, headers: [...given.headers, 'authorization', authorization] }, signatureMethod),
        ).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('recomputes the signature on a server, from what it received', async () => {
    await using vendor = await startVendor()
    const signer = createOAuth1Signer({ ...client, signatureMethod: 'HMAC-SHA1', realm: 'R' })
    await fc.assert(
      fc.asyncProperty(requests, async given => {
        const sent = { ...given, origin: vendor.origin }
        expect(await vendor.answerTo(sent, signer(sent, nowMs))).toBe(200)
        const other = createOAuth1Signer({ ...client, tokenSecret: 'another', signatureMethod: 'HMAC-SHA1' })
        expect(await vendor.answerTo(sent, other(sent, nowMs))).toBe(401)
      }),
      { numRuns: 40 },
    )
  })
})

const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const spelled = fc.tuple(text, fc.nat(3)).map(([value, style]) => spell(value, style))
const pair = fc.oneof(
  fc.tuple(spelled, spelled).map(([name, value]) => `${name}=${value}`),
  spelled,
)
const pairs = fc.array(pair, { maxLength: 6 }).map(list => list.join('&'))
const path = fc.array(text.map(encodeURIComponent), { maxLength: 3 }).map(list => `/${list.join('/')}`)
const requests: fc.Arbitrary<SignableRequest> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    path,
    query: fc.option(pairs),
    body: fc.option(pairs),
    isForm: fc.boolean(),
  })
  .map(({ method, path, query, body, isForm }) =>
    request({
      method,
      origin: 'https://api.example:8443',
      path: query === null ? path : `${path}?${query}`,
      headers: body === null ? [] : ['content-type', isForm ? form : 'text/plain'],
      body: body === null ? null : Buffer.from(body),
    }),
  )

/** The same text as different clients escape it. */
function spell(value: string, style: number): string {
  if (style === 0) return encodeURIComponent(value)
  if (style === 1) return encodeURIComponent(value).replaceAll('%20', '+')
  if (style === 2) return encodeURIComponent(value).replaceAll(/%[0-9A-F]{2}/g, found => found.toLowerCase())
  return encodeURIComponent(value).replaceAll(/%(?:3A|2F|3F|40|24|2C|3B)/g, decodeURIComponent)
}

function request(given: Partial<SignableRequest>): SignableRequest {
  return {
    method: 'GET',
    origin: 'https://api.example',
    path: '/',
    headers: [],
    body: null,
    isStreamed: false,
    ...given,
  }
}

function readHeader(header = ''): Record<string, string> {
  const found = [...header.matchAll(/(\w+)="([^"]*)"/g)]
  return Object.fromEntries(found.map(([, name = '', value = '']) => [name, decodeURIComponent(value)]))
}

/** Recomputes the signature with the package `oauth-1.0a` and the platform's own form parser. */
function isGenuine(received: SignableRequest, method: OAuth1Options['signatureMethod']): boolean {
  const headers = Object.fromEntries(
    received.headers.flatMap((name, at, all) => (at % 2 === 0 ? [[name.toLowerCase(), all[at + 1] ?? '']] : [])),
  )
  const { oauth_signature, realm: _, ...parameters } = readHeader(headers.authorization)
  const [address = '', ...query] = received.path.split('?')
  const fields = new URLSearchParams(`&${query.join('?')}`)
  if (headers['content-type'] === form) {
    for (const [name, value] of new URLSearchParams(`&${received.body}`)) fields.append(name, value)
  }
  const data = Object.fromEntries([...fields.keys()].map(name => [name, fields.getAll(name)]))
  const hash = method === 'HMAC-SHA256' ? 'sha256' : 'sha1'
  const verifier = new OAuth({
    consumer: { key: client.consumerKey, secret: client.consumerSecret },
    signature_method: method,
    hash_function: (base, key) => createHmac(hash, key).update(base).digest('base64'),
  })
  const asked = { url: received.origin + address, method: received.method, data }
  return verifier.getSignature(asked, client.tokenSecret, parameters as unknown as OAuth.Data) === oauth_signature
}

async function startVendor() {
  const server = createServer(async (incoming, answer) => {
    const received = await receive(incoming)
    answer.writeHead(isGenuine(received, 'HMAC-SHA1') ? 200 : 401).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async answerTo({ method, origin, path, headers, body }: SignableRequest, added: Readonly<Record<string, string>>) {
      const framing = ['host', new URL(origin).host, 'content-length', String(body?.length ?? 0)]
      const sent = send(origin, { method, path, headers: [...headers, ...Object.entries(added).flat(), ...framing] })
      const answered = once(sent, 'response') as Promise<[IncomingMessage]>
      sent.end(body ?? undefined)
      const [{ statusCode }] = await answered
      return statusCode
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

async function receive(incoming: IncomingMessage): Promise<SignableRequest> {
  const { method = '', url = '', rawHeaders, headers } = incoming
  const body = await buffer(incoming)
  return request({ method, origin: `http://${headers.host}`, path: url, headers: rawHeaders, body })
}
