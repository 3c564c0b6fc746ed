/** What an end user types, and what a redirect brings, never decides where a secret goes, and is never a template. */
import { describe, expect, test } from 'vitest'
import { fillAddress } from '../../../src/catalog/address.ts'
import { GatewayError } from '../../../src/errors.ts'
import { createGateway } from '../../support/gateway.ts'
import { createTokenVendor } from '../../support/token-vendor.ts'
import { createUpstream, sendJson } from '../../support/upstream.ts'
import { createVisitor } from '../../support/visitor.ts'
import { configureClient } from './vendor-house.ts'

const link = 'mutation($i: CreateConnectSessionInput!) { createConnectSession(input: $i) { url } }'
const list = '{ connections(first: 9) { nodes { id config } } }'

/** A vendor, somebody who waits for its secrets, and an integration whose addresses a config value decides about. */
async function openTrap(auth: (vendorUrl: string) => object, more: object = {}) {
  await using parts = new AsyncDisposableStack()
  const vendor = parts.use(await createTokenVendor())
  const thief = parts.use(
    await createUpstream((_, response) =>
      sendJson(response, { access_token: 'x', oauth_token: 'x', oauth_token_secret: 'x' }),
    ),
  )
  const gateway = parts.use(await createGateway({ allow: [vendor.host, thief.host] }))
  const pattern = vendor.url.replaceAll('.', '\\.')
  await gateway.createIntegration({
    slug: 'trap',
    name: 'Trap',
    baseUrl: vendor.url,
    config: { site: { title: 'Site', pattern, example: vendor.url } },
    auth: [auth(vendor.url)],
    ...more,
  })
  await configureClient(gateway, 'trap')
  const { url } = (await gateway.ask(link, { i: { endUserId: 'ann', integrations: ['trap'] } })).createConnectSession
  const owned = parts.move()
  return { vendor, thief, gateway, url, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

describe('the client secret and the code stay with the vendor', () => {
  test('when the end user types another host than the pattern takes', async () => {
    const oauth2 = (url: string) => ({
      scheme: 'oauth2',
      authorizationUrl: `${url}/authorize`,
      tokenUrl: '{site}/token',
    })
    await using trap = await openTrap(oauth2)
    const visitor = createVisitor()
    const page = await visitor.visit(trap.url)
    const submit = (site: string) =>
      visitor.submit(page, { integration: 'trap', scheme: 'oauth2', 'config.site': site })
    const refused = await visitor.follow(await submit(trap.thief.url))
    expect(trap.thief.seen).toEqual([])
    expect(refused.status).toBe(422)
    expect(refused.html).toContain('Site')
    expect((await trap.gateway.ask(list)).connections.nodes).toEqual([])
    expect((await visitor.follow(await submit(trap.vendor.url))).status).toBe(200)
    expect((await trap.gateway.ask(list)).connections.nodes).toMatchObject([{ config: { site: trap.vendor.url } }])
  })

  test('when the end user changes what the redirect brings', async () => {
    const oauth2 = (url: string) => ({
      scheme: 'oauth2',
      authorizationUrl: `${url}/authorize`,
      tokenUrl: '{site}/token',
      captures: { site: { redirect: 'site' } },
    })
    await using trap = await openTrap(oauth2)
    const visitor = createVisitor()
    const run = async (site: string) => {
      trap.vendor.behaviour.brings = { redirect: { site } }
      const left = await visitor.submit(await visitor.visit(trap.url), { integration: 'trap', scheme: 'oauth2' })
      return await visitor.follow(left)
    }
    const { host } = trap.vendor
    for (const site of [trap.thief.url, `${trap.vendor.url}@${trap.thief.host}`, '{clientSecret}', '..', '', host]) {
      expect({ site, status: (await run(site)).status }).toEqual({ site, status: 400 })
    }
    expect(trap.thief.seen).toEqual([])
    expect(trap.vendor.requests).toEqual([])
    expect((await trap.gateway.ask(list)).connections.nodes).toEqual([])
    expect((await run(trap.vendor.url)).status).toBe(200)
  })

  test('when an OAuth 1 vendor is asked for a request token', async () => {
    const oauth1 = (url: string) => ({
      scheme: 'oauth1',
      requestTokenUrl: '{site}/request',
      authorizationUrl: `${url}/authorize`,
      accessTokenUrl: '{site}/access',
    })
    await using trap = await openTrap(oauth1)
    const visitor = createVisitor()
    const values = { integration: 'trap', scheme: 'oauth1', 'config.site': trap.thief.url }
    const refused = await visitor.submit(await visitor.visit(trap.url), values)
    expect(trap.thief.seen).toEqual([])
    expect(refused.status).toBe(422)
  })
})

test('an OAuth 1 vendor that gives no request token is told on a page, not as a fault of the gateway', async () => {
  await using vendor = await createUpstream((_, response) => sendJson(response, { error: 'canary-said' }, 401))
  await using gateway = await createGateway({ allow: [vendor.host] })
  const urls = { requestTokenUrl: `${vendor.url}/r`, authorizationUrl: `${vendor.url}/a`, accessTokenUrl: vendor.url }
  await gateway.createIntegration({
    slug: 'one',
    name: 'One',
    baseUrl: vendor.url,
    auth: [{ scheme: 'oauth1', ...urls }],
  })
  await configureClient(gateway, 'one')
  const { url } = (await gateway.ask(link, { i: { endUserId: 'ann', integrations: ['one'] } })).createConnectSession
  const visitor = createVisitor()
  const page = await visitor.submit(await visitor.visit(url), { integration: 'one', scheme: 'oauth1' })
  expect(page.status).toBe(400)
  expect(page.html).toContain('The service could not complete this')
  expect(page.html + gateway.log()).not.toContain('canary')
})

describe('a value in an address', () => {
  const hostile = [
    ...['evil.example/x', 'a@evil.example', 'evil.example#', 'evil.example?', 'evil.example:80', 'evil.example\\'],
    ...[
      '..',
      '.',
      '../..',
      '%2e%2e',
      '%2E',
      '..%2f',
      'a/../..',
      '/',
      '//evil.example',
      '\\\\evil.example',
      '{clientSecret}',
    ],
    ...['。', 'evil。example', 'evil．example', 'ｅvil', '①', 'a\tb', 'a\r\nb', '\u0000', ' ', '\u202e', '@', ':', '%'],
  ]

  test.each(hostile)('%j is one segment of a path, or refused', value => {
    const text = filled('https://id.example/{tenant}/oauth/token', value)
    if (text === undefined) return
    const url = new URL(text)
    expect(url.host).toBe('id.example')
    expect(url.pathname).toBe(`/${encodeURIComponent(value)}/oauth/token`)
    expect(url.search + url.hash + url.username).toBe('')
  })

  test.each(hostile)('%j stays below the host that the author wrote, or is refused', value => {
    const text = filled('https://{tenant}.id.example/oauth/token', value)
    if (text === undefined) return
    const url = new URL(text)
    expect(url.host).toMatch(/^[a-z0-9.-]+\.id\.example$/)
    expect(url.pathname + url.search + url.hash + url.username).toBe('/oauth/token')
  })

  test('that climbs is refused, not sent one step higher', () => {
    for (const value of ['.', '..']) expect(filled('https://id.example/{tenant}/oauth/token', value)).toBeUndefined()
  })
})

/** Undefined when it is refused in so many words. */
function filled(template: string, tenant: string): string | undefined {
  try {
    return fillAddress(template, { tenant, clientSecret: 'canary', site: 'x' })
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    expect(error.code).toBe('INTEGRATION_NOT_CONFIGURED')
    expect(error.message).not.toContain('canary')
    return undefined
  }
}

test('braces in a credential and in a config value are text', async () => {
  await using vendor = await createUpstream((request, response) => {
    if (request.url.includes('/token')) return sendJson(response, { access_token: 'canary-minted' })
    sendJson(response, { ok: true })
  })
  await using gateway = await createGateway({ allow: [vendor.host] })
  await gateway.createIntegration({
    slug: 'braces',
    name: 'Braces',
    baseUrl: vendor.url,
    config: { tenant: { title: 'Tenant', example: 't' } },
    auth: [
      {
        scheme: 'twoStep',
        fields: { user: { title: 'User' }, pass: { title: 'Pass' } },
        tokenUrl: `${vendor.url}/{tenant}/token`,
        tokenParams: { u: '{user}', p: '{pass}' },
        inject: { headers: { authorization: 'Bearer {accessToken}', 'x-user': '{user}' } },
      },
    ],
  })
  const { url } = (await gateway.ask(link, { i: { endUserId: 'ann', integrations: ['braces'] } })).createConnectSession
  const visitor = createVisitor()
  const values = { 'config.tenant': '{pass}', 'credential.user': '{pass}{accessToken}', 'credential.pass': 'canary-p' }
  const done = await visitor.submit(await visitor.visit(url), { integration: 'braces', scheme: 'twoStep', ...values })
  expect(done.status).toBe(200)
  expect(vendor.seen[0]?.url).toBe('/%7Bpass%7D/token')
  expect(Object.fromEntries(new URLSearchParams(vendor.seen[0]?.text))).toEqual({
    u: '{pass}{accessToken}',
    p: 'canary-p',
  })
  const [{ id }] = (await gateway.ask(list)).connections.nodes
  await gateway.ask('query($id: ID!) { passthrough(connectionId: $id, path: "/x") { status } }', { id })
  expect(vendor.seen.at(-1)?.headers['x-user']).toBe('{pass}{accessToken}')
})
