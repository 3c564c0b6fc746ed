/** An end user, or what comes back with one, never leads a secret to a host that neither the entry nor an admin allows. */
import { describe, expect, test } from 'vitest'
import { createGateway } from '../../support/gateway.ts'
import { createTokenVendor } from '../../support/token-vendor.ts'
import { createUpstream, sendJson } from '../../support/upstream.ts'
import { createVisitor } from '../../support/visitor.ts'

const configure =
  'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { configured } } }'
const link = 'mutation($i: CreateConnectSessionInput!) { createConnectSession(input: $i) { url } }'
const list = '{ connections(first: 9) { nodes { id config } } }'
const erase = 'mutation($id: ID!) { deleteConnection(input: { id: $id }) { steps { step outcome message } } }'
const consent = { integration: 'trap', scheme: 'oauth2' }

/** A vendor and a thief who may both be dialled, and an integration whose base URL is an account's own. */
async function openTrap(more: object = {}) {
  await using parts = new AsyncDisposableStack()
  const vendor = parts.use(await createTokenVendor())
  const thief = parts.use(await createUpstream((_, response) => sendJson(response, { access_token: 'x' })))
  const gateway = parts.use(await createGateway({ allow: [vendor.host, thief.host] }))
  const oauth2 = {
    scheme: 'oauth2',
    authorizationUrl: `${vendor.url}/authorize`,
    tokenUrl: `${vendor.url}/token`,
    revocationUrl: '{site}/revoke',
    captures: { site: { tokenAnswer: '$.site' } },
    ...more,
  }
  await gateway.createIntegration({
    slug: 'trap',
    name: 'Trap',
    baseUrl: '{site}',
    config: {
      site: { title: 'Site', pattern: 'https://[a-z]+\\.vendor\\.example', example: 'https://a.vendor.example' },
    },
    auth: [{ scheme: 'bearer' }, oauth2, { scheme: 'clientCredentials', tokenUrl: '{site}/token' }],
  })
  const set = (settings: object) => gateway.ask(configure, { i: { slug: 'trap', ...settings } })
  await set({ oauthClient: { clientId: 'client-1', clientSecret: 'canary-secret' } })
  async function visit() {
    const { url } = (await gateway.ask(link, { i: { endUserId: 'ann', integrations: ['trap'] } })).createConnectSession
    const visitor = createVisitor()
    return { visitor, page: await visitor.visit(url) }
  }
  const connections = async () => (await gateway.ask(list)).connections.nodes
  const owned = parts.move()
  return { vendor, thief, gateway, set, visit, connections, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

describe('where an admin pins the hosts', () => {
  test.each([
    ['bearer', { 'credential.token': 'canary-token' }],
    ['clientCredentials', { 'credential.clientId': 'c', 'credential.clientSecret': 'canary' }],
  ])('a site that is typed for %s is one of them', async (scheme, values) => {
    await using trap = await openTrap()
    await trap.set({ hosts: [trap.vendor.host] })
    const { visitor, page } = await trap.visit()
    const submit = (site: string) =>
      visitor.submit(page, { integration: 'trap', scheme, 'config.site': site, ...values })
    for (const site of [trap.thief.url, 'https://a.vendor.example', `${trap.vendor.url}@${trap.thief.host}`]) {
      expect({ site, status: (await submit(site)).status }).toEqual({ site, status: 422 })
    }
    expect(trap.thief.seen).toEqual([])
    expect((await submit(trap.vendor.url)).status).toBe(200)
    expect(await trap.connections()).toMatchObject([{ config: { site: trap.vendor.url } }])
  })

  test('a site that the vendor’s answer brings is one of them', async () => {
    await using trap = await openTrap()
    await trap.set({ hosts: [trap.vendor.host] })
    for (const [site, status] of [
      [trap.thief.url, 400],
      [trap.vendor.url, 200],
    ] as const) {
      trap.vendor.behaviour.brings = { answer: { site } }
      const { visitor, page } = await trap.visit()
      expect((await visitor.follow(await visitor.submit(page, consent))).status).toBe(status)
    }
    expect(trap.thief.seen).toEqual([])
    expect(await trap.connections()).toMatchObject([{ config: { site: trap.vendor.url } }])
  })
})

test('a site that counted for nothing gets no token and no client secret when it counts again', async () => {
  await using trap = await openTrap({ refreshUrl: '{site}/token' })
  const { vendor, thief, gateway } = trap
  await trap.set({ baseUrl: vendor.url, tokenUrl: `${vendor.url}/token` })
  vendor.behaviour.brings = { answer: { site: thief.url } }
  vendor.behaviour.expiresIn = 1
  const { visitor, page } = await trap.visit()
  expect((await visitor.follow(await visitor.submit(page, consent))).status).toBe(200)
  const [{ id, config }] = await trap.connections()
  expect(config).toEqual({ site: thief.url })
  await trap.set({ baseUrl: null, tokenUrl: null })
  const call = await gateway.run('query($id: ID!) { passthrough(connectionId: $id, path: "/x") { status } }', { id })
  expect(call.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'config.site' }] })
  const refresh = 'mutation($id: ID!) { refreshConnection(input: { id: $id }) { connection { id } } }'
  expect((await gateway.run(refresh, { id })).errors?.[0]?.extensions.code).toBe('INTEGRATION_NOT_CONFIGURED')
  const { steps } = (await gateway.ask(erase, { id })).deleteConnection
  expect(steps.find(({ step }: { step: string }) => step === 'REVOKE')).toEqual({
    step: 'REVOKE',
    outcome: 'SKIPPED',
    message: 'The address to revoke tokens at needs config.site, whose value is not taken today.',
  })
  expect(thief.seen).toEqual([])
})
