/** The life of a connection against a certified authorization server with rotation and reuse detection, in a real browser. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BrowserPage, createBrowser, type TestBrowser } from '../support/browser.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { type OidcServer, startOidc } from '../support/oidc.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

const accessTokenSeconds = 3
const stack = new AsyncDisposableStack()
let browser: TestBrowser
let oidc: OidcServer
let gateway: TestGateway
/** The workspace's own application, where the browser ends. */
let app: Upstream

beforeAll(async () => {
  browser = stack.use(await createBrowser())
  app = stack.use(await createUpstream())
  oidc = stack.use(await startOidc({ accessTokenSeconds, autoConsent: false }))
  gateway = stack.use(await createGateway({ allow: [oidc.host] }))
  await gateway.createIntegration({
    slug: 'idp',
    name: 'Identity',
    baseUrl: oidc.url,
    auth: [
      {
        scheme: 'oauth2',
        authorizationUrl: oidc.authorizationUrl,
        tokenUrl: oidc.tokenUrl,
        revocationUrl: oidc.revocationUrl,
        issuer: oidc.url,
        scopes: ['openid', 'email', 'offline_access'],
        authorizationParams: { prompt: 'consent' },
      },
    ],
    verify: { path: '/me', account: { id: '$.sub', email: '$.email' } },
  })
  await gateway.ask('mutation { configureConnectPage(input: {name: "Acme CRM"}) { connectPage { name } } }')
  const { clientId, clientSecret } = oidc.clients.basic
  await gateway.ask(
    'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { slug } } }',
    {
      i: { slug: 'idp', oauthClient: { clientId, clientSecret } },
    },
  )
})

afterAll(() => stack.disposeAsync())

async function createSession(input: object = {}): Promise<string> {
  const query = 'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url } }'
  const given = { endUserId: 'ann', integrations: ['idp'], returnUrl: `${app.url}/done`, state: 'st-1', ...input }
  return (await gateway.ask(query, { input: given })).createConnectSession.url
}

/** From the gateway's page to the vendor's, where the end user logs in. */
async function leave(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.getByRole('button').last().click()
  await page.waitForURL(`${oidc.url}/**`)
}

async function logIn(page: Page, account: string): Promise<void> {
  await page.locator('input[name=login]').fill(account)
  await page.locator('input[name=password]').fill('any')
  await page.locator('button[type=submit]').click()
}

async function consent(page: Page): Promise<void> {
  await page.getByRole('button', { name: /continue/i }).click()
}

async function connect(account = 'alice', input: object = {}): Promise<BrowserPage> {
  const opened = await browser.open()
  await leave(opened.page, await createSession(input))
  await logIn(opened.page, account)
  await consent(opened.page)
  await opened.page.waitForURL(url => !url.href.startsWith(oidc.url))
  return opened
}

async function connectOne(account = 'alice', input: object = {}): Promise<string> {
  await using opened = await connect(account, input)
  const query = new URL(opened.page.url()).searchParams
  expect(query.get('state')).toBe('st-1')
  return query.get('connection_id') ?? ''
}

const call = (id: string) =>
  gateway.run('query($id: ID!) { passthrough(connectionId: $id, path: "/me") { status attempts body } }', { id })
const inspect = async (id: string) =>
  (await gateway.ask('query($id: ID!) { connection(id: $id) { status statusReason account { id email } } }', { id }))
    .connection
const waitForExpiry = () => new Promise(resolve => setTimeout(resolve, accessTokenSeconds * 1000 + 200))
const refreshes = () => oidc.countTokenRequests('refresh_token')

