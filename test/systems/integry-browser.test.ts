/** System D: what a dashboard lists of it, and what a browser does with it as the signed-in user. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const parts = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway
/** Where the page of the company's own product lives. */
let product: string

beforeAll(async () => {
  upstream = parts.use(
    await createUpstream(({ url, headers }, response) =>
      sendJson(response, { url, proof: headers.authorization ?? headers['x-api-token'] }),
    ),
  )
  const site = createServer((_request, response) => response.end('<!doctype html><title>product</title>'))
  await new Promise<void>(resolve => site.listen(0, '127.0.0.1', resolve))
  parts.defer(() => new Promise(resolve => site.close(() => resolve(undefined))))
  product = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
  gateway = parts.use(await createGateway({ allow: [upstream.host], env: { PASSGATE_CORS_ORIGINS: product } }))
  const configure =
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }'
  for (const slug of ['slack', 'pipedrive']) await gateway.ask(configure, { input: { slug, baseUrl: upstream.url } })
  const linked = [
    ['slack', 'ann', { bearer: { token: 'ann-slack' } }],
    ['pipedrive', 'ann', { apiKey: { key: 'ann-pipedrive' } }],
    ['slack', 'bob', { bearer: { token: 'bob-slack' } }],
  ] as const
  for (const [integration, endUserId, credential] of linked)
    await gateway.createConnection({ integration, endUserId, credential, verify: false })
})
afterAll(() => parts.disposeAsync())

test('D6: all passthrough functions are listed, one for each app, and each of those with accounts answers', async () => {
  const slugs: string[] = []
  for (let after: string | null = null, isMore = true; isMore; ) {
    const list =
      'query($after: String) { integrations(first: 100, after: $after) { nodes { slug name baseUrl } pageInfo { hasNextPage endCursor } } }'
    const { integrations } = await gateway.ask(list, { after })
    for (const { slug, name, baseUrl } of integrations.nodes) {
      expect([slug, name.length > 0, /^(?:https?:\/\/|\{)/.test(baseUrl)]).toEqual([slug, true, true])
      slugs.push(slug)
    }
    ;({ hasNextPage: isMore, endCursor: after } = integrations.pageInfo)
  }
  expect(new Set(slugs).size).toBe(slugs.length)
  expect(slugs.length).toBeGreaterThanOrEqual(300)
  expect(slugs).toEqual(expect.arrayContaining(['slack', 'pipedrive', 'hubspot', 'salesforce', 'mailchimp']))
  const { integrations } = await gateway.ask('{ integrations(filter: {connected: true}) { nodes { slug } } }')
  expect(integrations.nodes).toEqual([{ slug: 'pipedrive' }, { slug: 'slack' }])
  const call = 'query($slug: String!) { passthrough(integration: $slug, endUserId: "ann", path: "/me") { body } }'
  for (const { slug } of integrations.nodes) {
    const { passthrough } = await gateway.ask(call, { slug })
    expect(passthrough.body).toEqual({ url: '/me', proof: expect.stringContaining(`ann-${slug}`) })
  }
})

test('D7: a page calls as the signed-in user with a session, and as nobody else', async () => {
  const mint = 'mutation { createSession(input: {endUserId: "ann"}) { token } }'
  const { token } = (await gateway.ask(mint)).createSession
  await using browser = await createBrowser()
  await using opened = await browser.open()
  await opened.page.goto(product)
  const answers = await opened.page.evaluate(
    async ([url, bearer]) => {
      const send = async (query: string) => {
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${bearer}` }
        const response = await fetch(`${url}graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
        return await response.json()
      }
      return {
        own: await send('{ passthrough(integration: "slack", path: "/me") { body } }'),
        other: await send('{ passthrough(integration: "slack", endUserId: "bob", path: "/me") { body } }'),
        listed: await send('{ connections { nodes { endUserId integration { slug } } } }'),
      }
    },
    [gateway.url, token] as const,
  )
  expect(answers.own).toEqual({ data: { passthrough: { body: { url: '/me', proof: 'Bearer ann-slack' } } } })
  expect(answers.other.data).toEqual({ passthrough: null })
  expect(answers.listed.data.connections.nodes.map(({ endUserId }: { endUserId: string }) => endUserId)).toEqual([
    'ann',
    'ann',
  ])
  expect(upstream.seen.some(({ headers }) => headers.authorization === 'Bearer bob-slack')).toBe(false)
})
