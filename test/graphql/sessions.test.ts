/** Sessions: no wider than their key, signed with keys that anybody may read, and spent when their budget is. */
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway

beforeAll(async () => {
  upstream = stack.use(await createUpstream((_request, response) => sendJson(response, { ok: 'x'.repeat(1000) })))
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  for (const endUserId of ['ann', 'bob']) {
    await gateway.createConnection({ integration: 'own', endUserId, credential: { bearer: { token: 't' } } })
  }
})

afterAll(() => stack.disposeAsync())

const mint = 'mutation($i: CreateSessionInput!) { createSession(input: $i) { id token expiresAt } }'
const createSession = async (input: object, key?: string) => (await gateway.ask(mint, { i: input }, key)).createSession
const call = '{ passthrough(integration: "own", path: "/x") { status } }'
const codeOf = async (token: string, query = call) =>
  (await gateway.run(query, {}, token)).errors?.[0]?.extensions.code as string | undefined

async function createKey(scopes: string[], more: object = {}): Promise<string> {
  const query = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret } }'
  return (await gateway.ask(query, { i: { name: 'maker', scopes, ...more } })).createAccessKey.secret
}

describe('a session', () => {
  test('is a signed token that whoever gets it may verify', async () => {
    const { token, id, expiresAt } = await createSession({ endUserId: 'ann', expiresInSeconds: 60 })
    const jwks = createRemoteJWKSet(new URL('.well-known/jwks.json', gateway.url))
    const { payload, protectedHeader } = await jwtVerify(token, jwks, { audience: 'passgate' })
    expect(protectedHeader.alg).toBe('EdDSA')
    expect(payload).toMatchObject({ sub: 'ann', jti: id, exp: Math.floor(Date.parse(expiresAt) / 1000) })
    const published = await (await fetch(new URL('.well-known/jwks.json', gateway.url))).text()
    expect(published).not.toContain('"d"')
    expect(token.length).toBeLessThan(600)
  })

  test('sees and uses its end user’s connections only, and need not name them', async () => {
    const { token } = await createSession({ endUserId: 'ann' })
    expect((await gateway.ask(call, {}, token)).passthrough.status).toBe(200)
    const { connections } = await gateway.ask('{ connections(first: 9) { nodes { endUserId } } }', {}, token)
    expect(connections.nodes).toEqual([{ endUserId: 'ann' }])
    expect(await codeOf(token, '{ passthrough(integration: "own", endUserId: "bob", path: "/x") { status } }')).toBe(
      'CONNECTION_NOT_FOUND',
    )
    const connected = '{ integrations(filter: {connected: true}) { nodes { slug } } }'
    const { token: newcomer } = await createSession({ endUserId: 'carl' })
    expect((await gateway.ask(connected, {}, token)).integrations.nodes).toEqual([{ slug: 'own' }])
    expect((await gateway.ask(connected, {}, newcomer)).integrations.nodes).toEqual([])
  })

  test('is recorded as itself', async () => {
    const { token, id } = await createSession({ endUserId: 'ann' })
    await gateway.ask(call, {}, token)
    await gateway.app.flush()
    const { calls } = await gateway.ask('{ calls(first: 1) { nodes { callerId endUserId } } }')
    expect(calls.nodes).toEqual([{ callerId: id, endUserId: 'ann' }])
  })

  test('ends', async () => {
    const { token } = await createSession({ endUserId: 'ann', expiresInSeconds: 1 })
    expect(await codeOf(token)).toBeUndefined()
    await new Promise(resolve => setTimeout(resolve, 1_100))
    expect(await codeOf(token)).toBe('UNAUTHENTICATED')
  })

  test('never outlives its key', async () => {
    const expiresAt = new Date(Date.now() + 5_000).toISOString()
    const key = await createKey(['SESSIONS_CREATE', 'PASSTHROUGH_READ'], { expiresAt })
    const session = await createSession({ endUserId: 'ann', expiresInSeconds: 3600 }, key)
    expect(Date.parse(session.expiresAt)).toBeLessThanOrEqual(Date.parse(expiresAt))
  })
})

