/** A definition that names an address inside for what the gateway asks itself: refused by a code, and nobody is dialled. */
import { isIP } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ssrfVectors } from '../../data/ssrf-vectors.ts'
import { type Canary, createCanary } from '../../support/canary.ts'
import { createGateway, type TestGateway } from '../../support/gateway.ts'
import { createUpstream } from '../../support/upstream.ts'
import { createVisitor } from '../../support/visitor.ts'
import { configureClient, erase, refresh } from './vendor-house.ts'

const define = 'mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { slug } } }'
const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id verifiedAt } } }'
const link = 'mutation($i: CreateConnectSessionInput!) { createConnectSession(input: $i) { url } }'
const verify = 'mutation($id: ID!) { verifyConnection(input: { id: $id }) { outcome } }'

let canary: Canary
let gateway: TestGateway
beforeAll(async () => {
  canary = await createCanary([80, 443])
  gateway = await createGateway()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await canary[Symbol.asyncDispose]()
})

/** Of names only `localhost`: others are the machine's own resolver's to answer. Each spelling once. */
function urls(): string[] {
  const written = Object.values(ssrfVectors)
    .flat()
    .map(text => text.replaceAll('PORT', String(canary.port)))
  return [...new Set(written)].filter(text => {
    const { hostname } = URL.parse(text) ?? {}
    return hostname !== undefined && (/^(?:localhost\.?|\[.*\])?$/.test(hostname) || isIP(hostname) !== 0)
  })
}

let count = 0
function nextSlug(): string {
  count += 1
  return `inside-${count}`
}

describe('token, refresh and revocation addresses', () => {
  test('of every spelling are refused when they are defined, or when they are dialled', async () => {
    const all = urls()
    expect(all.length).toBeGreaterThan(90)
    const codes: Record<string, number> = {}
    const tally = (code: unknown) => {
      codes[String(code)] = (codes[String(code)] ?? 0) + 1
    }
    for (const url of all) {
      const slug = nextSlug()
      const auth = [{ scheme: 'oauth2', tokenUrl: url, refreshUrl: url, revocationUrl: url }]
      const defined = await gateway.run(define, { d: { slug, name: slug, baseUrl: 'https://api.example.com', auth } })
      if (defined.errors !== undefined) {
        tally(`defined: ${defined.errors[0]?.extensions.code}`)
        continue
      }
      await configureClient(gateway, slug)
      const oauth2 = { accessToken: 'canary-a', refreshToken: 'canary-r', expiresAt: '2020-01-01T00:00:00Z' }
      const id = await gateway.createConnection({ integration: slug, endUserId: 'ann', credential: { oauth2 } })
      const refreshed = await gateway.run(refresh, { id })
      tally(`refreshed: ${refreshed.errors?.[0]?.extensions.code}`)
      const { text, data } = await gateway.run(erase, { id })
      tally(`revoked: ${data.deleteConnection.steps[1].outcome}`)
      expect(refreshed.text + text).not.toContain('canary')
    }
    expect(canary.accepted).toEqual([])
    expect(Object.keys(codes).sort()).toEqual([
      'defined: INVALID_INPUT',
      'refreshed: DESTINATION_NOT_ALLOWED',
      'revoked: FAILED',
    ])
    expect(codes['refreshed: DESTINATION_NOT_ALLOWED']).toBeGreaterThan(60)
    expect(gateway.log()).not.toContain('canary')
  })
})

describe.each(['https', 'http'])('over %s, at 127.0.0.1,', protocol => {
  test.each([
    ['clientCredentials', { clientCredentials: { clientId: 'id', clientSecret: 'canary-s' } }, {}],
    ['twoStep', { twoStep: { fields: { user: 'canary-u' } } }, { fields: { user: { title: 'User' } } }],
  ])('the first token of %s is refused before anything is stored', async (scheme, credential, more) => {
    const slug = nextSlug()
    const auth = [{ scheme, tokenUrl: `${protocol}://${canary.host}/token`, ...more }]
    const { errors } = await gateway.run(define, { d: { slug, name: slug, baseUrl: 'https://api.example.com', auth } })
    // Defined or not, nothing goes there.
    const answer = await gateway.run(create, { i: { integration: slug, endUserId: 'ann', credential } })
    const code = errors === undefined ? 'DESTINATION_NOT_ALLOWED' : 'INTEGRATION_NOT_FOUND'
    expect(answer.errors?.[0]?.extensions.code).toBe(code)
    expect(answer.text).not.toContain('canary')
    expect(canary.accepted).toEqual([])
  })

  test('an OAuth 1 vendor’s request token is not asked for', async () => {
    const slug = nextSlug()
    const at = `${protocol}://${canary.host}`
    const auth = [
      { scheme: 'oauth1', requestTokenUrl: `${at}/r`, authorizationUrl: `${at}/a`, accessTokenUrl: `${at}/t` },
    ]
    await gateway.createIntegration({ slug, name: slug, baseUrl: 'https://api.example.com', auth })
    await configureClient(gateway, slug)
    const { url } = (await gateway.ask(link, { i: { endUserId: 'ann', integrations: [slug] } })).createConnectSession
    const visitor = createVisitor()
    const page = await visitor.submit(await visitor.visit(url), { integration: slug, scheme: 'oauth1' })
    expect(page.status).toBe(422)
    expect(page.html).not.toContain('canary')
    expect(canary.accepted).toEqual([])
  })

  test('a code is not exchanged', async () => {
    await using vendor = await createUpstream()
    const slug = nextSlug()
    const auth = [
      { scheme: 'oauth2', authorizationUrl: `${vendor.url}/a`, tokenUrl: `${protocol}://${canary.host}/token` },
    ]
    await gateway.createIntegration({ slug, name: slug, baseUrl: 'https://api.example.com', auth })
    await configureClient(gateway, slug)
    const { url } = (await gateway.ask(link, { i: { endUserId: 'ann', integrations: [slug] } })).createConnectSession
    const visitor = createVisitor()
    const left = await visitor.submit(await visitor.visit(url), { integration: slug, scheme: 'oauth2' })
    const state = new URL(left.location ?? '').searchParams.get('state')
    const back = await visitor.visit(`${gateway.url}oauth/callback?code=canary-code&state=${state}`)
    expect(back.status).toBe(400)
    expect(back.html).not.toContain('canary')
    expect(canary.accepted).toEqual([])
  })

  test('a credential is not proved', async () => {
    const slug = nextSlug()
    const definition = {
      slug,
      name: slug,
      baseUrl: `${protocol}://${canary.host}`,
      auth: [{ scheme: 'bearer' }],
      verify: { path: '/me' },
    }
    await gateway.createIntegration(definition)
    const credential = { bearer: { token: 'canary-bearer' } }
    const answer = await gateway.run(create, { i: { integration: slug, endUserId: 'ann', credential } })
    // The vendor could not be asked, which refuses no import.
    expect(answer.data.createConnection.connection.verifiedAt).toBeNull()
    const { id } = answer.data.createConnection.connection
    expect((await gateway.run(verify, { id })).text).not.toContain('canary-bearer')
    expect(canary.accepted).toEqual([])
  })
})
