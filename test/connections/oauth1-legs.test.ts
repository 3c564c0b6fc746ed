/** The three legs of OAuth 1.0a through the hosted page, at a vendor that checks every signature and spends everything once. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'
import { createVisitor, type Page, type Visitor } from '../support/visitor.ts'
import { checkOAuth1, readOAuth1 } from './signature-checks.ts'

interface Pending {
  readonly secret: string
  readonly callback: string
  verifier: string | undefined
}

interface LegsVendor extends Upstream {
  /** What it does wrong, or the end user wants. */
  readonly behaviour: {
    denies?: boolean
    /** The token that it sends back in place of the one that was asked for. */
    returns?: string
    /** The verifier that it sends back in place of its own. */
    verifier?: string
    accessStatus?: number
  }
  /** Access tokens by their name. */
  readonly granted: Map<string, string>
}

const consumer = { consumerKey: 'client-1', consumerSecret: 'canary-client&secret' }

/** RFC 5849 §2.1 at `/request`, §2.2 at `/authorize`, §2.3 at `/access`; everything else takes a signed request. */
async function createVendor(publicKey?: KeyObject): Promise<LegsVendor> {
  const pending = new Map<string, Pending>()
  const granted = new Map<string, string>()
  const nonces = new Set<string>()
  const behaviour: LegsVendor['behaviour'] = {}
  const upstream = await createUpstream((request, response) => {
    const url = new URL(request.url, 'http://vendor.example')
    const sendForm = (fields: Record<string, string>, status = 200): void => {
      response.writeHead(status, { 'content-type': 'text/html' }).end(String(new URLSearchParams(fields)))
    }
    if (url.pathname === '/authorize') {
      const token = url.searchParams.get('oauth_token') ?? ''
      const known = pending.get(token)
      if (known === undefined || url.searchParams.get('lang') !== 'en') return sendForm({}, 400)
      const back = new URL(known.callback)
      if (behaviour.denies) back.searchParams.set('denied', token)
      else {
        known.verifier = randomBytes(8).toString('hex')
        back.searchParams.set('oauth_token', behaviour.returns ?? token)
        back.searchParams.set('oauth_verifier', behaviour.verifier ?? known.verifier)
      }
      return void response.writeHead(302, { location: back.href }).end()
    }
    const claimed = readOAuth1(request)?.oauth_token ?? ''
    const tokenSecret = url.pathname === '/access' ? pending.get(claimed)?.secret : granted.get(claimed)
    const signed = checkOAuth1(request, { ...consumer, tokenSecret, publicKey })
    const nonce = signed?.oauth_nonce ?? ''
    if (signed === undefined || nonces.has(nonce)) return sendForm({}, 401)
    nonces.add(nonce)
    if (url.pathname === '/request') {
      const { oauth_callback: callback = '', oauth_token } = signed
      if (!URL.canParse(callback) || oauth_token !== undefined) return sendForm({}, 400)
      const token = `rt/${randomBytes(6).toString('base64')}`
      pending.set(token, { secret: `canary-${token}`, callback, verifier: undefined })
      return sendForm({ oauth_token: token, oauth_token_secret: `canary-${token}`, oauth_callback_confirmed: 'true' })
    }
    if (url.pathname === '/access') {
      if (behaviour.accessStatus !== undefined) return sendForm({}, behaviour.accessStatus)
      const known = pending.get(claimed)
      if (known?.verifier === undefined || known.verifier !== signed.oauth_verifier) return sendForm({}, 401)
      pending.delete(claimed)
      const token = `at+${randomBytes(6).toString('base64')}`
      granted.set(token, `canary-${token}`)
      return sendForm({ oauth_token: token, oauth_token_secret: `canary-${token}`, user_id: '7' })
    }
    const isGood = granted.has(claimed)
    sendJson(response, { id: 7, name: 'Ann' }, isGood ? 200 : 401)
  })
  return Object.assign(upstream, { behaviour, granted })
}