describe('a session is no wider than its key', () => {
  test('by scopes', async () => {
    const key = await createKey(['SESSIONS_CREATE', 'PASSTHROUGH_READ'])
    const { token } = await createSession({ endUserId: 'ann' }, key)
    expect((await gateway.ask('{ viewer { scopes } }', {}, token)).viewer.scopes).toEqual(['PASSTHROUGH_READ'])
    const wider = await gateway.run(mint, { i: { endUserId: 'ann', scopes: ['PASSTHROUGH_WRITE'] } }, key)
    expect(wider.errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    const beyond = await gateway.run(mint, { i: { endUserId: 'ann', scopes: ['KEYS_WRITE'] } })
    expect(beyond.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'scopes' }] })
  })

  test('by rules: those of the key hold beside its own', async () => {
    const rules = [{ effect: 'ALLOW', paths: ['/x*'] }]
    const key = await createKey(['SESSIONS_CREATE', 'PASSTHROUGH_READ'], { rules })
    const { token } = await createSession({ endUserId: 'ann', rules: [{ effect: 'ALLOW', paths: ['/*'] }] }, key)
    expect(await codeOf(token)).toBeUndefined()
    expect(await codeOf(token, '{ passthrough(integration: "own", path: "/y") { status } }')).toBe('POLICY_DENIED')
  })

  test('and a key with rules mints no key', async () => {
    const rules = [{ effect: 'DENY', paths: ['/secret*'] }]
    const key = await createKey(['KEYS_WRITE', 'PASSTHROUGH_READ'], { rules })
    const query = 'mutation { createAccessKey(input: {name: "k", scopes: [PASSTHROUGH_READ]}) { secret } }'
    expect((await gateway.run(query, {}, key)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })
})

describe('a budget', () => {
  test('of calls', async () => {
    const { token } = await createSession({ endUserId: 'ann', maxCalls: 3 })
    const answers = await Promise.all(Array.from({ length: 8 }, () => gateway.run(call, {}, token)))
    const good = answers.filter(({ errors }) => errors === undefined)
    expect(good).toHaveLength(3)
    const { errors } = await gateway.run(call, {}, token)
    expect(errors?.[0]).toMatchObject({
      message: 'The budget of this session is spent: 3 calls of 3.',
      extensions: { code: 'BUDGET_EXCEEDED' },
    })
  })

  test('of bytes', async () => {
    const { token } = await createSession({ endUserId: 'ann', maxBytes: 1500 })
    expect(await codeOf(token)).toBeUndefined()
    await expect.poll(async () => await codeOf(token)).toBe('BUDGET_EXCEEDED')
  })
})

describe('a token that is not one of ours', () => {
  test.each(['alg none', 'another key', 'another claim', 'an access key’s hash as key', 'cut off', 'another type'])(
    '%s',
    async kind => {
      const { token } = await createSession({ endUserId: 'ann' })
      const claims = decodeJwt(token)
      const header = decodeProtectedHeader(token)
      const [head = '', , signature = ''] = token.split('.')
      const forged = async () => {
        if (kind === 'alg none') return new UnsecuredJWT(claims).encode()
        if (kind === 'another claim') {
          const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'bob' })).toString('base64url')
          return `${head}.${changed}.${signature}`
        }
        if (kind === 'cut off') return token.slice(0, -4)
        if (kind === 'an access key’s hash as key') {
          return await new SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256' }).sign(Buffer.alloc(32, 1))
        }
        const { privateKey } = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
        const typ = kind === 'another type' ? 'JWT' : 'passgate-session+jwt'
        return await new SignJWT(claims).setProtectedHeader({ ...header, alg: 'EdDSA', typ }).sign(privateKey)
      }
      expect(await codeOf(await forged())).toBe('UNAUTHENTICATED')
    },
  )
})

test.each([
  [{ endUserId: '' }, 'endUserId'],
  [{ endUserId: 'a', expiresInSeconds: 86_401 }, 'expiresInSeconds'],
  [{ endUserId: 'a', maxCalls: 0 }, 'maxCalls'],
  [{ endUserId: 'a', integrations: [] }, 'integrations'],
  [{ endUserId: 'a', rules: [{ effect: 'ALLOW', paths: ['x('] }] }, 'rules.0.paths.0'],
])('createSession refuses %o', async (input, field) => {
  const { errors } = await gateway.run(mint, { i: input })
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field }] })
})

