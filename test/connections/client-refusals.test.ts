/** Whose matter it is that a vendor refuses a client: the connection's own is its credential, the workspace's is not. */
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson } from '../support/upstream.ts'

const read = 'query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status } }'
const inspect = 'query($id: ID!) { connection(id: $id) { status statusReason } }'
const configure =
  'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { slug } } }'
const own = {
  scheme: 'clientCredentials',
  credential: { clientCredentials: { clientId: 'own-client', clientSecret: 'canary-secret' } },
}
const workspaces = {
  scheme: 'oauth2',
  credential: { oauth2: { accessToken: 'a', refreshToken: 'r', expiresAt: '2020-01-01T00:00:00Z' } },
}

type Reply = (request: Recorded, response: ServerResponse) => void

/** A connection whose token has ended, at a vendor whose token endpoint answers as it is told from now on. */
async function open({ scheme, credential }: { scheme: string; credential: object }, reply: Reply) {
  await using parts = new AsyncDisposableStack()
  let answer: Reply = (_request, response) => sendJson(response, { access_token: 'token-1', expires_in: 1 })
  const vendor = parts.use(
    await createUpstream((request, response) => {
      if (request.url === '/token') return answer(request, response)
      sendJson(response, {}, request.headers.authorization === 'Bearer token-1' ? 401 : 200)
    }),
  )
  const gateway = parts.use(await createGateway({ allow: [vendor.host] }))
  const auth = [{ scheme, tokenUrl: `${vendor.url}/token` }]
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, auth })
  const oauthClient = { clientId: 'workspace-client', clientSecret: 'canary-secret' }
  await gateway.ask(configure, { input: { slug: 'acme', oauthClient } })
  const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
  const asked = vendor.seen.length
  answer = reply
  const owned = parts.move()
  return {
    gateway,
    id,
    /** What reached the token endpoint since. */
    requests: () => vendor.seen.slice(asked).filter(({ url }) => url === '/token'),
    refuse: async () => (await gateway.run(read, { id })).errors?.[0],
    look: async () => (await gateway.ask(inspect, { id })).connection,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const say =
  (status: number, body: unknown): Reply =>
  (_request, response) =>
    sendJson(response, JSON.stringify(body), status)

describe('a connection’s own client', () => {
  test.each([
    [401, 'invalid_client'],
    [400, 'invalid_client'],
    [400, 'unauthorized_client'],
    [200, 'bad_client_secret'],
  ])('that is refused with %i %s needs its end user', async (status, error) => {
    await using house = await open(own, say(status, { error }))
    const refused = await house.refuse()
    const reason = `The token endpoint answered ${status}: ${error}`
    expect(refused?.extensions.code).toBe('CONNECTION_NEEDS_REAUTH')
    expect(refused?.message).toBe(
      `The credential of ${house.id} no longer works; its end user has to connect again. ${reason}`,
    )
    expect(await house.look()).toEqual({ status: 'NEEDS_REAUTH', statusReason: reason })
    const asked = house.requests().length
    expect((await house.refuse())?.extensions.code).toBe('CONNECTION_NEEDS_REAUTH')
    expect(house.requests()).toHaveLength(asked)
  })

  test.each([
    [401, 'who are you'],
    [400, { error: 'invalid_scope' }],
    [503, { error: 'invalid_client' }],
    [429, { error: 'invalid_client' }],
    [400, { error: 'invalid_request' }],
  ])('lives when the vendor does not say that of it: %i %j', async (status, body) => {
    await using house = await open(own, say(status, body))
    await house.gateway.run('mutation($id: ID!) { refreshConnection(input: {id: $id}) { connection { id } } }', {
      id: house.id,
    })
    expect(house.requests().length).toBeGreaterThan(0)
    expect(await house.look()).toEqual({ status: 'ACTIVE', statusReason: null })
  })

  test('lives when it is refused in one way, and the vendor is away when it proves itself in the other', async () => {
    await using house = await open(own, ({ headers }, response) =>
      'authorization' in headers
        ? sendJson(response, { error: 'invalid_client' }, 401)
        : sendJson(response, { error: 'try later' }, 503),
    )
    await house.gateway.run('mutation($id: ID!) { refreshConnection(input: {id: $id}) { connection { id } } }', {
      id: house.id,
    })
    expect(house.requests()).toHaveLength(2)
    expect(await house.look()).toEqual({ status: 'ACTIVE', statusReason: null })
  })
})

describe('the workspace’s client', () => {
  test.each([
    [401, 'invalid_client'],
    [400, 'unauthorized_client'],
  ])('that is refused with %i %s is the workspace’s matter', async (status, error) => {
    await using house = await open(workspaces, say(status, { error }))
    const refused = await house.refuse()
    expect(refused?.extensions.code).toBe('REFRESH_FAILED')
    expect(refused?.message).toBe(
      `The credential ended and could not be refreshed for now: The service refuses the workspace's OAuth client, not the end user; set oauthClient with configureIntegration. The token endpoint answered ${status}: ${error}`,
    )
    expect(await house.look()).toEqual({ status: 'ACTIVE', statusReason: null })
  })
})