async function open(vendor: Upstream, more: object = {}, clientSecret = consumer.consumerSecret): Promise<TestGateway> {
  const gateway = await createGateway({ allow: [vendor.host] })
  const auth = {
    scheme: 'oauth1',
    requestTokenUrl: `${vendor.url}/request?x=1`,
    authorizationUrl: `${vendor.url}/authorize`,
    accessTokenUrl: `${vendor.url}/access`,
    authorizationParams: { lang: 'en' },
    ...more,
  }
  const verify = { path: '/me', account: { id: '$.id', name: '$.name' } }
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: vendor.url, auth: [auth], verify })
  const configure =
    'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }'
  await gateway.ask(configure, { i: { slug: 'acme', oauthClient: { clientId: consumer.consumerKey, clientSecret } } })
  return gateway
}

async function createLink(gateway: TestGateway): Promise<string> {
  const query = 'mutation($i: CreateConnectSessionInput!) { createConnectSession(input: $i) { url } }'
  const given = { endUserId: 'ann', integrations: ['acme'] }
  return (await gateway.ask(query, { i: given })).createConnectSession.url
}

/** To the gateway's page and on to the vendor's. */
async function depart(visitor: Visitor, link: string): Promise<Page> {
  return await visitor.submit(await visitor.visit(link), { integration: 'acme', scheme: 'oauth1' })
}

/** As far as the redirect that leads back to the gateway. */
async function consent(visitor: Visitor, gateway: TestGateway, link: string): Promise<string> {
  const page = await visitor.follow(await depart(visitor, link), new URL('oauth/callback', gateway.url).href)
  if (page.location === undefined) throw new Error(`nothing leads back: ${page.status} ${page.html}`)
  return page.location
}

const list = '{ connections(first: 5) { nodes { id status account { id name } } } }'
const call = 'query($id: ID!) { passthrough(connectionId: $id, path: "/me", query: {a: "b c"}) { status body } }'
const countConnections = async (gateway: TestGateway) => (await gateway.ask(list)).connections.nodes.length

test('all three are signed and lead to a connection that works', async () => {
  await using vendor = await createVendor()
  await using gateway = await open(vendor)
  const visitor = createVisitor()
  const done = await visitor.visit(await consent(visitor, gateway, await createLink(gateway)))
  expect([done.status, done.html.includes('Acme is connected')]).toEqual([200, true])
  const [{ id, status, account }] = (await gateway.ask(list)).connections.nodes
  expect([status, account]).toEqual(['ACTIVE', { id: '7', name: 'Ann' }])
  expect((await gateway.ask(call, { id })).passthrough).toEqual({ status: 200, body: { id: 7, name: 'Ann' } })
  const paths = vendor.seen.map(({ method, url }) => `${method} ${url.split('?')[0]}`)
  expect(paths).toEqual(['POST /request', 'GET /authorize', 'POST /access', 'GET /me', 'GET /me'])
  const [{ oauth_callback = '' } = {}] = vendor.seen.map(request => readOAuth1(request) ?? {})
  expect(oauth_callback.startsWith(new URL('oauth/callback?state=', gateway.url).href)).toBe(true)
  expect(gateway.log()).not.toMatch(/canary|oauth_signature/)
  expect(vendor.seen.map(({ url }) => url).join()).not.toContain('canary')
})

test('RSA-SHA1 signs all three with the key that the workspace keeps in place of a secret', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await using vendor = await createVendor(publicKey)
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await using gateway = await open(vendor, { signatureMethod: 'RSA-SHA1' }, pem)
  const visitor = createVisitor()
  const done = await visitor.visit(await consent(visitor, gateway, await createLink(gateway)))
  expect(done.status).toBe(200)
  const [{ id }] = (await gateway.ask(list)).connections.nodes
  expect((await gateway.ask(call, { id })).passthrough.status).toBe(200)
  expect(gateway.log()).not.toMatch(/PRIVATE KEY/)
})

