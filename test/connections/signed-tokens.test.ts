/** Tokens that the gateway signs itself, or exchanges for others, reach servers that verify them with public keys. */
import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, type JWTVerifyResult, jwtVerify } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { type Answer, createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'

const call = 'query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status attempts } }'
const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'
const explain = 'query($id: ID!) { explain(connectionId: $id, path: "/me") { allowed toCurl headers { name value } } }'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const fields = { issuer: { title: 'Issuer', secret: false }, privateKey: { title: 'Private key' } }
const given = { issuer: 'app-1', privateKey: pem }

afterEach(() => {
  vi.useRealTimers()
})

/** The clock of this process stands at so much later; timers run as they do. */
function passSeconds(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

async function open(vendor: Upstream, auth: object): Promise<TestGateway> {
  const gateway = await createGateway({ allow: [vendor.host] })
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, auth: [auth] })
  return gateway
}

const connect = (gateway: TestGateway, credential: object) =>
  gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
const bearerOf = ({ headers }: Recorded) => headers.authorization?.replace(/^Bearer /, '') ?? ''

/** Verifies with the public key and this process's clock; undefined for what is no good token. */
async function verify(token: string, audience?: string): Promise<JWTVerifyResult | undefined> {
  const options = { algorithms: ['RS256'], issuer: 'app-1', currentDate: new Date() }
  return await jwtVerify(token, rsa.publicKey, audience === undefined ? options : { ...options, audience }).catch(
    () => undefined,
  )
}

/** An answer that takes its time to be found. */
function answering(find: (request: Recorded) => Promise<{ status: number; body: object }>): Answer {
  return (request, response) => {
    find(request).then(
      ({ status, body }) => sendJson(response, body, status),
      error => response.destroy(error),
    )
  }
}

describe('jwt', () => {
  const auth = {
    scheme: 'jwt',
    fields,
    algorithm: 'RS256',
    key: '{privateKey}',
    jwtHeader: { kid: 'k-{issuer}' },
    claims: { iss: '{issuer}', jti: '{uuid}' },
    jwtLifetimeSeconds: 120,
  }
  const judge = answering(async request => {
    const isGood = (await verify(bearerOf(request))) !== undefined
    return { status: isGood ? 200 : 401, body: {} }
  })

  test('is verified by the vendor, used again within its life, and signed anew after it', async () => {
    await using vendor = await createUpstream(judge)
    await using gateway = await open(vendor, auth)
    const id = await connect(gateway, { jwt: { fields: given } })
    for (const seconds of [0, 10, 3600]) {
      if (seconds > 0) passSeconds(seconds)
      expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
    }
    const [first = '', second = '', third = ''] = vendor.seen.map(bearerOf)
    expect(second).toBe(first)
    expect(third).not.toBe(first)
    expect(decodeProtectedHeader(first)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k-app-1' })
    expect(decodeJwt(third).jti).not.toBe(decodeJwt(first).jti)
    for (const token of [first, third]) {
      const { iat = 0, exp = 0 } = decodeJwt(token)
      expect(exp - iat).toBe(120)
    }
  })

  test('explain shows neither a token nor the key', async () => {
    await using vendor = await createUpstream(judge)
    await using gateway = await open(vendor, auth)
    const id = await connect(gateway, { jwt: { fields: given } })
    await gateway.ask(call, { id })
    const { explain: plan } = await gateway.ask(explain, { id })
    expect(plan.headers).toContainEqual({ name: 'authorization', value: '***' })
    expect(JSON.stringify(plan) + gateway.log()).not.toMatch(/eyJ|PRIVATE KEY/)
    expect(vendor.seen).toHaveLength(1)
  })

  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  test.each([
    ['a text that is no key', 'canary-no-key'],
    ['a public key', rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['a weak key', weak.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['a key of another kind', elliptic.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
  ])('refuses %s at creation, and shows none of it', async (_, privateKey) => {
    await using vendor = await createUpstream()
    await using gateway = await open(vendor, auth)
    const credential = { jwt: { fields: { ...given, privateKey } } }
    const { errors, text } = await gateway.run(create, { i: { integration: 'acme', endUserId: 'ann', credential } })
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_INPUT',
      details: [{ field: expect.stringMatching(/^credential/) }],
    })
    expect(text + gateway.log()).not.toMatch(/canary|(?:PUBLIC|PRIVATE) KEY/)
    expect(vendor.seen).toEqual([])
  })
})

describe('jwtBearer', () => {
  /** Gives `at-1`, `at-2` … for good assertions; the newest is the one that counts. */
  const createVendor = async () => {
    const state = { minted: 0, isRevoked: false, assertions: [] as string[] }
    const vendor = await createUpstream(
      answering(async request => {
        if (!request.url.startsWith('/token')) {
          const isGood = !state.isRevoked && bearerOf(request) === `at-${state.minted}`
          return { status: isGood ? 200 : 401, body: {} }
        }
        const form = new URLSearchParams(request.text)
        const assertion = form.get('assertion') ?? ''
        const verified = await verify(assertion, `http://${request.headers.host}/token`)
        const isGood =
          form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' &&
          verified?.payload.scope === 'read,write' &&
          verified.payload.sub === 'ann@example.com' &&
          !state.assertions.includes(assertion)
        if (!isGood) return { status: 400, body: { error: 'invalid_grant', error_description: assertion } }
        state.assertions.push(assertion)
        state.minted += 1
        state.isRevoked = false
        return { status: 200, body: { access_token: `at-${state.minted}`, token_type: 'Bearer', expires_in: 3600 } }
      }),
    )
    return Object.assign(vendor, { state })
  }
  const authFor = (vendor: Upstream) => ({
    scheme: 'jwtBearer',
    fields,
    algorithm: 'RS256',
    key: '{privateKey}',
    claims: { iss: '{issuer}', sub: 'ann@example.com', aud: '{tokenUrl}', scope: '{scopes}', jti: '{uuid}' },
    tokenUrl: `${vendor.url}/token`,
    scopeSeparator: ',',
    scopes: ['read', 'write'],
  })

  test('is exchanged at creation, used until it ends, and exchanged again with a new assertion', async () => {
    await using vendor = await createVendor()
    await using gateway = await open(vendor, authFor(vendor))
    const id = await connect(gateway, { jwtBearer: { fields: given } })
    for (const [seconds, minted] of [
      [0, 1],
      [60, 1],
      [7200, 2],
    ] as const) {
      if (seconds > 0) passSeconds(seconds)
      expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
      expect(vendor.state.minted).toBe(minted)
    }
    vendor.state.isRevoked = true
    expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, attempts: 2 })
    expect(vendor.state.minted).toBe(3)
    expect(gateway.log()).not.toMatch(/eyJ|PRIVATE KEY/)
  })

  test.each([
    ['another key', { ...given, privateKey: generateKey() }],
    ['another issuer', { ...given, issuer: 'app-2' }],
  ])('with %s is refused by the vendor, and nothing is stored or shown', async (_, values) => {
    await using vendor = await createVendor()
    await using gateway = await open(vendor, authFor(vendor))
    const credential = { jwtBearer: { fields: values } }
    const { errors, text } = await gateway.run(create, { i: { integration: 'acme', endUserId: 'ann', credential } })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'credential' }] })
    // The vendor said the assertion back.
    expect(text + gateway.log()).not.toMatch(/eyJ|PRIVATE KEY/)
    expect((await gateway.ask('{ connections(first: 1) { nodes { id } } }')).connections.nodes).toEqual([])
  })
})