describe('limits and secrets of keys', () => {
  test('calls under way at once are bounded', async () => {
    let open: (() => void) | undefined
    const gate = new Promise<void>(resolve => {
      open = resolve
    })
    await using slow = await createUpstream((_request, response) => void gate.then(() => sendJson(response, {})))
    await using house = await createGateway({ allow: [slow.host] })
    await house.createIntegration({ slug: 'slow', name: 'Slow', baseUrl: slow.url, auth: [{ scheme: 'none' }] })
    await house.createConnection({ integration: 'slow', endUserId: 'u', credential: { none: {} } })
    const query =
      'mutation { createAccessKey(input: {name: "k", scopes: [PASSTHROUGH_READ], maxConcurrency: 2}) { secret } }'
    const { secret } = (await house.ask(query)).createAccessKey
    const run = () =>
      house.run('{ passthrough(integration: "slow", endUserId: "u", path: "/") { status } }', {}, secret)
    const waiting = [run(), run()]
    while (slow.seen.length < 2) await new Promise(resolve => setTimeout(resolve, 5))
    expect((await run()).errors?.[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 1000 })
    open?.()
    for (const { data } of await Promise.all(waiting)) expect(data.passthrough.status).toBe(200)
    expect((await run()).errors).toBeUndefined()
  })

  test('a rotated secret works beside the new one for as long as it was told', async () => {
    const created = await gateway.ask(
      'mutation { createAccessKey(input: {name: "r", scopes: [PASSTHROUGH_READ]}) { secret accessKey { id } } }',
    )
    const { secret: before, accessKey } = created.createAccessKey
    const rotate = (overlap: number) =>
      gateway.ask(
        `mutation { rotateAccessKey(input: {id: "${accessKey.id}", overlapSeconds: ${overlap}}) { secret accessKey { id } } }`,
      )
    const { rotateAccessKey: next } = await rotate(60)
    expect(next.accessKey.id).toBe(accessKey.id)
    const viewer = '{ viewer { accessKeyId } }'
    expect(await codeOf(before, viewer)).toBeUndefined()
    expect(await codeOf(next.secret, viewer)).toBeUndefined()
    const { rotateAccessKey: last } = await rotate(0)
    expect(await codeOf(before, viewer)).toBe('UNAUTHENTICATED')
    expect(await codeOf(next.secret, viewer)).toBe('UNAUTHENTICATED')
    expect(await codeOf(last.secret, viewer)).toBeUndefined()
  })
})

test('rules of a connection and of an integration hold for everybody', async () => {
  const connectionId = await gateway.createConnection({
    integration: 'own',
    endUserId: 'cid',
    credential: { bearer: { token: 't' } },
  })
  const update =
    'mutation($i: UpdateConnectionInput!) { updateConnection(input: $i) { connection { rules { effect paths } } } }'
  const rules = [{ effect: 'DENY', paths: ['/admin*'] }]
  const { updateConnection } = await gateway.ask(update, { i: { id: connectionId, rules } })
  expect(updateConnection.connection.rules).toEqual(rules)
  const read = (path: string) =>
    gateway.run('query($id: ID!, $path: String!) { passthrough(connectionId: $id, path: $path) { status } }', {
      id: connectionId,
      path,
    })
  expect((await read('/admin/x')).errors?.[0]).toMatchObject({
    message: 'The rule "any method /admin*" of the connection denies this request.',
    extensions: { code: 'POLICY_DENIED' },
  })
  await gateway.ask(
    'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }',
    {
      i: { slug: 'own', rules: [{ effect: 'DENY', name: 'no exports', paths: ['/export'] }] },
    },
  )
  expect((await read('/export')).errors?.[0]?.message).toBe(
    'The rule "no exports" of the integration own denies this request.',
  )
  expect((await read('/other')).errors).toBeUndefined()
})
