/** Answers of token endpoints are asked for as they are, and read in whatever coding they come, within bounds. */
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { refreshTokens } from '../../../src/auth/tokens/grants.ts'
import { revokeToken } from '../../../src/auth/tokens/revocation.ts'
import type { TokenFetch, TokenRequestInit } from '../../../src/auth/tokens/token-endpoint.ts'
import { finishOAuth1 } from '../../../src/connections/oauth1-flow.ts'
import { createGateway } from '../../support/gateway.ts'
import { createUpstream, sendJson } from '../../support/upstream.ts'
import { tokenRefusal } from './token-refusal.ts'

const client = { clientId: 'c1', clientSecret: 's1' }
const endpoint = { tokenUrl: 'https://acme.example/token', clientAuthentication: 'body' } as const
const codings: Record<string, (bytes: Buffer) => Promise<Buffer>> = {
  gzip: promisify(zlib.gzip),
  'x-gzip': promisify(zlib.gzip),
  deflate: promisify(zlib.deflate),
  br: promisify(zlib.brotliCompress),
  zstd: promisify(zlib.zstdCompress),
}

/** A vendor that answers these bytes under this label, and what it was asked. */
function answering(bytes: Buffer, coding: string | undefined, status = 200) {
  const asked: TokenRequestInit[] = []
  const headers: [string, string][] = coding === undefined ? [] : [['content-encoding', coding]]
  const fetch: TokenFetch = async (_url, init) => {
    asked.push(init)
    return new Response(new Uint8Array(bytes), { status, headers })
  }
  return { asked, fetch }
}

const refresh = (fetch: TokenFetch) => refreshTokens(endpoint, client, 'r1', {}, fetch)

describe('an answer', () => {
  test.each(Object.keys(codings))('in %s is read', async coding => {
    const bytes = (await codings[coding]?.(Buffer.from('{"access_token": "tök"}'))) ?? Buffer.alloc(0)
    expect(await refresh(answering(bytes, coding).fetch)).toMatchObject({ accessToken: 'tök' })
    const refusal = (await codings[coding]?.(Buffer.from('{"error": "invalid_grant"}'))) ?? Buffer.alloc(0)
    expect(await tokenRefusal(refresh(answering(refusal, coding, 400).fetch))).toMatchObject({
      kind: 'refused',
      message: 'The token endpoint answered 400: invalid_grant',
    })
  })

  test('in deflate without its wrapping, as some servers send it, is read', async () => {
    const bytes = zlib.deflateRawSync('{"access_token": "t"}')
    expect(await refresh(answering(bytes, 'deflate').fetch)).toMatchObject({ accessToken: 't' })
  })

  test('in two codings, one upon the other, is read', async () => {
    const bytes = zlib.brotliCompressSync(zlib.gzipSync('{"access_token": "t"}'))
    expect(await refresh(answering(bytes, 'GZIP , br').fetch)).toMatchObject({ accessToken: 't' })
  })

  test.each(['gzip', 'identity', 'br', 'unheard-of', undefined])(
    'that is plain, whatever it says: %s',
    async coding => {
      const { fetch } = answering(Buffer.from('\ufeff{"access_token": "t"}'), coding)
      expect(await refresh(fetch)).toMatchObject({ accessToken: 't' })
    },
  )

  test.each(['gzip', 'deflate', 'br', 'zstd'])('in %s that would fill the memory is no answer', async coding => {
    const bytes = await codings[coding]?.(Buffer.from(`{"access_token": "t", "pad": "${' '.repeat(1024 * 1024)}"}`))
    const error = await tokenRefusal(refresh(answering(bytes ?? Buffer.alloc(0), coding).fetch))
    expect(error).toMatchObject({ kind: 'unavailable', message: 'The token endpoint answered 200 without a token.' })
  })

  test('in more codings than anybody uses is no answer', async () => {
    const many = Array.from({ length: 9 }).reduce<Buffer>(bytes => zlib.gzipSync(bytes), Buffer.from('{}'))
    const coding = Array.from({ length: 9 }, () => 'gzip').join(', ')
    expect(await tokenRefusal(refresh(answering(many, coding).fetch))).toMatchObject({ kind: 'unavailable' })
  })

  test('to a revocation says why, too', async () => {
    const { fetch, asked } = answering(zlib.gzipSync('{"error": "invalid_client"}'), 'gzip', 401)
    const revoked = revokeToken('https://acme.example/revoke', client, 't', 'access_token', 'body', fetch)
    expect(await tokenRefusal(revoked)).toMatchObject({ kind: 'misconfigured', error: 'invalid_client' })
    expect(asked[0]?.headers['accept-encoding']).toBe('identity')
  })

  test('of OAuth 1.0a is read', async () => {
    const { fetch, asked } = answering(zlib.gzipSync('oauth_token=t&oauth_token_secret=s'), 'gzip')
    const params = new URLSearchParams({ oauth_verifier: 'v', oauth_token: 'r' })
    const back = { requestToken: 'r', requestSecret: 'rs', config: {}, params }
    const entry = { scheme: 'oauth1', accessTokenUrl: 'https://acme.example/access' } as const
    expect(await finishOAuth1(entry, client, back, fetch)).toEqual({ scheme: 'oauth1', token: 't', tokenSecret: 's' })
    expect(asked[0]?.headers['accept-encoding']).toBe('identity')
  })
})

describe('a request', () => {
  test('asks for no coding, unless the entry does', async () => {
    const { asked, fetch } = answering(Buffer.from('{"access_token": "t"}'), undefined)
    await refresh(fetch)
    await refreshTokens({ ...endpoint, headers: { 'Accept-Encoding': 'br' } }, client, 'r1', {}, fetch)
    expect(asked.map(({ headers }) => headers['accept-encoding'])).toEqual(['identity', 'br'])
  })
})

test('through the gateway, a vendor that compresses whatever it is asked for gives a token', async () => {
  await using vendor = await createUpstream((request, response) => {
    if (request.url !== '/token')
      return sendJson(response, {}, request.headers.authorization === 'Bearer t' ? 200 : 401)
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
    response.end(zlib.gzipSync('{"access_token": "t", "expires_in": 3600}'))
  })
  await using gateway = await createGateway({ allow: [vendor.host] })
  const auth = [{ scheme: 'clientCredentials', tokenUrl: `${vendor.url}/token` }]
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, auth })
  const credential = { clientCredentials: { clientId: 'c', clientSecret: 's' } }
  const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
  const { passthrough } = await gateway.ask(
    'query($id: ID!) { passthrough(connectionId: $id, path: "/") { status } }',
    {
      id,
    },
  )
  expect(passthrough.status).toBe(200)
  expect(vendor.seen[0]?.headers['accept-encoding']).toBe('identity')
})