test('an end user who denies consent is told so, and the link still works', async () => {
  await using vendor = await createVendor()
  await using gateway = await open(vendor)
  const visitor = createVisitor()
  const link = await createLink(gateway)
  vendor.behaviour.denies = true
  const denied = await visitor.visit(await consent(visitor, gateway, link))
  expect(denied.status).toBe(403)
  expect(await countConnections(gateway)).toBe(0)
  expect(vendor.seen.some(({ url }) => url.startsWith('/access'))).toBe(false)
  vendor.behaviour.denies = false
  expect((await visitor.visit(await consent(visitor, gateway, link))).status).toBe(200)
  expect(await countConnections(gateway)).toBe(1)
})

test('the token of another request is refused before anything is exchanged', async () => {
  await using vendor = await createVendor()
  await using gateway = await open(vendor)
  const visitor = createVisitor()
  vendor.behaviour.returns = 'rt/of-somebody-else'
  const page = await visitor.visit(await consent(visitor, gateway, await createLink(gateway)))
  expect(page.status).toBe(400)
  expect(vendor.seen.some(({ url }) => url.startsWith('/access'))).toBe(false)
  expect(await countConnections(gateway)).toBe(0)
})

test('a wrong verifier is refused by the vendor, and nothing is connected', async () => {
  await using vendor = await createVendor()
  await using gateway = await open(vendor)
  const visitor = createVisitor()
  vendor.behaviour.verifier = 'guessed'
  const page = await visitor.visit(await consent(visitor, gateway, await createLink(gateway)))
  expect([page.status, page.html.includes('guessed')]).toEqual([400, false])
  expect(vendor.seen.filter(({ url }) => url.startsWith('/access'))).toHaveLength(1)
  expect([await countConnections(gateway), vendor.granted.size]).toEqual([0, 0])
})

test('the way back is good once, and in the browser that left only', async () => {
  await using vendor = await createVendor()
  await using gateway = await open(vendor)
  const visitor = createVisitor()
  const link = await createLink(gateway)
  const stolen = await consent(visitor, gateway, link)
  expect((await createVisitor().visit(stolen)).status).toBe(400)
  expect((await visitor.visit(stolen)).status).toBe(400)
  expect(vendor.granted.size).toBe(0)
  const back = await consent(visitor, gateway, link)
  expect((await visitor.visit(back)).status).toBe(200)
  expect((await visitor.visit(back)).status).toBe(400)
  expect([await countConnections(gateway), vendor.granted.size]).toEqual([1, 1])
})

test.each([
  ['a client that the vendor does not know', {}, 'wrong-secret'],
  ['an answer without a token', { requestTokenUrl: 'URL/authorize' }, consumer.consumerSecret],
])('%s ends on a page of the gateway', async (_, more, secret) => {
  await using vendor = await createVendor()
  const entry = Object.fromEntries(Object.entries(more).map(([name, text]) => [name, text.replace('URL', vendor.url)]))
  await using gateway = await open(vendor, entry, secret)
  const page = await depart(createVisitor(), await createLink(gateway))
  expect([page.status, page.location]).toEqual([400, undefined])
  expect(page.html + gateway.log()).not.toMatch(/canary|wrong-secret/)
})

test('a vendor that is away at the last leg connects nothing, and the link still works', async () => {
  await using vendor = await createVendor()
  await using gateway = await open(vendor)
  const visitor = createVisitor()
  const link = await createLink(gateway)
  vendor.behaviour.accessStatus = 503
  expect((await visitor.visit(await consent(visitor, gateway, link))).status).toBe(400)
  delete vendor.behaviour.accessStatus
  expect((await visitor.visit(await consent(visitor, gateway, link))).status).toBe(200)
  expect(await countConnections(gateway)).toBe(1)
})