test('a JWT as the bearer of its own exchange, as GitHub Apps do it, is signed for each installation token', async () => {
  let minted = 0
  await using vendor = await createUpstream(
    answering(async request => {
      if (!request.url.startsWith('/app/')) {
        const isGood = request.headers.authorization === `token ghs_${minted}`
        return { status: isGood ? 200 : 401, body: {} }
      }
      const verified = await verify(bearerOf(request))
      const { iat = 0, exp = Number.POSITIVE_INFINITY } = verified?.payload ?? {}
      const isGood =
        request.method === 'POST' && request.url === '/app/installations/77/access_tokens' && exp - iat <= 600
      if (!isGood) return { status: 401, body: { message: 'A JSON web token could not be decoded' } }
      minted += 1
      const expires_at = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '')
      return { status: 201, body: { token: `ghs_${minted}`, expires_at, permissions: { contents: 'read' } } }
    }),
  )
  await using gateway = await createGateway({ allow: [vendor.host] })
  const auth = {
    scheme: 'jwtBearer',
    fields,
    algorithm: 'RS256',
    key: '{privateKey}',
    claims: { iss: '{issuer}' },
    jwtLifetimeSeconds: 540,
    exchange: 'bearer',
    tokenUrl: `${vendor.url}/app/installations/{installation}/access_tokens`,
    tokenHeaders: { accept: 'application/vnd.github+json' },
    tokenAnswer: { accessToken: '$.token', expiresAt: '$.expires_at' },
    inject: { headers: { authorization: 'token {accessToken}' } },
  }
  const config = { installation: { title: 'Installation', pattern: '[0-9]+', example: '1' } }
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, auth: [auth], config })
  const input = { integration: 'acme', endUserId: 'ann', credential: { jwtBearer: { fields: given } } }
  const id = await gateway.createConnection({ ...input, config: { installation: '77' } })
  expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
  passSeconds(3700)
  expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, attempts: 1 })
  expect(minted).toBe(2)
  const { tokenExpiresAt } = (await gateway.ask('query($id: ID!) { connection(id: $id) { tokenExpiresAt } }', { id }))
    .connection
  expect(Date.parse(tokenExpiresAt)).toBeGreaterThan(Date.now() + 3_000_000)
})

function generateKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