describe('a connection that an end user makes in the browser', () => {
  test('works, lives beyond its access token through rotation, and goes with its grant', async () => {
    const id = await connectOne()
    expect(await inspect(id)).toMatchObject({
      status: 'ACTIVE',
      account: { id: 'alice', email: expect.stringContaining('alice') },
    })
    expect((await call(id)).data.passthrough).toMatchObject({ status: 200, attempts: 1, body: { sub: 'alice' } })
    // Twice: the second needs the refresh token that the first brought.
    for (const round of [1, 2]) {
      const before = refreshes()
      await waitForExpiry()
      const answers = await Promise.all(Array.from({ length: 10 }, () => call(id)))
      for (const { data } of answers) expect(data.passthrough.status).toBe(200)
      expect([round, refreshes() - before]).toEqual([round, 1])
    }
    const erase = 'mutation($id: ID!) { deleteConnection(input: { id: $id }) { steps { step outcome message } } }'
    const { steps } = (await gateway.ask(erase, { id })).deleteConnection
    expect(steps).toEqual(['STOP', 'REVOKE', 'ERASE'].map(step => ({ step, outcome: 'DONE', message: null })))
  })

  test('that the vendor withdraws needs its end user, who repairs it with the same account only', async () => {
    const id = await connectOne('bob')
    oidc.withdrawConsent('bob')
    const { errors } = await call(id)
    expect(errors?.[0]?.extensions.code).toBe('CONNECTION_NEEDS_REAUTH')
    expect(await inspect(id)).toMatchObject({
      status: 'NEEDS_REAUTH',
      statusReason: expect.stringContaining('invalid_grant'),
    })
    const connectUrl = String(errors?.[0]?.extensions.connectUrl)
    const repairAs = async (account: string) => {
      await using opened = await browser.open()
      await leave(opened.page, connectUrl)
      await logIn(opened.page, account)
      await consent(opened.page)
      await opened.page.waitForURL(`${gateway.url}**`)
      return await opened.page.locator('body').innerText()
    }
    expect(await repairAs('mallory')).toMatch(/account/i)
    expect((await inspect(id)).status).toBe('NEEDS_REAUTH')
    expect(await repairAs('bob')).toContain('Identity')
    expect(await inspect(id)).toMatchObject({ status: 'ACTIVE', account: { id: 'bob' } })
    expect((await call(id)).data.passthrough.body.sub).toBe('bob')
  })
})

describe('an end user who', () => {
  test('denies consent is told so, can go back to the application, and the link still works', async () => {
    await using opened = await browser.open()
    const { page } = opened
    const url = await createSession({ endUserId: 'carol' })
    await leave(page, url)
    await page.getByRole('link', { name: /cancel/i }).click()
    await page.waitForURL(`${gateway.url}**`)
    expect(await page.locator('body').innerText()).toContain('Acme CRM')
    await leave(page, url)
    await logIn(page, 'carol')
    await consent(page)
    await page.waitForURL(`${app.url}/**`)
  })

  test('comes back with a state that was tampered with, used, or is another browser’s, gets nothing', async () => {
    await using opened = await browser.open()
    const { page } = opened
    const before = oidc.countTokenRequests('authorization_code')
    await leave(page, await createSession({ endUserId: 'dave' }))
    await logIn(page, 'dave')
    const callback = await consentUpToCallback(page)
    const tampered = new URL(callback)
    tampered.searchParams.set('state', 'tampered')
    expect((await page.goto(tampered.href))?.status()).toBe(400)
    await using stranger = await browser.open()
    expect((await stranger.page.goto(callback))?.status()).toBe(400)
    expect((await page.goto(callback))?.status()).toBe(400)
    expect(oidc.countTokenRequests('authorization_code')).toBe(before)
    expect(await connectionsOf('dave')).toEqual([])
  })

  test('replays a code in a new flight gets nothing', async () => {
    await using opened = await browser.open()
    const { page } = opened
    await leave(page, await createSession({ endUserId: 'erin' }))
    await logIn(page, 'erin')
    const first = await consentUpToCallback(page)
    await page.goto(first)
    expect(await connectionsOf('erin')).toHaveLength(1)
    await leave(page, await createSession({ endUserId: 'erin' }))
    const replay = new URL(await consentUpToCallback(page))
    replay.searchParams.set('code', new URL(first).searchParams.get('code') ?? '')
    expect((await page.goto(replay.href))?.status()).toBe(400)
    expect(oidc.tokenRequests.at(-1)).toMatchObject({ grantType: 'authorization_code', error: 'invalid_grant' })
    expect(await connectionsOf('erin')).toHaveLength(1)
  })
})

/** Consents as the page would, hop by hop, and stops before the gateway is visited. */
async function consentUpToCallback(page: Page): Promise<string> {
  const form = page.locator('form').first()
  await form.waitFor()
  const action = new URL((await form.getAttribute('action')) ?? '', page.url()).href
  const { request } = page.context()
  let answer = await request.post(action, { form: { prompt: 'consent' }, maxRedirects: 0 })
  for (let hop = 0; hop < 5; hop += 1) {
    const next = new URL(answer.headers().location ?? '', answer.url()).href
    if (next.startsWith(gateway.url)) return next
    answer = await request.get(next, { maxRedirects: 0 })
  }
  throw new Error('the consent did not lead back to the gateway')
}

async function connectionsOf(endUserId: string): Promise<unknown[]> {
  const query = 'query($u: String!) { connections(first: 5, filter: {endUserId: $u}) { nodes { id } } }'
  return (await gateway.ask(query, { u: endUserId })).connections.nodes
}
