/** A vendor that cannot revoke for the moment is asked again, a bounded number of times, while nobody waits for it. */
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createConnectionStore } from '../../src/store/connections.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'
import { createVisitor } from '../support/visitor.ts'
import { readRows } from './attacks/vendor-house.ts'

const erase = 'mutation($id: ID!) { deleteConnection(input: { id: $id }) { steps { step outcome message } } }'
const configure =
  'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { slug } } }'
const link = 'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url } }'
const done = (step: string) => ({ step, outcome: 'DONE', message: null })

let vendor: Upstream
let gateway: TestGateway
let revoke: (request: Recorded, response: ServerResponse) => void
/** Whose account the vendor's tokens open. */
let account = 1
let given = 0

beforeEach(async () => {
  account = 1
  given = 0
  revoke = (_request, response) => sendJson(response, {})
  vendor = await createUpstream((request, response) => {
    if (request.url === '/revoke') return revoke(request, response)
    if (request.url === '/me') return sendJson(response, { id: account })
    given += 1
    sendJson(response, { access_token: `access-${given}`, refresh_token: `refresh-${given}`, expires_in: 3600 })
  })
  gateway = await createGateway({ allow: [vendor.host] })
  const { url } = vendor
  const addresses = { authorizationUrl: `${url}/authorize`, tokenUrl: `${url}/token`, revocationUrl: `${url}/revoke` }
  await gateway.createIntegration({
    slug: 'acme',
    name: 'Acme',
    baseUrl: url,
    auth: [{ scheme: 'oauth2', clientAuthentication: 'basic', ...addresses }],
    verify: { path: '/me', account: { id: '$.id' } },
  })
  await gateway.ask(configure, { input: { slug: 'acme', oauthClient: { clientId: 'c', clientSecret: 's' } } })
})
afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})

const oauth2 = { accessToken: 'canary-access', refreshToken: 'canary-refresh' }
const connect = () => gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential: { oauth2 } })
const stepsOf = async (id: string) => (await gateway.ask(erase, { id })).deleteConnection.steps
const revoked = () =>
  vendor.seen.filter(({ url }) => url === '/revoke').map(({ text }) => new URLSearchParams(text).get('token'))

/** Answers so until it is told otherwise. */
function failWith(status: number, headers: Record<string, string> = {}): void {
  revoke = (_request, response) => response.writeHead(status, headers).end('{}')
}

function mend(): void {
  revoke = (_request, response) => sendJson(response, {})
}

/** An end user's way through the vendor's page and back. */
async function repair(connectionId: string): Promise<number> {
  const { url } = (await gateway.ask(link, { input: { endUserId: 'ann', connectionId } })).createConnectSession
  const visitor = createVisitor()
  const left = await visitor.submit(await visitor.visit(url), { integration: 'acme', scheme: 'oauth2' })
  const state = new URL(left.location ?? '').searchParams.get('state') ?? ''
  const back = new URL('oauth/callback', gateway.url)
  back.search = String(new URLSearchParams({ state, code: 'c1' }))
  return (await visitor.visit(back.href)).status
}

describe('deleting a connection', () => {
  test.each([503, 429, 500])('whose vendor answers %i for a moment erases at once, and revokes later', async status => {
    const id = await connect()
    failWith(status)
    const steps = await stepsOf(id)
    expect(steps).toMatchObject([done('STOP'), { step: 'REVOKE', outcome: 'FAILED' }, done('ERASE')])
    expect(steps[1].message).toBe(
      `The revocation endpoint answered ${status} without saying why. It is tried again for some minutes; then revoke it at the vendor.`,
    )
    const [row] = await readRows(gateway, 'select sealed_credential from connection_deletions')
    expect(row).toEqual({ sealed_credential: null })
    mend()
    await expect.poll(() => stepsOf(id), { timeout: 10_000 }).toEqual([done('STOP'), done('REVOKE'), done('ERASE')])
    expect(revoked().slice(-2)).toEqual(['canary-refresh', 'canary-access'])
    expect(gateway.log()).not.toContain('canary')
  })

  test('whose vendor hangs up for a moment does so too', async () => {
    const id = await connect()
    revoke = (_request, response) => response.destroy()
    expect((await stepsOf(id))[1].outcome).toBe('FAILED')
    mend()
    await expect.poll(() => stepsOf(id), { timeout: 10_000 }).toContainEqual(done('REVOKE'))
  })

  test('revokes later what its integration is not needed for: that may be gone by then', async () => {
    const id = await connect()
    failWith(503)
    expect((await stepsOf(id))[1].outcome).toBe('FAILED')
    await gateway.ask('mutation { deleteIntegration(input: { slug: "acme" }) { deletedIntegrationId } }')
    const before = revoked().length
    mend()
    await expect.poll(() => stepsOf(id), { timeout: 10_000 }).toContainEqual(done('REVOKE'))
    expect(revoked().slice(before)).toEqual(['canary-refresh', 'canary-access'])
    expect(vendor.seen.at(-1)?.headers.authorization).toBe(`Basic ${btoa('c:s')}`)
  })

  test('whose integration is gone says that nothing was revoked', async () => {
    const id = await connect()
    const { workspace, services } = gateway.app
    await createConnectionStore(gateway.database.db).remove(workspace.id, id, 0)
    await gateway.ask('mutation { deleteIntegration(input: { slug: "acme" }) { deletedIntegrationId } }')
    await expect.poll(() => services.connections.finishDeletions(10)).toBe(1)
    const message = 'The integration is gone, and with it the way to revoke a token.'
    expect((await stepsOf(id))[1]).toEqual({ step: 'REVOKE', outcome: 'SKIPPED', message })
    expect(revoked()).toEqual([])
  })

  test('whose vendor says no asks once', async () => {
    const id = await connect()
    failWith(400)
    const steps = await stepsOf(id)
    expect(steps[1]).toEqual({
      step: 'REVOKE',
      outcome: 'FAILED',
      message: 'The revocation endpoint answered 400 without saying why. Revoke it at the vendor.',
    })
    expect(revoked()).toHaveLength(1)
    expect(await stepsOf(id)).toEqual(steps)
  })
})

describe('a repair by another account', () => {
  test('is refused, and its tokens are revoked although the vendor is away for a moment', async () => {
    const id = await connect()
    account = 2
    failWith(503)
    expect(await repair(id)).toBe(409)
    await expect.poll(() => revoked().length).toBeGreaterThan(0)
    mend()
    await expect.poll(() => revoked().slice(-2), { timeout: 10_000 }).toEqual(['refresh-1', 'access-1'])
    expect(revoked()).not.toContain('canary-refresh')
    expect(revoked()).not.toContain('canary-access')
  })

  test('revokes nothing while the end user has that account connected, too: vendors may end both', async () => {
    const id = await connect()
    account = 2
    await connect()
    expect(await repair(id)).toBe(409)
    account = 3
    expect(await repair(id)).toBe(409)
    await expect.poll(revoked).toEqual(['refresh-2', 'access-2'])
  })

  test('that does not say whose it is revokes nothing: it may be the same', async () => {
    const id = await connect()
    account = Number.NaN
    expect(await repair(id)).toBe(400)
    account = 2
    expect(await repair(id)).toBe(409)
    await expect.poll(revoked).toEqual(['refresh-2', 'access-2'])
  })

  test('by the same account revokes nothing', async () => {
    const id = await connect()
    expect(await repair(id)).toBe(200)
    account = 2
    expect(await repair(id)).toBe(409)
    await expect.poll(revoked).toEqual(['refresh-2', 'access-2'])
  })
})
